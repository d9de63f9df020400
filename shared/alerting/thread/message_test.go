package thread_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/thread"
)

// content is what an event of the story tells.
func content(e handoff.Event, title string) alert.Content {
	return alert.Content{
		Type: e.Envelope.Type, Title: title, Family: "application", Severity: "error", Resolves: e.Resolves, Environment: "test",
		EventID: "evt_1", OrganizationID: "org_1", ResourceID: "app_1", HappenedAt: e.Order.OccurredAt, DeliveryID: e.DeliveryID,
	}
}

func TestWhatRootsAndRepliesHold(t *testing.T) {
	b := newBench(t, nil)
	b.mustWork("flag@1")
	b.mustWork("approve@2")
	flag, approve := event(t, "flag@1"), event(t, "approve@2")
	flagged, approved := content(flag, "Application flagged for revision"), content(approve, "Application approved")
	lateness := time.Hour + 10*time.Second - time.Second
	root := thread.Message{AlertKey: flag.AlertKey, Content: flagged, Lateness: lateness}
	reply := thread.Message{AlertKey: approve.AlertKey, Content: approved, Reply: true, Lateness: lateness + 9*time.Second}
	rootNow := reply
	rootNow.Reply = false
	rootNow.Opened = thread.Opening{Type: flagged.Type, HappenedAt: flagged.HappenedAt}
	for _, check := range []struct {
		name      string
		want, got thread.Message
	}{
		{"the root, as posted", root, b.slack.messages[0].opening},
		{"the reply", reply, b.slack.messages[1].shown},
		{"the root, brought up to date", rootNow, b.slack.messages[0].shown},
	} {
		if diff := cmp.Diff(check.want, check.got); diff != "" {
			t.Errorf("%s: %s", check.name, diff)
		}
	}
}

func TestEachChannelHasAThreadOfItsOwn(t *testing.T) {
	b := newBench(t, nil)
	b.mustWork("flag@1")
	elsewhere := event(t, "submit@2")
	elsewhere.Channel, elsewhere.AlertKey = "C0222", "another"
	if _, err := b.work(elsewhere); err != nil {
		t.Fatal(err)
	}
	wantShown(b, "flag", "submit")
}

func TestEachIncidentHasAThreadOfItsOwn(t *testing.T) {
	b := newBench(t, nil)
	b.mustWork("flag@1")
	other := event(t, "submit@2")
	other.IncidentKey = "another"
	if _, err := b.work(other); err != nil {
		t.Fatal(err)
	}
	wantShown(b, "flag", "submit")
}
