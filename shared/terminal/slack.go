package terminal

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"revento-alerts/shared/recorder"
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
	lines := []line{head}
	if m.Blocks == nil {
		lines = append(lines, wrapAll(p.mrkdwn(m.Text, style{}), width)...)
	}
	lines = append(lines, p.blocks(m.Blocks, width)...)
	return append(lines, p.attachments(m.Attachments, width)...)
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
func (p *painter) attachments(encoded json.RawMessage, width int) []line {
	var attachments []struct {
		Color  string          `json:"color"`
		Blocks json.RawMessage `json:"blocks"`
	}
	if encoded == nil {
		return nil
	}
	if json.Unmarshal(encoded, &attachments) != nil {
		return unreadable
	}
	var lines []line
	for _, a := range attachments {
		bar := line{{text: "┃", style: style{colour: a.Color}}, {text: " "}}
		lines = append(lines, behind(bar, p.blocks(a.Blocks, width-bar.width()))...)
	}
	return lines
}

// unreadable takes the place of what Slack would refuse.
var unreadable = []line{styled("(unreadable)", style{dim: true})}

type textObject struct {
	Text string `json:"text"`
}

// blocks draws Block Kit's sections and context lines, the blocks that the alerts use, and names any other.
// https://docs.slack.dev/reference/block-kit/blocks/
func (p *painter) blocks(encoded json.RawMessage, width int) []line {
	var blocks []struct {
		Type     string       `json:"type"`
		Text     *textObject  `json:"text"`
		Fields   []textObject `json:"fields"`
		Elements []textObject `json:"elements"`
	}
	if encoded == nil {
		return nil
	}
	if json.Unmarshal(encoded, &blocks) != nil {
		return unreadable
	}
	var lines []line
	for _, block := range blocks {
		switch block.Type {
		case "section":
			if block.Text != nil {
				lines = append(lines, wrapAll(p.mrkdwn(block.Text.Text, style{}), width)...)
			}
			lines = append(lines, p.fields(block.Fields, width)...)
		case "context":
			for _, element := range block.Elements {
				lines = append(lines, wrapAll(p.mrkdwn(element.Text, style{dim: true}), width)...)
			}
		default:
			lines = append(lines, styled("("+block.Type+")", style{dim: true}))
		}
	}
	return lines
}

// fields draws a section's fields in two columns.
func (p *painter) fields(fields []textObject, width int) []line {
	const gap = 2
	column := width / 2
	var lines []line
	for pair := range slices.Chunk(fields, 2) {
		left := wrapAll(p.mrkdwn(pair[0].Text, style{}), column-gap)
		var right []line
		if len(pair) > 1 {
			right = wrapAll(p.mrkdwn(pair[1].Text, style{}), width-column)
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
