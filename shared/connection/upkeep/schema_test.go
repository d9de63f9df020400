package upkeep

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	schema.CheckRecord(t, record.Upkeep, mark{Lease: lease.Lease{Owner: "MESSAGE", Ends: at}, Receives: 2})
	schema.CheckRecord(t, record.Health, vitals{
		EventID: "evt_1", OrganizationID: "org_1", Life: "2026-05-09T12:00:00.000000000Z", Due: at,
		Health: health.State{
			Life: "GRANT-1", Grant: "GRANT-2", Status: health.Error, Since: at, Reason: "http_503", ObservedAt: at, Observed: 9, Bad: 3, Good: 1,
			OnlyLimited: true, BadSince: at, BadAt: at, Told: health.Flapping, Changes: []time.Time{at}, Flapping: true, Steady: 2,
			Warned: map[health.Limit]health.Warned{health.OneYear: {Ends: at, Days: 30}}, Number: 4,
			Outbox: []health.Notice{{
				Number: 4, Status: health.Error, Reason: "http_503", At: at, BadSince: at,
				Warning: &health.Warning{Grant: "GRANT-2", Limit: health.OneYear, Ends: at, Days: 30},
			}},
		},
	})
	schema.CheckRecord(t, record.Watch, watch{
		TickedAt: at, Since: at, LookedAt: at, All: 10, CountedAt: at,
		Outage:  health.Outage{Round: 2, Open: true, From: at, BeganAt: at, EndedAt: at, Bad: 6, All: 10},
		Silence: health.Silence{Number: 1, Open: true, At: at, Silent: 3},
		Client:  health.Client{Number: 1, Refused: true, At: at, RefusedAt: at},
		Refused: record.Connection{EventID: "evt_1", OrganizationID: "org_1"},
		Outbox: []handoff.Own{{
			Type: "revento.unreachable", Connection: record.Connection{EventID: "evt_1", OrganizationID: "org_1"}, Identity: []string{"2"},
			ResourceID: "revento", Number: 3, OccurredAt: at, Consented: at, Fields: map[string]string{"status": "unreachable"}, Ends: true,
		}},
	})
}

func TestOnlyKnownMessagesAreRead(t *testing.T) {
	for text, want := range map[string]bool{
		`{"schema":1,"sync":{"event_id":"evt_1","organization_id":"org_1","mark":"M"}}`:             true,
		`{"schema":1,"tell":{"at":"2026-05-09T12:00:00Z","event_id":"evt_1","organization_id":""}}`: true,
		`{"schema":1,"tell":{"at":"2026-05-09T12:00:00Z","tick":true,"silent":2}}`:                  true,
		`{"schema":2,"sync":{}}`: false, `{"schema":0,"sync":{}}`: false, `{"schema":1}`: false, `{"schema":1,"sync":{},"tell":{}}`: false, `[]`: false, ``: false,
	} {
		if _, err := decode(text); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
