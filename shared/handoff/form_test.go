package handoff_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/handoff"
	"revento-alerts/shared/memory"
)

var update = flag.Bool("update", false, "write the samples of the newest schema")

var (
	sampleNotice = handoff.Notice{
		Title: "Data deletion required", Facts: []alert.Field{{Name: "deletion", Value: "0123456789ab"}}, Ends: true,
	}
	sampleDigest = handoff.Digest{
		Title: "Data deletion required",
		Summary: alert.Digest{
			Events: 5, OtherCounts: 1, OtherEvents: 2, Waiting: 1,
			Counts: []alert.Count{{Type: "application.submitted", EventID: "evt_sample", Events: 3}},
			Newest: []alert.Occurrence{
				{Type: "application.submitted", EventID: "evt_sample", ResourceID: "app_sample", HappenedAt: signedAt},
			},
		},
	}
)

// samples are what each version wrote. Messages wait in queues and dead letters across releases: it must stay readable. A new
// version adds files, and changes none.
var samples = []struct {
	file   string
	form   handoff.Form
	newest bool
}{
	{"schema-1.json", handoff.Alert{}, false},
	{"schema-2.json", sampleDigest, false}, // which was a notice with all that one can hold
	{"schema-2-notice.json", sampleNotice, false},
	{"schema-3-alert.json", handoff.Alert{}, true},
	{"schema-3-notice.json", sampleNotice, true},
	{"schema-3-digest.json", sampleDigest, true},
}

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

func TestWhatTheFormsAnswer(t *testing.T) {
	type answers struct {
		store                     string
		stopped, isNews, endsOpen bool
	}
	records := memory.NewRecords()
	for name, test := range map[string]struct {
		form handoff.Form
		want answers
	}{
		"an alert":                      {handoff.Alert{}, answers{"records", true, true, false}},
		"a notice":                      {handoff.Notice{}, answers{"deletions", false, false, false}},
		"a notice of an incident's end": {handoff.Notice{Ends: true}, answers{"deletions", false, false, true}},
		"a digest":                      {handoff.Digest{}, answers{"records", false, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			got := answers{"records", test.form.IsStopped(), test.form.IsNews(), test.form.EndsIncident()}
			if test.form.Store(records, records.Deletions) == records.Deletions {
				got.store = "deletions"
			}
			if got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

func TestWhatTheFormsTell(t *testing.T) {
	display := alert.Display{Fields: alert.NewFieldFilter([]string{"*"})}
	for name, test := range map[string]struct {
		form  handoff.Form
		title string
		facts []alert.Field
		told  *alert.Digest
	}{
		"an alert": {handoff.Alert{}, "Application flagged for revision", []alert.Field{{Name: "status", Value: "flagged"}}, nil},
		"a notice": {sampleNotice, sampleNotice.Title, sampleNotice.Facts, nil},
		"a digest": {sampleDigest, sampleDigest.Title, nil, &sampleDigest.Summary},
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
