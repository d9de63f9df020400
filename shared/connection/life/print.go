package life

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"revento-alerts/shared/connection"
	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/ground/legible"
)

// WriteList writes connections as a table.
func WriteList(w io.Writer, views []View) error {
	if len(views) == 0 {
		_, err := fmt.Fprintln(w, "no connections")
		return err
	}
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "EVENT\tORGANIZATION\tSTATE\tHEALTH\tCONNECTED")
	for _, v := range views {
		fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\n", clip.Line(v.EventID), clip.Line(v.OrganizationID), v.stateText(), v.healthText(),
			legible.Time(v.ConnectedAt))
	}
	return rows.Flush()
}

// WriteView writes all that is shown of a connection.
func WriteView(w io.Writer, v View) error {
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"event", clip.Line(v.EventID)},
		{"its name", cmp.Or(clip.Line(v.Name), "-")},
		{"organization", clip.Line(v.OrganizationID)},
		{"state", v.stateText()},
		{"health", v.healthText()},
		{"looked at", legible.TimeOr(v.ObservedAt, "not yet")},
		{"looked at next", legible.TimeOr(v.DueAt, "-")},
		{"participants", v.Participants.text()},
		{"all read", legible.TimeOr(v.CompletedAt, "not yet")},
		{"last pass", v.passText()},
		{"held", v.heldText()},
		{"connected", legible.Time(v.ConnectedAt)},
		{"scopes", clip.Line(cmp.Or(strings.Join(v.Scopes, " "), "-"))},
		{"its tokens end", legible.TimeOr(v.RefreshEnds, "-")},
		{"the consent ends", legible.TimeOr(v.GrantEnds, "-")},
	} {
		fmt.Fprintf(rows, "%s\t%s\n", row[0], row[1])
	}
	return rows.Flush()
}

// text is "250: 212 registered, 38 pending; 3 cancelled".
func (p *Participants) text() string {
	if p == nil {
		return "-"
	}
	var parts []string
	for _, status := range slices.SortedFunc(maps.Keys(p.ByStatus), func(a, b string) int {
		return cmp.Or(cmp.Compare(p.ByStatus[b], p.ByStatus[a]), cmp.Compare(a, b))
	}) {
		parts = append(parts, fmt.Sprintf("%d %s", p.ByStatus[status], clip.Line(status)))
	}
	text := strconv.Itoa(p.Total)
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	if p.Cancelled > 0 {
		text += fmt.Sprintf("; %d cancelled", p.Cancelled)
	}
	return text
}

func (v View) stateText() string {
	text := string(v.State)
	if v.Reason != "" && string(v.Reason) != text {
		text += " (" + string(v.Reason) + ")"
	}
	if v.Stopped {
		text += ", stopped"
	}
	return text
}

func (v View) healthText() string {
	text := string(v.Health)
	switch {
	case v.Flapping:
		text += ", flapping"
	case v.Failing && v.HealthReason != "":
		text += " (" + clip.Line(v.HealthReason) + ")"
	}
	return text
}

// IsWell says whether the connection works as far as is known.
func (v View) IsWell() bool { return v.State == connection.Active && !v.Failing && !v.Stopped }

// Lacks says, for one that does not work, why: its state where that is it, and otherwise its health.
func (v View) Lacks() string {
	if v.State != connection.Active || v.Stopped {
		return v.stateText()
	}
	return v.healthText()
}
