package deletion

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/ground/legible"
)

// WriteList writes the deletions as a table.
func WriteList(w io.Writer, cases []Case) error {
	if len(cases) == 0 {
		_, err := fmt.Fprintln(w, "No deletion was ever required.")
		return err
	}
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "ID\tSTATE\tEVENT\tORGANIZATION\tREQUESTED\tDUE\tFINISHED")
	for _, c := range cases {
		fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.ID, c.State, idText(c.EventID), idText(c.OrganizationID),
			legible.TimeOr(c.RequestedAt, "-"), legible.TimeOr(c.Due, "-"), legible.TimeOr(c.FinishedAt, "-"))
	}
	return rows.Flush()
}

// WriteStatement writes what can be handed to Revento or an auditor: what was asked for, what was done and when, and what
// remains elsewhere and until when.
func WriteStatement(w io.Writer, c Case, stack string) error {
	var text bytes.Buffer // takes everything, so that one error is left to look at
	fmt.Fprintf(&text, "Statement of data deletion %s (%s)\n\n", c.ID, stack)
	rows := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range statementRows(c) {
		fmt.Fprintf(rows, "  %s\t%s\n", row[0], row[1])
	}
	_ = rows.Flush()
	if c.Found != nil {
		fmt.Fprintf(&text, "\nDeleted: %d records\n", total(c.Found))
		for _, kind := range slices.Sorted(maps.Keys(c.Found)) {
			fmt.Fprintf(&text, "  %s: %d\n", kind, c.Found[kind])
		}
	}
	if len(c.Forgotten) > 0 {
		fmt.Fprintln(&text, "\nDeleted elsewhere")
		for _, place := range slices.Sorted(maps.Keys(c.Forgotten)) {
			fmt.Fprintf(&text, "  %s: %d\n", place, c.Forgotten[place])
		}
	}
	if len(c.Residual) > 0 {
		fmt.Fprintln(&text, "\nWhat remains elsewhere, and until when")
		for _, residual := range c.Residual {
			fmt.Fprintf(&text, "  %s\n", residual)
		}
	}
	_, err := w.Write(text.Bytes())
	return err
}

func statementRows(c Case) [][2]string {
	rows := [][2]string{
		{"event", idText(c.EventID)},
		{"organization", idText(c.OrganizationID)},
		{"delivery", c.DeliveryID},
		{"state", string(c.State)},
		{"data of up to", legible.Exact(c.Cutoff)},
		{"requested", legible.TimeOr(c.RequestedAt, "-")},
	}
	optional := []struct {
		name string
		at   time.Time
	}{
		{"stopped", c.StoppedAt}, {"confirmed", c.ConfirmedAt}, {"due", c.Due}, {"brought forward", c.BroughtForwardAt},
		{"scheduled", c.ScheduledAt}, {"overdue since", c.OverdueAt}, {"started", c.StartedAt}, {"finished", c.FinishedAt},
		{"closed", c.ClosedAt},
	}
	for _, row := range optional {
		if !row.at.IsZero() {
			rows = append(rows, [2]string{row.name, legible.Time(row.at)})
		}
	}
	if c.BroughtForward {
		rows = append(rows, [2]string{"brought forward", "by a person"})
	}
	if c.Repeats > 0 {
		rows = append(rows, [2]string{"repeated", fmt.Sprintf("%d times, by a person%s", c.Repeats, lastRepeat(c))})
	}
	if c.Held != "" {
		rows = append(rows, [2]string{"held", string(c.Held)})
	}
	if len(c.Keys) > 0 {
		rows = append(rows, [2]string{"keys", strings.Join(c.Keys, ", ")})
	}
	if c.Type != "" {
		rows = append(rows, [2]string{"type", clip.Marked(c.Type)})
	}
	if c.PersonForgotten {
		rows = append(rows, [2]string{"records of the person deleted", fmt.Sprint(c.PersonRecords)})
	}
	if c.Note != "" {
		rows = append(rows, [2]string{"note", clip.Marked(c.Note)})
	}
	if !c.StoppedAt.IsZero() || !c.ScheduledAt.IsZero() || !c.StartedAt.IsZero() {
		rows = append(rows, [2]string{"incidents resolved", fmt.Sprint(c.Resolved)})
	}
	if !c.FinishedAt.IsZero() {
		rows = append(rows, [2]string{"records kept", fmt.Sprintf("%d, of after the request", c.Kept)},
			[2]string{"Slack messages deleted", fmt.Sprintf("%d of %d", c.SlackMessages-c.SlackLeft, c.SlackMessages)})
	}
	return rows
}

func lastRepeat(c Case) string {
	if c.RepeatedAt.IsZero() { // of before it was kept
		return ""
	}
	return ", last " + legible.Time(c.RepeatedAt)
}

// idText is an id of Revento's, which may be null, as it can be printed on any terminal.
func idText(id string) string {
	if id == "" {
		return "null"
	}
	return clip.Marked(id)
}
