package trace

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"

	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/ground/legible"
)

// Write writes a story for people: why, what happened in the order of time, and each alert; then the other events that came
// under the delivery id.
func Write(w io.Writer, s Story) error {
	var text bytes.Buffer // takes everything, so that one error is left to look at
	writeStory(&text, s)
	for _, other := range s.Others {
		fmt.Fprint(&text, "\nAnother event came under this delivery id, which is not signed, and was worked on by itself:\n\n")
		writeStory(&text, other)
	}
	if _, err := w.Write(text.Bytes()); err != nil {
		return fmt.Errorf("print the story: %w", err)
	}
	return nil
}

func writeStory(text io.Writer, s Story) {
	fmt.Fprintf(text, "Delivery %s  %s%s\n\n%s\n", clip.Line(s.DeliveryID), clip.Line(s.Type), at(s.EventName), clip.Line(s.Why))
	if len(s.Steps) > 0 {
		fmt.Fprintln(text)
	}
	rows := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	for _, step := range s.Steps {
		fmt.Fprintf(rows, "%s\t%s\t%s\n", legible.Time(step.At), step.What, clip.Line(step.Detail))
	}
	_ = rows.Flush()
	for _, a := range s.Alerts {
		writeAlert(text, a)
	}
}

func writeAlert(w io.Writer, a Alert) {
	fmt.Fprintf(w, "\n%s: %s\n  %s\n", clip.Line(a.place()), a.State, clip.Line(a.Note))
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"attempts", number(a.Attempts)},
		{"first attempt", legible.TimeOr(a.FirstAttempt, "")},
		{"last attempt", legible.TimeOr(a.LastAttempt, "")},
		{"last failure", a.Answer},
		{"message", a.Link},
		{"ts", a.TS},
		{"dedup key", a.DedupKey},
		{"alert key", a.AlertKey},
	} {
		if row[1] != "" {
			fmt.Fprintf(rows, "  %s\t%s\n", row[0], clip.Line(row[1]))
		}
	}
	_ = rows.Flush()
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// at says at which event something happened, if its name is known.
func at(eventName string) string {
	if eventName == "" {
		return ""
	}
	return "  at " + clip.Line(eventName)
}
