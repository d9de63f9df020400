package ingest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
)

// idle is a ledger and queues that do nothing.
type idle struct{}

func (idle) Claim(context.Context, ingest.Claim) (*ingest.Entry, error)                { return nil, nil }
func (idle) MarkHandedOff(context.Context, string, string, time.Time, time.Time) error { return nil }
func (idle) Release(context.Context, string, string) error                             { return nil }
func (idle) NoteIgnored(context.Context, ingest.Entry, time.Time) error                { return nil }
func (idle) Send(context.Context, queue.Name, queue.Message) error                     { return nil }

var sizes = []int{1 << 10, 16 << 10, 256 << 10}

func body(size int) string {
	const frame = `{"type":"application.revision_requested","occurred_at":"2026-05-09T14:22:31Z","data":{"id":"app_1","x":""}}`
	return strings.Replace(frame, `"x":""`, `"x":"`+strings.Repeat("x", size-len(frame))+`"`, 1)
}

// BenchmarkHandle is the whole handler with adapters that do nothing, for a delivery that goes to two queues;
// BenchmarkBareHMAC of the same bytes is the floor.
func BenchmarkHandle(b *testing.B) {
	handler := ingest.Ingest{
		Stack: "prod", Tolerance: time.Hour, BodyLimit: 1 << 20, DedupeWindow: dedupeWindow, Routes: routes(b),
		Secrets: secret.NewHolder(secret.Static(webhookSecret), secret.ParseWebhook, time.Hour, time.Now),
		Ledger:  idle{}, Queues: idle{}, Replays: ingest.NewReplays(), Log: telemetry.New(io.Discard, telemetry.Options{}), Now: time.Now,
	}
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			request := signed(body(size))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if reply := handler.Handle(b.Context(), request); reply.Status != ingest.Accepted {
					b.Fatalf("%+v", reply)
				}
			}
		})
	}
}

// BenchmarkRefuse is what a forged request costs.
func BenchmarkRefuse(b *testing.B) {
	handler := ingest.Ingest{
		Tolerance: time.Hour, BodyLimit: 1 << 20,
		Secrets: secret.NewHolder(secret.Static(webhookSecret), secret.ParseWebhook, time.Hour, time.Now),
		Ledger:  idle{}, Queues: idle{}, Replays: ingest.NewReplays(), Log: telemetry.New(io.Discard, telemetry.Options{}), Now: time.Now,
	}
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			request := signedWith("forged", body(size), time.Now())
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if reply := handler.Handle(b.Context(), request); reply.Status != ingest.Unauthorized {
					b.Fatalf("%+v", reply)
				}
			}
		})
	}
}

func BenchmarkBareHMAC(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			text := []byte(body(size))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				mac := hmac.New(sha256.New, []byte(webhookSecret))
				mac.Write([]byte("946684800."))
				mac.Write(text)
				mac.Sum(nil)
			}
		})
	}
}
