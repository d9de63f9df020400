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
			drawn = append(drawn, p.control(inside, base)...)
		case found[0] == '`':
			code := base
			code.code = true
			add(inside, code)
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

// control draws a control sequence: a date, a link, or a mention, which the alerts never make, as it is written.
func (p *painter) control(sequence string, base style) line {
	target, label, _ := strings.Cut(sequence, "|")
	target, label = unescape.Replace(target), unescape.Replace(label)
	switch {
	case strings.HasPrefix(target, "!date^"):
		return styled(p.slackDate(target, label), base)
	case strings.HasPrefix(target, "!"), strings.HasPrefix(target, "@"), strings.HasPrefix(target, "#"):
		return styled(target, base)
	default:
		return linkTo(target, label, base)
	}
}

// linkTo draws a link with its address, since a terminal has nothing to click on.
func linkTo(address, label string, base style) line {
	underlined := base
	underlined.underlined = true
	if label == "" {
		return styled(address, underlined)
	}
	return append(styled(label+" → ", base), styled(address, underlined)...)
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
