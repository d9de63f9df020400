package terminal

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// symbols stand for the emoji that the alerts use: one column wide in every terminal, unlike emoji.
var symbols = map[string]span{
	":rotating_light:":      {"▲", style{bold: true, colour: "#e01e5a"}},
	":red_circle:":          {"●", style{colour: "#e01e5a"}},
	":large_orange_circle:": {"●", style{colour: "#ecb22e"}},
	":large_blue_circle:":   {"●", style{colour: "#36c5f0"}},
	":white_check_mark:":    {"✓", style{bold: true, colour: "#2eb67d"}},
	":repeat:":              {"↻", style{bold: true}},
	":rewind:":              {"«", style{bold: true}},
	":hourglass:":           {"◷", style{bold: true}},
}

// token is what means something in Slack's mrkdwn: a control sequence, code, an emoji, bold text.
// https://docs.slack.dev/messaging/formatting-message-text/
var token = regexp.MustCompile("<[^<>\n]+>|`[^`\n]+`|:[a-z0-9_+-]+:|\\*[^*\n]+\\*")

// mrkdwn returns the lines of a text as Slack shows them, each on top of a base style.
func (p *painter) mrkdwn(text string, base style) []line {
	var lines []line
	for written := range strings.SplitSeq(text, "\n") {
		lines = append(lines, p.spans(written, base))
	}
	return lines
}

func (p *painter) spans(text string, base style) line {
	var drawn line
	add := func(text string, s style) {
		if text != "" {
			drawn = append(drawn, span{printable(unescape.Replace(text)), s})
		}
	}
	end := 0
	for _, at := range token.FindAllStringIndex(text, -1) {
		add(text[end:at[0]], base)
		end = at[1]
		found := text[at[0]:at[1]]
		inside := found[1 : len(found)-1]
		switch symbol, known := symbols[found]; {
		case known:
			drawn = append(drawn, symbol)
		case found[0] == '<':
			add(p.control(inside), base.linked(inside))
		case found[0] == '`':
			add(inside, style{code: true})
		case found[0] == '*':
			bold := base
			bold.bold = true
			drawn = append(drawn, p.spans(inside, bold)...)
		default:
			add(found, base)
		}
	}
	add(text[end:], base)
	return drawn
}

var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// linked is the style of a control sequence's text.
func (s style) linked(sequence string) style {
	s.underlined = !strings.HasPrefix(sequence, "!")
	return s
}

// control is the text of a control sequence: a date, or a link with its address, since a terminal has nothing to click on.
func (p *painter) control(sequence string) string {
	target, label, labelled := strings.Cut(sequence, "|")
	switch {
	case strings.HasPrefix(target, "!date^"):
		return p.slackDate(target, label)
	case labelled:
		return label + " " + target
	default:
		return target
	}
}

// slackDate knows the format that the alerts use; for any other, and on a client that knows none, the fallback is shown.
func (p *painter) slackDate(target, fallback string) string {
	parts := strings.Split(target, "^")
	if len(parts) != 3 || parts[2] != "{date_short_pretty} at {time}" {
		return fallback
	}
	seconds, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return fallback
	}
	return p.date(time.Unix(seconds, 0))
}
