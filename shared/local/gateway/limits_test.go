package gateway

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/ingest"
)

func TestEachTimeLimitIsInsideTheNext(t *testing.T) {
	for _, limits := range [][]time.Duration{
		{pressedBodyTime, lineTime, bodyTime, ingest.Budget, writeTime},
		{60 * time.Second, idleTime}, // nginx' for its upstream
		{headerTime + ingest.Budget, writeTime},
	} {
		for i, outer := range limits[1:] {
			if limits[i] >= outer {
				t.Errorf("%s is not inside %s", limits[i], outer)
			}
		}
	}
}

func TestHeadersThatDoNotComeAreNotWaitedFor(t *testing.T) {
	test(t, func(b *bench) {
		silent, slow, slower := b.dial(), b.dial(), b.dial()
		slow.sends("POST /webhooks/revento HTTP/1.1\r\nHost: ")
		slower.sends("POST /webh")
		began := time.Now()
		slow.wants(timedOut)
		slower.wants(timedOut)
		slow.hangsUp()
		slower.hangsUp()
		silent.hangsUp()
		if took := time.Since(began); took > headerTime+lingerTime {
			t.Errorf("it took %s", took)
		}
	})
}

func TestABodyThatDoesNotComeIsNotWaitedFor(t *testing.T) {
	test(t, func(b *bench) {
		head, body := delivery("d-1", 100<<10)
		for _, part := range []string{"", body[:1], body[:len(body)-1]} {
			c := b.dial()
			began := time.Now()
			c.sends(head + part)
			c.wants(timedOut)
			if took := time.Since(began); took != bodyTime {
				t.Errorf("it took %s", took)
			}
		}
	})
}

// A trickle is as good as nothing: the time is the whole body's.
func TestABodyThatTricklesIsNotWaitedFor(t *testing.T) {
	test(t, func(b *bench) {
		head, body := delivery("d-1", 100)
		c := b.dial()
		began := time.Now()
		go func() {
			for _, text := range append([]string{head}, splitted(body)...) {
				_, _ = c.Write([]byte(text))
				time.Sleep(bodyTick - 10*time.Millisecond)
			}
		}()
		c.wants(timedOut)
		if took := time.Since(began); took > bodyTime+bodyTick {
			t.Errorf("it took %s", took)
		}
		_ = c.Conn.Close()
		time.Sleep(time.Minute) // until the trickle has ended
	})
}

func splitted(text string) (parts []string) {
	for _, character := range text {
		parts = append(parts, string(character))
	}
	return parts
}

func TestAnIdleConnectionOutlivesAProxys(t *testing.T) {
	test(t, func(b *bench) {
		c := b.dial()
		for number, pause := range []time.Duration{0, 61 * time.Second, 61 * time.Second} {
			time.Sleep(pause)
			head, body := delivery(fmt.Sprint(number), 100)
			c.sends(head + body)
			c.wants(accepted)
		}
		began := time.Now()
		c.hangsUp()
		if took := time.Since(began); took != idleTime {
			t.Errorf("it was closed after %s", took)
		}
	})
}

func TestIdleConnectionsKeepNoDeliveryOut(t *testing.T) {
	test(t, func(b *bench) {
		b.connections.limit = 10
		silent, used := b.dial(), b.dial()
		head, body := delivery("used", 100)
		used.sends(head + body)
		used.wants(accepted)
		began := time.Now()
		for range 20 {
			b.dial()
			time.Sleep(time.Millisecond)
		}
		silent.hangsUp()
		used.hangsUp()
		if took := time.Since(began); took > time.Second {
			t.Errorf("they kept others out for %s", took)
		}
		c := b.dial()
		head, body = delivery("d-1", 100)
		c.sends(head + body)
		c.wants(accepted)
		if b.connections.open > 10 {
			t.Errorf("%d are open", b.connections.open)
		}
	})
}

// Where all connections are at work, another is told so at once.
func TestMoreConnectionsThanCanBeAreAnsweredAtOnce(t *testing.T) {
	test(t, func(b *bench) {
		b.connections.limit = 3
		b.ledger.work = 300 * time.Millisecond
		var working []*client
		for number := range 3 {
			c := b.dial()
			head, body := delivery(fmt.Sprint(number), 100)
			c.sends(head + body)
			working = append(working, c)
		}
		synctest.Wait()
		began := time.Now()
		late := b.dial()
		late.wants(busy)
		late.hangsUp()
		if took := time.Since(began); took > lingerTime {
			t.Errorf("it took %s", took)
		}
		for _, c := range working {
			c.wants(accepted)
		}
	})
}

func TestABodyThatDoesNotComeMakesWayWhereOthersWait(t *testing.T) {
	test(t, func(b *bench) {
		const size = 200 << 10
		var stalled []*client
		for number := range workLimit / size {
			c := b.dial()
			head, body := delivery(fmt.Sprint(number), size)
			c.sends(head + body[:size/2])
			stalled = append(stalled, c)
		}
		time.Sleep(bodyTick / 2)
		began := time.Now()
		c := b.dial()
		head, body := delivery("genuine", size)
		c.sends(head + body)
		c.wants(accepted)
		if took := time.Since(began); took > pressedBodyTime {
			t.Errorf("it took %s", took)
		}
		stalled[0].wants(timedOut)
	})
}

// Those who wait take their turns, and the newest goes first where the line is longer than can be worked on in a while.
func TestWhoseTurnItIsInTheLine(t *testing.T) {
	for waited, want := range map[time.Duration][]int{orderTime - time.Second/2: {0, 1, 2, 3}, orderTime: {3, 2, 1, 0}} {
		synctest.Test(t, func(t *testing.T) {
			p := &places{free: 10}
			whole, err := p.take(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			var order []int
			var wait sync.WaitGroup
			for number := range 4 {
				wait.Go(func() {
					mine, err := p.take(t.Context(), 10)
					if err != nil {
						t.Error(err)
						return
					}
					order = append(order, number)
					time.Sleep(10 * time.Millisecond)
					mine.leave()
				})
				synctest.Wait()
			}
			time.Sleep(waited)
			whole.leave()
			wait.Wait()
			if !slices.Equal(order, want) {
				t.Errorf("after %s: %v, want %v", waited, order, want)
			}
		})
	}
}

func TestPlacesAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &places{free: 10}
		whole, err := p.take(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		var given atomic.Int64
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				mine, err := p.take(t.Context(), 5)
				if err != nil {
					t.Error(err)
					return
				}
				given.Add(1)
				time.Sleep(time.Second)
				mine.leave()
			})
			synctest.Wait()
		}
		if !p.isPressed() {
			t.Error("nobody waits")
		}
		whole.leave()
		wait.Wait()
		if given.Load() != 4 || p.free != 10 || p.isPressed() {
			t.Errorf("%d were given, %d free", given.Load(), p.free)
		}
		if _, err := p.take(t.Context(), 10); err != nil {
			t.Error(err)
		}
		began := time.Now()
		if _, err := p.take(t.Context(), 1); err == nil || time.Since(began) != lineTime || p.isPressed() {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

// crowd are who take places of a weight, and work for a while.
type crowd struct {
	*testing.T
	places
	work time.Duration
	wait sync.WaitGroup
}

const crowdWeight = 10

func (c *crowd) come(number int) {
	work := c.work
	for range number {
		c.wait.Go(func() {
			if mine, err := c.take(c.Context(), crowdWeight); err == nil {
				time.Sleep(work)
				mine.leave()
			}
		})
	}
	synctest.Wait()
}

func (c *crowd) wantStanding(want int, why string) {
	c.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.line) != want || c.waiting != int64(want)*crowdWeight {
		c.Errorf("%d stand in line and weigh %d, want %d: %s", len(c.line), c.waiting, want, why)
	}
}

// Where the line is longer than can be worked on in a second, who comes is told at once, and so many in a second at the most.
func TestALineThatIsTooLongIsNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{T: t, places: places{free: crowdWeight}, work: 100 * time.Millisecond}
		for _, when := range []string{"nothing is known of the pace", "what it was a minute ago tells nothing"} {
			c.come(31)
			c.wantStanding(30, when)
			time.Sleep(orderTime/2 + c.work/2)
			c.come(toldAtOnce)
			c.wantStanding(25, "who comes is told at once")
			c.come(2)
			c.wantStanding(27, "enough were told at once")
			time.Sleep(lineTime)
			c.wantStanding(0, "they were told")
			time.Sleep(time.Minute)
		}
		c.wait.Wait()
	})
}

// Nothing is worked on for as long as somebody waits, and then it goes on.
func TestAPauseDoesNotShutTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{T: t, places: places{free: crowdWeight}, work: lineTime + time.Second}
		c.come(toldAtOnce + 2)
		c.wantStanding(toldAtOnce+1, "nothing is known of the pace")
		time.Sleep(lineTime)
		c.wantStanding(0, "they were told")
		c.come(2)
		c.wantStanding(2, "enough were told just now")
		time.Sleep(lineTime + orderTime/2)
		c.work = time.Millisecond
		c.come(2)
		c.wantStanding(1, "nobody stood in line")
		c.wait.Wait()
	})
}

// In one run: senders who each send again as soon as they are answered, and who share the processor with what they send to. However
// many they are, every answer comes within the budget, and what is worked on stays at 0.9 of the most. A refusal takes a sixtieth of
// what a delivery of 200 KB does.
func TestWhatIsWorkedOnDoesNotFallWithTheFlood(t *testing.T) {
	const size, work, telling, lasting, pause = 1000, 30 * time.Millisecond, 500 * time.Microsecond, 10 * time.Second, 10 * time.Millisecond
	goodput := func(senders int) (done int64, slowest time.Duration) {
		test(t, func(b *bench) {
			b.ledger.work, b.places.free = work, 8*leastWeight
			var taken, longest atomic.Int64
			end := time.Now().Add(lasting)
			var wait sync.WaitGroup
			for sender := range senders {
				wait.Go(func() {
					for number := 0; time.Now().Before(end); number++ {
						c := b.dial()
						head, body := delivery(fmt.Sprintf("%d-%d", sender, number), size)
						began := time.Now()
						c.sends(head + body)
						got, err := c.answer()
						if err != nil || got.code != 200 && got.code != 503 {
							t.Errorf("%+v, %v", got, err)
						}
						longest.Store(max(longest.Load(), int64(time.Since(began))))
						_ = c.Conn.Close()
						if got.code == 200 {
							taken.Add(1)
						} else if err := b.ledger.spend(b.Context(), telling); err != nil {
							t.Error(err)
						}
						time.Sleep(pause)
					}
				})
			}
			wait.Wait()
			done, slowest = taken.Load(), time.Duration(longest.Load())
		})
		return done, slowest
	}
	peak, _ := goodput(8)
	flooded, slowest := goodput(400)
	t.Logf("%d of %d, the slowest answer after %s", flooded, peak, slowest)
	if float64(flooded) < 0.9*float64(peak) || slowest > ingest.Budget {
		t.Errorf("%d of %d at the most, the slowest answer after %s", flooded, peak, slowest)
	}
}
