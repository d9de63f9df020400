package deletion_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/mishap"
)

const (
	halted   = "Data deletion required: the connection is stopped, and a person has to look"
	foreseen = "A data request that nobody knew of: a person has to look"
)

// odd is data that nobody foresaw.
const odd = `{"id":"del_1","export":"` + canary + `"}`

func TestARequestWithAKeyThatNobodyForesawStopsTheConnectionAndIsHeld(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		keys       []string
	}{
		{"a key", odd, []string{"export"}},
		{"keys, one of them within", `{"export":{"x":1},"id":1}`, []string{"export", "export.x"}},
		{"a known key twice", `{"id":"1","id":"2"}`, []string{"id (twice)"}},
		{"a known key in another case", `{"ID":"` + canary + `"}`, []string{"ID"}},
		{"no object", `"` + canary + `"`, []string{"data"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.happens(ours, "flag@1")
			b.run()
			b.requiresWith(ours, 10, tt.data)
			b.requiresWith(ours, 10, tt.data)
			b.run()
			b.happens(ours, "flag app_2@2")
			b.happens(others[0], "flag@2")
			b.run()
			b.graceEnds()
			c := b.onlyCase().Value
			if c.State != deletion.Held || c.Held != deletion.UnknownKeys || !slices.Equal(c.Keys, tt.keys) {
				t.Errorf("the case: %+v", c)
			}
			if !c.Due.IsZero() || len(b.scheduler.made) != 0 || c.StoppedAt.IsZero() || c.Resolved != 1 {
				t.Errorf("the case: %+v; scheduled: %q", c, b.scheduler.made)
			}
			b.wantKept(ours, 10, 4, 0)
			wantLines(t, "open", b.pager.shows(), flagged, halted)
			wantTold(b, halted, 1)
			wantFact(b, halted, "keys", strings.Join(tt.keys, ", "))
			wantNoCanary(b)
			b.wantNothingParked()
		})
	}
}

// wantFact expects a fact in each Slack message of a title.
func wantFact(b *bench, title, name, value string) {
	b.Helper()
	for _, m := range b.slack.messages {
		if c := m.message.Content; c.Title == title && !slices.Contains(c.Fields, alert.Field{Name: name, Value: value}) {
			b.Errorf("%q says %+v", title, c.Fields)
		}
	}
}

func TestWhereAPersonClosesItTheConnectionsDataFlowsAgain(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, nil)
		b.requiresWith(ours, 10, odd)
		b.run()
		b.happens(ours, "flag@1")
		b.run()
		wantSeen(b, 0, 0, 0)
		b.breaks(plan)
		b.tries(func() error {
			_, err := b.operator.Close(t.Context(), b.onlyCase().Value.ID, "not about the connection")
			return err
		})
		b.run()
		b.comesAgain(ours, "flag@1")
		b.happens(ours, "flag app_2@11")
		b.requiresWith(ours, 10, odd) // a copy of the request
		b.run()
		b.comesAgain(ours, "flag app_3@2")
		b.run()
		wantSeen(b, 3, 3, 3)
		wantTold(b, returned, 0)
		wantTold(b, closed, 1)
		wantLines(t, "states", text(b.states()), "closed")
		b.graceEnds()
		b.wantKept(ours, 10, 8, 4)
		b.wantNothingParked()
	})
}

func TestWhereAPersonConfirmsItTheConnectionsDataIsDeleted(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, nil)
		b.happens(ours, "flag@1")
		b.run()
		b.requiresWith(ours, 10, odd)
		b.run()
		b.breaks(plan)
		b.tries(func() error {
			_, err := b.operator.DeleteNow(t.Context(), b.onlyCase().Value.ID)
			return err
		})
		b.run()
		b.breaks(nil)
		b.passes(3 * time.Hour) // a person who sees a failure may leave it to the sweep
		b.sweeps()
		c := b.onlyCase().Value
		if c.State != deletion.Finished || c.ConfirmedAt.IsZero() || c.Found[record.Alert] != 2 {
			t.Errorf("the case: %+v", c)
		}
		b.wantKept(ours, 10, 0, 0)
		wantLines(t, "open", b.pager.shows())
		b.comesAgain(ours, "flag@1")
		b.run()
		wantSeen(b, 1, 1, 0)
		if _, err := b.operator.Close(t.Context(), c.ID, "too late"); err == nil {
			t.Error("it is closed, and its data is gone")
		}
	})
}

func TestAStopOfAHeldRequestNeverExpires(t *testing.T) {
	b := newBench(t, nil)
	b.requires(ours, 5)
	b.run()
	wantExpiry(b, b.clock.Add(grace+retention))
	b.requiresWith(ours, 10, odd)
	b.run()
	wantExpiry(b, time.Time{})
	b.requires(ours, 20)
	b.run()
	wantExpiry(b, time.Time{})
	for _, entry := range b.cases() {
		if entry.Value.State == deletion.Held {
			if err := closeWith("done")(b, entry.Value.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantExpiry(b, b.clock.Add(retention))
}

// wantExpiry expects that our tombstone may go about then, or never.
func wantExpiry(b *bench, want time.Time) {
	b.Helper()
	stone, err := b.records.Deletions.Get(b.Context(), record.TombstoneKey(ours))
	if err != nil {
		b.Fatal(err)
	}
	if stone.Expires.IsZero() != want.IsZero() || stone.Expires.Sub(want).Abs() > time.Hour {
		b.Errorf("the tombstone expires at %s, want %s", stone.Expires, want)
	}
}

// A request that is held and one that is not, in either order, and the first closed: what is required stays required.
func TestAHeldStopAndARequiredOneDoNotTakeEachOther(t *testing.T) {
	for _, tt := range []struct {
		name      string
		requires  func(b *bench)
		stopped   string // an event that stays stopped once the held request is closed
		flows     string // one that is told then
		succeeded []string
	}{
		{"the held one is later", func(b *bench) { b.requires(ours, 10); b.run(); b.requiresWith(ours, 20, odd) }, "flag@10", "flag@15",
			[]string{"closed", "finished"}},
		{"the held one is later, and came first", func(b *bench) { b.requiresWith(ours, 20, odd); b.run(); b.requires(ours, 10) }, "flag@10", "flag@15",
			[]string{"closed", "finished"}},
		{"the held one is earlier", func(b *bench) { b.requires(ours, 20); b.run(); b.requiresWith(ours, 10, odd) }, "flag@20", "flag@21",
			[]string{"closed", "finished"}},
		{"both are of one moment", func(b *bench) { b.requires(ours, 10); b.run(); b.requiresWith(ours, 10, odd) }, "flag@10", "flag@11",
			[]string{"closed", "finished"}},
		{"two are held", func(b *bench) { b.requiresWith(ours, 10, odd); b.run(); b.requiresWith(ours, 20, odd) }, "", "flag@10",
			[]string{"closed", "closed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			tt.requires(b)
			b.run()
			for _, entry := range b.cases() {
				if entry.Value.State != deletion.Held {
					continue
				}
				b.happens(ours, tt.flows)
				b.run()
				if err := closeWith("done")(b, entry.Value.ID); err != nil {
					t.Fatal(err)
				}
			}
			b.run()
			before := len(b.pager.opened)
			if tt.stopped != "" {
				b.comesAgain(ours, tt.stopped)
				b.run()
			}
			if len(b.pager.opened) != before {
				t.Errorf("%s was told", tt.stopped)
			}
			b.comesAgain(ours, tt.flows)
			b.run()
			if !slices.Contains(b.pager.shows(), flagged) {
				t.Errorf("%s was not told: %q", tt.flows, b.pager.shows())
			}
			b.graceEnds()
			states := text(b.states())
			slices.Sort(states)
			wantLines(t, "states", states, tt.succeeded...)
		})
	}
}

// A held request whose cutoff is earlier than one that is required: once it is confirmed, the later cutoff stands.
func TestAConfirmedRequestLowersNoCutoff(t *testing.T) {
	b := newBench(t, nil)
	b.requires(ours, 20)
	b.run()
	b.requiresWith(ours, 10, odd)
	b.run()
	for _, entry := range b.cases() {
		if entry.Value.State == deletion.Held {
			if err := now(b, entry.Value.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.run()
	b.happens(ours, "flag@15")
	b.run()
	wantSeen(b, 0, 0, 0)
	b.graceEnds()
	wantLines(t, "states", text(b.states()), "finished", "finished")
}

func TestARequestThatIsHeldIsToldAgainOnEachDayUntilSomebodyActs(t *testing.T) {
	for name, data := range map[string]string{"stopped": odd, "a person": `{"user_id":1}`} {
		for end, act := range map[string]func(*bench, string) error{"closed": closeWith("done"), "confirmed": now} {
			if name != "stopped" && end == "confirmed" {
				continue
			}
			t.Run(name+", "+end, func(t *testing.T) {
				b := newBench(t, nil)
				b.requiresWith(ours, 10, data)
				b.run()
				for range 3 {
					b.sweeps() // on the day of the request, and twice on each other
					b.passes(time.Hour)
					b.sweeps()
					b.passes(oneDay - time.Hour)
				}
				reminders := b.reminders()
				if reminders != 2 {
					t.Errorf("it was told again %d times in three days, want 2: %q", reminders, b.slack.shows())
				}
				if err := act(b, b.onlyCase().Value.ID); err != nil {
					t.Fatal(err)
				}
				b.run()
				b.passes(oneDay)
				b.sweeps()
				if b.reminders() != reminders {
					t.Errorf("it is told again though somebody acted: %q", b.slack.shows())
				}
				wantLines(t, "open", b.pager.shows())
			})
		}
	}
}

// reminders counts the Slack messages that remind of a held request.
func (b *bench) reminders() int {
	count := 0
	for _, m := range b.slack.messages {
		if strings.HasPrefix(m.message.Content.Title, "Still waiting for a person. ") {
			count++
		}
	}
	return count
}

func TestTheSweepMakesUpForAStopThatNeverEnded(t *testing.T) {
	for call := 1; call <= 8; call++ {
		b := newBench(t, nil)
		b.happens(ours, "flag@1")
		b.run()
		b.breaks(mishap.At(call, mishap.DiesBefore))
		b.requiresWith(ours, 10, odd)
		b.workOnceAndGiveUp()
		b.breaks(nil)
		if len(b.cases()) == 0 { // it died before it was filed: its dead letter has it
			continue
		}
		b.sweeps()
		if c := b.onlyCase().Value; c.StoppedAt.IsZero() || c.Resolved != 1 {
			t.Errorf("after a death before call %d: %+v", call, c)
		}
		wantTold(b, halted, 1)
		wantLines(t, "open", b.pager.shows(), halted)
	}
}

// Whatever the routes say of a data request that nobody knew of, a person looks at it.
func TestADataRequestOfATypeThatNobodyKnewOfIsHeld(t *testing.T) {
	for _, eventType := range []string{"data.export_required", "data.deletion_Required", "Data.deletion_required", "data."} {
		t.Run(eventType, func(t *testing.T) {
			b := newBench(t, nil)
			b.happens(ours, "flag@1")
			b.run()
			delivery := b.delivery("odd", eventType, ours, noon.Add(10*time.Second), `{"user_id":"`+canary+`"}`)
			destinations := routes(b, nil).Destinations(eventType, "evt_1")
			if len(destinations) != 1 || destinations[0].Kind != route.Deletion {
				t.Fatalf("it goes to %+v", destinations)
			}
			b.handOff(delivery, "")
			b.handOff(delivery, "")
			b.run()
			b.graceEnds()
			c := b.onlyCase().Value
			if c.State != deletion.Held || c.Held != deletion.UnknownType || c.Type != eventType {
				t.Errorf("the case: %+v", c)
			}
			b.wantKept(ours, 10, 4, 0)
			wantLines(t, "open", b.pager.shows(), foreseen, flagged)
			wantTold(b, foreseen, 1)
			wantFact(b, foreseen, "type", eventType)
			wantNoCanary(b)
		})
	}
}

func TestOnlyDataRequestsAreTakenFromTheQueueOfDeletions(t *testing.T) {
	b := newBench(t, nil)
	for _, eventType := range []string{"data", "database.x", "application.approved"} {
		delivery := b.delivery("odd", eventType, ours, noon, `{}`)
		encoded, err := handoff.New(stack, delivery, route.Destination{Kind: route.Deletion}, b.clock).Encode()
		if err != nil {
			t.Fatal(err)
		}
		b.send(queue.Deletion, encoded)
	}
	b.run()
	wantLines(t, "parked", b.parked(queue.Deletion), "unreadable", "unreadable", "unreadable")
}

// A second is the signed timestamp's unit: what happened in its last fraction is covered to the fraction.
func TestACutoffKeepsTheFractionOfItsSecond(t *testing.T) {
	b := newBench(t, nil)
	at := noon.Add(5700 * time.Millisecond)
	delivery := b.delivery("request", revento.TypeDeletionRequired, ours, at, `{}`)
	delivery.SignedAt = noon.Add(5 * time.Second)
	b.handOff(delivery, "")
	b.happens(ours, "flag app_1@5.6", "flag app_2@5.7", "flag app_3@5.8")
	b.run()
	if c := b.onlyCase().Value; !c.Cutoff.Equal(at) {
		t.Errorf("the cutoff is %s, want %s", c.Cutoff, at)
	}
	wantSeen(b, 1, 1, 1)
	wantFact(b, returned, "still to be deleted", "what happened until 2026-05-09 12:00:05.7 UTC")
}
