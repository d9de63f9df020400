package sqlite

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/lease"
)

// BenchmarkDelivery does what ingest does for a delivery with two destinations: claim, send to both queues at once, mark.
// Each step is durable when it returns.
func BenchmarkDelivery(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			engine, err := Open(b.Context(), b.TempDir(), time.Now)
			if err != nil {
				b.Fatal(err)
			}
			var last atomic.Int64
			var wait sync.WaitGroup
			b.ResetTimer()
			for range callers {
				wait.Go(func() {
					for number := last.Add(1); number <= int64(b.N); number = last.Add(1) {
						deliver(b, engine, fmt.Sprint(number))
					}
				})
			}
			wait.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
			if err := engine.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func deliver(b *testing.B, engine *Engine, id string) {
	now := time.Now()
	claim := ingest.Claim{DeliveryID: id, Lease: lease.Take(id, now, time.Minute), Identity: "event", Now: now, Expires: now.Add(time.Hour)}
	if _, err := engine.Ledger.Claim(b.Context(), claim); err != nil {
		b.Error(err)
	}
	message := queue.Message{Body: strings.Repeat("b", 2<<10), Group: id, DeduplicationID: id}
	var wait sync.WaitGroup
	for _, name := range []queue.Name{queue.Slack, queue.PagerDuty} {
		wait.Go(func() {
			if err := engine.Queues.Send(b.Context(), name, message); err != nil {
				b.Error(err)
			}
		})
	}
	wait.Wait()
	if err := engine.Ledger.MarkHandedOff(b.Context(), id, id, now, claim.Expires); err != nil {
		b.Error(err)
	}
}
