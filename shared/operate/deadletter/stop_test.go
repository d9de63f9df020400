package deadletter_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/testkit/mishap"
)

// A redrive stops anywhere, the person repeats it, and all that was dead is told once. The worker runs before the repetition
// or only after it.
func TestAStopAtAnyCallLosesNothingAndTellsNothingTwice(t *testing.T) {
	worlds := []struct {
		name    string
		routes  route.Table
		told    string
		between bool
	}{
		{"the channel is open again", leadsTo(oldChannel), oldChannel, false},
		{"the channel is open again, the worker is quick", leadsTo(oldChannel), oldChannel, true},
		{"another channel", leadsTo(newChannel), newChannel, false},
		{"another channel, the worker is quick", leadsTo(newChannel), newChannel, true},
	}
	for _, world := range worlds {
		t.Run(world.name, func(t *testing.T) {
			mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
				test(t, func(b *bench) {
					b.Routes = world.routes
					b.flagIsParked()
					b.moved(queue.Slack, b.encoded(route.Slack, "flag@2"), b.encoded(route.Slack, "flag@3"))
					b.slack.down[oldChannel] = nil
					spoilt := b.Redriver
					spoilt.Desk = deadletter.NewDesk(mishap.Queues{Queues: b.queues, Plan: plan})
					spoilt.Records = mishap.Records{Store: b.records, Plan: plan}
					_ = mishap.Died(func() { _, _ = spoilt.Redrive(b.Context(), everything) })
					if world.between {
						b.worksOff()
					}
					time.Sleep(workVisibility) // what a dead process held comes into sight
					b.redrives(everything)
					b.worksOff()
					b.has(queue.Slack.DeadLetter(), 0)
					b.has(queue.Slack, 0)
					flag := world.told + " flag"
					b.wasTold(flag, flag, flag)
				})
			})
		})
	}
}

func TestADropThatStopsIsRepeated(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		test(t, func(b *bench) {
			b.flagIsParked()
			b.moved(queue.Slack, b.encoded(route.Slack, "flag@2"), b.encoded(route.Slack, "flag@3"))
			_ = mishap.Died(func() {
				_, _ = deadletter.NewDesk(mishap.Queues{Queues: b.queues, Plan: plan}).Drop(b.Context(), everything)
			})
			time.Sleep(workVisibility)
			if _, err := deadletter.NewDesk(b.queues).Drop(b.Context(), everything); err != nil {
				b.Fatal(err)
			}
			b.has(queue.Slack.DeadLetter(), 0)
		})
	})
}

// A look that stops leaves every letter where it was, at once or after its visibility.
func TestALookThatStopsHidesNothingForLong(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		test(t, func(b *bench) {
			b.flagIsParked()
			b.parked(queue.Digest, queue.Message{Body: "x"}, "one")
			_ = mishap.Died(func() {
				_, _ = deadletter.NewDesk(mishap.Queues{Queues: b.queues, Plan: plan}).List(b.Context(), queue.Slack, queue.Digest)
			})
			time.Sleep(2 * time.Minute)
			b.has(queue.Slack.DeadLetter(), 1)
			b.has(queue.Digest.DeadLetter(), 1)
		})
	})
}

var errDown = errors.New("the queue is down")

func TestAFailureMidWayTellsWhatWasDoneAndLeavesTheRest(t *testing.T) {
	tests := []struct {
		name, call string
		on         queue.Name
		want       []string
		dead       int
	}{
		{"nothing can be sent", "send", queue.Digest, []string{"digest one: redriven", "digest two: kept, the queue is down"}, 2},
		{"nothing can be deleted", "delete", queue.Digest.DeadLetter(), []string{"digest one: redriven",
			"digest two: redriven, it was sent, and is a dead letter still: drop it, or redrive it, which sends nothing twice"}, 2},
		{"nothing can be received", "receive", queue.Digest.DeadLetter(), []string{"digest one: redriven"}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test(t, func(b *bench) {
				for _, reason := range []string{"one", "two", "three"} {
					b.parked(queue.Digest, queue.Message{Body: reason}, reason)
				}
				calls := 0
				b.Desk = deadletter.NewDesk(hooked{b.queues, func(call string, name queue.Name) error {
					if call != tt.call || name != tt.on {
						return nil
					}
					if calls++; calls == 2 {
						return errDown
					}
					return nil
				}})
				results, err := b.Redrive(b.Context(), everything)
				if !errors.Is(err, errDown) {
					b.Errorf("the error is %v", err)
				}
				if got := outcomes(results); !slices.Equal(got, tt.want) {
					b.Errorf("got %q, want %q", got, tt.want)
				}
				b.has(queue.Digest.DeadLetter(), tt.dead)
			})
		})
	}
}

func TestWhenTheCallersContextEndsEverythingIsGivenBack(t *testing.T) {
	test(t, func(b *bench) {
		b.moved(queue.Slack, b.encoded(route.Slack, "flag@1"), b.encoded(route.Slack, "flag@2"), b.encoded(route.Slack, "flag@3"))
		ctx, cancel := context.WithTimeout(b.Context(), 1500*time.Millisecond) // in the pause before the third
		defer cancel()
		results, err := b.Redrive(ctx, everything)
		want := []string{"slack max_receives: redriven", "slack max_receives: redriven",
			"slack max_receives: kept, the redrive was ended before its turn"}
		if got := outcomes(results); err == nil || !slices.Equal(got, want) {
			b.Errorf("got %q and %v", got, err)
		}
		b.has(queue.Slack.DeadLetter(), 1)
	})
}

func TestAStopComesBetweenTwoLettersAndSaysWhatIsLeft(t *testing.T) {
	test(t, func(b *bench) {
		b.exhausted(5)
		b.parked(queue.Digest, queue.Message{Body: "x"}, "x")
		var told []deadletter.Outcome
		selection := deadletter.Selection{All: true, Told: func(result deadletter.Result) { told = append(told, result.Outcome) }}
		go func() {
			time.Sleep(1500 * time.Millisecond) // in the pause before the third
			b.Stop()
		}()
		results, err := b.Redrive(b.Context(), selection)
		unfinished, ok := errors.AsType[*deadletter.Unfinished](err)
		if !ok || !errors.Is(err, deadletter.ErrStopped) || unfinished.Left != 3 { // two of the channel, and the digest's
			b.Errorf("%v", err)
		}
		if took := time.Since(start); took > 1600*time.Millisecond {
			b.Errorf("it took %s", took)
		}
		if want := []deadletter.Outcome{deadletter.Redriven, deadletter.Redriven, deadletter.Kept}; !slices.Equal(told, want) || len(results) != 3 {
			b.Errorf("told %q, want %q", told, want)
		}
		b.has(queue.Slack, 2)
		b.has(queue.Slack.DeadLetter(), 3)
		if results, err := b.Redrive(b.Context(), everything); err != nil || len(results) != 4 { // it can be taken up again
			b.Errorf("%q, %v", outcomes(results), err)
		}
	})
}

// A call that is under way is not cut short: its letter would be sent, and a dead letter still.
func TestAStopCutsNoCallShort(t *testing.T) {
	test(t, func(b *bench) {
		b.exhausted(2)
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		b.Desk = deadletter.NewDesk(hooked{b.queues, func(call string, _ queue.Name) error {
			if call == "send" {
				cancel()
			}
			return nil
		}})
		results, err := b.Redrive(ctx, everything)
		if !errors.Is(err, context.Canceled) || len(results) != 1 || results[0].Outcome != deadletter.Redriven || results[0].Note != "" {
			b.Errorf("%q, %v", outcomes(results), err)
		}
		b.has(queue.Slack.DeadLetter(), 1)
	})
}

func TestThePaceIsKeptFromOneRedriveToTheNext(t *testing.T) {
	test(t, func(b *bench) {
		b.exhausted(2)
		for _, letter := range b.lists(queue.Slack).Letters {
			if _, err := b.Redrive(b.Context(), deadletter.Selection{IDs: []string{letter.ID}}); err != nil {
				b.Error(err)
			}
		}
		if took := time.Since(start); took != time.Second {
			b.Errorf("it took %s", took)
		}
	})
}
