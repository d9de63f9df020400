package ingest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/ground/telemetry"
)

var errDown = errors.New("down")

var (
	both    = map[queue.Name]int{queue.Slack: 1, queue.PagerDuty: 1}
	nothing = map[queue.Name]int{}
)

// Each case is one arrow of the delivery's states: what is there, what is asked, what is answered and what is there then.
func TestStates(t *testing.T) {
	const absent = ingest.State("")
	ask := func(body string) func(b *bench) ingest.Reply {
		return func(b *bench) ingest.Reply { return b.handle(signed(body)) }
	}
	before := func(name string, f fault) func(*bench) { return func(b *bench) { b.before[name] = f } }
	after := func(name string, f fault) func(*bench) { return func(b *bench) { b.after[name] = f } }
	handedOff := func(body string) func(*bench) {
		return func(b *bench) {
			b.handle(signed(body))
			b.queued() // a worker takes them
			b.calls = nil
		}
	}
	ignored := func(body string) func(*bench) {
		return func(b *bench) {
			if reply := b.handle(signed(body)); reply.Status != ingest.Ignored {
				b.Fatalf("%+v", reply)
			}
			b.calls = nil
		}
	}
	switchOn := func(b *bench) { b.Routes = table(b.T, map[string]string{"application.submitted": "slack"}) }
	switchOff := func(b *bench) { b.Routes = table(b.T, nil) }
	claimed := func(body string, life time.Duration) func(*bench) {
		return func(b *bench) { b.claimedByAnother(body, life) }
	}
	all := func(steps ...func(*bench)) func(*bench) {
		return func(b *bench) {
			for _, step := range steps {
				step(b)
			}
		}
	}
	pass := func(d time.Duration) func(*bench) { return func(*bench) { time.Sleep(d) } }
	const other = `{"type":"application.revision_requested","occurred_at":"1999-12-31T23:58:00Z","data":{"id":"app_2"}}`
	const third = `{"type":"application.revision_requested","occurred_at":"1999-12-31T23:58:00Z","data":{"id":"app_3"}}`
	ownClaimFirst := func(b *bench) { b.Ledger = retrying{b.Ledger} }

	tests := []struct {
		name       string
		given      func(*bench)
		when       func(*bench) ingest.Reply
		want       ingest.Status
		retryAfter time.Duration
		state      ingest.State
		queued     map[queue.Name]int
		calls      []string // those of the ledger
	}{
		{"absent: claimed, handed off, marked", nil, ask(revision), ingest.Accepted, 0, ingest.HandedOff, both, []string{"claim", "mark"}},
		{"absent, no route: noted", nil, ask(submitted), ingest.Ignored, 0, ingest.StateIgnored, nothing, []string{"note"}},
		{"absent, a type that nobody knew: noted", nil, ask(unknown), ingest.Ignored, 0, ingest.StateIgnored, nothing, []string{"note"}},
		{"absent, no route, the note fails", before("note", fail(errDown)), ask(submitted), ingest.Ignored, 0, absent, nothing, []string{"note"}},
		{"absent, no route, the note's answer is lost", after("note", fail(errDown)), ask(submitted),
			ingest.Ignored, 0, ingest.StateIgnored, nothing, []string{"note"}},
		{"ignored, comes again", all(ignored(submitted), pass(time.Hour)), ask(submitted),
			ingest.Ignored, 0, ingest.StateIgnored, nothing, []string{"note"}},
		{"ignored, comes again when its route is on", all(ignored(submitted), switchOn), ask(submitted),
			ingest.Accepted, 0, ingest.HandedOff, map[queue.Name]int{queue.Slack: 1}, []string{"claim", "mark"}},
		{"ignored, another event comes under its id", ignored(submitted), ask(revision),
			ingest.Accepted, 0, ingest.HandedOff, both, []string{"claim", "mark"}},
		{"handed off, its route is off now", all(handedOff(revision), switchOff), ask(revision),
			ingest.Ignored, 0, ingest.HandedOff, nothing, []string{"note"}},
		{"claimed, its route is off now", all(claimed(revision, 3*time.Second), switchOff), ask(revision),
			ingest.Ignored, 0, ingest.Claimed, nothing, []string{"note"}},
		{"absent, a deletion request without a route", nil, ask(deletion), ingest.Accepted, 0, ingest.HandedOff,
			map[queue.Name]int{queue.Deletion: 1}, []string{"claim", "mark"}},
		{"handed off", handedOff(revision), ask(revision), ingest.Duplicate, 0, ingest.HandedOff, nothing, []string{"claim"}},
		{"handed off, the retry is signed anew", all(handedOff(revision), pass(time.Hour)), ask(revision),
			ingest.Duplicate, 0, ingest.HandedOff, nothing, []string{"claim"}},
		{"handed off, and forgotten", all(handedOff(revision), pass(dedupeWindow)), ask(revision),
			ingest.Accepted, 0, ingest.HandedOff, both, []string{"claim", "mark"}},
		{"handed off, other identity: under a claim of its own", handedOff(other), ask(revision),
			ingest.Accepted, 0, ingest.HandedOff, both, []string{"claim", "claim", "mark"}},
		{"handed off, other identity, comes again", all(handedOff(other), handedOff(revision)), ask(revision),
			ingest.Duplicate, 0, ingest.HandedOff, nothing, []string{"claim", "claim"}},
		{"handed off, other identity, whose first answer was lost", all(handedOff(other), ownClaimFirst), ask(revision),
			ingest.Accepted, 0, ingest.HandedOff, both, []string{"claim", "claim", "claim", "claim", "mark"}},
		{"handed off, other identity, a queue fails: released", all(handedOff(other), before("send to slack", fail(errDown))), ask(revision),
			ingest.Unavailable, 5 * time.Second, ingest.HandedOff, map[queue.Name]int{queue.PagerDuty: 1}, []string{"claim", "claim", "release"}},
		{"handed off, other identity, a third comes", all(handedOff(other), handedOff(third)), ask(revision),
			ingest.Accepted, 0, ingest.HandedOff, both, []string{"claim", "claim", "mark"}},
		{"claimed, lease alive", claimed(revision, 3*time.Second), ask(revision),
			ingest.Busy, 3 * time.Second, ingest.Claimed, nothing, []string{"claim"}},
		{"claimed, lease about to end", claimed(revision, time.Millisecond), ask(revision),
			ingest.Busy, time.Second, ingest.Claimed, nothing, []string{"claim"}},
		{"claimed, lease over: taken over", all(claimed(revision, 3*time.Second), pass(3*time.Second)), ask(revision),
			ingest.Accepted, 0, ingest.HandedOff, both, []string{"claim", "mark"}},
		{"claimed, lease over, a queue fails: taken over and released",
			all(claimed(revision, 3*time.Second), pass(3*time.Second), before("send to slack", fail(errDown))), ask(revision),
			ingest.Unavailable, 5 * time.Second, absent, map[queue.Name]int{queue.PagerDuty: 1}, []string{"claim", "release"}},
		{"claimed, other identity", claimed(other, 3*time.Second), ask(revision),
			ingest.Accepted, 0, ingest.Claimed, both, []string{"claim", "claim", "mark"}},
		{"claimed, other identity, lease over", all(claimed(other, 3*time.Second), pass(3*time.Second)), ask(revision),
			ingest.Accepted, 0, ingest.Claimed, both, []string{"claim", "claim", "mark"}},
		{"claimed by me, whose first answer was lost", ownClaimFirst, ask(revision),
			ingest.Accepted, 0, ingest.HandedOff, both, []string{"claim", "claim", "mark"}},
		{"the claim fails", before("claim", fail(errDown)), ask(revision),
			ingest.Unavailable, 5 * time.Second, absent, nothing, []string{"claim", "release"}},
		{"the claim's answer is lost: released", after("claim", fail(errDown)), ask(revision),
			ingest.Unavailable, 5 * time.Second, absent, nothing, []string{"claim", "release"}},
		{"a queue fails: released", before("send to slack", fail(errDown)), ask(revision),
			ingest.Unavailable, 5 * time.Second, absent, map[queue.Name]int{queue.PagerDuty: 1}, []string{"claim", "release"}},
		{"a queue's answer is lost: released", after("send to pagerduty", fail(errDown)), ask(revision),
			ingest.Unavailable, 5 * time.Second, absent, both, []string{"claim", "release"}},
		{"the release fails: the lease's end does it", all(before("send to slack", fail(errDown)), before("release", fail(errDown))), ask(revision),
			ingest.Unavailable, 5 * time.Second, ingest.Claimed, map[queue.Name]int{queue.PagerDuty: 1}, []string{"claim", "release"}},
		{"the mark fails: it is in the queues", before("mark", fail(errDown)), ask(revision),
			ingest.Accepted, 0, ingest.Claimed, both, []string{"claim", "mark"}},
		{"the mark comes too late: another owns it", before("mark", fail(lease.ErrNotOwner)), ask(revision),
			ingest.Accepted, 0, ingest.Claimed, both, []string{"claim", "mark"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test(t, func(b *bench) {
				if tt.given != nil {
					tt.given(b)
				}
				want := ingest.Reply{Status: tt.want, DeliveryID: deliveryID, RetryAfter: tt.retryAfter}
				if diff := cmp.Diff(want, tt.when(b)); diff != "" {
					b.Error(diff)
				}
				if diff := cmp.Diff(tt.calls, b.ledgerCalls()); diff != "" {
					b.Error(diff)
				}
				if diff := cmp.Diff(tt.queued, b.queued()); diff != "" {
					b.Error(diff)
				}
				if state := b.found().State; state != tt.state {
					b.Errorf("it is left %q, want %q", state, tt.state)
				}
			})
		})
	}
}

func (b *bench) ledgerCalls() []string {
	var calls []string
	for _, call := range b.calls {
		if call == "claim" || call == "mark" || call == "release" || call == "note" {
			calls = append(calls, call)
		}
	}
	return calls
}

// retrying is a ledger whose client loses the first answer to a claim and sends it again, as the AWS SDK does.
type retrying struct{ ingest.Ledger }

func (r retrying) Claim(ctx context.Context, claim ingest.Claim) (*ingest.Entry, error) {
	if _, err := r.Ledger.Claim(ctx, claim); err != nil {
		return nil, err
	}
	return r.Ledger.Claim(ctx, claim)
}

// After whatever went wrong, Revento's retry finds its way, and each queue holds the delivery once.
func TestARetryAfterAFailure(t *testing.T) {
	for _, name := range []string{"claim", "send to slack", "send to pagerduty", "mark", "release"} {
		for when, faults := range map[string]func(*bench) map[string]fault{
			"before": func(b *bench) map[string]fault { return b.before },
			"after":  func(b *bench) map[string]fault { return b.after },
		} {
			t.Run(name+" fails "+when+" its effect", func(t *testing.T) {
				test(t, func(b *bench) {
					faults(b)[name] = fail(errDown)
					if name == "release" {
						b.before["send to slack"] = fail(errDown)
					}
					b.handle(signed(revision))
					clear(b.before)
					clear(b.after)
					time.Sleep(ingest.Lease)
					if reply := b.handle(signed(revision)); reply.Status.Code() != 200 {
						b.Errorf("the retry: %+v", reply)
					}
					if diff := cmp.Diff(both, b.queued()); diff != "" {
						b.Error(diff)
					}
				})
			})
		}
	}
}

func TestAReplayThatThisCopyDoesNotKnowIsDroppedByTheQueue(t *testing.T) {
	test(t, func(b *bench) {
		b.Replays = nil
		for _, id := range []string{deliveryID, "another", ""} {
			r := signed(revision)
			r.DeliveryID = id
			if reply := b.handle(r); reply.Status != ingest.Accepted || reply.DeliveryID != id {
				b.Errorf("%q: %+v", id, reply)
			}
		}
		if diff := cmp.Diff(both, b.queued()); diff != "" {
			b.Error(diff)
		}
	})
}

// The delivery id is not signed: whoever sends a known one first, in whatever order and with whatever failure, keeps no event
// out. Each is handed off once, and found by the id.
func TestNoEventIsRefusedForItsDeliveryID(t *testing.T) {
	const other = `{"type":"application.revision_requested","occurred_at":"1999-12-31T23:58:00Z","event_id":"evt_2","data":{"id":"app_2"}}`
	orders := map[string][]string{"the genuine one last": {other, revision}, "the genuine one first": {revision, other}}
	for _, call := range []string{"none", "claim", "send to slack", "send to pagerduty", "mark", "release"} {
		for order, bodies := range orders {
			t.Run(order+", failing: "+call, func(t *testing.T) {
				test(t, func(b *bench) {
					b.after[call] = fail(errDown)
					for _, body := range bodies {
						b.handle(signed(body))
					}
					clear(b.after)
					time.Sleep(ingest.Lease)
					for _, body := range bodies {
						if reply := b.handle(signed(body)); reply.Status.Code() != http.StatusOK {
							b.Errorf("the retry: %+v", reply)
						}
					}
					if diff := cmp.Diff(map[queue.Name]int{queue.Slack: 2, queue.PagerDuty: 2}, b.queued()); diff != "" {
						b.Error(diff)
					}
					apart, err := b.ledger.FindApart(b.Context(), deliveryID, time.Now())
					if err != nil || len(apart) != 1 || apart[0].Identity == b.found().Identity || apart[0].State != ingest.HandedOff {
						b.Errorf("apart of %+v: %+v, %v", b.found(), apart, err)
					}
					if !strings.Contains(b.log.String(), `"delivery_id_conflict":1`) {
						b.Errorf("not counted: %s", b.log.String())
					}
				})
			})
		}
	}
}

func TestADeliveryWithoutAnIDIsKnownByItsBody(t *testing.T) {
	test(t, func(b *bench) {
		r := signed(revision)
		r.DeliveryID = ""
		for _, want := range []ingest.Status{ingest.Accepted, ingest.Duplicate} {
			if diff := cmp.Diff(ingest.Reply{Status: want}, b.handle(r)); diff != "" {
				b.Error(diff)
			}
		}
		if !strings.Contains(b.log.String(), `"delivery_id_missing":1`) {
			b.Errorf("not counted: %s", b.log.String())
		}
	})
}

func TestOfManyCopiesAtOnceOneHandsOff(t *testing.T) {
	test(t, func(b *bench) {
		b.before["mark"] = func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil }
		replies := make([]ingest.Reply, 20)
		var wait sync.WaitGroup
		for i := range replies {
			// Each copy has a log of its own, as each copy of the function has.
			copied := b.Ingest
			copied.Log = telemetry.New(io.Discard, telemetry.Options{})
			wait.Go(func() { replies[i] = copied.Handle(b.Context(), signed(revision)) })
		}
		wait.Wait()
		counts := map[ingest.Status]int{}
		for _, reply := range replies {
			counts[reply.Status]++
		}
		if diff := cmp.Diff(map[ingest.Status]int{ingest.Accepted: 1, ingest.Busy: 19}, counts); diff != "" {
			b.Error(diff)
		}
	})
}
