package sandbox_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/revento/sandbox"
)

func TestManyConsentsForgetTheOldest(t *testing.T) {
	w := newWorld(t)
	oldest, next := w.connect(makersCamp), w.connect(makersCamp)
	for range 4999 {
		w.connect(makersCamp, "event.read")
	}
	w.wantCode(w.refresh(oldest.RefreshToken), 400, "invalid_grant")
	w.wantCode(w.get(oldest.AccessToken, theEvent), 401, "invalid_token")
	w.refreshed(next.RefreshToken)
}

func TestManyWebhooksThatWaitGiveUpTheFirst(t *testing.T) {
	w, received := newReceived(t)
	w.ok(w.Delay(10_001, time.Minute))
	w.ok(w.Flag(makersCamp, somebody))
	for range 10_000 {
		w.ok(w.Unpublish(makersCamp))
	}
	if got := w.Waiting(); got != 10_000 {
		t.Errorf("%d wait", got)
	}
	w.clock.advance(time.Minute)
	w.flush()
	if len(received.got) != 10_000 || slices.Contains(received.types(t), "application.revision_requested") {
		t.Errorf("sent %d", len(received.got))
	}
	if got := len(w.Sent()); got != 200 {
		t.Errorf("the log has %d lines", got)
	}
}

// A call that two budgets refuse waits for the later one.
func TestOfTwoBudgetsTheLongerWaitIsTold(t *testing.T) {
	w := newWorld(t)
	user := w.signIn(makersCamp, person)
	for call := range revento.UserPerHour {
		if call > 0 && call%revento.UserPerMinute == 0 {
			w.clock.advance(time.Minute)
		}
		w.get(user.AccessToken, "/me/profile")
	}
	w.wantThrottled(w.get(user.AccessToken, "/me/profile"), "3060", revento.UserPerHour)
}

// Between a webhook that is held back and the one that overtakes it time can pass.
func TestAReorderedWebhookGoesAfterTheNextHoweverLateThatIs(t *testing.T) {
	w, received := newReceived(t)
	w.ok(w.Reorder(1))
	w.ok(w.Flag(makersCamp, somebody))
	w.clock.advance(time.Minute)
	w.flush()
	w.ok(w.Approve(makersCamp, somebody))
	w.flush()
	if got := received.types(t); !slices.Equal(got, []string{"application.approved", "application.revision_requested"}) {
		t.Errorf("sent %v", got)
	}
}

// Who stops the sandbox while a webhook is on its way takes none of its attempts.
func TestASendingThatIsCutOffIsNoAttempt(t *testing.T) {
	var stop context.CancelFunc
	w := newWorld(t, func(o *sandbox.Options) {
		o.Send = func(sending context.Context, _ sample.Delivery) (int, error) {
			stop()
			return 0, sending.Err()
		}
	})
	w.SetRules(func(r *sandbox.Rules) { r.WebhookRetries = 0 })
	w.ok(w.Flag(makersCamp, somebody))
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		stop = cancel
		if err := w.Flush(ctx); err == nil || w.Waiting() != 1 {
			t.Errorf("%v, %d wait", err, w.Waiting())
		}
	}
	if sent := w.Sent(); len(sent) != 3 || sent[2].Attempt != 1 {
		t.Errorf("%+v", sent)
	}
}

// A fault that cannot happen at an endpoint waits for one where it can.
func TestAFaultOfTheWholeAPIWaitsForWhereItFits(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	w.ok(w.Break(sandbox.Fault{Kind: sandbox.FaultEmpty, At: sandbox.PlaceAPI, Times: 1}))
	if a := w.get(tokens.AccessToken, theEvent); a.status != http.StatusOK || len(w.Faults()) != 1 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := w.get(tokens.AccessToken, theEvent+"/threads"); a.json["has_more"] != false || len(a.json["data"].([]any)) != 0 {
		t.Errorf("%s", a.body)
	}
	w.ok(w.Break(sandbox.Fault{Kind: sandbox.FaultFail, At: sandbox.PlaceAPI}))
	w.refreshed(tokens.RefreshToken)
	if faults := w.Faults(); len(faults) != 1 || faults[0].Times != 0 {
		t.Errorf("%+v", faults)
	}
}

// What tests of large mirrors need: a list of 10,000 is read to its end, a page after the other.
func TestALongListIsReadPageByPage(t *testing.T) {
	const count = 10_000
	w := newWorld(t, func(o *sandbox.Options) { o.Participants = count })
	token := w.connect(makersCamp).AccessToken
	path, pages := theEvent+"/participants?limit=50", 0
	for cursor := ""; ; pages++ {
		if pages%20 == 0 {
			w.clock.advance(3 * time.Minute)
		}
		if pages%300 == 0 {
			token = w.connect(makersCamp).AccessToken
		}
		a := w.get(token, path+cursor)
		if a.status != http.StatusOK {
			t.Fatalf("page %d: %d %s", pages, a.status, a.body)
		}
		if a.json["has_more"] == false {
			break
		}
		cursor = "&cursor=" + a.json["next_cursor"].(string)
	}
	if pages != count/sandbox.MaxPage-1 {
		t.Errorf("%d pages", pages+1)
	}
}
