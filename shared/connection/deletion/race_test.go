package deletion_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/deletion"
)

// Writers work on alerts of before and after the cutoff while the connection is stopped and its purge runs. A queue lets a
// message come again where another copy of it was faster, and so do they.
func TestWritersAgainstThePurgeLeaveNothingBehind(t *testing.T) {
	for round := range 20 {
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) {
			b := newBench(t, nil)
			b.task.Grace = 0
			b.purge.Copies = deletion.PurgeCopies
			b.happens(ours, "flag@1", "flag app_2@2")
			b.run()
			b.requires(ours, 10)
			for i := range 20 {
				b.happens(ours, fmt.Sprintf("flag app_%d@%d", i, 3+i%8), fmt.Sprintf("approve app_%d@%d", i, 10+i%2))
				b.happens(others[0], fmt.Sprintf("flag app_%d@%d", i, 3+i%8))
			}
			workAtOnce(b)
			b.run()
			if old, _ := b.kept(ours, 10); old != 0 {
				t.Errorf("%d records are left", old)
			}
			b.wantKept(others[0], 10, 80, 0)
			wantLines(t, "states", text(b.states()), "finished")
			if open := b.openOf(ours); len(open) > 0 {
				t.Errorf("open: %q", open)
			}
			b.wantNothingParked()
		})
	}
}

// workAtOnce works on all queues with several workers each, as long as messages come.
func workAtOnce(b *bench) {
	var wait sync.WaitGroup
	for _, name := range slices.Concat(worked, worked) {
		wait.Go(func() {
			for range 200 {
				received, ok, err := b.queues.Receive(b.Context(), name, visibility)
				if err != nil || !ok {
					continue
				}
				if b.workers[name].Handle(b.Context(), received) {
					_ = b.faulty.Delete(b.Context(), name, received.Handle)
				}
			}
		})
	}
	wait.Wait()
}

// openOf lists the incidents of a connection's resources that are open.
func (b *bench) openOf(connection record.Connection) []string {
	b.Helper()
	var open []string
	for i := range 20 {
		name := fmt.Sprintf("flag app_%d@1", i)
		event, err := handedOffFrom(b, connection, name).Open()
		if err != nil {
			b.Fatal(err)
		}
		if _, isOpen := b.pager.open[event.IncidentKey]; isOpen {
			open = append(open, name)
		}
	}
	return open
}
