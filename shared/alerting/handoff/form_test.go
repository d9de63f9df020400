package handoff_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
)

var update = flag.Bool("update", false, "write the samples of the newest schema")

// connection is the one that the sample of a digest is about.
var (
	connection = record.Connection{EventID: "evt_sample", OrganizationID: "org_sample"}
	partition  = connection.Partition()
)

var (
	sampleNotice = handoff.Notice{
		Deletion: "0123456789ab", Kind: "requested",
		Title: "Data deletion required", Facts: []alert.Field{{Name: "deletion", Value: "0123456789ab"}}, Ends: true,
	}
	noticeOf2    = handoff.Notice{Title: sampleNotice.Title, Facts: sampleNotice.Facts, Ends: true}
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
	{"schema-2-notice.json", noticeOf2, false},
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

// routes lead applications to the digest of C000, or for evt_2 of C444, participants to that of C222, and the notices of deletions to C333.
func routes(t *testing.T) route.Table {
	t.Helper()
	parsed := map[string]route.Route{}
	for pattern, text := range map[string]string{
		"application.submitted": "digest", "application.revision_requested": "slack:C111,pagerduty:error", "participant.registered": "digest:C222",
		revento.TypeDeletionRequired: "digest:C333,pagerduty:warning", "*": "slack:C999",
	} {
		var err error
		if parsed[pattern], err = route.Parse(text); err != nil {
			t.Fatal(err)
		}
	}
	return route.NewTable(parsed, route.Channels{Default: "C000", ByEvent: map[string]string{"evt_2": "C444"}})
}

func TestByWhichRouteAFormFindsItsChannels(t *testing.T) {
	of := func(form handoff.Form) handoff.Event { return of(t, form) }
	lines := func(lines ...alert.Line) handoff.Digest { return handoff.Digest{Tally: alert.Tally{Lines: lines}} }
	submitted := func(eventID string) alert.Line { return alert.Line{Type: "application.submitted", EventID: eventID} }
	for name, test := range map[string]struct {
		event handoff.Event
		want  []string
	}{
		"an alert: that of its type":          {of(handoff.Alert{}), []string{"C111"}},
		"a notice: that of deletions":         {of(sampleNotice), []string{"C333"}},
		"a digest: those of what it tells of": {of(lines(submitted("evt_1"), submitted("evt_3"))), []string{"C000"}},
		"a digest of two channels by now": {of(lines(submitted("evt_2"), submitted("evt_1"), alert.Line{Type: "participant.registered"})),
			[]string{"C000", "C222", "C444"}},
		"a digest of what is told at once by now": {of(lines(alert.Line{Type: "application.revision_requested"})), nil},
		"a digest of version 2":                   {opened(t, read(t, digestOf2)), []string{"C000"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.event.Channels(routes(t))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Under the key of another channel a message is the same wherever it is made, and no other message is.
func TestTheAlertKeyOfAnotherChannel(t *testing.T) {
	other := toSlack
	other.Channel = "C0222"
	of := func(form handoff.Form, change func(*handoff.Message)) handoff.Message {
		message := of(t, form).Message
		change(&message)
		return message
	}
	same := func(*handoff.Message) {}
	finished := sampleNotice
	finished.Kind = "finished"
	messages := map[string]handoff.Message{
		"an alert":                 of(handoff.Alert{}, same),
		"a notice":                 of(sampleNotice, same),
		"another of its case":      of(finished, same),
		"a notice of version 2":    of(noticeOf2, func(m *handoff.Message) { m.AlertKey = "one" }),
		"another of its case in 2": of(noticeOf2, func(m *handoff.Message) { m.AlertKey = "two" }),
		"a digest":                 of(sampleDigest, func(m *handoff.Message) { m.Identity = "one" }),
		"another digest":           of(sampleDigest, func(m *handoff.Message) { m.Identity = "two" }),
	}
	keys := map[string]string{}
	for name, message := range messages {
		moved := message.ForChannel("prod", other.Channel)
		if moved.Channel != other.Channel || moved.AlertKey == message.AlertKey ||
			moved.AlertKey != message.ForChannel("prod", other.Channel).AlertKey {
			t.Errorf("%s: %s in %s", name, moved.AlertKey, moved.Channel)
		}
		if twin, taken := keys[moved.AlertKey]; taken {
			t.Errorf("%s and %s have one key", name, twin)
		}
		keys[moved.AlertKey] = name
	}
	if want := handoff.New("prod", delivery(t, sampleBody), other, queuedAt).AlertKey; keys[want] != "an alert" {
		t.Error("an alert's key is not that which ingest would have made")
	}
	if want := sampleNotice.Key("prod", other); keys[want] != "a notice" {
		t.Error("a notice's key is not that which the deletion would have made")
	}
}

// A delivery of our own stands on a consent: a deletion of up to then stops it, whenever it is told.
func TestADeliveryOfOurOwnGoesWithTheConsentThatItStandsOn(t *testing.T) {
	consented := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	own := handoff.Own{
		Type: revento.TypeConnectionBroken, Connection: record.Connection{EventID: "evt_1", OrganizationID: "org_1"},
		Identity: []string{"1"}, ResourceID: "evt_1", Number: 1, OccurredAt: consented.Add(48 * time.Hour), Consented: consented,
	}
	delivery, err := own.Delivery(consented.Add(49 * time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	message := encode(t, handoff.New("prod", delivery, route.Destination{Kind: route.Slack, Channel: "C0111"}, delivery.ReceivedAt))
	event := opened(t, message.Body)
	for cutoff, want := range map[time.Time]bool{
		consented.Add(-1): true, consented: false, consented.Add(24 * time.Hour): false, consented.Add(72 * time.Hour): false,
	} {
		if _, left := event.After(map[string]time.Time{event.Connection.Partition(): cutoff}); left != want {
			t.Errorf("deleted up to %s: told %t", cutoff, left)
		}
	}
}
