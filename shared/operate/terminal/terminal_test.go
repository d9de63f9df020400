package terminal_test

import (
	"errors"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	slackgo "github.com/slack-go/slack"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/operate/terminal"
	"revento-alerts/shared/provider/pagerduty"
	"revento-alerts/shared/provider/recorder"
	"revento-alerts/shared/provider/slack"
	"revento-alerts/test/golden"
)

func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	golden.Want(t, name, got)
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
		DeliveryID: "0a1b2c3d-0000-4000-8000-000000000001",
		Fields: []alert.Field{
			{Name: "status", Value: "revision_requested"}, {Name: "requested_at", Value: "2026-05-09T14:20:00Z"},
		},
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
	"digest": func(r told) {
		at := flaggedAt.Add(-time.Minute)
		r.post(channel, "", thread.Message{Content: alert.Content{
			Type: "digest", Title: "12 events in the last 15 minutes", Family: "digest", Severity: route.Info, Environment: "production",
			HappenedAt: flaggedAt, DeliveryID: "digest-C0SAMPLE01-2026-05-09T14:22:30Z",
			Digest: &alert.Digest{
				Events: 12, OtherCounts: 13, OtherEvents: 40, Waiting: 200,
				Counts: []alert.Count{
					{Type: "application.submitted", EventID: "evt_sample_1", Events: 8},
					{Type: "participant.registered", EventID: "evt_sample_1", Events: 4},
				},
				Newest: []alert.Occurrence{
					{Type: "application.submitted", EventID: "evt_sample_1", ResourceID: "app_sample_1", HappenedAt: at},
					{Type: "participant.registered", EventID: "evt_sample_1", ResourceID: "usr_sample_1", HappenedAt: at.Add(-time.Minute)},
				},
			},
		}})
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
		const styles = "*Only* text, `code` and <https://revento.example|a link>, <!date^1^{ago}|long ago> :tada: <!here>"
		r.must(r.say(slackgo.MsgOptionText(styles, false)))
		const picture = "https://revento.example/picture.png"
		text := slackgo.MsgOptionText("What a notification shows", false)
		words := func(text string) *slackgo.TextBlockObject {
			return slackgo.NewTextBlockObject(slackgo.PlainTextType, text, false, false)
		}
		r.must(r.say(text, slackgo.MsgOptionBlocks(
			slackgo.NewHeaderBlock(words("A header")),
			slackgo.NewDividerBlock(),
			slackgo.NewSectionBlock(words("*Plain* text,\nwhich has no `styles`"), nil, nil),
			slackgo.NewContextBlock("", slackgo.NewImageBlockElement(picture, "An image in a context"), words("and a text")),
			slackgo.NewImageBlock(picture, "An image", "", nil),
			slackgo.NewActionBlock("", slackgo.NewButtonBlockElement("id", "", words("Press"))),
			slackgo.NewRichTextBlock("", slackgo.NewRichTextSection(slackgo.NewRichTextSectionTextElement("Rich", nil))),
		)))
		r.must(r.say(text, slackgo.MsgOptionAttachments(
			slackgo.Attachment{Color: "#36c5f0", Fallback: "An attachment without blocks"},
			slackgo.Attachment{Blocks: slackgo.Blocks{BlockSet: []slackgo.Block{slackgo.NewMarkdownBlock("", "# x")}}},
		)))
	},
}

// say posts as any app might.
func (r told) say(options ...slackgo.MsgOption) error {
	_, _, err := r.api.PostMessageContext(r.t.Context(), channel, options...)
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
			checkDrawing(t, plain)
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

// What other apps and older versions of this one may have sent is drawn too.
func TestUnusualEvents(t *testing.T) {
	payload := func(rest string) string {
		return `{"payload":{"summary":"Odd","source":"s","severity":"info","timestamp":"2026-05-09T14:22:31Z"` + rest + `}}`
	}
	var incidents []recorder.Incident
	for _, event := range []string{
		`{"payload":"none"}`,
		payload(`,"custom_details":"a text"`),
		payload(`,"custom_details":{"number":1,"list":["a",{"b":null}],"nothing":null,"a name that is longer than most are":"v"}`),
		`{"client_url":"https://a.example","links":[{"href":"https://b.example"}],"payload":{"timestamp":"yesterday"}}`,
	} {
		incidents = append(incidents, recorder.Incident{Event: []byte(event), Triggers: 1})
	}
	resolved := recorder.Incident{Event: []byte(payload("")), Triggers: 1, Resolved: true, Resolution: []byte("[]")}
	incidents = append(incidents, resolved)
	var out strings.Builder
	if err := terminal.Draw(&out, nil, incidents, terminal.Options{Location: berlin}); err != nil {
		t.Fatal(err)
	}
	wantGolden(t, "unusual-events.txt", out.String())
	checkDrawing(t, out.String())
}

// checkDrawing checks what holds for every drawing without colours: it is nothing but text, in lines of one width.
func checkDrawing(t *testing.T, drawing string) {
	t.Helper()
	for drawn := range strings.Lines(drawing) {
		drawn = strings.TrimSuffix(drawn, "\n")
		if columns := terminal.Width(drawn); columns != 80 && columns != 0 {
			t.Errorf("%d columns: %q", columns, drawn)
		}
		for _, r := range drawn {
			if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
				t.Errorf("%q reaches the terminal: %q", r, drawn)
			}
		}
	}
}

func TestWidth(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       int
	}{
		{"nothing", "", 0},
		{"letters", "Zürich", 6},
		{"an accent of its own", "Zu\u0308rich", 6},
		{"our symbols", "▲●✓↻«◷┃╰─▸→·–…", 14},
		{"Chinese and Japanese", "日本語", 6},
		{"Korean", "한국", 4},
		{"full-width forms", "ＡＢ", 4},
		{"half-width forms", "ｱｲ", 2},
		{"emoji", "🙂🚀🫠", 6},
		{"emoji among the older symbols", "⌚✅❌⭐⚡", 10},
		{"symbols that are no emoji by themselves", "⚠☎✈🌡", 4},
		{"a flag", "🇩🇪", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := terminal.Width(test.text); got != test.want {
				t.Errorf("Width(%q) = %d, want %d", test.text, got, test.want)
			}
		})
	}
}

func FuzzDraw(f *testing.F) {
	f.Add("*a* `b` <!date^1^{date_short_pretty} at {time}|c> <d|e>",
		`[{"type":"section","fields":[{"text":"a\nb"},{"text":"c"}]}]`, `{"payload":{"summary":"a"}}`)
	f.Add(":red_circle: &lt;\x1b[2J",
		`[{"type":"context","elements":[{"text":"`+strings.Repeat("日本", 60)+`"}]}]`, `{"payload":{"custom_details":{"a":[1]}}}`)
	f.Add("e\u0301\u200d\ufe0f🏳️‍🌈\u2028\xff", `[{"type":"header","text":{"text":"\u0085\t🙂"}},{"type":"video"},1]`,
		`{"links":[{"href":"\u009b31m"}],"client_url":"`+strings.Repeat("x", 99)+`"}`)
	f.Fuzz(func(t *testing.T, text, blocks, event string) {
		messages := []recorder.Message{
			{Channel: text, TS: text, Text: text},
			{Channel: text, TS: "1.1", Blocks: []byte(blocks), Attachments: []byte(`[{"color":"#zz","blocks":` + blocks + `}]`)},
			{Channel: text, TS: "1.2", Thread: "1.1", Text: text, Updates: 1},
		}
		incidents := []recorder.Incident{{Event: []byte(event), Resolved: true, Resolution: []byte(event)}}
		draw := func(colour bool) string {
			var out strings.Builder
			if err := terminal.Draw(&out, messages, incidents, terminal.Options{Location: berlin, Colour: colour}); err != nil {
				t.Fatal(err)
			}
			return out.String()
		}
		plain := draw(false)
		checkDrawing(t, plain)
		if diff := cmp.Diff(plain, escapeSequence.ReplaceAllString(draw(true), "")); diff != "" {
			t.Errorf("colours change more than colours:\n%s", diff)
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
