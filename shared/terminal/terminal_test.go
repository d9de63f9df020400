package terminal_test

import (
	"errors"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	slackgo "github.com/slack-go/slack"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/incident"
	"revento-alerts/shared/pagerduty"
	"revento-alerts/shared/recorder"
	"revento-alerts/shared/route"
	"revento-alerts/shared/secret"
	"revento-alerts/shared/slack"
	"revento-alerts/shared/terminal"
	"revento-alerts/shared/thread"
)

var update = flag.Bool("update", false, "write the golden files")

func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; -update writes it anew:\n%s", path, diff)
	}
}

const (
	channel = "C0SAMPLE01"
	other   = "C0SAMPLE02"
)

var flaggedAt = time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC)

func flagged() alert.Content {
	return alert.Content{
		Type: "application.revision_requested", Title: "Application flagged for revision", Family: "application",
		Severity: route.Error, Environment: "production", EventID: "evt_sample_1", OrganizationID: "org_sample_1",
		ResourceID: "app_sample_1", HappenedAt: flaggedAt, Link: "https://revento.example/events/evt_sample_1?tab=a&view=b",
		Fields:     []alert.Field{{Name: "status", Value: "revision_requested"}, {Name: "requested_at", Value: "2026-05-09T14:20:00Z"}},
		DeliveryID: "0a1b2c3d-0000-4000-8000-000000000001",
	}
}

func approved() alert.Content {
	content := flagged()
	content.Type, content.Title = "application.approved", "Application approved"
	content.Severity, content.Resolves, content.HappenedAt = route.Info, true, flaggedAt.Add(3*time.Hour)
	content.Fields = []alert.Field{{Name: "status", Value: "approved"}}
	content.DeliveryID = "0a1b2c3d-0000-4000-8000-000000000002"
	return content
}

// told is a recorder that the real clients tell of alerts.
type told struct {
	*recorder.Recorder
	t         *testing.T
	slack     *slack.Client
	pagerduty *pagerduty.Client
	api       *slackgo.Client
}

func tell(t *testing.T) told {
	t.Helper()
	r := recorder.New(func() time.Time { return flaggedAt.Add(2 * time.Second) })
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	token := secret.NewHolder(secret.Static("xoxb-1"), secret.ParseToken, time.Hour, time.Now)
	key := secret.NewHolder(secret.Static(strings.Repeat("0", 32)), secret.ParseRoutingKeys, time.Hour, time.Now)
	return told{r, t, slack.New(server.URL+"/api/", token), pagerduty.New(server.URL, key),
		slackgo.New("xoxb-1", slackgo.OptionAPIURL(server.URL+"/api/"))}
}

func (r told) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r told) post(channel, root string, message thread.Message) string {
	r.t.Helper()
	ts, err := r.slack.Post(r.t.Context(), channel, root, message)
	r.must(err)
	return ts
}

func (r told) page(key string, content alert.Content, lateness time.Duration) {
	r.t.Helper()
	r.must(r.pagerduty.Enqueue(r.t.Context(), incident.Page{IncidentKey: key, Content: content, Lateness: lateness}))
}

// berlin is a reader's time zone, fixed so that no machine's data matters.
var berlin = time.FixedZone("CEST", 2*60*60)

func (r told) draw(colour bool) string {
	r.t.Helper()
	var out strings.Builder
	r.must(terminal.Draw(&out, r.Messages(), r.Incidents(), terminal.Options{Location: berlin, Colour: colour}))
	return out.String()
}

// scenes are what there is to draw.
var scenes = map[string]func(told){
	"nothing": func(told) {},
	"open": func(r told) {
		r.post(channel, "", thread.Message{Content: flagged()})
		r.page("k1", flagged(), 0)
	},
	"resolved": func(r told) {
		root := r.post(channel, "", thread.Message{Content: flagged()})
		r.post(channel, root, thread.Message{Content: approved(), Reply: true})
		opened := thread.Opening{Type: "application.revision_requested", HappenedAt: flaggedAt}
		r.must(r.slack.Update(r.t.Context(), channel, root, thread.Message{Content: approved(), Opened: opened}))
		r.page("k1", flagged(), 0)
		r.page("k1", approved(), 0)
	},
	"notes": func(r told) {
		root := r.post(channel, "", thread.Message{Content: flagged(), PossiblyRepeated: true, Lateness: 75 * time.Minute})
		r.post(channel, root, thread.Message{Content: flagged(), Reply: true, OutOfOrder: true, Lateness: 4 * time.Hour})
		r.post(channel, root, thread.Message{Content: flagged(), Reply: true})
		r.page("k1", flagged(), 75*time.Minute)
		r.page("k1", flagged(), 76*time.Minute)
	},
	"channels": func(r told) {
		suspended := alert.Content{
			Type: "integration.suspended", Title: "Integration suspended by Revento", Family: "integration",
			Severity: route.Critical, Environment: "production", HappenedAt: flaggedAt, DeliveryID: "d-1",
		}
		warning, info := flagged(), flagged()
		warning.Severity, info.Severity = route.Warning, route.Info
		r.post(other, "", thread.Message{Content: suspended})
		r.post(channel, "", thread.Message{Content: warning})
		r.post(other, "", thread.Message{Content: info})
		r.page("k1", suspended, 0)
		r.page("k2", warning, 0)
	},
	"deleted": func(r told) {
		lonely := r.post(channel, "", thread.Message{Content: flagged()})
		root := r.post(channel, "", thread.Message{Content: flagged()})
		r.post(channel, root, thread.Message{Content: approved(), Reply: true})
		for _, ts := range []string{lonely, root} {
			_, _, err := r.api.DeleteMessageContext(r.t.Context(), channel, ts)
			r.must(err)
		}
	},
	"hostile": func(r told) {
		content := flagged()
		content.Title = "*Bold* <!channel> & `code` \x1b[31mred"
		content.ResourceID = strings.Repeat("app_very_long_", 12)
		content.Fields = []alert.Field{
			{Name: "note", Value: "two\nlines \x1b]0;title\x07 \u202ereversed"},
			{Name: "wide", Value: strings.Repeat("日本語 ", 12) + "🙂"},
		}
		r.post(channel, "", thread.Message{Content: content})
		r.page("k1", content, 0)
	},
	"other-forms": func(r told) {
		r.must(r.say(slackgo.MsgOptionText("*Only* text, `code` and <https://revento.example|a link>, <!date^1^{ago}|long ago> :tada:", false)))
		r.must(r.say(slackgo.MsgOptionBlocks(slackgo.NewDividerBlock())))
		r.must(r.say(slackgo.MsgOptionAttachments(slackgo.Attachment{Color: "good"})))
	},
}

// say posts as any app might.
func (r told) say(option slackgo.MsgOption) error {
	_, _, err := r.api.PostMessageContext(r.t.Context(), channel, option)
	return err
}

var escapeSequence = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestDraw(t *testing.T) {
	for name, scene := range scenes {
		t.Run(name, func(t *testing.T) {
			r := tell(t)
			scene(r)
			plain := r.draw(false)
			wantGolden(t, name+".txt", plain)
			if strings.ContainsAny(plain, "\x1b\x07\u202e") {
				t.Error("strangers' control characters reach the terminal")
			}
			if diff := cmp.Diff(plain, escapeSequence.ReplaceAllString(r.draw(true), "")); diff != "" {
				t.Errorf("colours change more than colours:\n%s", diff)
			}
		})
	}
}

func TestDrawInColour(t *testing.T) {
	r := tell(t)
	scenes["resolved"](r)
	wantGolden(t, "resolved-colour.txt", r.draw(true))
}

func TestEveryLineIsAsWideAsItsBox(t *testing.T) {
	for name, scene := range scenes {
		if name == "hostile" { // holds characters that are two columns wide
			continue
		}
		r := tell(t)
		scene(r)
		for drawn := range strings.Lines(r.draw(false)) {
			drawn = strings.TrimSuffix(drawn, "\n")
			if columns := utf8.RuneCountInString(drawn); columns != 80 && columns != 0 {
				t.Errorf("%s: %d columns: %s", name, columns, drawn)
			}
		}
	}
}

func FuzzDraw(f *testing.F) {
	f.Add("*a* `b` <!date^1^{date_short_pretty} at {time}|c> <d|e>", `[{"type":"section","fields":[{"text":"a\nb"},{"text":"c"}]}]`, `{"payload":{"summary":"a"}}`)
	f.Add(":red_circle: &lt;\x1b[2J", `[{"type":"context","elements":[{"text":"`+strings.Repeat("日本", 60)+`"}]}]`, `{"payload":{"custom_details":{"a":[1]}}}`)
	f.Fuzz(func(t *testing.T, text, blocks, event string) {
		messages := []recorder.Message{
			{Channel: text, TS: text, Text: text},
			{Channel: text, TS: "1.1", Blocks: []byte(blocks), Attachments: []byte(`[{"color":"#zz","blocks":` + blocks + `}]`)},
			{Channel: text, TS: "1.2", Thread: "1.1", Text: text, Updates: 1},
		}
		incidents := []recorder.Incident{{Event: []byte(event), Resolved: true, Resolution: []byte(event)}}
		var out strings.Builder
		if err := terminal.Draw(&out, messages, incidents, terminal.Options{Location: berlin}); err != nil {
			t.Fatal(err)
		}
		for _, r := range out.String() {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
				t.Fatalf("%q reaches the terminal", r)
			}
		}
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

func TestAnOutputThatFailsIsSaid(t *testing.T) {
	err := terminal.Draw(broken{}, []recorder.Message{{Channel: channel}}, nil, terminal.Options{Location: time.UTC})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Draw: %v", err)
	}
}
