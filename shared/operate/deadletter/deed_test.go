package deadletter_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/testkit/memory"
)

// line is what a log line tells of a redrive or a drop.
type line struct {
	Level   string         `json:"level"`
	What    string         `json:"what"`
	By      string         `json:"by"`
	Reason  string         `json:"reason"`
	Queues  []string       `json:"queues"`
	Done    int            `json:"redriven"`
	Dropped int            `json:"dropped"`
	Kept    int            `json:"kept"`
	Missing int            `json:"missing"`
	Hidden  int            `json:"hidden"`
	Left    int            `json:"left"`
	Reasons map[string]int `json:"reasons"`
	Error   string         `json:"error"`
}

// logs has the desk write its lines, and returns what reads them.
func (b *bench) logs() func() []line {
	var text strings.Builder
	b.Telemetry = telemetry.New(&text, telemetry.Options{})
	return func() []line {
		b.Helper()
		var lines []line
		for _, written := range slices.Collect(strings.Lines(text.String())) {
			var read line
			if err := json.Unmarshal([]byte(written), &read); err != nil {
				b.Fatal(err)
			}
			lines = append(lines, read)
		}
		return lines
	}
}

func TestWhoeverRedrivesOrDropsLeavesALogLine(t *testing.T) {
	test(t, func(b *bench) {
		lines := b.logs()
		for _, body := range []string{"one", "two"} {
			b.parked(queue.Digest, queue.Message{Body: body}, "is_archived")
		}
		b.receives(queue.Digest.DeadLetter())
		chosen := deadletter.Selection{Reason: "is_archived", Queues: []queue.Name{queue.Digest}, By: "command"}
		_, _ = b.Redrive(b.Context(), chosen)
		time.Sleep(time.Hour)
		_, _ = b.Drop(b.Context(), deadletter.Selection{IDs: []string{"0123456789"}, By: "api"})
		var all []string
		for _, name := range queue.Names {
			all = append(all, string(name))
		}
		want := []line{
			{
				Level: "WARN", What: "redrive", By: "command", Reason: "is_archived", Queues: []string{"digest"}, Done: 1, Hidden: 1,
				Reasons: map[string]int{"is_archived": 1}, Error: (&deadletter.Unfinished{Hidden: 1}).Error(),
			},
			{
				Level: "INFO", What: "drop", By: "api", Queues: all, Missing: 1,
				Reasons: map[string]int{},
			},
		}
		if diff := cmp.Diff(want, lines()); diff != "" {
			b.Error(diff)
		}
	})
}

// ledgerOf has the delivery of a letter in it.
func (b *bench) ledgerOf(name string) *memory.Ledger {
	b.Helper()
	message := b.message(route.Slack, name)
	ledger := memory.NewLedger()
	now := time.Now()
	claim := ingest.Claim{
		DeliveryID: message.DeliveryID, Lease: lease.Take("ingest", now, 0), Now: now, Expires: now.Add(time.Hour),
		Story: ingest.Story{Type: "t", Destinations: []ingest.Destination{{Kind: route.Slack, Channel: oldChannel, AlertKey: message.AlertKey}}},
	}
	if _, err := ledger.Claim(b.Context(), claim); err != nil {
		b.Fatal(err)
	}
	b.Annals = ledger
	return ledger
}

func TestWhatAPersonDidIsOnTheDeliverysStory(t *testing.T) {
	for outcome, do := range map[deadletter.Outcome]func(b *bench, s deadletter.Selection) ([]deadletter.Result, error){
		deadletter.Redriven: func(b *bench, s deadletter.Selection) ([]deadletter.Result, error) { return b.Redrive(b.Context(), s) },
		deadletter.Dropped:  func(b *bench, s deadletter.Selection) ([]deadletter.Result, error) { return b.Drop(b.Context(), s) },
	} {
		t.Run(string(outcome), func(t *testing.T) {
			test(t, func(b *bench) {
				ledger := b.ledgerOf("flag@1")
				b.flagIsParked()
				time.Sleep(time.Minute)
				results, err := do(b, deadletter.Selection{All: true, By: "command"})
				if err != nil || len(results) != 1 || results[0].Note != "" {
					b.Errorf("%+v, %v", results, err)
				}
				entry, err := ledger.Find(b.Context(), "delivery of flag@1", time.Now())
				if err != nil {
					b.Fatal(err)
				}
				want := []ingest.Deed{{
					At: start.Add(time.Minute), What: string(outcome), Kind: route.Slack, Channel: oldChannel,
					AlertKey: entry.Story.Destinations[0].AlertKey, Reason: "is_archived", By: "command",
				}}
				if diff := cmp.Diff(want, entry.Story.Deeds); diff != "" {
					b.Error(diff)
				}
			})
		})
	}
}

// unwritable is a ledger that cannot be written on.
type unwritable struct{ *memory.Ledger }

func (unwritable) Rewrite(context.Context, string, ingest.Story, ingest.Story) (bool, error) {
	return false, errors.New("access denied")
}

func TestAStoryThatCannotBeWrittenStopsNothingAndIsSaid(t *testing.T) {
	test(t, func(b *bench) {
		b.Annals = unwritable{b.ledgerOf("flag@1")}
		b.flagIsParked()
		results, err := b.Drop(b.Context(), everything)
		if err != nil || len(results) != 1 || !strings.Contains(results[0].Note, "access denied") || results[0].Outcome != deadletter.Dropped {
			b.Errorf("%+v, %v", results, err)
		}
	})
}
