package terminal

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"revento-alerts/shared/provider/recorder"
)

// severityColours are PagerDuty's, roughly.
var severityColours = map[string]string{"critical": "#e01e5a", "error": "#e01e5a", "warning": "#ecb22e", "info": "#36c5f0"}

const resolvedColour = "#2eb67d"

func (p *painter) incident(incident recorder.Incident) []line {
	var trigger recorder.Event
	readable := json.Unmarshal(incident.Event, &trigger) == nil
	lines := wrap(state(incident, trigger.Payload.Severity), innerWidth)
	if !readable {
		return append(lines, instead("unreadable event", string(incident.Event), innerWidth)...)
	}
	lines = append(lines, wrap(styled(trigger.Payload.Summary, style{bold: true}), innerWidth)...)
	lines = append(lines, wrap(plain(p.moment(trigger.Payload.Timestamp)), innerWidth)...)
	bar := bar(severityColours[trigger.Payload.Severity])
	lines = append(lines, behind(bar, rows(rowsOf(trigger), innerWidth-bar.width()))...)
	lines = append(lines, linksOf(trigger)...)
	return append(lines, p.resolution(incident)...)
}

func state(incident recorder.Incident, severity string) line {
	state := span{"▲ TRIGGERED", style{bold: true, colour: severityColours[severity]}}
	if incident.Resolved {
		state = span{"✓ RESOLVED", style{bold: true, colour: resolvedColour}}
	}
	detail := "one page"
	if incident.Triggers > 1 {
		detail = fmt.Sprintf("one page, %d triggers", incident.Triggers)
	}
	if severity != "" {
		detail = "severity " + severity + " · " + detail
	}
	return append(line{state}, styled("  "+detail, style{dim: true})...)
}

// moment shows an event's timestamp in the reader's time zone, or as it is where it is not in PagerDuty's form.
func (p *painter) moment(timestamp string) string {
	at, err := time.Parse(time.RFC3339, timestamp)
	if err != nil {
		return timestamp
	}
	return p.date(at)
}

func (p *painter) resolution(incident recorder.Incident) []line {
	if !incident.Resolved {
		return nil
	}
	var resolve recorder.Event
	if json.Unmarshal(incident.Resolution, &resolve) != nil {
		return instead("unreadable event", string(incident.Resolution), innerWidth)
	}
	by := line{{text: "✓ ", style: style{bold: true, colour: resolvedColour}}}
	by = append(by, plain(resolve.Payload.Summary)...)
	return append(wrap(by, innerWidth), behind(plain("  "), wrap(plain(p.moment(resolve.Payload.Timestamp)), innerWidth-2))...)
}

// links are the event's links, and the address of its client where that is not among them.
func linksOf(e recorder.Event) []line {
	var lines []line
	named := false
	for _, link := range e.Links {
		named = named || link.Address == e.ClientURL
		lines = append(lines, wrap(linkTo(link.Address, link.Text, style{}), innerWidth)...)
	}
	if e.ClientURL != "" && !named {
		lines = append(lines, wrap(linkTo(e.ClientURL, "", style{}), innerWidth)...)
	}
	return lines
}

// row is a name and its value.
type row struct{ name, value string }

// rows are PagerDuty's own fields, and then the custom details.
func rowsOf(e recorder.Event) []row {
	var rows []row
	for _, own := range []row{
		{"Source", e.Payload.Source}, {"Component", e.Payload.Component}, {"Group", e.Payload.Group}, {"Class", e.Payload.Class},
	} {
		if own.value != "" {
			rows = append(rows, own)
		}
	}
	var details map[string]json.RawMessage
	if decode(e.Payload.Details, &details) != nil {
		return append(rows, row{"custom_details", string(e.Payload.Details)})
	}
	for _, name := range slices.Sorted(maps.Keys(details)) {
		value := string(details[name])
		// What is no string is shown as JSON.
		_ = json.Unmarshal(details[name], &value)
		rows = append(rows, row{name, value})
	}
	return rows
}

// rows draws names and values in two columns.
func rows(rows []row, limit int) []line {
	const (
		gap  = 2
		most = 30 // columns of names
	)
	column := 0
	for _, r := range rows {
		column = min(max(column, width(printable(r.name))+gap), most)
	}
	var lines []line
	for _, r := range rows {
		name := wrap(styled(r.name, style{dim: true}), column-gap)
		lines = append(lines, beside(name, wrap(plain(strings.TrimSpace(r.value)), limit-column), column)...)
	}
	return lines
}
