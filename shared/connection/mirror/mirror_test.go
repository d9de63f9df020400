package mirror_test

import (
	"testing"
	"time"

	"revento-alerts/shared/connection/mirror"
)

func TestAPassAndAWebhookMakeRowsThatAreCounted(t *testing.T) {
	b := newBench(t)
	counts := b.read(page(1, mirror.Participant, start,
		`{"id":"ptp_1","user_id":"usr_1","display_name":"Ada","application_status":"pending","future":{"kept":true}}`,
		`{"id":"ptp_2","application_status":"approved","status":"registered"}`))
	if counts != (mirror.PageCounts{Rows: 2, New: 2, Changed: 2}) {
		t.Errorf("%+v", counts)
	}
	outcome := b.hear("application.approved", start.Add(time.Hour), `{"id":"app_1","participant_id":"ptp_1","status":"approved"}`)
	row := b.row(mirror.Participant, "ptp_1")
	if outcome != mirror.Applied || row.Status() != "approved" || row.ApplicationID != "app_1" || row.UserID != "usr_1" || row.Name != "Ada" {
		t.Errorf("%s: %+v", outcome, row)
	}
	summary := b.summary()
	if summary.Present != 2 || summary.ByStatus["approved"] != 1 || summary.ByStatus["registered"] != 1 || len(summary.ByStatus) != 2 {
		t.Errorf("%+v", summary)
	}
	if rows := b.rows(mirror.Participant); len(rows) != 2 {
		t.Errorf("%d rows", len(rows))
	}
}
