package mirror_test

import (
	"encoding/json"
	"testing"
	"time"

	"revento-alerts/shared/connection/mirror"
)

// Whatever a document holds, it is applied or counted, what is kept of it is read again as JSON, and a later list heals it.
func FuzzADocumentOfAnyForm(f *testing.F) {
	for _, document := range []string{
		`{"id":"ptp_1","user_id":"usr_1","application_status":"approved"}`, `{"id":7,"participant_id":1e400,"status":[]}`, `{}`, `null`, `[]`, `7`, ``, `{`,
		`{"participant_id":"\u0000\ud800","status":"approved"}`, `{"id":"","ID":"x","id":"twice"}`, `{"activity_id":{"id":1},"id":"act_1"}`,
		`{"id":"evt_1","name":"\u202e","publish_status":true,"start_date":20260101}`,
	} {
		for kind := range uint8(5) {
			f.Add(kind, []byte(document))
		}
	}
	types := []string{"application.approved", "participant.registered", mirror.TypeCapacity, "event.unpublished", "thread.made"}
	things := []mirror.Thing{mirror.Participant, mirror.Program, mirror.Activity, mirror.Event, mirror.Thread}
	f.Fuzz(func(t *testing.T, kind uint8, document []byte) {
		b := newBench(t)
		eventType, thing := types[int(kind)%len(types)], things[int(kind)%len(things)]
		w := mirror.Webhook{Connection: summit, Type: eventType, OccurredAt: start, ArrivedAt: start}
		_ = json.Unmarshal(document, &w.Data) // what is no object has no fields
		outcome, err := b.mirror.Hear(t.Context(), w)
		if err != nil || outcome != mirror.Applied && outcome != mirror.Unidentified && outcome != mirror.Older {
			t.Errorf("heard: %s, %v", outcome, err)
		}
		counts := b.read(page(1, thing, start.Add(time.Hour), string(document)))
		if counts.Rows+counts.Unidentified != 1 {
			t.Errorf("read: %+v", counts)
		}
		present := 0
		for _, thing := range things {
			for _, row := range b.rows(thing) {
				present++
				for part, opened := range row.Parts {
					if !json.Valid(opened.Document) {
						t.Errorf("%s is %s", part, opened.Document)
					}
				}
			}
		}
		if counts.Rows == 1 && present == 0 {
			t.Error("what was read is not there")
		}
		if summary := b.summary(); summary.Total() > 2 {
			t.Errorf("%+v", summary)
		}
	})
}
