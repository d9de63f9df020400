package sandbox_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/revento/sandbox"
)

// receiver is who gets the webhooks.
type receiver struct {
	got []sample.Delivery
	// answers are the statuses to answer with, 200 once they are used up; 0 is no answer.
	answers []int
}

func (r *receiver) send(_ context.Context, delivery sample.Delivery) (int, error) {
	r.got = append(r.got, delivery)
	status := http.StatusOK
	if len(r.answers) > 0 {
		status, r.answers = r.answers[0], r.answers[1:]
	}
	if status == 0 {
		return 0, errors.New("the line is dead")
	}
	return status, nil
}

func (r *receiver) types(t *testing.T) (types []string) {
	t.Helper()
	for _, delivery := range r.got {
		types = append(types, parse(t, delivery).Type)
	}
	return types
}

func parse(t *testing.T, delivery sample.Delivery) revento.Envelope {
	t.Helper()
	envelope, err := revento.ParseEnvelope(delivery.Body)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

func newReceived(t *testing.T) (*world, *receiver) {
	t.Helper()
	r := &receiver{}
	return newWorld(t, func(o *sandbox.Options) { o.Send = r.send }), r
}

func (w *world) flush() {
	w.Helper()
	w.ok(w.Flush(w.Context()))
}

const somebody = "ptp_sandbox_1_005"

func TestEachChangeSendsItsSignedWebhook(t *testing.T) {
	tests := map[string]struct {
		change   func(*world) error
		resource string
		status   string
	}{
		"application.revision_requested": {func(w *world) error {
			return w.Flag(makersCamp, somebody)
		}, "app_sandbox_1_005", "revision_requested"},
		"application.approved": {func(w *world) error {
			return w.Approve(makersCamp, somebody)
		}, "app_sandbox_1_005", "approved"},
		"application.rejected": {func(w *world) error {
			return w.Review(makersCamp, somebody, sandbox.Rejected)
		}, "app_sandbox_1_005", "rejected"},
		"application.submitted": {func(w *world) error {
			_, err := w.Apply(makersCamp)
			return err
		}, "app_sandbox_1_037", "pending"},
		"participant.registered":      {func(w *world) error { return w.Register(makersCamp, somebody) }, somebody, "registered"},
		"participant.profile_updated": {func(w *world) error { return w.Rename(makersCamp, somebody, "New Name") }, somebody, ""},
		"activity.updated": {func(w *world) error {
			return w.ChangeActivity(makersCamp, "act_sandbox_1_1", "New")
		}, "act_sandbox_1_1", "published"},
		"activity.capacity_state_changed": {func(w *world) error {
			return w.SignUp(makersCamp, "act_sandbox_1_1", 20)
		}, "act_sandbox_1_1", "published"},
		"event.unpublished":      {func(w *world) error { return w.Unpublish(makersCamp) }, makersCamp, ""},
		"data.deletion_required": {func(w *world) error { return w.RequireDeletion(makersCamp, "") }, "", ""},
	}
	for eventType, test := range tests {
		t.Run(eventType, func(t *testing.T) {
			w, received := newReceived(t)
			w.ok(test.change(w))
			w.flush()
			if len(received.got) != 1 {
				t.Fatalf("%d webhooks", len(received.got))
			}
			delivery := received.got[0]
			envelope := parse(t, delivery)
			if envelope.Type != eventType || envelope.EventID != makersCamp || envelope.OrganizationID != "org_sandbox_1" ||
				envelope.ResourceID() != test.resource || revento.Text(envelope.Data["status"]) != test.status ||
				!envelope.OccurredAt.Equal(start) || envelope.ID == "" {
				t.Errorf("%s", delivery.Body)
			}
			wantSigned(t, delivery, start)
		})
	}
}

func wantSigned(t *testing.T, delivery sample.Delivery, at time.Time) {
	t.Helper()
	proof, err := revento.ParseProof(delivery.Header.Get(revento.HeaderTimestamp), delivery.Header.Get(revento.HeaderSignature))
	if err != nil || proof.MatchingSecret([]string{"whsec"}, delivery.Body) != 0 || !proof.SignedAt.Equal(at) {
		t.Errorf("signed %v, %v", proof.SignedAt, err)
	}
	if delivery.Header.Get(revento.HeaderEvent) != parse(t, delivery).Type ||
		!revento.IsDeliveryID(delivery.Header.Get(revento.HeaderDeliveryID)) {
		t.Errorf("headers %v", delivery.Header)
	}
}

// What a review says is in the webhook, in the list and in /me/application, each in the guide's words. (guide: /webhooks/,
// /api/endpoints/)
func TestAReviewShowsEverywhere(t *testing.T) {
	w, received := newReceived(t)
	w.ok(w.Approve(makersCamp, "ptp_sandbox_1_001"))
	w.flush()
	data := parse(t, received.got[0]).Data
	if revento.Text(data["approved_at"]) != "2026-11-25T12:00:00Z" || revento.Text(data["approver_id"]) == "" ||
		revento.Text(data["participant_id"]) != "ptp_sandbox_1_001" || revento.Text(data["user_id"]) != person {
		t.Errorf("%s", received.got[0].Body)
	}
	row := w.all(w.connect(makersCamp).AccessToken, theEvent+"/participants", 50)[0]
	if row["last_review_action"] != "approved" || row["last_reviewed_at"] != "2026-11-25T12:00:00Z" ||
		row["application_status"] != "approved" {
		t.Errorf("%v", row)
	}
	mine := w.get(w.signIn(makersCamp, person).AccessToken, "/me/application").json["data"].([]any)[0].(map[string]any)
	if mine["status"] != "approved" || mine["approved_at"] != "2026-11-25T12:00:00Z" {
		t.Errorf("%v", mine)
	}
}

func TestTheIntegrationsOwnEventHasNullsAndEndsAllTokens(t *testing.T) {
	w, received := newReceived(t)
	tokens := w.connect(makersCamp)
	w.Suspend()
	w.flush()
	envelope := parse(t, received.got[0])
	if envelope.Type != "integration.suspended" || envelope.EventID != "" || envelope.OrganizationID != "" {
		t.Errorf("%s", received.got[0].Body)
	}
	w.wantCode(w.get(tokens.AccessToken, theEvent), 401, "token_revoked")
}

func TestADeletionEndsTheConnection(t *testing.T) {
	w, received := newReceived(t)
	tokens, user, other := w.connect(makersCamp), w.signIn(makersCamp, person), w.connect(games)
	w.ok(w.RequireDeletion(makersCamp, person))
	w.wantCode(w.get(user.AccessToken, "/me/profile"), 401, "token_revoked")
	if got := w.get(tokens.AccessToken, theEvent).status; got != http.StatusOK {
		t.Errorf("the organizer's after a user's: %d", got)
	}
	w.ok(w.RequireDeletion(makersCamp, ""))
	w.wantCode(w.get(tokens.AccessToken, theEvent), 401, "token_revoked")
	if got := w.get(other.AccessToken, "/events/"+games).status; got != http.StatusOK {
		t.Errorf("another event's: %d", got)
	}
	w.flush()
	if got := revento.Text(parse(t, received.got[0]).Data["user_id"]); got != person || len(parse(t, received.got[1]).Data) != 0 {
		t.Errorf("%s, %s", received.got[0].Body, received.got[1].Body)
	}
}

// Revento sends nothing for a participant who cancels, and nothing is known of an event that is published. (guide:
// /patterns/)
func TestSomeChangesSendNothing(t *testing.T) {
	w, received := newReceived(t)
	token := w.connect(makersCamp).AccessToken
	w.ok(w.Cancel(makersCamp, somebody))
	w.ok(w.Hide(makersCamp, "ptp_sandbox_1_006", true))
	w.ok(w.Publish(makersCamp))
	w.ok(w.Move(makersCamp, "ptp_sandbox_1_007", 0))
	w.ok(w.Revoke(games))
	w.flush()
	if len(received.got) != 0 || w.Waiting() != 0 {
		t.Errorf("sent %v", received.types(t))
	}
	rows := w.all(token, theEvent+"/participants", 50)
	if len(rows) != sandbox.DefaultParticipants-2 || rows[0]["id"] != "ptp_sandbox_1_007" {
		t.Errorf("%d rows, first %v", len(rows), rows[0]["id"])
	}
	w.ok(w.Hide(makersCamp, "ptp_sandbox_1_006", false))
	if got := len(w.all(token, theEvent+"/participants", 50)); got != sandbox.DefaultParticipants-1 {
		t.Errorf("shown again: %d rows", got)
	}
}

// A replica that has fallen behind shows the state from before a webhook that has come already.
func TestWhatIsReadCanFallBehindTheWebhooks(t *testing.T) {
	w, received := newReceived(t)
	token, first := w.connect(makersCamp).AccessToken, "ptp_sandbox_1_001"
	statusOf := func() any { return w.all(token, theEvent+"/participants", 50)[0]["application_status"] }
	w.ok(w.Freeze(makersCamp))
	w.ok(w.Flag(makersCamp, first))
	w.flush()
	if len(received.got) != 1 || statusOf() != "approved" {
		t.Errorf("frozen: sent %d, read %v", len(received.got), statusOf())
	}
	w.ok(w.Thaw(makersCamp))
	if statusOf() != "revision_requested" {
		t.Errorf("thawed: read %v", statusOf())
	}
}

func TestAChangeOfWhatIsNotThere(t *testing.T) {
	w, received := newReceived(t)
	for name, err := range map[string]error{
		"event": w.Unpublish("evt_other"), "participant": w.Flag(makersCamp, "ptp_other"),
		"another event's participant": w.Flag(games, somebody), "activity": w.SignUp(makersCamp, "act_other", 1),
	} {
		if !errors.Is(err, sandbox.ErrNotThere) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.Review(makersCamp, somebody, "forgiven"); err == nil {
		t.Error("an unknown action was taken")
	}
	w.flush()
	if len(received.got) != 0 {
		t.Errorf("sent %v", received.types(t))
	}
}

func TestWebhooksOnTheirWay(t *testing.T) {
	const flagged, approved = "application.revision_requested", "application.approved"
	tests := map[string]struct {
		treat        func(*world) error
		first, later []string // sent at once, and in the next half minute
	}{
		"as they are": {func(*world) error { return nil }, []string{flagged, approved, flagged}, nil},
		"lost":        {func(w *world) error { return w.Lose(1) }, []string{approved, flagged}, nil},
		"both lost":   {func(w *world) error { return w.Lose(2) }, []string{flagged}, nil},
		"delayed": {func(w *world) error {
			return w.Delay(1, 30*time.Second)
		}, []string{approved, flagged}, []string{flagged}},
		"repeated":  {func(w *world) error { return w.Repeat(1) }, []string{flagged, flagged, approved, flagged}, nil},
		"reordered": {func(w *world) error { return w.Reorder(1) }, []string{approved, flagged, flagged}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, received := newReceived(t)
			w.ok(test.treat(w))
			w.ok(w.Flag(makersCamp, somebody))
			w.ok(w.Approve(makersCamp, "ptp_sandbox_1_006"))
			w.ok(w.Flag(makersCamp, "ptp_sandbox_1_007"))
			w.flush()
			if got := received.types(t); !slices.Equal(got, test.first) {
				t.Errorf("sent %v, want %v", got, test.first)
			}
			received.got = nil
			w.clock.advance(30*time.Second - 1)
			w.flush()
			if len(received.got) != 0 {
				t.Errorf("too early: %v", received.types(t))
			}
			w.clock.advance(1)
			w.flush()
			if got := received.types(t); !slices.Equal(got, test.later) {
				t.Errorf("sent later %v, want %v", got, test.later)
			}
		})
	}
}

func TestARepeatedWebhookHasOneDeliveryID(t *testing.T) {
	w, received := newReceived(t)
	w.ok(w.Repeat(1))
	w.ok(w.Flag(makersCamp, somebody))
	w.flush()
	first, second := received.got[0].Header.Get(revento.HeaderDeliveryID), received.got[1].Header.Get(revento.HeaderDeliveryID)
	if first != second {
		t.Errorf("%s and %s", first, second)
	}
}

// A delivery that was not acknowledged is sent again with the same delivery id. (guide: /webhooks/events/)
func TestOnly200EndsAWebhook(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		w, received := newReceived(t)
		w.SetRules(func(r *sandbox.Rules) { r.RetriesKeepTheTimestamp = keeps })
		received.answers = []int{503, 204, 0}
		w.ok(w.Flag(makersCamp, somebody))
		for range 10 {
			w.flush()
			w.clock.advance(10 * time.Second)
		}
		if len(received.got) != 4 {
			t.Fatalf("sent %d times", len(received.got))
		}
		for i, delivery := range received.got {
			at := start.Add(time.Duration(i) * 10 * time.Second)
			if keeps {
				at = start
			}
			wantSigned(t, delivery, at)
			if string(delivery.Body) != string(received.got[0].Body) ||
				delivery.Header.Get(revento.HeaderDeliveryID) != received.got[0].Header.Get(revento.HeaderDeliveryID) {
				t.Errorf("attempt %d is another delivery", i+1)
			}
		}
		var statuses []int
		for _, attempt := range w.Sent() {
			statuses = append(statuses, attempt.Status)
		}
		if want := []int{503, 204, 0, 200}; !slices.Equal(statuses, want) {
			t.Errorf("the log says %v, want %v", statuses, want)
		}
	}
}

func TestAWebhookIsGivenUpAfterItsRetries(t *testing.T) {
	w, received := newReceived(t)
	received.answers = slices.Repeat([]int{500}, 20)
	w.ok(w.Flag(makersCamp, somebody))
	for range 10 {
		w.flush()
		w.clock.advance(10 * time.Second)
	}
	if len(received.got) != 4 || w.Waiting() != 0 {
		t.Errorf("sent %d times, %d wait", len(received.got), w.Waiting())
	}
}

func TestMomentsAreAsExactAsTheRuleSays(t *testing.T) {
	for precision, want := range map[string]string{"1s": "2026-11-25T12:00:00Z", "1ms": "2026-11-25T12:00:00.123Z"} {
		w, received := newReceived(t)
		w.ok(w.SetRule("precision", precision))
		w.clock.advance(123456 * time.Microsecond)
		w.ok(w.Approve(makersCamp, somebody))
		w.flush()
		if got := revento.Text(parse(t, received.got[0]).Data["approved_at"]); got != want {
			t.Errorf("%s: %s", precision, got)
		}
	}
}

func TestRunSendsWhatFallsDueAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		received := &receiver{}
		s, err := sandbox.New(sandbox.Options{WebhookSecret: "whsec", Send: received.send})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); s.Run(ctx) }()
		if err := errors.Join(s.Delay(1, 3*time.Hour), s.Flag(makersCamp, somebody), s.Approve(makersCamp, somebody)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := received.types(t); !slices.Equal(got, []string{"application.approved"}) {
			t.Errorf("at once %v", got)
		}
		time.Sleep(2 * time.Hour)
		s.MoveClock(time.Hour)
		synctest.Wait()
		if got := received.types(t); len(got) != 2 {
			t.Errorf("once the clock was moved %v", got)
		}
		cancel()
		<-ended
	})
}

func TestFlushEndsWithItsContext(t *testing.T) {
	w, received := newReceived(t)
	w.ok(w.Flag(makersCamp, somebody))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Flush(ctx); !errors.Is(err, context.Canceled) || len(received.got) != 0 {
		t.Errorf("%v, sent %d", err, len(received.got))
	}
	w.flush()
	if len(received.got) != 1 {
		t.Errorf("then sent %d", len(received.got))
	}
}
