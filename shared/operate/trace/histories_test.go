package trace_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/operate/trace"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/test/golden"
)

// history is what happens, and of which delivery the story is told.
type history struct {
	name    string
	happens func(b *bench)
	tells   string // "d-1" where it is empty
}

// histories are all that the rules can make of a delivery, as far as trace has words for it.
var histories = []history{
	{name: "told", happens: func(b *bench) {
		b.delivers("d-1", flagged, time.Second, ingest.Accepted)
		b.passes(2 * time.Second)
		b.works()
	}},
	{name: "route-off", happens: func(b *bench) {
		b.delivers("d-1", "participant.profile_updated", 0, ingest.Ignored)
	}},
	{name: "route-off-then-on", happens: func(b *bench) {
		b.delivers("d-1", "participant.profile_updated", 0, ingest.Ignored)
		b.routes(map[string]string{"PARTICIPANT_PROFILE_UPDATED_ROUTE": "pagerduty:info"})
	}},
	{name: "told-of-an-event-whose-name-is-known", happens: func(b *bench) {
		b.isCalled("Summit\x1b 2026")
		b.delivers("d-1", flagged, time.Second, ingest.Accepted)
		b.works()
	}},
	{name: "route-off-and-mirrored", happens: func(b *bench) {
		b.ingest.Mirrors = true
		b.delivers("d-1", "participant.profile_updated", 0, ingest.Accepted)
	}},
	{name: "own", tells: ownID(revento.TypeConnectionRestored), happens: func(b *bench) {
		b.deliversOwn(revento.TypeConnectionBroken, 1, b.clock.Add(-time.Minute))
		b.works()
		b.deliversOwn(revento.TypeConnectionRestored, 2, b.clock.Add(-time.Hour)) // the clock was set back
		b.works()
	}},
	{name: "own-route-off", tells: ownID(revento.TypeConnectionBroken), happens: func(b *bench) {
		b.routes(map[string]string{"CONNECTION_BROKEN_ROUTE": "off"})
		b.deliversOwn(revento.TypeConnectionBroken, 1, b.clock)
	}},
	{name: "found", tells: found(41 * time.Minute).DeliveryID(), happens: func(b *bench) {
		b.finds(41 * time.Minute)
		b.passes(time.Minute)
		b.works()
	}},
	{name: "found-twice", tells: found(40 * time.Minute).DeliveryID(), happens: func(b *bench) {
		b.finds(41 * time.Minute)
		b.works()
		b.finds(40 * time.Minute)
		b.works()
	}},
	{name: "own-type-from-outside", happens: func(b *bench) {
		const body = `{"type":"connection.broken","event_id":"evt_1","organization_id":"org_1","data":{"id":"evt_1"}}`
		b.posts("d-1", revento.TypeConnectionBroken, sample.Sign(revento.TypeConnectionBroken, "s", "d-1", b.clock, []byte(body)), ingest.Ignored)
	}},
	{name: "route-without-pager", happens: func(b *bench) {
		b.delivers("d-1", "event.unpublished", 0, ingest.Accepted)
		b.works()
	}},
	{name: "superseded", tells: "d-2", happens: func(b *bench) {
		b.delivers("d-1", approved, 0, ingest.Accepted)
		b.works()
		b.delivers("d-2", flagged, time.Hour, ingest.Accepted)
		b.works()
	}},
	{name: "noted", happens: func(b *bench) {
		b.delivers("d-1", approved, 0, ingest.Accepted)
		b.works()
	}},
	{name: "came-first-as-another", tells: "d-2", happens: func(b *bench) {
		b.delivers("d-1", flagged, time.Minute, ingest.Accepted)
		b.works()
		b.delivers("d-2", flagged, time.Minute, ingest.Accepted)
		b.works()
	}},
	{name: "stopped-by-a-deletion", tells: "d-2", happens: func(b *bench) {
		b.delivers("d-1", required, time.Minute, ingest.Accepted)
		b.works()
		b.passes(time.Second)
		b.delivers("d-2", flagged, time.Hour, ingest.Accepted)
		b.works()
	}},
	{name: "deletion", happens: func(b *bench) {
		b.delivers("d-1", required, time.Minute, ingest.Accepted)
		b.works()
	}},
	{name: "parked", happens: func(b *bench) {
		b.pager.failures, b.slack.failures = []error{permanent("invalid_routing_key")}, []error{permanent("is_archived")}
		b.delivers("d-1", flagged, time.Second, ingest.Accepted)
		b.works()
	}},
	{name: "retrying", happens: func(b *bench) {
		b.pager.failures, b.slack.failures = []error{notNow(), notNow()}, []error{lost()}
		b.delivers("d-1", flagged, time.Second, ingest.Accepted)
		b.works()
		b.passes(30 * time.Second)
		b.works(queue.PagerDuty)
	}},
	{name: "waiting", happens: func(b *bench) {
		b.delivers("d-1", flagged, 0, ingest.Accepted)
	}},
	{name: "waiting-for-a-digest", happens: func(b *bench) {
		b.delivers("d-1", submitted, 0, ingest.Accepted)
	}},
	{name: "counted-in-the-next-digest", happens: func(b *bench) {
		b.delivers("d-1", submitted, 0, ingest.Accepted)
		b.works(queue.Digest)
	}},
	{name: "counted-in-a-digest-that-waits", happens: func(b *bench) {
		b.delivers("d-1", submitted, 0, ingest.Accepted)
		b.tellsDigest()
	}},
	{name: "told-in-a-digest", happens: func(b *bench) {
		b.delivers("d-1", submitted, 0, ingest.Accepted)
		b.tellsDigest()
		b.works(queue.Slack)
		b.passes(48 * time.Hour)
	}},
	{name: "erased-after-it-paged", happens: func(b *bench) {
		b.delivers("d-1", flagged, time.Second, ingest.Accepted)
		b.works()
		b.passes(time.Hour)
		b.purges()
	}},
	{name: "never-told-for-a-deletion", happens: func(b *bench) {
		b.purges()
		b.delivers("d-1", flagged, time.Hour, ingest.Accepted)
		b.works()
	}},
	{name: "forgotten", happens: func(b *bench) {
		b.ingest.DedupeWindow = 1000 * time.Hour
		b.delivers("d-1", flagged, 0, ingest.Accepted)
		b.passes(queue.Retention + time.Hour)
	}},
	{name: "dropped-after-a-failure", happens: func(b *bench) {
		b.pager.failures, b.slack.failures = []error{permanent("invalid_routing_key")}, []error{permanent("is_archived")}
		b.delivers("d-1", flagged, time.Second, ingest.Accepted)
		b.works()
		if _, err := deadletter.NewDesk(b.queues).Drop(b.Context(), deadletter.Selection{All: true}); err != nil {
			b.Fatal(err)
		}
		b.passes(queue.MaxVisibility + time.Second)
	}},
	{name: "dropped", happens: func(b *bench) {
		b.bothParked()
		b.passes(time.Minute)
		b.drops()
	}},
	{name: "redriven", happens: func(b *bench) {
		b.bothParked()
		b.passes(time.Minute)
		b.redrives()
	}},
	{name: "redriven-and-told", happens: func(b *bench) {
		b.bothParked()
		b.passes(time.Minute)
		b.redrives()
		b.passes(time.Minute)
		b.works()
	}},
	{name: "redriven-and-parked-again", happens: func(b *bench) {
		b.bothParked()
		b.passes(time.Minute)
		b.redrives()
		b.pager.failures, b.slack.failures = []error{permanent("invalid_routing_key")}, []error{permanent("is_archived")}
		b.passes(time.Minute)
		b.works()
	}},
	{name: "two-events-under-one-id", happens: func(b *bench) {
		b.delivers("d-1", flagged, time.Second, ingest.Accepted)
		b.passes(time.Second)
		b.delivers("d-1", approved, 0, ingest.Accepted)
		b.passes(time.Second)
		b.works()
	}},
	{name: "being-handed-off", happens: func(b *bench) { b.claims("d-1") }},
	{name: "stopped-while-handing-off", happens: func(b *bench) {
		b.claims("d-1")
		b.passes(ingest.Lease)
	}},
	{name: "resolved", tells: "d-2", happens: func(b *bench) {
		b.delivers("d-1", flagged, time.Minute, ingest.Accepted)
		b.works()
		b.delivers("d-2", approved, 0, ingest.Accepted)
		b.works()
	}},
	{name: "possibly-repeated", happens: func(b *bench) {
		b.slack.failures, b.slack.blind = []error{lost()}, true
		b.delivers("d-1", flagged, time.Second, ingest.Accepted)
		b.works()
		b.passes(30 * time.Second)
		b.works()
	}},
	{name: "signed-with-the-newest-secret", happens: func(b *bench) {
		made, err := sample.New(approved, "new", b.clock, sample.Change{OccurredAt: b.clock, DeliveryID: "d-1"})
		if err != nil {
			b.Fatal(err)
		}
		b.posts("d-1", approved, made, ingest.Accepted)
	}},
	{name: "of-a-former-version", happens: func(b *bench) { b.takenByAFormerVersion("d-1") }},
	{name: "retrying-of-a-former-version", happens: func(b *bench) {
		b.delivers("d-1", "event.unpublished", 0, ingest.Accepted)
		b.triedByAFormerVersion("d-1")
	}},
	{name: "counted-in-a-digest-not-told-yet", happens: func(b *bench) {
		b.delivers("d-1", submitted, 0, ingest.Accepted)
		b.tellsDigest()
		b.slack.failures = []error{notNow()}
		b.works(queue.Slack)
	}},
	{name: "counted-in-a-digest-that-was-given-up", happens: func(b *bench) {
		b.delivers("d-1", submitted, 0, ingest.Accepted)
		b.tellsDigest()
		b.slack.failures = []error{permanent("is_archived")}
		b.works(queue.Slack)
	}},
	{name: "stopped-by-a-request-that-is-held", tells: "d-2", happens: func(b *bench) {
		body := fmt.Appendf(nil, `{"type":%q,"occurred_at":%q,"event_id":"evt_1","organization_id":"org_1","data":{"nobody_foresaw":1}}`,
			required, b.clock.Format(time.RFC3339))
		b.posts("d-1", required, sample.Sign(required, "s", "d-1", b.clock, body), ingest.Accepted)
		b.works()
		b.delivers("d-2", flagged, time.Hour, ingest.Accepted)
		b.works()
	}},
	{name: "stopped-before-its-purge-is-scheduled", tells: "d-2", happens: func(b *bench) {
		b.workers[queue.Deletion].Chore.(*deletion.Task).Scheduler = never{errors.New("the scheduler does not answer")}
		b.delivers("d-1", required, 0, ingest.Accepted)
		b.works()
		b.delivers("d-2", flagged, time.Hour, ingest.Accepted)
		b.works()
	}},
	{name: "moved-by-a-redrive", happens: func(b *bench) {
		b.slack.failures = []error{permanent("is_archived")}
		b.delivers("d-1", flagged, 0, ingest.Accepted)
		b.works()
		b.routes(map[string]string{"APPLICATION_REVISION_REQUESTED_ROUTE": "slack:C0222"})
		b.redrives()
		b.works()
	}},
	{name: "letters-out-of-sight", happens: func(b *bench) {
		b.tracer.Letters = deadletter.NewDesk(struct{ queue.Queues }{b.queues}) // which nobody can browse, as on SQS
		b.pager.failures = []error{permanent("invalid_routing_key")}
		b.delivers("d-1", flagged, 0, ingest.Accepted)
		b.works()
		if _, ok, err := b.queues.Receive(b.Context(), queue.PagerDuty.DeadLetter(), time.Minute); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}},
	{name: "letters-not-to-be-read", happens: func(b *bench) {
		b.delivers("d-1", flagged, 0, ingest.Accepted)
		b.tracer.Letters = deadletter.NewDesk(unreadable{b.queues})
	}},
	{name: "connection-deleted", happens: func(b *bench) {
		b.delivers("d-1", flagged, time.Hour, ingest.Accepted)
		connection := record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
		if _, err := b.ledger.ForgetStories(b.Context(), connection.Partition(), b.clock); err != nil {
			b.Fatal(err)
		}
	}},
	{name: "redriven-long-after-it-came", happens: func(b *bench) {
		b.ingest.DedupeWindow = 1000 * time.Hour
		b.bothParked()
		b.passes(queue.Retention - 24*time.Hour)
		b.redrives()
		b.passes(48 * time.Hour)
	}},
	{name: "redriven-long-ago", happens: func(b *bench) {
		b.ingest.DedupeWindow = 1000 * time.Hour
		b.bothParked()
		b.redrives()
		b.passes(queue.Retention + time.Hour)
	}},
}

// unreadable is queues whose dead letters cannot be listed.
type unreadable struct{ queue.Queues }

func (unreadable) Depth(context.Context, queue.Name) (waiting, inFlight int, err error) {
	return 0, 0, errors.New("storage does not answer")
}

func (unreadable) Receive(context.Context, queue.Name, time.Duration) (queue.Received, bool, error) {
	return queue.Received{}, false, errors.New("storage does not answer")
}

// takenByAFormerVersion has a delivery handed off whose story was not kept.
func (b *bench) takenByAFormerVersion(id string) {
	b.Helper()
	claim := ingest.Claim{
		DeliveryID: id, Lease: lease.Take("one", b.clock, ingest.Lease), Identity: "i", ReceivedAt: b.clock, Now: b.clock, Expires: b.clock.Add(window),
	}
	if standing, err := b.ledger.Claim(b.Context(), claim); standing != nil || err != nil {
		b.Fatal(standing, err)
	}
	if err := b.ledger.MarkHandedOff(b.Context(), claim.Key(), claim.Owner, b.clock, claim.Expires); err != nil {
		b.Fatal(err)
	}
}

// triedByAFormerVersion leaves the record of an attempt whose failure was not kept.
func (b *bench) triedByAFormerVersion(id string) {
	b.Helper()
	entry, err := b.ledger.Find(b.Context(), id, b.clock)
	if err != nil {
		b.Fatal(err)
	}
	stored := record.Entry[alert.Record]{
		Record: record.Record{
			Key: record.Key{
				Connection: record.ConnectionOfPartition(entry.Story.Connection), Kind: record.Alert, ID: entry.Story.Destinations[0].AlertKey,
			},
			OccurredAt: b.clock, Expires: b.clock.Add(window),
		},
		Value: alert.Record{State: alert.Retrying, DeliveryID: id, Attempts: 1, FirstAttempt: b.clock, LastAttempt: b.clock},
	}
	if _, err := record.Save(b.Context(), b.records, stored); err != nil {
		b.Fatal(err)
	}
}

// told plays a history and returns what a person reads.
func (h history) told(b *bench) string {
	b.Helper()
	h.happens(b)
	var text bytes.Buffer
	if err := trace.Write(&text, b.tells(cmp.Or(h.tells, "d-1"))); err != nil {
		b.Fatal(err)
	}
	return text.String()
}

// The golden file of each history is what a person reads of it, on whatever engine it is kept.
func TestWhyItPagedOrDidNot(t *testing.T) {
	for name, made := range engines {
		t.Run(name, func(t *testing.T) {
			for _, h := range histories {
				t.Run(h.name, func(t *testing.T) {
					t.Parallel() // SQLite waits for the disk
					b := newBenchOn(t, made)
					golden.Want(t, h.name+".txt", h.told(b))
				})
			}
		})
	}
}

// A sentence that no history produces is one that nobody has seen to be true.
func TestEverySentenceIsProducedBySomeHistory(t *testing.T) {
	var all strings.Builder
	for _, h := range histories {
		all.WriteString(h.told(newBench(t)))
	}
	told := strings.ToLower(all.String()) // a clause may begin a sentence
	for _, file := range []string{"words.go", "inquiry.go"} {
		for _, sentence := range sentences(t, file) {
			pattern := regexp.MustCompile(`%[a-z+]+`).ReplaceAllString(regexp.QuoteMeta(strings.ToLower(sentence)), ".*")
			if !regexp.MustCompile(pattern).MatchString(told) {
				t.Errorf("no history tells %q of %s", sentence, file)
			}
		}
	}
}

// sentences are the texts of a file that are of several words, but for those of errors.
func sentences(t *testing.T, name string) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		if call, ok := node.(*ast.CallExpr); ok {
			called, ok := call.Fun.(*ast.SelectorExpr)
			return !ok || called.Sel.Name != "Errorf"
		}
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(strings.TrimSpace(text), " ") {
				found = append(found, text)
			}
		}
		return true
	})
	if len(found) < 20 {
		t.Fatalf("only %d sentences are found in %s", len(found), name)
	}
	return found
}
