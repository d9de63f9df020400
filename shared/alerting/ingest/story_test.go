package ingest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/revento"
)

// identityOf is the signed identity of a body, and what else it says.
func identityOf(t *testing.T, body string) (revento.Identity, revento.Envelope) {
	t.Helper()
	envelope, err := revento.ParseEnvelope([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return envelope.Identity([]byte(body)), envelope
}

// told expects the entry in the ledger, whoever owned it.
func (b *bench) told(want ingest.Entry) {
	b.Helper()
	got := b.found()
	got.Owner = ""
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("the entry (-want +got):\n%s", diff)
	}
}

func TestTheLedgerTellsWhenADeliveryCameAndWhereItWent(t *testing.T) {
	const pause = 100 * time.Millisecond
	identity, envelope := identityOf(t, revision)
	test(t, func(b *bench) {
		for _, name := range []string{"look", "claim", "send to slack"} {
			b.after[name] = func(context.Context) error { time.Sleep(pause); return nil }
		}
		start := time.Now()
		b.handle(signed(revision))
		b.told(ingest.Entry{
			DeliveryID:  deliveryID,
			State:       ingest.HandedOff,
			Identity:    identity,
			Lease:       lease.Lease{Ends: start.Add(pause + ingest.Lease)},
			Expires:     start.Add(pause + dedupeWindow),
			ReceivedAt:  start,
			ClaimedAt:   start.Add(pause),
			HandedOffAt: start.Add(3 * pause),
			Story: ingest.Story{
				Type:        "application.revision_requested",
				Secret:      1,
				Connection:  record.Connection{EventID: "evt_1", OrganizationID: "org_1"}.Partition(),
				IncidentKey: alert.IncidentKey("prod", envelope, identity),
				OccurredAt:  start.Add(-time.Minute),
				Destinations: []ingest.Destination{
					{Kind: route.PagerDuty, AlertKey: alert.Key("prod", identity, route.Destination{Kind: route.PagerDuty})},
					{Kind: route.Slack, Channel: "C0111",
						AlertKey: alert.Key("prod", identity, route.Destination{Kind: route.Slack, Channel: "C0111"})},
				},
			},
		})
	})
}

func TestTheLedgerTellsOfADeliveryWhoseRouteIsOff(t *testing.T) {
	identity, envelope := identityOf(t, submitted)
	test(t, func(b *bench) {
		start := time.Now()
		b.handle(signed(submitted))
		b.told(ingest.Entry{
			DeliveryID: deliveryID,
			State:      ingest.StateIgnored,
			Identity:   identity,
			Expires:    start.Add(dedupeWindow),
			ReceivedAt: start,
			Story: ingest.Story{
				Type:        "application.submitted",
				Secret:      1,
				Connection:  record.Connection{}.Partition(),
				IncidentKey: alert.IncidentKey("prod", envelope, identity),
				OccurredAt:  start.Add(-time.Minute),
			},
		})
	})
}

func TestTheLedgerTellsWhichSecretMatched(t *testing.T) {
	test(t, func(b *bench) {
		b.vault = `{"secrets": ["whsec_CANARY_new", "` + webhookSecret + `"]}`
		b.handle(signed(revision))
		if got := b.found().Story.Secret; got != 2 {
			b.Errorf("secret %d, want 2", got)
		}
	})
}

func TestTheLedgerHoldsNoIDsAndNoPersonalData(t *testing.T) {
	test(t, func(b *bench) {
		for _, body := range []string{revision, submitted} {
			b.handle(signed(body))
			entry := fmt.Sprintf("%+v", b.found())
			for _, text := range []string{"evt_1", "org_1", "app_1", canary} {
				if strings.Contains(entry, text) {
					b.Errorf("%q is in the entry %s", text, entry)
				}
			}
		}
	})
}

func TestALongTypeIsClippedBetweenCharacters(t *testing.T) {
	for body, want := range map[string]string{
		`{"type":"` + strings.Repeat("x", 128) + `"}`:            strings.Repeat("x", 128),
		`{"type":"` + strings.Repeat("x", 129) + `"}`:            strings.Repeat("x", 128),
		`{"type":"x` + strings.Repeat("é", 100) + `"}`:           "x" + strings.Repeat("é", 63),
		`{"type":"xx` + strings.Repeat("\U0001F600", 100) + `"}`: "xx" + strings.Repeat("\U0001F600", 31),
	} {
		test(t, func(b *bench) {
			b.handle(signed(body))
			if got := b.found().Story.Type; got != want {
				b.Errorf("the type is %q, want %q", got, want)
			}
		})
	}
}

func TestAStoryIsReadAsItWasWritten(t *testing.T) {
	for _, want := range []ingest.Story{
		{},
		{Type: "a.b", Secret: 2, Connection: "c", IncidentKey: "i", OccurredAt: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)},
		{Type: "\"\x00é", Destinations: []ingest.Destination{{Kind: route.Slack, Channel: "C0111", AlertKey: "a"}, {Kind: route.Deletion}}},
	} {
		if diff := cmp.Diff(want, ingest.ParseStory(want.Encode())); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAStoryThatCannotBeReadIsEmpty(t *testing.T) {
	for _, text := range []string{"", "{", "[]", `"text"`, `{"type":"a.b","secret":"two"}`, `{"type":"a.b","destinations":{}}`} {
		if diff := cmp.Diff(ingest.Story{}, ingest.ParseStory(text)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	// What a later version adds is passed over.
	if got := ingest.ParseStory(`{"type":"a.b","colour":"red"}`); got.Type != "a.b" {
		t.Errorf("%+v", got)
	}
}
