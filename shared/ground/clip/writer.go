package clip

import (
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Writer makes what is hidden in a text visible on its way to a terminal, a file or a log: it is written as JSON's escape for it, such as
// \u001b, so that JSON stays the same JSON and a person sees that there is something. Line breaks and tabs stay. Bytes that are no
// UTF-8 become U+FFFD.
type Writer struct {
	to io.Writer
	// cut is the beginning of a character whose end comes with the next Write.
	cut []byte
}

// NewWriter returns a Writer on its way to another. It is for one goroutine at a time.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Write implements io.Writer. It returns the error of the writer beneath.
func (w *Writer) Write(text []byte) (int, error) {
	if len(w.cut) == 0 && isPlain(text) {
		return w.to.Write(text)
	}
	shown := visible(w.whole(text))
	if _, err := w.to.Write(shown); err != nil {
		return 0, err
	}
	return len(text), nil
}

// isPlain says whether there is nothing but printable ASCII, line breaks and tabs: nearly always.
func isPlain(text []byte) bool {
	for _, b := range text {
		if b >= 0x7f || b < ' ' && b != '\n' && b != '\t' {
			return false
		}
	}
	return true
}

// whole puts what was cut before the text, and cuts off the beginning of a character at its end.
func (w *Writer) whole(text []byte) []byte {
	text = append(w.cut, text...)
	w.cut = nil
	for size := 1; size < utf8.UTFMax && size <= len(text); size++ {
		tail := text[len(text)-size:]
		if utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				w.cut = append(w.cut, tail...)
				return text[:len(text)-size]
			}
			break
		}
	}
	return text
}

func visible(text []byte) []byte {
	shown := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if r == '\n' || r == '\t' || !IsHidden(r) {
			shown = utf8.AppendRune(shown, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			shown = fmt.Appendf(shown, `\u%04x`, unit)
		}
	}
	return shown
}
