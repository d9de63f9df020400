package terminal

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"revento-alerts/shared/recorder"
)

// event is what PagerDuty shows of an event.
type event struct {
	ClientURL string `json:"client_url"`
	Payload   struct {
		Summary   string                     `json:"summary"`
		Source    string                     `json:"source"`
		Severity  string                     `json:"severity"`
		Timestamp time.Time                  `json:"timestamp"`
		Component string                     `json:"component"`
		Details   map[string]json.RawMessage `json:"custom_details"`
	} `json:"payload"`
}

// severityColours are PagerDuty's, roughly.
var severityColours = map[string]string{"critical": "#e01e5a", "error": "#e01e5a", "warning": "#ecb22e", "info": "#36c5f0"}

const resolvedColour = "#2eb67d"

func (p *painter) incident(incident recorder.Incident) []line {
	var trigger event
	if json.Unmarshal(incident.Event, &trigger) != nil {
		return unreadable
	}
	payload := trigger.Payload
	colour := severityColours[payload.Severity]
	lines := []line{p.state(incident, payload.Severity)}
	lines = append(lines, wrap(styled(payload.Summary, style{bold: true}), innerWidth)...)
	lines = append(lines, wrap(plain(payload.Component+" · "+payload.Source+" · "+p.date(payload.Timestamp)), innerWidth)...)
	bar := line{{text: "┃", style: style{colour: colour}}, {text: " "}}
	lines = append(lines, behind(bar, details(payload.Details, innerWidth-bar.width()))...)
	if trigger.ClientURL != "" {
		lines = append(lines, wrap(styled(trigger.ClientURL, style{underlined: true}), innerWidth)...)
	}
	return append(lines, p.resolution(incident)...)
}

func (p *painter) state(incident recorder.Incident, severity string) line {
	state := span{"▲ TRIGGERED", style{bold: true, colour: severityColours[severity]}}
	if incident.Resolved {
		state = span{"✓ RESOLVED", style{bold: true, colour: resolvedColour}}
	}
	pages := "one page"
	if incident.Triggers > 1 {
		pages = fmt.Sprintf("one page, %d triggers", incident.Triggers)
	}
	return line{state, {text: printable("  severity " + severity + " · " + pages), style: style{dim: true}}}
}

func (p *painter) resolution(incident recorder.Incident) []line {
	var resolve event
	if !incident.Resolved {
		return nil
	}
	if json.Unmarshal(incident.Resolution, &resolve) != nil {
		return unreadable
	}
	by := line{{text: "✓ ", style: style{bold: true, colour: resolvedColour}}}
	by = append(by, plain(resolve.Payload.Summary+", "+p.date(resolve.Payload.Timestamp))...)
	return wrap(by, innerWidth)
}

// details draws names and values in two columns.
func details(values map[string]json.RawMessage, width int) []line {
	names := slices.Sorted(maps.Keys(values))
	const most = 30 // columns of names
	column := 0
	for _, name := range names {
		column = min(max(column, len(name)+2), most)
	}
	var lines []line
	for _, name := range names {
		var text string
		if json.Unmarshal(values[name], &text) != nil {
			text = string(values[name])
		}
		left := wrap(styled(name, style{dim: true}), column-1)
		lines = append(lines, beside(left, wrap(plain(strings.ReplaceAll(text, "\n", " ")), width-column), column)...)
	}
	return lines
}
