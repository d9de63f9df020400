// Package clip makes text that strangers wrote fit for a provider: within a limit, never cut inside a character, and on one
// line.
package clip

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Ellipsis stands at the end of text that was cut. It counts as one rune of the limit.
const Ellipsis = "…"

// Runes returns text in valid UTF-8 with at most limit runes.
func Runes(text string, limit int) string {
	return Escaped(text, limit, func(r rune) string { return string(r) })
}

// Escaped returns text with every rune as escape writes it, and at most limit runes of that. What escape writes for one rune
// is kept whole or left out, so that no entity is cut.
func Escaped(text string, limit int, escape func(rune) string) string {
	if limit <= 0 {
		return ""
	}
	var kept strings.Builder
	size := 0
	room := 0 // the bytes of kept behind which an ellipsis still fits
	for _, r := range text {
		piece := escape(r)
		if size += utf8.RuneCountInString(piece); size > limit {
			return kept.String()[:room] + Ellipsis
		}
		kept.WriteString(piece)
		if size < limit {
			room = kept.Len()
		}
	}
	return kept.String()
}

// Line returns text on one line: line breaks and other control characters become spaces, and what turns the direction of
// writing, so that text reads as something else, is dropped.
func Line(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		default:
			return r
		}
	}, text))
}
