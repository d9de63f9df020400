// Package clip makes text that strangers wrote fit for a provider, a terminal and a log: within a limit, never cut inside a character,
// on one line, and with nothing hidden in it. It is the one place that does.
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

// IsHidden says whether a character shows nothing where it stands, and does something all the same: it controls a terminal, turns the
// direction of writing, joins or separates without a width, so that text reads as something else than it is.
func IsHidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// joiners are hidden characters that scripts and emoji are spelt with: a zero-width non-joiner and joiner.
const joiners = "\u200c\u200d"

// Line returns text on one line: line breaks and other control characters become spaces, and all else that is hidden is dropped but for
// what words and emoji are spelt with.
func Line(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case strings.ContainsRune(joiners, r), unicode.Is(unicode.Variation_Selector, r), !IsHidden(r):
			return r
		default:
			return -1
		}
	}, text))
}

// Marked returns text on one line with U+FFFD in place of each character that is hidden and each blank but the space, for what a person
// has to see as it is.
func Marked(text string) string {
	return strings.Map(func(r rune) rune {
		if IsHidden(r) || unicode.IsSpace(r) && r != ' ' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
