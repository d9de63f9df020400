package workers_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
)

// ours is the samples' connection.
var ours = record.Connection{EventID: "evt_sample_1", OrganizationID: "org_sample_1"}

const revision, submitted, deletionRequest = "application.revision_requested", "application.submitted", "data.deletion_required"

func TestEveryQueueHasOneWorker(t *testing.T) {
	onEngines(t, nil, func(b *bench) {
		var got []queue.Name
		for _, name := range queue.Names {
			if b.workers[name] != nil {
				got = append(got, b.workers[name].Queue)
			}
		}
		if want := queue.There(false); !slices.Equal(got, want) { // serve adds those of what asks Revento
			b.Errorf("there are workers for %v, want %v", got, want)
		}
	})
}

// An alert is tried for as long as the setting says; a digest or a deletion for far longer, and no alert for so long.
func TestHowLongTheMessagesOfEachQueueAreTried(t *testing.T) {
	onEngines(t, map[string]string{"MAX_ALERT_AGE": "7h"}, func(b *bench) {
		got := map[queue.Name]time.Duration{}
		for name, w := range b.workers {
			got[name] = w.MaxAge
		}
		const alerts, others = 7 * time.Hour, 96 * time.Hour
		want := map[queue.Name]time.Duration{
			queue.Slack: alerts, queue.PagerDuty: alerts, queue.Digest: others, queue.Deletion: others, queue.Purge: others,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			b.Errorf("maximum ages (-want +got):\n%s", diff)
		}
	})
}

func TestAnEventIsToldWhereItsRouteSays(t *testing.T) {
	onEngines(t, nil, func(b *bench) {
		b.happens(revision, time.Minute, sample.Change{})
		if len(b.slack.posted) != 1 || len(b.pager.pages) != 1 {
			b.Errorf("%d posts and %d pages", len(b.slack.posted), len(b.pager.pages))
		}
		b.happens(submitted, time.Minute, sample.Change{ResourceID: "app_2"})
		if len(b.slack.posted) != 1 {
			b.Error("what is for the digest is told at once")
		}
		b.mustSend(queue.Digest, digest.RunMessage(b.clock.Now()))
		if len(b.slack.posted) != 2 {
			b.Errorf("%d posts after the digest", len(b.slack.posted))
		}
	})
}

// The whole way of a deletion: the stop, the date, the purge, the scrub, and what the operator sees of it.
func TestADeletionIsScheduledFiredPurgedAndScrubbed(t *testing.T) {
	variables := map[string]string{"DELETION_GRACE_DAYS": "7", "DELETE_SLACK_MESSAGES": "true"}
	onEngines(t, variables, func(b *bench) {
		b.happens(revision, time.Minute, sample.Change{})
		b.happens(submitted, time.Minute, sample.Change{ResourceID: "app_2"})
		b.happens(deletionRequest, time.Second, sample.Change{})
		b.wantCase(deletion.Scheduled)
		b.pass(7*24*time.Hour - time.Minute)
		b.wantCase(deletion.Scheduled)
		if b.scrubs > 0 {
			b.Error("scrubbed before the purge")
		}
		b.pass(2 * time.Minute)
		b.wantCase(deletion.Finished)
		if b.scrubs != 1 {
			b.Errorf("scrubbed %d times, want once", b.scrubs)
		}
		if len(b.slack.deleted) != 1 {
			b.Errorf("%d messages are deleted in Slack, want 1", len(b.slack.deleted))
		}
		if left, err := b.Records.Query(b.Context(), ours, ""); len(left) > 0 || err != nil {
			b.Errorf("%d records are left: %v", len(left), err)
		}
	})
}

// The tokens of a connection go when its deletion is asked for, and not with the purge days later.
func TestADeletionErasesItsConnectionsTokensAtOnce(t *testing.T) {
	variables := map[string]string{
		"REVENTO_CLIENT_ID": "client_1", "REVENTO_AUTH_URL": "https://auth.revento.example", "REVENTO_API_URL": "https://api.revento.example/api/v1",
	}
	onEngines(t, variables, func(b *bench) {
		b.connect()
		b.happens(deletionRequest, time.Second, sample.Change{})
		b.wantCase(deletion.Scheduled)
		standing, err := b.keeper().Standing(b.Context(), ours)
		if err != nil || standing.State != connection.Ended {
			b.Errorf("the tokens are %s (%v)", standing.State, err)
		}
	})
}

// connect has an organizer consent, a minute ago.
func (b *bench) connect() {
	b.Helper()
	keeper, at := b.keeper(), b.clock.Now().Add(-time.Minute)
	lives := life.Lives{Registry: &connection.Registry{Records: b.Records, Deletions: b.Deletions}, Tokens: keeper, Client: "client_1", Now: b.clock.Now}
	given := consent.Given{EventID: ours.EventID, OrganizationID: ours.OrganizationID, Scope: "event.read", At: at}
	granted := revento.Tokens{
		Access: secret.Hide("access"), Refresh: secret.Hide("refresh"), AccessLife: time.Hour, RefreshLife: 24 * time.Hour, Scope: "event.read",
		EventID: ours.EventID, OrganizationID: ours.OrganizationID,
	}
	if err := lives.Connect(b.Context(), given, granted); err != nil {
		b.Fatal(err)
	}
}

// keeper keeps tokens under keys of the test's own.
func (b *bench) keeper() *grant.Keeper {
	ring := secret.NewHolder(secret.Static(strings.Repeat("k", 43)), seal.Parse, time.Hour, b.clock.Now)
	return &grant.Keeper{Records: b.Records, Deletions: b.Deletions, Rings: ring, Now: b.clock.Now}
}

func TestSlackMessagesStayWhereTheSettingDoesNotSayThatTheyGo(t *testing.T) {
	onEngines(t, map[string]string{"DELETION_GRACE_DAYS": "0"}, func(b *bench) {
		b.happens(revision, time.Minute, sample.Change{})
		b.happens(deletionRequest, time.Second, sample.Change{})
		b.wantCase(deletion.Finished)
		if len(b.slack.deleted) > 0 {
			b.Errorf("%d messages are deleted", len(b.slack.deleted))
		}
	})
}

// Of a connection that was stopped nobody hears anything, by an alert, a page or a digest, and nothing of it is kept.
func TestWhatADeletionStoppedReachesNobody(t *testing.T) {
	for _, eventType := range []string{revision, submitted} {
		t.Run(eventType, func(t *testing.T) {
			onEngines(t, map[string]string{"DELETION_GRACE_DAYS": "0"}, func(b *bench) {
				b.happens(deletionRequest, time.Second, sample.Change{})
				b.wantCase(deletion.Finished)
				posted, paged := len(b.slack.posted), len(b.pager.pages)
				b.happens(eventType, time.Minute, sample.Change{})
				b.mustSend(queue.Digest, digest.RunMessage(b.clock.Now()))
				if len(b.slack.posted) != posted || len(b.pager.pages) != paged {
					b.Errorf("it is told: %v, and %d pages", b.slack.posted[posted:], len(b.pager.pages)-paged)
				}
				if left, err := b.Records.Query(b.Context(), ours, ""); len(left) > 0 || err != nil {
					b.Errorf("%d records are kept: %v", len(left), err)
				}
				if !strings.Contains(b.log.String(), `"outcome":"deleted"`) {
					b.Error("no worker says that it stopped it")
				}
			})
		})
	}
}

func TestADigestTellsNothingOfAConnectionThatWasStoppedMeanwhile(t *testing.T) {
	onEngines(t, map[string]string{"DELETION_GRACE_DAYS": "7"}, func(b *bench) {
		b.happens(submitted, time.Minute, sample.Change{})
		b.happens(deletionRequest, time.Second, sample.Change{})
		posted := len(b.slack.posted)
		b.mustSend(queue.Digest, digest.RunMessage(b.clock.Now()))
		if len(b.slack.posted) != posted {
			b.Errorf("it is told: %v", b.slack.posted[posted:])
		}
	})
}

// A later event is news of a connection that is back: every gate says so, whichever the first worker is.
func TestAConnectionThatIsBackIsAnnounced(t *testing.T) {
	for _, route := range []string{"slack", "pagerduty:error", "digest"} {
		t.Run(route, func(t *testing.T) {
			onEngines(t, map[string]string{"DELETION_GRACE_DAYS": "0", "EVENT_UNPUBLISHED_ROUTE": route}, func(b *bench) {
				b.happens(deletionRequest, time.Second, sample.Change{})
				posted := len(b.slack.posted)
				b.clock.Advance(time.Hour)
				b.happens("event.unpublished", time.Minute, sample.Change{})
				announced := slices.ContainsFunc(b.slack.posted[posted:], func(title string) bool { return strings.Contains(title, "back") })
				if !announced {
					b.Errorf("posted: %v", b.slack.posted[posted:])
				}
			})
		})
	}
}

// The sweep starts again what is overdue, whatever became of its message.
func TestTheSweepHurriesAPurgeWhoseScheduleWasLost(t *testing.T) {
	onEngines(t, map[string]string{"DELETION_GRACE_DAYS": "1"}, func(b *bench) {
		b.happens(deletionRequest, time.Second, sample.Change{})
		b.clock.Advance(27 * time.Hour) // and nothing fires
		b.mustSend(queue.Deletion, deletion.SweepMessage())
		b.wantCase(deletion.Finished)
	})
}

func (b *bench) mustSend(name queue.Name, message queue.Message) {
	b.Helper()
	if err := b.Queues.Send(b.Context(), name, message); err != nil {
		b.Fatal(err)
	}
	b.workOff()
}

// pass lets time pass, and what is due be fired.
func (b *bench) pass(d time.Duration) {
	b.Helper()
	b.clock.Advance(d)
	if err := b.fire(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.workOff()
}

func (b *bench) wantCase(want deletion.State) {
	b.Helper()
	if cases := b.cases(); len(cases) != 1 || cases[0].State != want {
		b.Fatalf("the deletions are %+v, want one that is %s\n%s", cases, want, &b.log)
	}
}
