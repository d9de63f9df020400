package serve_test

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/operate/api"
)

// A webhook reaches the mirror of its connection, whatever its route.
func TestWhatAWebhookTellsIsMirrored(t *testing.T) {
	dir := t.TempDir()
	values := map[string]string{"WEBHOOK_SECRETS": "s", "APPLICATION_REVISION_REQUESTED_ROUTE": "off"}
	machine, _ := start(t, dir, values)
	operate(t, dir, values, func(client *api.Client) {
		newOrganizer(t).decides(does[api.Link](t, client, "connections/"+sandboxEvent+"/link").Link, "allow")
		changes(t, machine, dir, map[string]any{"action": "flag", "event_id": sandboxEvent, "participant_id": "ptp_sandbox_1_001"})
		for len(deliveries(t, client)) == 0 {
			<-time.After(10 * time.Millisecond)
		}
		idle(t, machine)
		if got := deliveries(t, client)[0]; got.State != "handed_off" || len(got.Destinations) != 0 {
			t.Errorf("the delivery: %+v", got)
		}
	})
	stop(t, machine)
	engine, err := sqlite.Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	of := record.Connection{EventID: sandboxEvent, OrganizationID: "org_sandbox_1"}
	rows, err := engine.Records.QueryKind(t.Context(), of, record.Row, "")
	if err != nil || len(rows) == 0 {
		t.Errorf("%d rows: %v", len(rows), err)
	}
}

func deliveries(t *testing.T, client *api.Client) []api.Delivery {
	t.Helper()
	var page api.Deliveries
	if err := client.Get(t.Context(), "deliveries", &page); err != nil {
		t.Fatal(err)
	}
	return page.Deliveries
}
