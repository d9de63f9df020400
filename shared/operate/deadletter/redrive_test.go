package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/operate/deadletter"
)

func TestARedrivenMessageIsFreshAndOtherwiseAsItWas(t *testing.T) {
	for _, kind := range []route.Kind{route.Slack, route.PagerDuty, route.Digest, route.Deletion} {
		t.Run(string(kind), func(t *testing.T) {
			test(t, func(b *bench) {
				was := b.message(kind, "flag@1")
				b.parked(was.Queue(), b.encoded(kind, "flag@1"), "x")
				time.Sleep(time.Hour)
				b.redrives(everything)
				got := b.takes(was.Queue())
				if len(got) != 1 {
					b.Fatalf("%d messages came", len(got))
				}
				is, err := handoff.Decode(got[0].Body)
				if err != nil {
					b.Fatal(err)
				}
				if is.Generation == "" || !is.QueuedAt.Equal(start.Add(time.Hour)) {
					b.Errorf("generation %q, queued at %s", is.Generation, is.QueuedAt)
				}
				want, err := is.Encode()
				if diff := cmp.Diff(want, got[0].Message); err != nil || diff != "" {
					b.Errorf("%s, %v", diff, err)
				}
				is.Generation, is.QueuedAt = was.Generation, was.QueuedAt
				if diff := cmp.Diff(was, is); diff != "" {
					b.Error(diff)
				}
				b.has(was.Queue().DeadLetter(), 0)
			})
		})
	}
}

func TestWhatIsNoHandOffIsSentOnAsItCameWithoutItsReason(t *testing.T) {
	test(t, func(b *bench) {
		b.parked(queue.Purge, queue.Message{Body: "a job"}, "storage")
		b.redrives(everything)
		want := queue.Message{Body: "a job", Attributes: map[string]string{"delivery_id": "delivery-1"}}
		if got := b.takes(queue.Purge); len(got) != 1 || cmp.Diff(want, got[0].Message) != "" {
			b.Errorf("%+v", got)
		}
	})
}

func TestWhatNobodyCanReadStays(t *testing.T) {
	test(t, func(b *bench) {
		b.parked(queue.Slack, queue.Message{Body: `{"schema":99}`, DeduplicationID: "12345678"}, "unreadable")
		want := []string{"slack unreadable: kept, this version cannot read it: redrive it with the one that wrote it, or drop it"}
		if got := outcomes(b.redrives(everything)); !slices.Equal(got, want) {
			b.Errorf("%q", got)
		}
		b.has(queue.Slack.DeadLetter(), 1)
		b.has(queue.Slack, 0)
	})
}

func TestWhichChannelARedrivenAlertGoesTo(t *testing.T) {
	const (
		moves = "goes to the channel C0222 in place of C0111"
		stays = "stays with the channel C0111: the routes in force name "
		told  = "stays with the channel C0111, where it was or may have been told"
	)
	retrying := &alert.Record{State: alert.Retrying}
	tests := []struct {
		name   string
		routes route.Table
		known  *alert.Record
		want   string
		note   string
	}{
		{"the route leads to the old one still", leadsTo(oldChannel), retrying, oldChannel, ""},
		{"to it and to another", leadsTo(newChannel, oldChannel), retrying, oldChannel, ""},
		{"to another", leadsTo(newChannel), retrying, newChannel, moves},
		{"to another, the alert was never tried", leadsTo(newChannel), nil, newChannel, moves},
		{"to another, the alert was sent", leadsTo(newChannel), &alert.Record{State: alert.Sent}, oldChannel, told},
		{"to another, the answer was lost", leadsTo(newChannel), &alert.Record{State: alert.Sending}, oldChannel, told},
		{"to another, something newer was told", leadsTo(newChannel), &alert.Record{State: alert.Superseded}, oldChannel, told},
		{"to another, it may have been repeated", leadsTo(newChannel), &alert.Record{State: alert.Retrying, PossiblyRepeated: true},
			oldChannel, told},
		{"to two others", leadsTo(newChannel, "C0333"), retrying, oldChannel, stays + "2 others"},
		{"nowhere", leadsTo(), retrying, oldChannel, stays + "0 others"},
		{"to a channel that no setting names", leadsTo(""), retrying, oldChannel, stays + "0 others"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test(t, func(b *bench) {
				b.Routes = tt.routes
				b.parked(queue.Slack, b.encoded(route.Slack, "flag@1"), "is_archived")
				if tt.known != nil {
					b.knows("flag@1", *tt.known)
				}
				results := b.redrives(everything)
				if len(results) != 1 || results[0].Outcome != deadletter.Redriven || results[0].Note != tt.note {
					b.Errorf("%q, want the note %q", outcomes(results), tt.note)
				}
				got := b.takes(queue.Slack)[0]
				message, err := handoff.Decode(got.Body)
				if err != nil || message.Channel != tt.want || got.Group != tt.want {
					b.Fatalf("channel %s, group %s, %v; want %s", message.Channel, got.Group, err, tt.want)
				}
				key := alert.Key("prod", message.Identity, route.Destination{Kind: route.Slack, Channel: tt.want})
				if message.AlertKey != key { // as ingest would have made it
					b.Errorf("the alert key is %s, want %s", message.AlertKey, key)
				}
			})
		})
	}
}

// knows stores the record of an event's alert.
func (b *bench) knows(name string, known alert.Record) {
	b.Helper()
	event, err := b.message(route.Slack, name).Open()
	if err != nil {
		b.Fatal(err)
	}
	entry := record.Entry[alert.Record]{Value: known, Record: record.Record{
		Key: record.Key{Connection: event.Connection, Kind: record.Alert, ID: event.AlertKey},
	}}
	if _, err := record.Save(b.Context(), b.records, entry); err != nil {
		b.Fatal(err)
	}
}

func TestWhatWasSentIsNotSentAgain(t *testing.T) {
	for name, routes := range map[string]route.Table{"to its channel": leadsTo(oldChannel), "to another": leadsTo(newChannel)} {
		t.Run(name, func(t *testing.T) {
			test(t, func(b *bench) {
				b.sends(queue.Slack, b.encoded(route.Slack, "flag@1"))
				b.worksOff()
				b.parked(queue.Slack, b.encoded(route.Slack, "flag@1"), "max_alert_age: timeout")
				b.Routes = routes
				b.redrives(everything)
				b.worksOff()
				b.wasTold(oldChannel + " flag")
				b.has(queue.Slack.DeadLetter(), 0)
			})
		})
	}
}

func TestSelection(t *testing.T) {
	idOf := func(b *bench, reason string) string {
		for _, letter := range b.lists(queue.Names...).Letters {
			if letter.Reason == reason {
				return letter.ID
			}
		}
		return "no letter"
	}
	tests := []struct {
		name      string
		selection func(b *bench) deadletter.Selection
		want      []string
	}{
		{"all", func(*bench) deadletter.Selection { return everything },
			[]string{"slack is_archived", "slack max_alert_age: timeout", "digest max_receives", "purge is_archived"}},
		{"a reason", func(*bench) deadletter.Selection { return deadletter.Selection{Reason: "is_archived"} },
			[]string{"slack is_archived", "purge is_archived"}},
		{"a reason up to its colon", func(*bench) deadletter.Selection { return deadletter.Selection{Reason: "max_alert_age"} },
			[]string{"slack max_alert_age: timeout"}},
		{"a reason's first letters are none", func(*bench) deadletter.Selection { return deadletter.Selection{Reason: "max"} }, nil},
		{"what the queue itself moved", func(*bench) deadletter.Selection { return deadletter.Selection{Reason: "max_receives"} },
			[]string{"digest max_receives"}},
		{"a queue", func(*bench) deadletter.Selection { return deadletter.Selection{Queues: []queue.Name{queue.Slack}} },
			[]string{"slack is_archived", "slack max_alert_age: timeout"}},
		{"a queue and a reason", func(*bench) deadletter.Selection {
			return deadletter.Selection{Queues: []queue.Name{queue.Slack}, Reason: "is_archived"}
		}, []string{"slack is_archived"}},
		{"one", func(b *bench) deadletter.Selection {
			return deadletter.Selection{IDs: []string{idOf(b, "max_alert_age: timeout")}}
		}, []string{"slack max_alert_age: timeout"}},
		{"one that is there and one that is not", func(b *bench) deadletter.Selection {
			return deadletter.Selection{IDs: []string{"0123456789", idOf(b, "max_receives")}}
		}, []string{"digest max_receives", " missing"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test(t, func(b *bench) {
				b.parked(queue.Slack, b.encoded(route.Slack, "flag@1"), "is_archived")
				b.parked(queue.Slack, b.encoded(route.Slack, "flag@2"), "max_alert_age: timeout")
				b.moved(queue.Digest, b.encoded(route.Digest, "flag@1"))
				b.parked(queue.Purge, queue.Message{Body: "a job"}, "is_archived")
				results, err := deadletter.NewDesk(b.queues).Drop(b.Context(), tt.selection(b))
				if err != nil {
					b.Fatal(err)
				}
				var got []string
				dropped := 0
				for _, result := range results {
					line := string(result.Letter.Queue) + " " + result.Letter.Reason
					if result.Outcome == deadletter.Missing {
						line += "missing"
					} else {
						dropped++
					}
					got = append(got, line)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					b.Error(diff)
				}
				if rest := len(b.lists(queue.Names...).Letters); rest != 4-dropped {
					b.Errorf("%d letters are left of 4, %d were dropped", rest, dropped)
				}
			})
		})
	}
}

// exhausted puts letters of one channel into the dead-letter queue as the slack queue itself moves them: in their old group.
func (b *bench) exhausted(letters int) {
	b.Helper()
	for i := range letters {
		b.sends(queue.Slack.DeadLetter(), b.encoded(route.Slack, fmt.Sprintf("flag@%d", i)))
	}
}

func TestEveryLetterIsDealtWithHoweverManyShareAGroup(t *testing.T) {
	for _, letters := range []int{5, 1200} {
		for name, do := range map[deadletter.Outcome]func(b *bench) ([]deadletter.Result, error){
			deadletter.Redriven: func(b *bench) ([]deadletter.Result, error) { return b.Redrive(b.Context(), everything) },
			deadletter.Dropped:  func(b *bench) ([]deadletter.Result, error) { return b.Drop(b.Context(), everything) },
		} {
			t.Run(fmt.Sprintf("%d %s", letters, name), func(t *testing.T) {
				test(t, func(b *bench) {
					b.exhausted(letters)
					results, err := do(b)
					if err != nil || len(results) != letters {
						b.Errorf("%d of %d have a result, %v", len(results), letters, err)
					}
					for _, result := range results {
						if result.Outcome != name {
							b.Fatalf("%+v", result)
						}
					}
					b.has(queue.Slack.DeadLetter(), 0)
				})
			})
		}
	}
}

func TestALetterBehindOthersOfItsGroupCanBeChosen(t *testing.T) {
	test(t, func(b *bench) {
		b.exhausted(5)
		last := b.lists(queue.Slack).Letters[4]
		b.exhausted(10) // five of them behind five new ones
		b.parked(queue.Slack, queue.Message{Body: "unreadable", DeduplicationID: "12345678"}, "unreadable")
		results, err := b.Redrive(b.Context(), deadletter.Selection{IDs: []string{last.ID}})
		if err != nil || len(results) != 1 || results[0].Letter.DeliveryID != last.DeliveryID || results[0].Outcome != deadletter.Redriven {
			b.Errorf("%+v, %v", results, err)
		}
		b.has(queue.Slack.DeadLetter(), 15-1+1-5) // the queue remembers the five
	})
}

// Letters that stay do not keep those behind them from their turn.
func TestALetterThatIsKeptHidesNoOther(t *testing.T) {
	test(t, func(b *bench) {
		b.exhausted(1)
		b.sends(queue.Slack.DeadLetter(), queue.Message{Body: "x", Group: oldChannel, DeduplicationID: "12345678"})
		b.sends(queue.Slack.DeadLetter(), b.encoded(route.Slack, "approve@3"))
		results := b.redrives(everything)
		if len(results) != 3 || results[1].Outcome != deadletter.Kept || results[2].Outcome != deadletter.Redriven {
			b.Errorf("%q", outcomes(results))
		}
		b.has(queue.Slack.DeadLetter(), 1)
	})
}

func TestWhatIsOutOfSightIsCountedAndNotSaidToBeDone(t *testing.T) {
	test(t, func(b *bench) {
		for _, body := range []string{"one", "two", "three"} {
			b.parked(queue.Digest, queue.Message{Body: body}, body)
		}
		b.receives(queue.Digest.DeadLetter())
		results, err := b.Redrive(b.Context(), everything)
		if unfinished, ok := errors.AsType[*deadletter.Unfinished](err); !ok || unfinished.Hidden != 1 || len(results) != 2 {
			b.Errorf("%q, %v", outcomes(results), err)
		}
		if _, err := b.Drop(b.Context(), deadletter.Selection{Reason: "one"}); !errors.As(err, new(*deadletter.Unfinished)) {
			b.Errorf("the drop says that it is done: %v", err)
		}
	})
}

func TestNoMoreCallsAreMadeThanTheChosenLettersNeed(t *testing.T) {
	tests := []struct {
		name      string
		selection func(letters []deadletter.Letter) deadletter.Selection
		want      []string
	}{
		{"all: nothing is left to give back", func([]deadletter.Letter) deadletter.Selection {
			return deadletter.Selection{Queues: []queue.Name{queue.Digest}}
		}, []string{"receive", "delete", "receive", "delete", "receive"}},
		{"one: nothing is looked for when it is found", func(letters []deadletter.Letter) deadletter.Selection {
			return deadletter.Selection{IDs: []string{letters[0].ID}, Queues: []queue.Name{queue.Digest, queue.Purge}}
		}, []string{"receive", "delete"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test(t, func(b *bench) {
				b.parked(queue.Digest, queue.Message{Body: "x"}, "one")
				b.parked(queue.Digest, queue.Message{Body: "x"}, "two")
				selection := tt.selection(b.lists(queue.Digest).Letters)
				var calls []string
				count := hooked{b.queues, func(call string, _ queue.Name) error {
					calls = append(calls, call)
					return nil
				}}
				if _, err := deadletter.NewDesk(count).Drop(b.Context(), selection); err != nil || !slices.Equal(calls, tt.want) {
					b.Errorf("calls %q, %v; want %q", calls, err, tt.want)
				}
			})
		})
	}
}

func TestNothingIsDroppedOrRedrivenByDefault(t *testing.T) {
	test(t, func(b *bench) {
		b.flagIsParked()
		if _, err := deadletter.NewDesk(b.queues).Drop(b.Context(), deadletter.Selection{}); !errors.Is(err, deadletter.ErrNothingSelected) {
			b.Errorf("drop: %v", err)
		}
		if _, err := b.Redrive(b.Context(), deadletter.Selection{}); !errors.Is(err, deadletter.ErrNothingSelected) {
			b.Errorf("redrive: %v", err)
		}
		b.has(queue.Slack.DeadLetter(), 1)
	})
}

func TestWhatIsDroppedIsTold(t *testing.T) {
	test(t, func(b *bench) {
		b.flagIsParked()
		results, err := deadletter.NewDesk(b.queues).Drop(b.Context(), everything)
		if err != nil || len(results) != 1 {
			b.Fatalf("%+v, %v", results, err)
		}
		if got := results[0]; got.Outcome != deadletter.Dropped || got.Letter.DeliveryID != "delivery of flag@1" {
			b.Errorf("%+v", got)
		}
		b.has(queue.Slack.DeadLetter(), 0)
	})
}

func TestWhoHasToKnowIsToldOfADroppedLetterOnceItIsGone(t *testing.T) {
	test(t, func(b *bench) {
		b.flagIsParked()
		desk := deadletter.NewDesk(b.queues)
		var told []queue.Name
		desk.Gone = func(_ context.Context, name queue.Name, _ queue.Message) error {
			b.has(queue.Slack.DeadLetter(), 0)
			told = append(told, name)
			return errors.New("down")
		}
		results, err := desk.Drop(b.Context(), everything)
		if err != nil || len(results) != 1 || results[0].Outcome != deadletter.Dropped || !strings.Contains(results[0].Note, "down") {
			b.Errorf("%+v, %v", results, err)
		}
		if !slices.Equal(told, []queue.Name{queue.Slack}) {
			b.Errorf("told of %v", told)
		}
	})
}

func TestPace(t *testing.T) {
	tests := []struct {
		name  string
		queue queue.Name
		kind  route.Kind
		pace  time.Duration
		want  time.Duration
	}{
		{"slack", queue.Slack, route.Slack, 0, 2 * time.Second},
		{"pagerduty", queue.PagerDuty, route.PagerDuty, 0, 0},
		{"as asked", queue.PagerDuty, route.PagerDuty, 20 * time.Second, 40 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test(t, func(b *bench) {
				b.Pace = tt.pace
				for _, name := range []string{"flag@1", "flag@2", "flag@3"} {
					b.parked(tt.queue, b.encoded(tt.kind, name), "x")
				}
				b.redrives(everything)
				if took := time.Since(start); took != tt.want {
					b.Errorf("three letters took %s, want %s", took, tt.want)
				}
				b.has(tt.queue, 3)
			})
		})
	}
}

func TestAPaceOutOfRangeIsRefused(t *testing.T) {
	test(t, func(b *bench) {
		for _, pace := range []time.Duration{-1, deadletter.MaxPace + 1} {
			b.Pace = pace
			if _, err := b.Redrive(b.Context(), everything); err == nil || !strings.Contains(err.Error(), "0s to 1m0s is allowed") {
				b.Errorf("%s: %v", pace, err)
			}
		}
	})
}

func TestWhatTheQueueMovedIsRedrivenInTheGroupsOrder(t *testing.T) {
	test(t, func(b *bench) {
		for _, name := range []string{"flag@1", "submit@2", "approve@3"} {
			b.moved(queue.Slack, b.encoded(route.Slack, name))
		}
		b.redrives(deadletter.Selection{Reason: deadletter.ReasonMaxReceives})
		b.worksOff()
		b.wasTold(oldChannel+" flag", oldChannel+" submit", oldChannel+" approve")
	})
}

// With a worker that is quicker than the redrive, what fails again comes back while the redrive still looks.
func TestWhatFailsAgainIsRedrivenOnce(t *testing.T) {
	test(t, func(b *bench) {
		b.flagIsParked()
		b.slack.down[oldChannel] = &fault.Error{Class: fault.Permanent, Op: "post to Slack", Reason: "token_revoked"}
		b.Desk = deadletter.NewDesk(hooked{b.queues, func(call string, name queue.Name) error {
			if call == "receive" && name == queue.Slack.DeadLetter() {
				b.worksOff()
			}
			return nil
		}})
		want := []string{"slack is_archived: redriven",
			"slack token_revoked: kept, the same was redriven a moment ago: it failed again, or this is a copy of it"}
		if got := outcomes(b.redrives(everything)); !slices.Equal(got, want) {
			b.Errorf("%q", got)
		}
		b.has(queue.Slack.DeadLetter(), 1)
	})
}

func TestARedriveStartsANewAgeAndCount(t *testing.T) {
	test(t, func(b *bench) {
		died := alert.Record{State: alert.Sending, Attempts: 9, Unanswered: 5}
		b.knows("flag@1", died)
		b.sends(queue.Slack, b.encoded(route.Slack, "flag@1"))
		b.worksOff()
		time.Sleep(2 * b.worker.MaxAge)
		b.slack.down[oldChannel] = &fault.Error{Class: fault.Transient, Op: "post to Slack", Reason: "http_500"}
		b.redrives(deadletter.Selection{Reason: alert.ReasonAttemptsDied})
		b.worksOff()
		b.has(queue.Slack.DeadLetter(), 0) // it will be tried again
		b.slack.down[oldChannel] = nil
		time.Sleep(visibility)
		b.worksOff()
		b.wasTold(oldChannel + " flag")
	})
}

func TestALetterThatItsQueueRefusesEndsNothing(t *testing.T) {
	test(t, func(b *bench) {
		b.parked(queue.Digest, queue.Message{Body: "one"}, "one")
		b.parked(queue.Digest, queue.Message{Body: "two"}, "two")
		sends := 0
		b.Desk = deadletter.NewDesk(hooked{b.queues, func(call string, _ queue.Name) error {
			if call == "send" {
				sends++
			}
			if sends == 1 && call == "send" {
				return &fault.Error{Class: fault.Permanent, Op: "send to digest", Reason: "message_refused"}
			}
			return nil
		}})
		want := []string{"digest one: kept, send to digest: permanent: message_refused", "digest two: redriven"}
		if got := outcomes(b.redrives(everything)); !slices.Equal(got, want) {
			b.Errorf("%q", got)
		}
		b.has(queue.Digest.DeadLetter(), 1)
	})
}

// A message that asks for a look at a connection is no hand-off: it goes as it is, in the group of its connection, or two looks at one
// would be made at once.
func TestWorkOnAConnectionIsRedrivenInItsGroup(t *testing.T) {
	test(t, func(b *bench) {
		asks := func(connection string) queue.Message {
			return queue.Message{Body: `{"schema":1,"sync":{"event_id":"` + connection + `"}}`, Group: connection, DeduplicationID: "mark-of-" + connection}
		}
		parked := asks("parked")
		parked.Group, parked.DeduplicationID = "message-1", "message-1" // as a worker parks it
		parked.Attributes = map[string]string{queue.AttributeReason: "max_alert_age: timeout", queue.AttributeGroup: "parked"}
		b.sends(queue.Sync.DeadLetter(), parked)
		b.moved(queue.Sync, asks("moved"))
		b.lists(queue.Sync) // which gives each letter a group of its own
		for _, result := range b.redrives(everything) {
			if result.Outcome != deadletter.Redriven {
				b.Errorf("%+v", result)
			}
		}
		b.has(queue.Sync.DeadLetter(), 0)
		got := map[string]string{}
		for _, received := range b.takes(queue.Sync) {
			got[received.Group] = received.Body
			if len(received.Attributes) > 0 || received.DeduplicationID == "mark-of-"+received.Group {
				b.Errorf("%+v is no fresh message", received.Message)
			}
		}
		for _, connection := range []string{"parked", "moved"} {
			if got[connection] != asks(connection).Body {
				b.Errorf("in the group of %s is %q", connection, got[connection])
			}
		}
	})
}

// On a stack without connections there is no such queue, and to ask for it fails.
func TestQueuesThatAnInstallationHasNotAreNotLookedAt(t *testing.T) {
	test(t, func(b *bench) {
		b.Desk = deadletter.NewDesk(hooked{b.queues, func(call string, name queue.Name) error {
			if name.Entry().Asks {
				b.Errorf("%s of %s", call, name)
			}
			return nil
		}})
		b.Desk.Names = queue.There(false)
		b.parked(queue.Digest, queue.Message{Body: "one"}, "is_archived")
		if results := b.redrives(everything); len(results) != 1 {
			b.Errorf("%+v", results)
		}
	})
}
