package terminal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"revento-alerts/shared/provider/recorder"
)

// sender is the name under which Slack shows the app's messages.
const sender = "revento-alerts"

// replyIndent is how far the replies in a thread stand to the right, in columns.
const replyIndent = 4

// channels returns the channels in the order of their first messages.
func channels(messages []recorder.Message) []string {
	var found []string
	for _, m := range messages {
		if !slices.Contains(found, m.Channel) {
			found = append(found, m.Channel)
		}
	}
	return found
}

// channel draws the roots in a channel, each with the replies in its thread.
func (p *painter) channel(channel string, messages []recorder.Message) []line {
	var lines []line
	for _, root := range messages {
		if root.Channel != channel || root.Thread != "" {
			continue
		}
		var replies []recorder.Message
		for _, m := range messages {
			if m.Channel == channel && m.Thread == root.TS {
				replies = append(replies, m)
			}
		}
		if root.Deleted && len(replies) == 0 {
			continue
		}
		if len(lines) > 0 {
			lines = append(lines, line{})
		}
		lines = append(lines, p.message(root, innerWidth)...)
		lines = append(lines, p.thread(replies)...)
	}
	return lines
}

func (p *painter) thread(replies []recorder.Message) []line {
	if len(replies) == 0 {
		return nil
	}
	count := fmt.Sprintf("%d replies", len(replies))
	if len(replies) == 1 {
		count = "1 reply"
	}
	lines := []line{{}, styled("╰─▸ "+count, style{dim: true})}
	for i, reply := range replies {
		if i > 0 {
			lines = append(lines, line{})
		}
		lines = append(lines, behind(plain(strings.Repeat(" ", replyIndent)), p.message(reply, innerWidth-replyIndent))...)
	}
	return lines
}

// message draws a message into a width.
func (p *painter) message(m recorder.Message, width int) []line {
	if m.Deleted {
		return []line{styled("This message was deleted.", style{dim: true})}
	}
	head := line{{text: sender, style: style{bold: true}}, {text: "  " + printable(p.clock(m.TS)), style: style{dim: true}}}
	if m.Updates > 0 {
		head = append(head, span{text: "  (edited)", style: style{dim: true}})
	}
	lines := wrap(head, width)
	var blocks []json.RawMessage
	switch err := decode(m.Blocks, &blocks); {
	case err != nil:
		lines = append(lines, instead("unreadable blocks", m.Text, width)...)
	case len(blocks) == 0 && m.Text != "":
		lines = append(lines, wrapAll(p.mrkdwn(m.Text, style{}), width)...)
	}
	lines = append(lines, p.blocks(blocks, m.Text, width)...)
	return append(lines, p.attachments(m, width)...)
}

// decode leaves into as it is where there is nothing to decode.
func decode(encoded json.RawMessage, into any) error {
	if encoded == nil {
		return nil
	}
	return json.Unmarshal(encoded, into)
}

// clock is the time of a message's ts.
func (p *painter) clock(ts string) string {
	seconds, _, _ := strings.Cut(ts, ".")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return ts
	}
	return time.Unix(at, 0).In(p.Location).Format("15:04")
}

// attachments draws each beside its coloured bar.
func (p *painter) attachments(m recorder.Message, width int) []line {
	var attachments []struct {
		Color    string            `json:"color"`
		Fallback string            `json:"fallback"`
		Blocks   []json.RawMessage `json:"blocks"`
	}
	if decode(m.Attachments, &attachments) != nil {
		return instead("unreadable attachments", m.Text, width)
	}
	var lines []line
	for _, a := range attachments {
		bar := bar(a.Color)
		room := width - bar.width()
		drawn := p.blocks(a.Blocks, cmp.Or(a.Fallback, m.Text), room)
		if len(a.Blocks) == 0 && a.Fallback != "" {
			drawn = wrap(plain(a.Fallback), room)
		}
		lines = append(lines, behind(bar, drawn)...)
	}
	return lines
}

func bar(colour string) line { return line{{text: "┃", style: style{colour: colour}}, {text: " "}} }

// instead takes the place of what is not drawn: it says what that is, and shows what a notification shows.
func instead(what, fallback string, width int) []line {
	return wrap(styled("("+what+") "+fallback, style{dim: true}), width)
}

// textObject is a text, or another thing with a text in its place, such as an image.
// https://docs.slack.dev/reference/block-kit/composition-objects/text-object/
type textObject struct {
	Type    string `json:"type"`
	Text    string `json:"text"`
	AltText string `json:"alt_text"`
}

// text draws a text object into a width.
func (p *painter) text(t textObject, base style, width int) []line {
	if t.Type == "mrkdwn" {
		return wrapAll(p.mrkdwn(t.Text, base), width)
	}
	var lines []line
	for written := range strings.SplitSeq(cmp.Or(t.Text, t.AltText), "\n") {
		lines = append(lines, wrap(styled(written, base), width)...)
	}
	return lines
}

// blocks draws Block Kit's blocks. https://docs.slack.dev/reference/block-kit/blocks/
func (p *painter) blocks(blocks []json.RawMessage, fallback string, width int) []line {
	var lines []line
	for _, block := range blocks {
		lines = append(lines, p.block(block, fallback, width)...)
	}
	return lines
}

// block draws a block of a kind that alerts are made of. Of another kind, it shows what stands in for it.
func (p *painter) block(encoded json.RawMessage, fallback string, width int) []line {
	var kind struct {
		Type    string `json:"type"`
		AltText string `json:"alt_text"`
	}
	var content struct {
		Text     textObject   `json:"text"`
		Fields   []textObject `json:"fields"`
		Elements []textObject `json:"elements"`
	}
	if json.Unmarshal(encoded, &kind) != nil {
		return instead("unreadable block", fallback, width)
	}
	if !slices.Contains([]string{"section", "header", "context", "divider"}, kind.Type) ||
		json.Unmarshal(encoded, &content) != nil {
		return instead(kind.Type, cmp.Or(kind.AltText, fallback), width)
	}
	var lines []line
	if content.Text.Text != "" {
		lines = append(lines, p.text(content.Text, style{bold: kind.Type == "header"}, width)...)
	}
	lines = append(lines, p.fields(content.Fields, width)...)
	for _, element := range content.Elements {
		lines = append(lines, p.text(element, style{dim: true}, width)...)
	}
	if kind.Type == "divider" {
		lines = append(lines, styled(strings.Repeat("─", width), style{dim: true}))
	}
	return lines
}

// fields draws a section's fields in two columns.
func (p *painter) fields(fields []textObject, width int) []line {
	const gap = 2
	column := width / 2
	var lines []line
	for pair := range slices.Chunk(fields, 2) {
		left := p.text(pair[0], style{}, column-gap)
		var right []line
		if len(pair) > 1 {
			right = p.text(pair[1], style{}, width-column)
		}
		lines = append(lines, beside(left, right, column)...)
	}
	return lines
}

func wrapAll(lines []line, width int) []line {
	var wrapped []line
	for _, l := range lines {
		wrapped = append(wrapped, wrap(l, width)...)
	}
	return wrapped
}
