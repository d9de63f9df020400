package ingest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
)

const (
	webhookSecret = "whsec_CANARY_secret"
	canary        = "CANARY"
	deliveryID    = "0e4c9a1e-6a51-4a1c-9f6e-2d5f0b0f8a11"
	tolerance     = 300 * time.Second
	bodyLimit     = 1024
	dedupeWindow  = 720 * time.Hour

	// revision goes to pagerduty and slack, submitted nowhere.
	revision = `{"type":"application.revision_requested","occurred_at":"1999-12-31T23:59:00Z","event_id":"evt_1",` +
		`"organization_id":"org_1","data":{"id":"app_1","name":"CANARY"}}`
	submitted = `{"type":"application.submitted","occurred_at":"1999-12-31T23:59:00Z","data":{"id":"app_1"}}`
	unknown   = `{"type":"nobody.knew"}`
	deletion  = `{"type":"data.deletion_required","occurred_at":"1999-12-31T23:59:00Z","event_id":"evt_1","organization_id":"org_1"}`
)

// fault is what a call does instead of its work.
type fault func(ctx context.Context) error

// hang does not answer before its context ends.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func fail(err error) fault { return func(context.Context) error { return err } }

// faults are the calls that go wrong, by name, and how; calls are those that were made. It is safe for concurrent use.
type faults struct {
	mu    sync.Mutex
	calls []string
	// before takes the call's place, after comes behind its effect.
	before, after map[string]fault
}

func (f *faults) do(ctx context.Context, name string, call func() error) error {
	f.mu.Lock()
	f.calls = append(f.calls, name)
	before, after := f.before[name], f.after[name]
	f.mu.Unlock()
	if before != nil {
		return before(ctx)
	}
	if err := call(); err != nil || after == nil {
		return err
	}
	return after(ctx)
}

type ledger struct {
	*memory.Ledger
	*faults
}

func (l ledger) Claim(ctx context.Context, claim ingest.Claim) (standing *ingest.Entry, err error) {
	err = l.do(ctx, "claim", func() error {
		standing, err = l.Ledger.Claim(ctx, claim)
		return err
	})
	return standing, err
}

func (l ledger) MarkHandedOff(ctx context.Context, key, owner string, at, expires time.Time) error {
	return l.do(ctx, "mark", func() error { return l.Ledger.MarkHandedOff(ctx, key, owner, at, expires) })
}

func (l ledger) Release(ctx context.Context, key, owner string) error {
	return l.do(ctx, "release", func() error { return l.Ledger.Release(ctx, key, owner) })
}

func (l ledger) NoteIgnored(ctx context.Context, entry ingest.Entry, now time.Time) error {
	return l.do(ctx, "note", func() error { return l.Ledger.NoteIgnored(ctx, entry, now) })
}

type queues struct {
	*memory.Queues
	*faults
}

func (q queues) Send(ctx context.Context, name queue.Name, message queue.Message) error {
	return q.do(ctx, "send to "+string(name), func() error { return q.Queues.Send(ctx, name, message) })
}

// bench is ingest with all that it touches. Its time begins with the year 2000.
type bench struct {
	*testing.T
	ingest.Ingest
	*faults
	ledger *memory.Ledger
	queues *memory.Queues
	vault  string // the secret as it is kept
	log    bytes.Buffer
}

func test(t *testing.T, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{
			T: t, ledger: memory.NewLedger(), queues: memory.NewQueues(time.Now), vault: webhookSecret,
			faults: &faults{before: map[string]fault{}, after: map[string]fault{}},
		}
		b.Ingest = ingest.Ingest{
			Stack: "prod", Tolerance: tolerance, BodyLimit: bodyLimit, DedupeWindow: dedupeWindow, Routes: routes(t),
			Secrets: secret.NewHolder(b.fetch, secret.ParseWebhook, 5*time.Minute, time.Now),
			Ledger:  ledger{b.ledger, b.faults}, Queues: queues{b.queues, b.faults}, Replays: ingest.NewReplays(),
			Log: telemetry.New(&b.log, telemetry.Options{Stack: "prod"}), Now: time.Now,
		}
		f(b)
		if logged := b.log.String(); strings.Contains(logged, canary) {
			t.Errorf("a secret or personal data in the log: %s", logged)
		}
	})
}

func (b *bench) fetch(ctx context.Context) (text string, err error) {
	err = b.do(ctx, "look", func() error {
		text = b.vault
		return nil
	})
	return text, err
}

func routes(t testing.TB) route.Table {
	t.Helper()
	return table(t, map[string]string{"application.revision_requested": "pagerduty:error,slack", "application.approved": "resolve"})
}

func table(t testing.TB, texts map[string]string) route.Table {
	t.Helper()
	parsed := map[string]route.Route{}
	for pattern, text := range texts {
		r, err := route.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		parsed[pattern] = r
	}
	return route.NewTable(parsed, route.Channels{Default: "C0111"})
}

// signed is a request as Revento sends it now.
func signed(body string) ingest.Request { return signedWith(webhookSecret, body, time.Now()) }

func signedWith(key, body string, at time.Time) ingest.Request {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	return ingest.Request{
		Event: "application.revision_requested", DeliveryID: deliveryID, Timestamp: timestamp,
		Signature: revento.Sign(key, timestamp, []byte(body)), Body: ingest.Body{Text: body},
	}
}

func encoded(request ingest.Request) ingest.Request {
	request.Body = ingest.Body{Text: base64.StdEncoding.EncodeToString([]byte(request.Body.Text)), Base64: true}
	return request
}

func (b *bench) handle(request ingest.Request) ingest.Reply {
	b.Helper()
	reply := b.Handle(b.Context(), request)
	if reply.Status.Code() == 0 {
		b.Errorf("the status %q has no code", reply.Status)
	}
	return reply
}

// found is the entry that the ledger holds for the delivery; its state is "" where it holds none.
func (b *bench) found() ingest.Entry {
	b.Helper()
	entry, err := b.ledger.Find(b.Context(), deliveryID, time.Now())
	if err != nil && !errors.Is(err, ingest.ErrNotFound) {
		b.Fatal(err)
	}
	return entry
}

// claimedByAnother is what another copy, or one that died, has done so far.
func (b *bench) claimedByAnother(body string, life time.Duration) {
	b.Helper()
	envelope, err := revento.ParseEnvelope([]byte(body))
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	claim := ingest.Claim{
		DeliveryID: deliveryID, Lease: lease.Take("another", now, life), Identity: envelope.Identity([]byte(body)), Now: now,
		Expires: now.Add(dedupeWindow),
	}
	if standing, err := b.ledger.Claim(b.Context(), claim); standing != nil || err != nil {
		b.Fatal(standing, err)
	}
}

// queued counts the messages in each queue that has any.
func (b *bench) queued() map[queue.Name]int {
	b.Helper()
	counts := map[queue.Name]int{}
	for _, name := range queue.Names {
		for {
			received, ok, err := b.queues.Receive(b.Context(), name, time.Minute)
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				break
			}
			counts[name]++
			if err := b.queues.Delete(b.Context(), name, received.Handle); err != nil {
				b.Fatal(err)
			}
		}
	}
	return counts
}
