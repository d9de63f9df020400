package checkup

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"revento-alerts/shared/ground/clip"
)

// Write writes a line for each finding, aligned, the remedy on the line below it, and at the end how many there are of what is
// not well. Others' words, such as a channel's name, have no control characters in it.
func Write(w io.Writer, findings []Finding) error {
	width := 0
	for _, f := range findings {
		width = max(width, utf8.RuneCountInString(clip.Line(f.Subject)))
	}
	var text strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&text, "%-7s  %-*s  %s\n", f.Verdict, width, clip.Line(f.Subject), clip.Line(f.Says))
		if f.Remedy != "" {
			fmt.Fprintf(&text, "%-7s  %-*s  -> %s\n", "", width, "", clip.Line(f.Remedy))
		}
	}
	fmt.Fprintf(&text, "\n%s\n", summary(findings))
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("print what was found: %w", err)
	}
	return nil
}

func summary(findings []Finding) string {
	counts := map[Verdict]int{}
	for _, f := range findings {
		counts[f.Verdict]++
	}
	return fmt.Sprintf("%d ok, %s, %d failed, %d skipped",
		counts[OK], count(counts[Warning], "warning"), counts[Failed], counts[Skipped])
}
