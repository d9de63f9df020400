// Package written reads values as people write them: with blanks around them, in quotes, one a line. Settings and secrets are
// read by it alike, on one machine and on AWS, so that what works in one place works in the other.
package written

import (
	"errors"
	"strings"
	"unicode"
)

// ErrQuote is returned for a value that begins with a quotation mark and does not end with it.
var ErrQuote = errors.New("a quotation mark is not closed: remove it, or put the whole value in quotes")

// quotes are the marks that a value can stand in.
const quotes = `"'`

// Value returns a value without the blanks and line breaks around it; one in quotes is what stands within, blanks included. A
// text in which the mark stands again is no value in quotes, but several, and is returned as it is: List takes it apart.
func Value(text string) string {
	text = trim(text)
	if text == "" || !strings.ContainsRune(quotes, rune(text[0])) {
		return text
	}
	mark, rest := text[:1], text[1:]
	if inside, closed := strings.CutSuffix(rest, mark); closed && !strings.Contains(inside, mark) {
		return inside
	}
	return text
}

// List returns the values of a list whose separators are commas, line breaks, or a comma with line breaks around it. In quotes
// both are a value's own. An empty value stays where a comma says that there is one, so that the caller can refuse it. It returns
// ErrQuote.
func List(text string) ([]string, error) {
	var values []string
	for rest, more := text, true; more; {
		var value string
		var err error
		if value, rest, more, err = next(rest); err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// next cuts the first value off a list; more says that a separator came behind it.
func next(text string) (value, rest string, more bool, err error) {
	text = trim(text)
	end := strings.IndexAny(text, ",\r\n")
	if text != "" && strings.ContainsRune(quotes, rune(text[0])) {
		closing := strings.IndexByte(text[1:], text[0])
		if closing < 0 {
			return "", "", false, ErrQuote
		}
		value, text = text[1:closing+1], trimBlanks(text[closing+2:])
		if text != "" && !strings.ContainsRune(",\r\n", rune(text[0])) {
			return "", "", false, ErrQuote
		}
		end = min(0, len(text)-1)
	}
	if end < 0 {
		return value + text, "", false, nil
	}
	value += trim(text[:end])
	rest = trim(text[end:])
	return value, strings.TrimPrefix(rest, ","), true, nil
}

func trim(text string) string { return strings.TrimFunc(text, isBlank) }

func trimBlanks(text string) string {
	return strings.TrimLeftFunc(text, func(r rune) bool { return isBlank(r) && r != '\r' && r != '\n' })
}

// isBlank holds for the mark that some editors put before a text, too.
func isBlank(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' }
