package slack

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/ground/legible"
)

// Slack's limits, in characters where not said otherwise. A message over one is refused as a whole.
const (
	// https://docs.slack.dev/reference/block-kit/blocks/section-block/
	maxSectionText      = 3000
	maxFieldText        = 2000
	maxFieldsPerSection = 10 // fields
	// https://docs.slack.dev/reference/block-kit/blocks/
	maxBlocks = 50 // blocks
	// Where msg_blocks_too_long begins in the field: https://github.com/slackapi/bolt-js/issues/2509
	maxMessageText = 13000
	// https://docs.slack.dev/reference/methods/chat.postMessage/#truncating
	maxFallbackText = 4000
)

// What is shown of each part, in runes after escaping: far below Slack's limits, so that a message is read at a glance, and so
// that all of them together fit (held by a test).
const (
	maxEnvironment = 50
	maxTitle       = 120
	maxID          = 100
	maxEventName   = 40
	maxFieldName   = 60
	maxFieldValue  = 200
	maxFields      = 16 // fields
	maxLink        = 2000
)

// look is the emoji and the colour of the bar.
type look struct {
	emoji  string
	colour string
}

var (
	looks = map[route.Severity]look{
		route.Critical: {":rotating_light:", "#8b0000"},
		route.Error:    {":red_circle:", "#e01e5a"},
		route.Warning:  {":large_orange_circle:", "#ecb22e"},
		route.Info:     {":large_blue_circle:", "#36c5f0"},
	}
	resolvedLook = look{":white_check_mark:", "#2eb67d"}
)

func lookOf(content alert.Content) look {
	if content.Resolves {
		return resolvedLook
	}
	if known, ok := looks[content.Severity]; ok {
		return known
	}
	return looks[route.Info]
}

// shown is a message in Slack's form. What matters most is in blocks, which Slack shows whole; the attachment has the coloured
// bar, and Slack may fold it. https://docs.slack.dev/messaging/formatting-message-text/#attachments
type shown struct {
	// Text is what a notification shows, and what a screen reader reads.
	Text       string           `json:"text"`
	Blocks     []slack.Block    `json:"blocks"`
	Attachment slack.Attachment `json:"attachment"`
}

// options keep Slack from making mentions and links of what the text holds.
func (s shown) options() []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(s.Text, false),
		slack.MsgOptionBlocks(s.Blocks...),
		slack.MsgOptionAttachments(s.Attachment),
		slack.MsgOptionParse(false),
	}
}

func render(message thread.Message) shown {
	content := message.Content
	blocks := []slack.Block{section(headline(message))}
	if notes := notes(message); len(notes) > 0 {
		blocks = append(blocks, contextLine(notes...))
	}
	return shown{
		Text:   fallback(message),
		Blocks: blocks,
		Attachment: slack.Attachment{
			Color:  lookOf(content).colour,
			Blocks: slack.Blocks{BlockSet: details(message)},
		},
	}
}

// fallback is short enough for a phone's lock screen: "[production] Application flagged for revision: app_xyz (evt_abc123)".
func fallback(message thread.Message) string {
	content := message.Content
	text := fmt.Sprintf("[%s] %s", plain(content.Environment, maxEnvironment), title(content))
	if content.ResourceID != "" {
		text += ": " + plain(content.ResourceID, maxID)
	}
	if content.EventID != "" {
		text += " (" + named(content.EventName) + plain(content.EventID, maxID) + ")"
	}
	if message.PossiblyRepeated {
		text += " - possibly repeated"
	}
	return text
}

// headline is what happened, to what, and when. A reply need not say to what: its root does.
func headline(message thread.Message) string {
	content := message.Content
	line := fmt.Sprintf("%s *[%s] %s*\n", lookOf(content).emoji, plain(content.Environment, maxEnvironment), title(content))
	if message.Reply {
		line = fmt.Sprintf("%s *%s*\n", lookOf(content).emoji, title(content))
	}
	if content.ResourceID != "" && !message.Reply {
		line += label(content.Family) + " " + code(content.ResourceID, maxID) + " · "
	}
	return line + date(content.HappenedAt)
}

func title(content alert.Content) string {
	title := plain(content.Title, maxTitle)
	if content.Resolves {
		return "Resolved: " + title
	}
	return title
}

// notes are what a reader must know before acting on the message.
func notes(message thread.Message) []string {
	var notes []string
	if message.PossiblyRepeated {
		notes = append(notes, ":repeat: *Possibly repeated:* Slack's answer to an earlier attempt was lost, "+
			"so the same may be here already.")
	}
	if message.OutOfOrder {
		notes = append(notes, ":rewind: *Out of order:* older than what the thread already shows.")
	}
	switch {
	case message.Content.FoundBy != "":
		notes = append(notes, ":hourglass: *Found by "+plain(message.Content.FoundBy, maxID)+late(message.Lateness)+":* no webhook of it had come.")
	case message.Lateness > 0:
		notes = append(notes, ":hourglass: *Late:* told "+legible.Duration(message.Lateness)+" after it happened.")
	}
	if message.Opened.Type != "" {
		opened := plain(alert.TitleOf(message.Opened.Type), maxTitle)
		notes = append(notes, "Opened by: "+opened+", "+date(message.Opened.HappenedAt))
	}
	return notes
}

func late(by time.Duration) string {
	if by == 0 {
		return ""
	}
	return ", " + legible.Duration(by) + " late"
}

// details are the blocks beside the coloured bar.
func details(message thread.Message) []slack.Block {
	content := message.Content
	if content.Digest != nil {
		return digestDetails(content)
	}
	var facts []string
	if !message.Reply {
		facts = append(facts, eventFact(content)...)
		facts = append(facts, idFact("Organization", content.OrganizationID)...)
	}
	for _, field := range content.Fields[:min(len(content.Fields), maxFields)] {
		facts = append(facts, fact(label(field.Name), value(field.Value)))
	}
	var blocks []slack.Block
	for chunk := range slices.Chunk(facts, maxFieldsPerSection) {
		blocks = append(blocks, fields(chunk))
	}
	if hidden := len(content.Fields) - maxFields; hidden > 0 {
		blocks = append(blocks, contextLine(fmt.Sprintf("%d more fields are not shown", hidden)))
	}
	if link := link(content.Link); link != "" && !message.Reply {
		blocks = append(blocks, section(link))
	}
	return append(blocks, contextLine(origin(content)...))
}

// origin is what a person needs to find the event in the logs.
func origin(content alert.Content) []string {
	severity := string(content.Severity)
	if content.Resolves {
		severity = "resolved"
	}
	return []string{severity + " · " + code(content.Type, maxID), "delivery " + code(content.DeliveryID, maxID)}
}

// eventFact names the event beside its id.
func eventFact(content alert.Content) []string {
	facts := idFact("Event", content.EventID)
	if name := plain(content.EventName, maxEventName); name != "" && len(facts) > 0 {
		return []string{fact("Event", name+"\n"+code(content.EventID, maxID))}
	}
	return facts
}

// named is a name before the id of what it is the name of.
func named(name string) string {
	if name = plain(name, maxEventName); name == "" {
		return ""
	}
	return name + ", "
}

func idFact(name, id string) []string {
	if id == "" {
		return nil
	}
	return []string{fact(name, code(id, maxID))}
}

func fact(name, shown string) string { return "*" + name + "*\n" + shown }

// value shows a moment in the reader's own time zone, and anything else as it is.
func value(text string) string {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return date(at)
	}
	return code(text, maxFieldValue)
}

// date is a moment that Slack shows in each reader's time zone.
// https://docs.slack.dev/messaging/formatting-message-text/#date-formatting
func date(at time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} at {time}|%s>", at.Unix(), at.UTC().Format(time.RFC3339))
}

// link leads to Revento; it is left out where it is too long to stay whole. It is no button, since a press would be sent to an
// app that takes none. https://docs.slack.dev/interactivity/
func link(url string) string {
	escaped := strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C").Replace(url)
	if url == "" || utf8.RuneCountInString(escaped) > maxLink {
		return ""
	}
	return "<" + escaped + "|Open in Revento>"
}

// label makes a name readable: "approved_at" is "Approved at".
func label(name string) string {
	words := plain(strings.ReplaceAll(name, "_", " "), maxFieldName)
	first, size := utf8.DecodeRuneInString(words)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + words[size:]
}

// plain is text of strangers between our own: nothing in it becomes a mention, a link, an emoji or a change of style.
// https://docs.slack.dev/messaging/formatting-message-text/
func plain(text string, limit int) string {
	return clip.Escaped(inert(clip.Line(text)), limit, escape)
}

// inert puts characters that look alike in place of those that would restyle the text. An underscore between letters or digits, as in an
// id, does nothing to it and stays, and so does a colon that no emoji's name follows.
func inert(text string) string {
	runes := []rune(text)
	shown := slices.Clone(runes)
	for i, r := range runes {
		followed := i+1 < len(runes) && isWord(runes[i+1])
		switch {
		case r == '*':
			shown[i] = '∗' // U+2217
		case r == '~':
			shown[i] = '∼' // U+223C
		case r == '_' && !(i > 0 && isWord(runes[i-1]) && followed):
			shown[i] = 'ˍ' // U+02CD
		case r == ':' && i+1 < len(runes) && isEmojiName(runes[i+1]):
			shown[i] = '∶' // U+2236
		}
	}
	return string(shown)
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// isEmojiName says whether an emoji's name can begin so. Names of one's own may hold letters of any script.
func isEmojiName(r rune) bool { return isWord(r) || strings.ContainsRune("_+-'", r) }

// code is text of strangers as inline code: it copies well, and Slack leaves it as it is.
func code(text string, limit int) string {
	shown := clip.Escaped(clip.Line(text), limit, escape)
	if shown == "" {
		return "–"
	}
	return "`" + shown + "`"
}

func escape(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '`':
		return "'"
	default:
		return string(r)
	}
}

func section(text string) slack.Block { return slack.NewSectionBlock(mrkdwn(text), nil, nil) }

func fields(texts []string) slack.Block {
	objects := make([]*slack.TextBlockObject, len(texts))
	for i, text := range texts {
		objects[i] = mrkdwn(text)
	}
	return slack.NewSectionBlock(nil, objects, nil)
}

func contextLine(texts ...string) slack.Block {
	elements := make([]slack.MixedElement, len(texts))
	for i, text := range texts {
		elements[i] = mrkdwn(text)
	}
	return slack.NewContextBlock("", elements...)
}

// mrkdwn is a text object in which Slack looks for nothing beyond what it is told: no names, no URLs.
func mrkdwn(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, true)
}
