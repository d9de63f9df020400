package mirror_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/connection/mirror"
)

const flagged = "application.revision_requested"

// partOf is a part's document, as a map.
func partOf(t *testing.T, row mirror.Row, part mirror.Part) (fields map[string]any) {
	t.Helper()
	if document := row.Parts[part].Document; document != nil {
		if err := json.Unmarshal(document, &fields); err != nil {
			t.Fatal(err)
		}
	}
	return fields
}

func TestUnknownFieldsAreKeptAndMissingOnesTolerated(t *testing.T) {
	b := newBench(t)
	b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","future":{"deep":[1,null]},"user_id":"usr_1","display_name":"Ada","application_status":"pending"}`))
	b.hear("participant.profile_updated", start.Add(time.Hour), `{"id":"ptp_1","other":true}`)
	row := b.row(mirror.Participant, "ptp_1")
	if diff := cmp.Diff(map[string]any{"id": "ptp_1", "other": true}, partOf(t, row, mirror.ParticipantPart)); diff != "" {
		t.Errorf("the document is not the webhook's:\n%s", diff)
	}
	if row.UserID != "usr_1" || row.Name != "Ada" || row.Status() != "pending" {
		t.Errorf("what the webhook leaves out is not known any more: %+v", row)
	}
	b.read(page(2, mirror.Participant, start.Add(3*time.Hour), `{"id":"ptp_1","future":{"deep":[1,null]}}`))
	want := map[string]any{"id": "ptp_1", "future": map[string]any{"deep": []any{1.0, nil}}}
	if diff := cmp.Diff(want, partOf(t, b.row(mirror.Participant, "ptp_1"), mirror.ParticipantPart)); diff != "" {
		t.Errorf("the document is not the list's:\n%s", diff)
	}
}

// An application's document and a participant's are merged apart, and the status is of the newer one.
func TestAParticipantsPartsAreMergedApart(t *testing.T) {
	b := newBench(t)
	b.hear("application.submitted", start, `{"id":"app_1","participant_id":"ptp_1","user_id":"usr_1","status":"pending","custom_form_fields":{"track":"Making"}}`)
	b.read(page(1, mirror.Participant, start.Add(time.Hour), `{"id":"ptp_1","display_name":"Ada","application_status":"approved"}`))
	row := b.row(mirror.Participant, "ptp_1")
	if row.Status() != "approved" || row.ApplicationID != "app_1" || row.UserID != "usr_1" || row.Name != "Ada" || len(row.Parts) != 2 {
		t.Errorf("%+v", row)
	}
	if form := partOf(t, row, mirror.ApplicationPart)["custom_form_fields"]; form == nil {
		t.Error("the application's document is gone")
	}
	if b.hear("application.rejected", start.Add(30*time.Minute), `{"id":"app_1","participant_id":"ptp_1","status":"rejected"}`); b.row(mirror.Participant, "ptp_1").Status() != "approved" {
		t.Error("a status from before the list stands")
	}
	want := mirror.Turn{From: "pending", To: "approved", Stamp: mirror.Stamp{
		AsOf: start.Add(time.Hour), At: start.Add(time.Hour), Source: mirror.ByList, Pass: 1,
	}}
	if diff := cmp.Diff(want, b.row(mirror.Participant, "ptp_1").Turned); diff != "" {
		t.Errorf("how the status turned (-want +got):\n%s", diff)
	}
}

func TestARegistrationCountsWhileTheApplicationIsApproved(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		do         func(b *bench)
	}{
		{"a list that names it", "registered", func(b *bench) {
			b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","application_status":"approved","status":"registered"}`))
		}},
		{"a webhook that does not name it", "registered", func(b *bench) {
			b.hear("participant.registered", start, `{"id":"ptp_1"}`)
		}},
		{"a list of another moment that does not name it", "registered", func(b *bench) {
			b.hear("participant.registered", start, `{"id":"ptp_1"}`)
			b.read(page(1, mirror.Participant, start.Add(time.Hour), `{"id":"ptp_1","application_status":"approved"}`))
		}},
		{"a later list that says that there is none", "approved", func(b *bench) {
			b.hear("participant.registered", start, `{"id":"ptp_1"}`)
			b.read(page(1, mirror.Participant, start.Add(time.Hour), `{"id":"ptp_1","application_status":"approved","status":null}`))
		}},
		{"an application that is rejected after all", "rejected", func(b *bench) {
			b.hear("participant.registered", start, `{"id":"ptp_1","application_status":"approved"}`)
			b.hear("application.rejected", start.Add(time.Hour), `{"participant_id":"ptp_1","status":"rejected"}`)
		}},
		{"a status that is none of Revento's", "", func(b *bench) {
			b.hear("application.approved", start, `{"participant_id":"ptp_1","status":"Ada Lovelace"}`)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			tt.do(b)
			if got := b.row(mirror.Participant, "ptp_1").Status(); got != tt.want {
				t.Errorf("it counts as %q, want %q", got, tt.want)
			}
			if got := b.summary().ByStatus; len(got) != 1 || got[tt.want] != 1 {
				t.Errorf("the summary counts %v", got)
			}
		})
	}
}

// In the grey zone the webhook stands, and is verified by the next list: that was asked for after the mark, however soon.
func TestAMarkedRowTakesTheStateOfTheNextList(t *testing.T) {
	b := newBench(t)
	b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","application_status":"approved"}`))
	b.now = start.Add(10 * time.Second)
	b.hear(flagged, start.Add(-time.Minute), `{"id":"app_1","participant_id":"ptp_1","status":"revision_requested"}`)
	if row := b.row(mirror.Participant, "ptp_1"); row.Status() != "revision_requested" || !row.IsMarked() {
		t.Errorf("within the margin: %+v", row)
	}
	b.read(page(2, mirror.Participant, start.Add(11*time.Second), `{"id":"ptp_1","application_status":"approved"}`))
	if row := b.row(mirror.Participant, "ptp_1"); row.Status() != "approved" || row.IsMarked() {
		t.Errorf("after the next list: %+v", row)
	}
}

// No list shows an application's document, but its status tells.
func TestTwoApplicationWebhooksOfOneSecondAreVerifiedByTheNextList(t *testing.T) {
	b := newBench(t)
	b.hearAt("application.approved", start, start.Add(time.Second), `{"id":"app_1","participant_id":"ptp_1","status":"approved"}`)
	b.now = start.Add(2 * time.Second)
	b.hearAt(flagged, start, start.Add(2*time.Second), `{"id":"app_1","participant_id":"ptp_1","status":"revision_requested"}`)
	if row := b.row(mirror.Participant, "ptp_1"); row.Status() != "revision_requested" || !row.IsMarked() {
		t.Errorf("the later arrival, marked: %+v", row)
	}
	b.read(page(1, mirror.Participant, start.Add(3*time.Second), `{"id":"ptp_1","application_status":"approved"}`))
	if row := b.row(mirror.Participant, "ptp_1"); row.Status() != "approved" || row.IsMarked() {
		t.Errorf("after the next list: %+v", row)
	}
}

func TestAStateReplacesAnActivitysStateAndNotTheActivity(t *testing.T) {
	b := newBench(t)
	b.read(page(1, mirror.Activity, start, `{"id":"act_1","name":"Canoes","capacity":10,"signup_count":3}`))
	for i, state := range []string{`{"activity_id":"act_1","signup_count":9,"waiting":[1]}`, `{"id":"act_1","signup_count":10}`} {
		b.hear(mirror.TypeCapacity, start.Add(time.Duration(i+1)*time.Hour), state)
	}
	row := b.row(mirror.Activity, "act_1")
	if diff := cmp.Diff(map[string]any{"id": "act_1", "signup_count": 10.0}, partOf(t, row, mirror.CapacityPart)); diff != "" {
		t.Errorf("the state (-want +got):\n%s", diff)
	}
	if row.Name != "Canoes" || partOf(t, row, mirror.Part(mirror.Activity))["name"] != "Canoes" {
		t.Errorf("the activity is %+v", row)
	}
	if got := b.hear(mirror.TypeCapacity, start.Add(time.Minute), `{"id":"act_1","signup_count":4}`); got != mirror.Older {
		t.Errorf("an older state is %s", got)
	}
	b.hear("activity.updated", start.Add(3*time.Hour), `{"id":"act_1","name":"Kayaks"}`)
	if row := b.row(mirror.Activity, "act_1"); row.Name != "Kayaks" || partOf(t, row, mirror.CapacityPart) == nil {
		t.Errorf("the activity is %+v", row)
	}
}

func TestEachThingIsARow(t *testing.T) {
	b := newBench(t)
	for _, thing := range []mirror.Thing{mirror.Activity, mirror.Thread, mirror.Location, mirror.Wave} {
		b.read(page(1, thing, start, `{"id":"x_1","name":"First"}`, `{"id":"x_2","title":"Second"}`))
		if row := b.row(thing, "x_2"); row.Name != "Second" || len(b.rows(thing)) != 2 {
			t.Errorf("%s: %+v", thing, row)
		}
	}
	for eventType, thing := range map[string]mirror.Thing{"thread.renamed": mirror.Thread, "location.updated": mirror.Location, "activity.updated": mirror.Activity} {
		b.hear(eventType, start.Add(time.Hour), `{"id":"x_3","name":"Third"}`)
		if row := b.row(thing, "x_3"); row.Name != "Third" || len(b.rows(thing)) != 3 {
			t.Errorf("%s: %+v", thing, row)
		}
	}
	if summary := b.summary(); summary.Total() != 0 || len(summary.ByStatus) != 0 {
		t.Errorf("they count as participants: %+v", summary)
	}
}

// It is not known whether an entry of the program has an id: what has none is the document itself.
func TestAnEntryOfTheProgramNeedsNoID(t *testing.T) {
	b := newBench(t)
	counts := b.read(page(1, mirror.Program, start, `{"starts_at":"10:00"}`, `{"starts_at":"11:00"}`, `{"id":"slot_1"}`, `{"starts_at": "10:00"}`))
	if counts.Rows != 3 || len(b.rows(mirror.Program)) != 3 {
		t.Errorf("%+v", counts)
	}
}

func TestTheEventIsARowAndDescribesTheSummary(t *testing.T) {
	b := newBench(t)
	b.read(page(1, mirror.Event, start, `{"id":"evt_other","title":"Summit\nof 2026","start_date":"2026-06-01","end_date":"2026-06-03","publish_status":"published"}`))
	b.hear("event.unpublished", start.Add(time.Hour), `{"publish_status":"unpublished"}`)
	b.hear("event.unpublished", start.Add(time.Minute), `{"publish_status":"late"}`)
	got := b.summary()
	if got.Name != "Summit of 2026" || got.StartDate != "2026-06-01" || got.EndDate != "2026-06-03" || got.PublishStatus != "unpublished" {
		t.Errorf("%+v", got)
	}
	if row := b.row(mirror.Event, "evt_1"); row.Presence != mirror.Present {
		t.Errorf("%+v", row)
	}
	b.read(page(2, mirror.Event, start.Add(4*time.Hour), `{"name":"Summit","publish_status":"published"}`))
	b.hear("event.unpublished", start.Add(5*time.Hour), `{"id":"evt_1"}`)
	if got := b.summary(); got.PublishStatus != "unpublished" || got.Name != "Summit" {
		t.Errorf("the type alone says it: %+v", got)
	}
}

func TestWhatNamesNothingIsCountedAndLeftToTheNextPass(t *testing.T) {
	b := newBench(t)
	for _, data := range []string{`{"id":"app_1","status":"approved"}`, `{"participant_id":null}`, `{"participant_id":{"id":"ptp_1"}}`, `null`} {
		if got := b.hear("application.approved", start, data); got != mirror.Unidentified {
			t.Errorf("%s is %s", data, got)
		}
	}
	if got := b.read(page(1, mirror.Participant, start, `{"name":"Ada"}`, `null`, `"ptp_1"`, `[]`)); got != (mirror.PageCounts{Unidentified: 4}) {
		t.Errorf("%+v", got)
	}
	if summary := b.summary(); summary.Unidentified != 4 || len(b.rows(mirror.Participant)) != 0 {
		t.Errorf("%+v", summary)
	}
}

func TestTypesOfWhichNoRowComesAreNothing(t *testing.T) {
	b := newBench(t)
	before := b.kept()
	for _, eventType := range []string{"integration.suspended", "data.deletion_required", "connection.broken", "", "applications.approved"} {
		if got := b.hear(eventType, start, `{"id":"x","participant_id":"ptp_1"}`); got != mirror.Nothing || mirror.Mirrors(eventType) {
			t.Errorf("%s is %s", eventType, got)
		}
	}
	b.wantSame(before)
}

func TestThatAWebhookWasHeardIsKeptWhereAnotherStands(t *testing.T) {
	b := newBench(t)
	b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","application_status":"approved"}`))
	if got := b.hear(flagged, start.Add(-time.Hour), `{"participant_id":"ptp_1","status":"revision_requested"}`); got != mirror.Applied {
		t.Errorf("the first document of an application is %s", got)
	}
	if got := b.hear(flagged, start.Add(-2*time.Hour), `{"participant_id":"ptp_1","status":"revision_requested"}`); got != mirror.Older {
		t.Errorf("an older one is %s", got)
	}
	if got := b.hear("application.submitted", start.Add(-2*time.Hour), `{"participant_id":"ptp_1","status":"pending"}`); got != mirror.Older {
		t.Errorf("an older one is %s", got)
	}
	row := b.row(mirror.Participant, "ptp_1")
	want := map[string]time.Time{flagged: start.Add(-time.Hour), "application.submitted": start.Add(-2 * time.Hour)}
	if diff := cmp.Diff(want, row.Heard); diff != "" || !row.HeardAt.Equal(start.Add(-time.Hour)) || row.Status() != "approved" {
		t.Errorf("heard at %s (-want +got):\n%s", row.HeardAt, diff)
	}
}

func TestADoubledWebhookAndPageChangeNothing(t *testing.T) {
	onEngines(t, func(b *bench) {
		participants := page(1, mirror.Participant, start, `{"id":"ptp_1","application_status":"approved"}`, `{"id":"ptp_2"}`)
		later := page(1, mirror.Participant, start.Add(time.Minute), `{"id":"ptp_3"}`)
		noDate := page(1, mirror.Activity, start, `{"id":"act_1"}`)
		noDate.Date = time.Time{}
		hear := func() mirror.Outcome {
			return b.hear(flagged, start.Add(time.Second), `{"participant_id":"ptp_1","status":"revision_requested"}`)
		}
		b.read(participants)
		b.read(later)
		b.read(noDate)
		hear()
		before := b.kept()
		b.now = b.now.Add(time.Hour)
		for _, p := range []mirror.Page{participants, later, noDate, participants} {
			if counts := b.read(p); counts.New != 0 || counts.Changed != 0 {
				b.Errorf("%+v", counts)
			}
		}
		if got := hear(); got != mirror.Older {
			b.Errorf("the doubled webhook is %s", got)
		}
		b.wantSame(before)
	})
}

// The order in which an application's webhooks arrive decides nothing.
func TestReorderedWebhooksEndTheSame(t *testing.T) {
	hooks := []struct{ eventType, status string }{{"application.submitted", "pending"}, {flagged, "revision_requested"}, {"application.approved", "approved"}}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		b := newBench(t)
		for arrived, i := range order {
			data := fmt.Sprintf(`{"participant_id":"ptp_1","status":%q}`, hooks[i].status)
			b.hearAt(hooks[i].eventType, start.Add(time.Duration(i)*time.Second), start.Add(time.Duration(arrived)*time.Minute), data)
		}
		row := b.row(mirror.Participant, "ptp_1")
		if row.Status() != "approved" || row.IsMarked() || len(row.Heard) != 3 || b.summary().ByStatus["approved"] != 1 {
			t.Errorf("%v: %+v", order, row)
		}
	}
}

// A document of any size is kept as far as it fits, and the rows of its page with it.
func TestADocumentThatIsTooLargeLosesItsLargestFields(t *testing.T) {
	onEngines(t, func(b *bench) {
		large := strings.Repeat("x", 90<<10)
		var documents []string
		for i := range 50 {
			documents = append(documents, fmt.Sprintf(`{"id":"ptp_%d","application_status":"approved","essay":%q,"note":%q}`, i, large, large[:10<<10]))
		}
		if counts := b.read(page(1, mirror.Participant, start, documents...)); counts.New != 50 {
			b.Errorf("%+v", counts)
		}
		fields := partOf(b.T, b.row(mirror.Participant, "ptp_49"), mirror.ParticipantPart)
		if fields["id"] != "ptp_49" || fields["application_status"] != "approved" || fields["note"] == nil || fields["essay"] != nil {
			b.Errorf("%d fields are kept", len(fields))
		}
	})
}
