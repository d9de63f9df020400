package handoff_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/handoff"
	"revento-alerts/shared/memory"
	"revento-alerts/shared/record"
)

var update = flag.Bool("update", false, "write the samples of the newest schema")

// connection is the one that the sample of a digest is about.
var (
	connection = record.Connection{EventID: "evt_sample", OrganizationID: "org_sample"}
	partition  = connection.Partition()
)

var (
	sampleNotice = handoff.Notice{
		Title: "Data deletion required", Facts: []alert.Field{{Name: "deletion", Value: "0123456789ab"}}, Ends: true,
	}
	sampleDigest = handoff.Digest{Tally: alert.Tally{
		At: signedAt, Since: signedAt.Add(-10 * time.Minute), Waiting: 1,
		Lines: []alert.Line{{
			Partition: partition, Type: "application.submitted", EventID: "evt_sample", HappenedAt: []time.Time{signedAt.Add(-time.Minute), signedAt},
		}},
		Newest: []alert.Sighting{{Partition: partition, Occurrence: alert.Occurrence{
			Type: "application.submitted", EventID: "evt_sample", ResourceID: "app_sample", HappenedAt: signedAt,
		}}},
	}}
)

// samples are what each version wrote. Messages wait in queues and dead letters across releases: it must stay readable. A new
// version adds files, and changes none.
var samples = []struct {
	file   string
	form   handoff.Form
	newest bool
}{
	{"schema-1.json", handoff.Alert{}, false},
	{"schema-2-notice.json", sampleNotice, false},
	{"schema-3-alert.json", handoff.Alert{}, true},
	{"schema-3-notice.json", sampleNotice, true},
	{"schema-3-digest.json", sampleDigest, true},
}

// digestOf2 is a digest of version 2.
const digestOf2 = "schema-2.json"

func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSamplesOfEverySchemaVersionStayReadable(t *testing.T) {
	for _, sample := range samples {
		t.Run(sample.file, func(t *testing.T) {
			want := handoff.New("prod", delivery(t, sampleBody), toSlack, queuedAt)
			want.Form = sample.form
			written := encode(t, want).Body + "\n"
			if *update && sample.newest {
				if err := os.WriteFile(filepath.Join("testdata", sample.file), []byte(written), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text := read(t, sample.file)
			if sample.newest && text != written {
				t.Errorf("what is written today is not the sample: raise handoff.SchemaVersion, and keep the older samples:\n%s", written)
			}
			got, err := handoff.Decode(text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func opened(t *testing.T, text string) handoff.Event {
	t.Helper()
	message, err := handoff.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	event, err := message.Open()
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// of is the sample's event in a form.
func of(t *testing.T, form handoff.Form) handoff.Event {
	t.Helper()
	message := handoff.New("prod", delivery(t, sampleBody), toSlack, queuedAt)
	message.Form = form
	return opened(t, encode(t, message).Body)
}

func TestWhatTheFormsAnswer(t *testing.T) {
	type answers struct {
		Store            string
		IsNews, EndsOpen bool
		Subjects         []string
	}
	records := memory.NewRecords()
	for name, test := range map[string]struct {
		event handoff.Event
		want  answers
	}{
		"an alert":  {of(t, handoff.Alert{}), answers{"records", true, false, []string{partition}}},
		"a notice":  {of(t, handoff.Notice{}), answers{"deletions", false, false, nil}},
		"an ending": {of(t, handoff.Notice{Ends: true}), answers{"deletions", false, true, nil}},
		"a digest": {of(t, handoff.Digest{Tally: alert.Tally{Lines: []alert.Line{{Partition: "b"}, {Partition: "a"}, {Partition: "b"}}}}),
			answers{"records", false, false, []string{"a", "b"}}},
		"a digest of version 2": {opened(t, read(t, digestOf2)), answers{"records", false, false, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			form := test.event.Form
			got := answers{Store: "records", IsNews: form.IsNews(), EndsOpen: form.EndsIncident()}
			if form.Store(records, records.Deletions) == records.Deletions {
				got.Store = "deletions"
			}
			for _, subject := range test.event.Subjects() {
				got.Subjects = append(got.Subjects, subject.Partition())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatTheFormsTell(t *testing.T) {
	display := alert.Display{Fields: alert.NewFieldFilter([]string{"*"})}
	shown := sampleDigest.Tally.Digest()
	for name, test := range map[string]struct {
		form  handoff.Form
		title string
		facts []alert.Field
		told  *alert.Digest
	}{
		"an alert": {handoff.Alert{}, "Application flagged for revision", []alert.Field{{Name: "status", Value: "flagged"}}, nil},
		"a notice": {sampleNotice, sampleNotice.Title, sampleNotice.Facts, nil},
		"a digest": {sampleDigest, "2 events in the last 10 minutes", nil, &shown},
	} {
		t.Run(name, func(t *testing.T) {
			const body = `{"type":"application.revision_requested","data":{"status":"flagged"}}`
			message := handoff.New("prod", delivery(t, body), toSlack, queuedAt)
			message.Form = test.form
			event, err := message.Open()
			if err != nil {
				t.Fatal(err)
			}
			got := event.Content(display)
			if got.Title != test.title || cmp.Diff(test.facts, got.Fields) != "" || cmp.Diff(test.told, got.Digest) != "" {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A digest of version 2 does not say of which connections it tells, one of which may be deleted by now.
func TestADigestOfVersion2ShowsNoID(t *testing.T) {
	event := opened(t, read(t, digestOf2))
	again := opened(t, encode(t, event.Message).Body) // as a redrive sends it
	for name, event := range map[string]handoff.Event{"as it waited": event, "sent again": again} {
		content := event.Content(alert.Display{})
		want := alert.Digest{
			Events: 5, OtherCounts: 1, OtherEvents: 2, Waiting: 1, Counts: []alert.Count{{Type: "application.submitted", Events: 3}},
		}
		if content.Digest == nil || cmp.Diff(want, *content.Digest) != "" || content.Title != "Data deletion required" {
			t.Errorf("%s: %q, %+v", name, content.Title, content.Digest)
		}
		if _, any := event.After(map[string]time.Time{partition: queuedAt}); !any {
			t.Errorf("%s: nothing is told", name)
		}
	}
}

func TestWhatADeletionLeavesOfAnEvent(t *testing.T) {
	happened := of(t, handoff.Alert{}).Order.OccurredAt
	submitted := sampleDigest.Lines[0].HappenedAt
	for name, test := range map[string]struct {
		form handoff.Form
		at   string
		up   time.Time
		left int // events of a digest, or 1
	}{
		"an alert of the cutoff's moment":          {handoff.Alert{}, partition, happened, 0},
		"an alert of later":                        {handoff.Alert{}, partition, happened.Add(-1), 1},
		"an alert of another connection":           {handoff.Alert{}, "another", happened, 1},
		"a notice":                                 {sampleNotice, partition, happened.Add(time.Hour), 1},
		"a digest, all of before":                  {sampleDigest, partition, submitted[1], 0},
		"a digest, one of its events of later":     {sampleDigest, partition, submitted[0], 1},
		"a digest, all of later":                   {sampleDigest, partition, submitted[0].Add(-1), 2},
		"a digest of another connection than that": {sampleDigest, "another", submitted[1], 2},
	} {
		t.Run(name, func(t *testing.T) {
			left, any := of(t, test.form).After(map[string]time.Time{test.at: test.up})
			if any != (test.left > 0) {
				t.Fatalf("something is left: %t", any)
			}
			if told := left.Content(alert.Display{}).Digest; any && told != nil && told.Events != test.left {
				t.Errorf("%d events are left, want %d", told.Events, test.left)
			}
		})
	}
}
