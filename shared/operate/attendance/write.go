package attendance

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/ground/legible"
)

// WriteList writes participants as a table.
func WriteList(w io.Writer, list []Participant) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "no participants")
		return err
	}
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "PARTICIPANT\tNAME\tSTATUS\tSTATE\tREGISTERED\tCHECKED IN")
	for _, p := range list {
		fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\t%s\n", clip.Line(p.ID), cmp.Or(clip.Line(p.Name), "-"), cmp.Or(clip.Line(p.Status), "-"), p.State,
			legible.TimeOr(p.RegisteredAt, "-"), legible.TimeOr(p.CheckedInAt, "-"))
	}
	return rows.Flush()
}

// WriteCount writes a count as a table.
func WriteCount(w io.Writer, c Count) error {
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(rows, "%s\t%d\n", clip.Line(c.EventID), c.Total)
	for _, status := range c.statuses() {
		fmt.Fprintf(rows, "  %s\t%d\n", cmp.Or(clip.Line(status), "no status"), c.ByStatus[status])
	}
	if c.Undated > 0 {
		fmt.Fprintf(rows, "registered, nobody knows since when\t%d\n", c.Undated)
	}
	return rows.Flush()
}

// statuses are those that are counted, the most frequent first.
func (c Count) statuses() []string {
	return slices.SortedFunc(maps.Keys(c.ByStatus), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.ByStatus[b], c.ByStatus[a]), cmp.Compare(a, b))
	})
}

// WriteListCSV writes participants as CSV, for programs and spreadsheets.
func WriteListCSV(w io.Writer, list []Participant) error {
	header := []string{"id", "event_id", "organization_id", "name", "status", "state", "registered_at", "checked_in_at"}
	return writeCSV(w, header, func(yield func(...string)) {
		for _, p := range list {
			yield(p.ID, p.EventID, p.OrganizationID, p.Name, p.Status, string(p.State), timeText(p.RegisteredAt), timeText(p.CheckedInAt))
		}
	})
}

// WriteCountCSV writes a count as CSV, a line a status.
func WriteCountCSV(w io.Writer, c Count) error {
	return writeCSV(w, []string{"event_id", "status", "participants"}, func(yield func(...string)) {
		for _, status := range c.statuses() {
			yield(c.EventID, status, strconv.Itoa(c.ByStatus[status]))
		}
	})
}

func timeText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// writeCSV writes lines as RFC 4180 has them. https://www.rfc-editor.org/rfc/rfc4180
func writeCSV(w io.Writer, header []string, lines func(yield func(...string))) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	write := func(cells ...string) {
		for i := range cells {
			cells[i] = cell(cells[i])
		}
		_ = out.Write(cells) // out.Error tells what failed
	}
	write(header...)
	lines(write)
	out.Flush()
	return out.Error()
}

// formulas are what a cell begins with that a spreadsheet computes, and so could send elsewhere what stands beside it; line breaks and tabs,
// which OWASP names too, clip.Line takes away. https://owasp.org/www-community/attacks/CSV_Injection
const formulas = "=+-@＝＋－＠"

// cell is a text on one line that no spreadsheet computes.
func cell(text string) string {
	text = clip.Line(text)
	if first := strings.IndexAny(text, formulas); first == 0 {
		return "'" + text
	}
	return text
}
