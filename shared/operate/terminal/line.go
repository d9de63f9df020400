package terminal

import (
	"fmt"
	"slices"
	"strings"
)

// style is how text looks. The zero value is plain.
type style struct {
	bold, dim, underlined, code bool
	// colour is six hex digits behind "#", as Slack writes them, or "".
	colour string
}

// span is text of one style.
type span struct {
	text string
	style
}

// line is what stands on one line.
type line []span

func plain(text string) line { return line{{text: printable(text)}} }

func styled(text string, s style) line { return line{{text: printable(text), style: s}} }

// paint writes a line with the escape sequences of its styles, or without any.
// https://www.ecma-international.org/publications-and-standards/standards/ecma-48/
func (p *painter) paint(l line) string {
	var painted strings.Builder
	for _, s := range l {
		codes := s.codes()
		if !p.Colour || codes == "" {
			painted.WriteString(s.text)
			continue
		}
		fmt.Fprintf(&painted, "\x1b[%sm%s\x1b[0m", codes, s.text)
	}
	return painted.String()
}

func (s style) codes() string {
	var codes []string
	for _, code := range []struct {
		on   bool
		code string
	}{{s.bold, "1"}, {s.dim, "2"}, {s.underlined, "4"}, {s.code, "36"}} {
		if code.on {
			codes = append(codes, code.code)
		}
	}
	var red, green, blue uint8
	if _, err := fmt.Sscanf(s.colour, "#%02x%02x%02x", &red, &green, &blue); err == nil {
		codes = append(codes, fmt.Sprintf("38;5;%d", 16+36*level(red)+6*level(green)+level(blue)))
	}
	return strings.Join(codes, ";")
}

// level is the nearest of the six levels that the palette of 256 colours has for red, green and blue: 0, 95, 135, 175, 215 and
// 255. More terminals know the palette than know 24-bit colours.
func level(intensity uint8) int {
	switch {
	case intensity < 48:
		return 0
	case intensity < 115:
		return 1
	default:
		return (int(intensity) - 35) / 40
	}
}

func (l line) width() int {
	total := 0
	for _, s := range l {
		total += width(s.text)
	}
	return total
}

// wrap breaks a line at its spaces into lines of at most limit columns, and inside of words that are longer.
func wrap(l line, limit int) []line {
	var lines []line
	var current line
	used := 0
	end := func() {
		lines = append(lines, current)
		current, used = nil, 0
	}
	for _, word := range words(l) {
		size := word.width()
		if used > 0 && used+size > limit {
			end()
		}
		if used == 0 {
			word = word.trimLeft()
			size = word.width()
		}
		for size > limit {
			current, word = word.split(limit)
			size -= current.width()
			end()
		}
		current = append(current, word...)
		used += size
	}
	if len(current) > 0 || len(lines) == 0 {
		end()
	}
	return lines
}

// words splits a line before each space, so that a word begins with the space before it. A word may have several styles.
func words(l line) []line {
	var found []line
	for _, s := range l {
		for i, piece := range strings.Split(s.text, " ") {
			if i > 0 {
				piece = " " + piece
			}
			switch {
			case piece == "":
			case i > 0 || len(found) == 0:
				found = append(found, line{{piece, s.style}})
			default:
				found[len(found)-1] = append(found[len(found)-1], span{piece, s.style})
			}
		}
	}
	return found
}

func (l line) trimLeft() line {
	trimmed := slices.Clone(l)
	trimmed[0].text = strings.TrimLeft(trimmed[0].text, " ")
	return trimmed
}

// split cuts a line after as many columns as fit, which is at least one rune.
func (l line) split(limit int) (head, rest line) {
	used := 0
	for i, s := range l {
		for at, r := range s.text {
			size := width(string(r))
			if used+size > limit && used > 0 {
				head = append(head, span{s.text[:at], s.style})
				return head, append(line{{s.text[at:], s.style}}, l[i+1:]...)
			}
			used += size
		}
		head = append(head, s)
	}
	return head, nil
}

// behind puts the same beginning before every line.
func behind(beginning line, lines []line) []line {
	drawn := make([]line, len(lines))
	for i, l := range lines {
		drawn[i] = slices.Concat(beginning, l)
	}
	return drawn
}

// beside puts two columns next to each other, the left one with a fixed width.
func beside(left, right []line, leftWidth int) []line {
	var drawn []line
	for i := range max(len(left), len(right)) {
		var l line
		if i < len(left) {
			l = append(l, left[i]...)
		}
		if i < len(right) {
			l = append(l, span{text: strings.Repeat(" ", max(leftWidth-l.width(), 0))})
			l = append(l, right[i]...)
		}
		drawn = append(drawn, l)
	}
	return drawn
}
