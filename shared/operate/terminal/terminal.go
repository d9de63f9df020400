// Package terminal draws what Slack and PagerDuty were told as a person would see it there. It reads nothing but the JSON that
// the providers got.
package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"revento-alerts/shared/provider/recorder"
)

// The widths, in columns: of a box, and of what is in it.
const (
	boxWidth   = 80
	innerWidth = boxWidth - len("| ") - len(" |")
)

// Options say how to draw.
type Options struct {
	// Location is the reader's time zone.
	Location *time.Location
	// Colour says whether to use colours and styles. Without, nothing but text is written.
	Colour bool
}

// Draw draws a box for each Slack channel, with its threads, and a box for each PagerDuty incident.
func Draw(w io.Writer, messages []recorder.Message, incidents []recorder.Incident, options Options) error {
	p := painter{Options: options}
	for _, channel := range channels(messages) {
		p.box("Slack", channel, p.channel(channel, messages))
	}
	for i, incident := range incidents {
		p.box("PagerDuty", fmt.Sprintf("incident %d", i+1), p.incident(incident))
	}
	if _, err := io.WriteString(w, p.out.String()); err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	return nil
}

type painter struct {
	Options
	out strings.Builder
}

// box draws lines in a box, whose title is cut where it is too long.
func (p *painter) box(name, detail string, lines []line) {
	title := line{{text: name, style: style{bold: true}}, {text: "  " + printable(detail), style: style{dim: true}}}
	title, _ = title.split(innerWidth - len("- "))
	rule := func(columns int) string { return strings.Repeat("─", columns) }
	p.say(line{})
	p.say(slices.Concat(border("╭─ "), title, border(" "+rule(innerWidth-len("- ")-title.width()+1)+"╮")))
	for _, drawn := range lines {
		p.say(slices.Concat(border("│ "), drawn, plain(strings.Repeat(" ", innerWidth-drawn.width())), border(" │")))
	}
	p.say(border("╰" + rule(boxWidth-2) + "╯"))
}

func border(text string) line { return styled(text, style{dim: true}) }

func (p *painter) say(l line) { fmt.Fprintln(&p.out, p.paint(l)) }

// date is a moment as Slack's {date_short_pretty} and {time} show it, for a reader who prefers 24 hours.
func (p *painter) date(at time.Time) string { return at.In(p.Location).Format("Jan 2, 2006 at 15:04") }
