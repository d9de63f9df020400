package slack

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/test/golden"
)

func encode(t *testing.T, value any) []byte {
	t.Helper()
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return []byte(readable.Replace(encoded.String())) // the client library's own encoding escapes them
}

var readable = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&")

var (
	flaggedAt  = time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC)
	approvedAt = flaggedAt.Add(3*time.Hour + 5*time.Minute)
)

func flagged() alert.Content {
	return alert.Content{
		Type: "application.revision_requested", Title: "Application flagged for revision", Family: "application",
		Severity: route.Error, Environment: "production",
		EventID: "evt_abc123", OrganizationID: "org_xyz789", ResourceID: "app_xyz", HappenedAt: flaggedAt,
		Fields:     []alert.Field{{Name: "status", Value: "revision_requested"}},
		Link:       "https://revento.example/events/evt_abc123?application=app_xyz&tab=1",
		DeliveryID: "0a1b2c3d-0000-4000-8000-000000000001",
	}
}

func approved() alert.Content {
	content := flagged()
	content.Type, content.Title, content.Resolves, content.Severity = "application.approved", "Application approved", true, route.Info
	content.HappenedAt = approvedAt
	content.Fields = []alert.Field{{Name: "status", Value: "approved"}, {Name: "approved_at", Value: "2026-05-09T17:27:31Z"}}
	content.DeliveryID = "0a1b2c3d-0000-4000-8000-000000000002"
	return content
}

func digest() alert.Content {
	return alert.Content{
		Type: "digest", Title: "13 events in the last 15 minutes", Family: "digest", Severity: route.Info, Environment: "production",
		HappenedAt: flaggedAt, DeliveryID: "digest-C0111-2026-05-09T14:22:30Z",
		Digest: &alert.Digest{
			Events: 13,
			Counts: []alert.Count{
				{Type: "application.submitted", EventID: "evt_abc123", Events: 7},
				{Type: "participant.registered", EventID: "evt_abc123", Events: 4},
				{Type: "application.submitted", EventID: "evt_abc123", FoundBy: "reconcile", Events: 1},
				{Type: "*odd*.<!channel>", Events: 1},
			},
			Newest: []alert.Occurrence{
				{Type: "application.submitted", EventID: "evt_abc123", ResourceID: "app_xyz", HappenedAt: flaggedAt.Add(-time.Minute)},
				{Type: "application.submitted", EventID: "evt_abc123", ResourceID: "app_abc", FoundBy: "reconcile", HappenedAt: flaggedAt.Add(-time.Minute)},
				{Type: "*odd*.<!channel>", HappenedAt: flaggedAt.Add(-2 * time.Minute)},
			},
			Attendance: []alert.Attendance{
				{EventID: "evt_abc123", Name: "Summer *Camp* <!channel>", Registered: 212, CancelledToday: 3},
				{EventID: "evt_def456", Registered: 40},
			},
		},
	}
}

func TestWhatSlackShows(t *testing.T) {
	named := flagged()
	named.EventName = "Summit <!channel> *2026*"
	namedDigest := digest()
	named2026 := namedDigest.Digest.Named(map[string]string{"evt_abc123": "Summit & <friends>"})
	namedDigest.Digest = &named2026
	hostile := flagged()
	hostile.Title = "*Bold* ~gone~ `code` <!channel> & <https://evil.example|click>"
	hostile.ResourceID = "app`<!here>`"
	hostile.Environment = "prod & <test>"
	hostile.Link = "https://revento.example/?a=1&b=<x>|y"
	hostile.Fields = []alert.Field{
		{Name: "no*te_<!channel>", Value: "line one\nline two `tick` <@U123> @here *b* https://evil.example \u202etxt.exe"},
		{Name: "empty", Value: " \n "},
	}
	flooded := digest()
	flooded.Digest.OtherCounts, flooded.Digest.OtherEvents, flooded.Digest.Waiting = 13, 40, 200
	ofVersion2 := digest()
	ofVersion2.Digest.Newest = nil
	bare := alert.Content{
		Type: "integration.suspended", Title: "Integration suspended by Revento", Family: "integration",
		Severity: route.Critical, Environment: "staging", HappenedAt: flaggedAt, DeliveryID: "d-1",
	}
	found := flagged()
	found.FoundBy = "reconcile"
	opened := thread.Opening{Type: "application.revision_requested", HappenedAt: flaggedAt}
	for file, message := range map[string]thread.Message{
		"root.json":               {Content: flagged()},
		"root-late.json":          {Content: flagged(), Lateness: 72*time.Hour + 30*time.Minute},
		"root-found.json":         {Content: found, Lateness: 41 * time.Minute},
		"root-found-now.json":     {Content: found},
		"root-repeated.json":      {Content: flagged(), PossiblyRepeated: true, Lateness: 12 * time.Minute},
		"root-resolved.json":      {Content: approved(), Opened: opened},
		"root-bare.json":          {Content: bare},
		"root-named.json":         {Content: named},
		"digest.json":             {Content: digest()},
		"digest-named.json":       {Content: namedDigest},
		"digest-no-newest.json":   {Content: ofVersion2},
		"digest-flood.json":       {Content: flooded, Lateness: 12 * time.Minute, PossiblyRepeated: true},
		"root-hostile.json":       {Content: hostile},
		"reply-resolved.json":     {Content: approved(), Reply: true},
		"reply-out-of-order.json": {Content: flagged(), Reply: true, OutOfOrder: true, Lateness: 4 * time.Hour},
	} {
		t.Run(file, func(t *testing.T) { golden.Want(t, file, string(encode(t, render(message)))) })
	}
}

func TestEverySeverityHasALookOfItsOwn(t *testing.T) {
	seen := map[look]bool{}
	for _, severity := range []route.Severity{route.Critical, route.Error, route.Warning, route.Info} {
		for _, resolves := range []bool{false, true} {
			seen[lookOf(alert.Content{Severity: severity, Resolves: resolves})] = true
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d looks, want four and one for what is resolved", len(seen))
	}
	if got := lookOf(alert.Content{Severity: "unheard of"}); got != looks[route.Info] {
		t.Errorf("an unknown severity looks like %v", got)
	}
}

func TestALinkThatIsTooLongIsLeftOut(t *testing.T) {
	if got := link("https://revento.example/" + strings.Repeat("x", maxLink)); got != "" {
		t.Errorf("a link of %d characters", len(got))
	}
}

// textObject is any of Slack's text objects, wherever it is.
type textObject struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim"`
}

type block struct {
	Type     string          `json:"type"`
	Text     json.RawMessage `json:"text"`
	Fields   []textObject    `json:"fields"`
	Elements []textObject    `json:"elements"`
}

// largest is a message in which everything is as long as its parts may be, and longer.
func largest(filler string) thread.Message {
	long := strings.Repeat(filler, 5000)
	content := flagged()
	content.Title, content.Family, content.Environment, content.Type = long, long, long, long
	content.EventID, content.OrganizationID, content.ResourceID, content.DeliveryID, content.EventName = long, long, long, long, long
	for range 100 {
		content.Fields = append(content.Fields, alert.Field{Name: long, Value: long})
	}
	content.Link = "https://revento.example/" + strings.Repeat("x", maxLink-100)
	return thread.Message{
		Content: content, PossiblyRepeated: true, OutOfOrder: true, Lateness: 1e9 * time.Second,
		Opened: thread.Opening{Type: long, HappenedAt: flaggedAt},
	}
}

func TestTheLargestMessageIsWithinSlacksLimits(t *testing.T) {
	for _, filler := range []string{"x", "&", "<", "🙂", "`", "\n", "\xff", "é "} {
		checkLimits(t, render(largest(filler)))
		checkLimits(t, render(largestDigest(filler)))
	}
}

func largestDigest(filler string) thread.Message {
	message, long := largest(filler), strings.Repeat(filler, 5000)
	told := &alert.Digest{Events: 1e6, OtherCounts: 1e6, OtherEvents: 1e6, Waiting: 1e6}
	for range 100 {
		told.Counts = append(told.Counts, alert.Count{Type: long, EventID: long, EventName: long, Events: 1e6})
		told.Newest = append(told.Newest, alert.Occurrence{Type: long, EventID: long, EventName: long, ResourceID: long, HappenedAt: flaggedAt})
	}
	message.Content.Digest = told
	return message
}

// entities is what remains of "&" in text that is escaped as Slack wants it.
var entities = regexp.MustCompile(`&(amp|lt|gt);`)

// control is the only forms in which "<" and ">" may stand: what this package writes itself.
var control = regexp.MustCompile(`<!date\^-?\d+\^\{date_short_pretty\} at \{time\}\|[^<>|]+>|<https://[^<>|]+\|Open in Revento>`)

func checkLimits(t *testing.T, message shown) {
	t.Helper()
	var blocks []block
	for _, part := range []any{message.Blocks, message.Attachment.Blocks.BlockSet} {
		var decoded []block
		if err := json.Unmarshal(encode(t, part), &decoded); err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, decoded...)
	}
	if len(blocks) > maxBlocks {
		t.Errorf("%d blocks", len(blocks))
	}
	total := checkText(t, message.Text, maxFallbackText)
	for _, block := range blocks {
		if len(block.Fields) > maxFieldsPerSection {
			t.Errorf("%d fields", len(block.Fields))
		}
		for _, field := range block.Fields {
			total += checkText(t, field.Text, maxFieldText)
		}
		for _, element := range block.Elements {
			total += checkText(t, element.Text, maxSectionText)
		}
		if block.Text != nil {
			var text textObject
			if err := json.Unmarshal(block.Text, &text); err != nil {
				t.Fatal(err)
			}
			total += checkText(t, text.Text, maxSectionText)
		}
	}
	if total > maxMessageText {
		t.Errorf("%d characters in all", total)
	}
}

// checkText returns the text's length. Slack may count in UTF-16, as its clients do, so that is what counts here.
func checkText(t *testing.T, text string, limit int) int {
	t.Helper()
	size := len(utf16.Encode([]rune(text)))
	if size > limit || text == "" {
		t.Errorf("%d characters, the limit is %d: %.100q", size, limit, text)
	}
	if !utf8.ValidString(text) {
		t.Errorf("not UTF-8: %.100q", text)
	}
	bare := control.ReplaceAllString(text, "")
	if strings.ContainsAny(entities.ReplaceAllString(bare, ""), "&<>") {
		t.Errorf("not escaped: %.300q", text)
	}
	return size
}

func FuzzRender(f *testing.F) {
	f.Add("Application approved", "app_xyz", "status", "approved", true, int64(0))
	f.Add("<!channel>", "`", "a|b", "2026-05-09T14:22:31Z", false, int64(1e18))
	f.Add("", "", "", "", false, int64(-1))
	f.Fuzz(func(t *testing.T, title, id, name, value string, flag bool, number int64) {
		content := alert.Content{
			Type: title, Title: title, Family: name, Environment: name, EventID: id, OrganizationID: value, ResourceID: id,
			DeliveryID: id, Resolves: flag, HappenedAt: time.Unix(number%1e11, 0), Link: "https://revento.example/" + value,
			Fields: []alert.Field{{Name: name, Value: value}, {Name: value, Value: name}},
		}
		digest := content
		digest.Digest = &alert.Digest{
			Counts:     []alert.Count{{Type: title, EventID: id, Events: int(number)}},
			Newest:     []alert.Occurrence{{Type: name, EventID: value, ResourceID: id, HappenedAt: content.HappenedAt}},
			Attendance: slices.Repeat([]alert.Attendance{{EventID: id, Name: value, Registered: int(number), CancelledToday: int(number)}}, 12),
		}
		checkLimits(t, render(thread.Message{Content: digest}))
		for _, reply := range []bool{false, true} {
			checkLimits(t, render(thread.Message{
				Content: content, Reply: reply, OutOfOrder: flag, Lateness: time.Duration(number),
				Opened: thread.Opening{Type: title, HappenedAt: content.HappenedAt},
			}))
		}
	})
}

// Emoji and underscores of strangers once restyled the message; ids stay as they are, so that they can be copied.
func TestStrangersTextRestylesNothing(t *testing.T) {
	for text, want := range map[string]string{
		"app_xyz":                 "app_xyz",
		"a_b_c":                   "a_b_c",
		"_all of it_":             "ˍall of itˍ",
		"an _italic_ word":        "an ˍitalicˍ word",
		"__init__":                "ˍˍinitˍˍ",
		"(_x_)":                   "(ˍxˍ)",
		":rotating_light:":        "∶rotating_light:",
		"a:rotating_light:b:+1:":  "a∶rotating_light∶b∶+1:",
		":flag-de: :日本:":          "∶flag-de: ∶日本:",
		"Required: it is stopped": "Required: it is stopped",
		"12:30":                   "12∶30",
		"*bold* ~gone~ `code`":    "∗bold∗ ∼gone∼ 'code'",
		"zero\u200bwidth\ufeff":   "zerowidth",
	} {
		if got := plain(text, 100); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}
