package ingest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	classified "revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/revento"
)

var ownRoutes = map[string]string{
	revento.TypeConnectionBroken: "pagerduty:error,slack", revento.TypeConnectionRestored: "resolve",
	revento.TypeReventoUnreachable: "pagerduty:error,slack,digest",
}

func broken() handoff.Own {
	return handoff.Own{
		Type: revento.TypeConnectionBroken, Connection: record.Connection{EventID: "evt_1", OrganizationID: "org_1"},
		Identity: []string{"life", "7"}, ResourceID: "evt_1", Number: 7, OccurredAt: time.Now().Add(-time.Minute),
		Fields: map[string]string{"status": "revoked"},
	}
}

// testOwn is test with routes for types of our own. Its ingest has what Deliver needs and no more.
func testOwn(t *testing.T, f func(b *bench)) {
	test(t, func(b *bench) {
		b.Routes = table(t, ownRoutes)
		b.Secrets, b.Replays, b.Refusals = nil, nil, nil
		f(b)
	})
}

// received are the messages of a queue.
func (b *bench) received(name queue.Name) []handoff.Message {
	b.Helper()
	var messages []handoff.Message
	for {
		received, ok, err := b.queues.Receive(b.Context(), name, time.Hour)
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			return messages
		}
		message, err := handoff.Decode(received.Body)
		if err != nil {
			b.Fatal(err)
		}
		messages = append(messages, message)
	}
}

func TestADeliveryOfOurOwnTakesAWebhooksWay(t *testing.T) {
	testOwn(t, func(b *bench) {
		own := broken()
		if err := b.Deliver(b.Context(), own); err != nil {
			t.Fatal(err)
		}
		pages := b.received(queue.PagerDuty)
		if len(pages) != 1 || len(b.received(queue.Slack)) != 1 {
			t.Fatalf("pages: %+v", pages)
		}
		event, err := pages[0].Open()
		if err != nil {
			t.Fatal(err)
		}
		if event.Order.Number != 7 || !event.Order.OccurredAt.Equal(own.OccurredAt) || event.Connection != own.Connection ||
			event.Envelope.ResourceID() != "evt_1" || event.DeliveryID != own.DeliveryID() {
			t.Errorf("the event: %+v", event)
		}
		entry, err := b.ledger.Find(b.Context(), own.DeliveryID(), time.Now())
		if err != nil || entry.State != ingest.HandedOff || entry.Story.Type != own.Type || entry.Story.Secret != 0 ||
			entry.Story.Connection != own.Connection.Partition() || len(entry.Story.Destinations) != 2 {
			t.Errorf("the ledger has %+v: %v", entry, err)
		}
	})
}

func TestADeliveryOfOurOwnIsHandedOffOnce(t *testing.T) {
	testOwn(t, func(b *bench) {
		for range 3 {
			if err := b.Deliver(b.Context(), broken()); err != nil {
				t.Fatal(err)
			}
		}
		if got := b.queued(); got[queue.PagerDuty] != 1 || got[queue.Slack] != 1 {
			t.Errorf("queued: %v", got)
		}
	})
}

func TestADeliveryOfOurOwnThatFailedIsToBeDeliveredAgain(t *testing.T) {
	for _, name := range []string{"claim", "send to slack", "send to pagerduty"} {
		testOwn(t, func(b *bench) {
			b.before[name] = fail(errors.New("down"))
			if err := b.Deliver(b.Context(), broken()); !classified.Has(err, classified.Transient) {
				t.Errorf("%s: %v", name, err)
			}
			delete(b.before, name)
			if err := b.Deliver(b.Context(), broken()); err != nil {
				t.Errorf("%s: again: %v", name, err)
			}
			got := b.queued() // SQS drops what is sent twice; what it does not, the worker does
			if got[queue.Slack] != 1 || got[queue.PagerDuty] != 1 {
				t.Errorf("%s: queued %v", name, got)
			}
		})
	}
}

func TestWhatAnotherHandsOffIsWaitedFor(t *testing.T) {
	testOwn(t, func(b *bench) {
		own, now := broken(), time.Now()
		claim := ingest.Claim{
			DeliveryID: own.DeliveryID(), Lease: lease.Take("another", now, ingest.Lease), Identity: own.SignedIdentity(), Now: now,
			Expires: now.Add(time.Hour),
		}
		if _, err := b.ledger.Claim(b.Context(), claim); err != nil {
			t.Fatal(err)
		}
		err := b.Deliver(b.Context(), own)
		if !classified.Has(err, classified.Transient) || classified.Of(err).RetryAfter != ingest.Lease {
			t.Errorf("%v", err)
		}
	})
}

func TestTheEndOfSomethingResolvesWhereItsBeginningWasTold(t *testing.T) {
	testOwn(t, func(b *bench) {
		own := handoff.Own{Type: revento.TypeReventoUnreachable, Identity: []string{"3", "ended"}, ResourceID: "revento", Number: 6, OccurredAt: time.Now(), Ends: true}
		if err := b.Deliver(b.Context(), own); err != nil {
			t.Fatal(err)
		}
		for _, name := range []queue.Name{queue.PagerDuty, queue.Slack} {
			if got := b.received(name); len(got) != 1 || !got[0].Resolves {
				t.Errorf("%s: %+v", name, got)
			}
		}
		if got := b.received(queue.Digest); len(got) != 0 {
			t.Errorf("a digest is told: %+v", got)
		}
	})
}

func TestADeliveryOfOurOwnWhoseRouteIsOffIsFoundAsIgnored(t *testing.T) {
	testOwn(t, func(b *bench) {
		own := broken()
		own.Type = revento.TypeConnectionExpiring
		if err := b.Deliver(b.Context(), own); err != nil {
			t.Fatal(err)
		}
		entry, err := b.ledger.Find(b.Context(), own.DeliveryID(), time.Now())
		if err != nil || entry.State != ingest.StateIgnored || len(b.queued()) != 0 {
			t.Errorf("%+v: %v", entry, err)
		}
	})
}

// Each webhook that is found missing is counted, also where its route is off, and once where it is handed off.
func TestAMissedWebhookIsCounted(t *testing.T) {
	for name, test := range map[string]struct {
		eventType, foundBy string
		times, want        int
	}{
		"handed off, and delivered again": {revento.TypeConnectionBroken, handoff.Reconcile, 2, 1},
		"its route is off":                {revento.TypeConnectionExpiring, handoff.Reconcile, 1, 1},
		"no webhook tells such a thing":   {revento.TypeConnectionBroken, "", 1, 0},
	} {
		testOwn(t, func(b *bench) {
			own := broken()
			own.Type, own.FoundBy = test.eventType, test.foundBy
			for range test.times {
				if err := b.Deliver(b.Context(), own); err != nil {
					t.Fatal(err)
				}
			}
			if counted := strings.Count(b.log.String(), `"`+ingest.MetricMissedWebhook+`":1`); counted != test.want {
				t.Errorf("%s: counted %d times, want %d", name, counted, test.want)
			}
			entry, err := b.ledger.Find(b.Context(), own.DeliveryID(), time.Now())
			if err != nil || entry.Story.FoundBy != test.foundBy {
				t.Errorf("%s: the ledger has %+v: %v", name, entry.Story, err)
			}
		})
	}
}

// Nobody outside makes this program say that a connection is broken, or whole: not even with the webhook's secret.
func TestATypeOfOurOwnThatComesFromOutsideIsIgnored(t *testing.T) {
	for _, own := range revento.OwnTypes {
		test(t, func(b *bench) {
			b.Routes = table(t, map[string]string{own: "slack", "*": "slack"})
			reply := b.handle(signed(`{"type":"` + own + `","event_id":"evt_1","organization_id":"org_1","data":{"id":"evt_1"}}`))
			if reply.Status != ingest.Ignored || reply.Status.Code() != 200 || len(b.queued()) != 0 {
				t.Errorf("%s is answered %s", own, reply.Status)
			}
			if b.found().State != ingest.StateIgnored || !strings.Contains(b.log.String(), ingest.MetricOwnTypeFromOutside) {
				t.Errorf("%s: the log: %s", own, b.log.String())
			}
		})
	}
}

func TestTwoOfOurOwnAreOneOnlyWhereAllOfTheirIdentityIs(t *testing.T) {
	seen := map[string]string{}
	for name, change := range map[string]func(*handoff.Own){
		"as it is":             func(*handoff.Own) {},
		"another type":         func(o *handoff.Own) { o.Type = revento.TypeConnectionRestored },
		"another event":        func(o *handoff.Own) { o.Connection.EventID = "evt_2" },
		"another organization": func(o *handoff.Own) { o.Connection.OrganizationID = "org_2" },
		"another number":       func(o *handoff.Own) { o.Identity = []string{"life", "8"} },
		"another life":         func(o *handoff.Own) { o.Identity = []string{"life2", "7"} },
	} {
		own := broken()
		change(&own)
		id := own.DeliveryID()
		if other, known := seen[id]; known || !revento.IsDeliveryID(id) {
			t.Errorf("%s is the same as %s: %s", name, other, id)
		}
		seen[id] = name
	}
	later := broken()
	later.OccurredAt, later.Fields, later.Number = time.Now(), nil, 0
	if seen[later.DeliveryID()] != "as it is" {
		t.Error("when and what it says makes it another")
	}
}
