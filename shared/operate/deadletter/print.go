package deadletter

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/ground/legible"
)

// WriteList writes letters as a table, and what may be missing in it.
func WriteList(w io.Writer, listing Listing) error {
	var text bytes.Buffer // takes everything, so that one error is left to look at
	if len(listing.Letters) == 0 {
		fmt.Fprintln(&text, "No dead letter is in sight.")
	} else {
		writeTable(&text, listing.Letters)
	}
	if listing.Hidden > 0 {
		fmt.Fprintf(&text, "\n%d more are being looked at by someone else: list them again in a minute.\n", listing.Hidden)
	}
	return flush(w, &text)
}

func writeTable(w io.Writer, letters []Letter) {
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "ID\tQUEUE\tREASON\tSINCE\tTYPE\tDESTINATION\tDELIVERY")
	for _, letter := range letters {
		fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", letter.ID, letter.Queue, line(letter.Reason), legible.TimeOr(letter.since(), "-"),
			line(letter.EventType), letter.place(), line(letter.DeliveryID))
	}
	_ = rows.Flush()
}

// WriteLetter writes all that is known of a letter.
func WriteLetter(w io.Writer, letter Letter) error {
	var text bytes.Buffer // takes everything, so that one error is left to look at
	rows := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"id", letter.ID},
		{"queue", string(letter.Queue)},
		{"reason", line(letter.Reason)},
		{"detail", line(letter.Detail)},
		{"parked", legible.TimeOr(letter.ParkedAt, "-")},
		{"in its queue since", legible.TimeOr(letter.SentAt, "-")},
		{"delivery", line(letter.DeliveryID)},
		{"type", line(letter.EventType)},
		{"destination", letter.place()},
		{"alert key", line(letter.AlertKey)},
		{"readable", strconv.FormatBool(letter.Readable)},
	} {
		fmt.Fprintf(rows, "%s\t%s\n", row[0], row[1])
	}
	_ = rows.Flush()
	return flush(w, &text)
}

// WriteResult writes what became of a letter on a line.
func WriteResult(w io.Writer, result Result) error {
	var text bytes.Buffer // takes everything, so that one error is left to look at
	letter := result.Letter
	fmt.Fprintf(&text, "%-*s  %s  %s  %s  %s\n", len(Redriven), result.Outcome, letter.ID, line(letter.EventType), letter.place(), line(result.Note))
	return flush(w, &text)
}

func flush(w io.Writer, text *bytes.Buffer) error {
	if _, err := w.Write(text.Bytes()); err != nil {
		return fmt.Errorf("print the dead letters: %w", err)
	}
	return nil
}

// since is when the letter was given up, as far as is known.
func (l Letter) since() time.Time {
	if l.ParkedAt.IsZero() {
		return l.SentAt
	}
	return l.ParkedAt
}

func (l Letter) place() string { return line(string(l.Kind) + " " + l.Channel) }

// line is text of others on one line, or a dash.
func line(text string) string { return cmp.Or(clip.Line(text), "-") }
