package clip_test

import (
	"html"
	"strings"
	"testing"
	"unicode/utf8"

	"revento-alerts/shared/ground/clip"
)

func TestRunes(t *testing.T) {
	tests := []struct {
		name  string
		text  string
		limit int
		want  string
	}{
		{"shorter than the limit", "abc", 4, "abc"},
		{"as long as the limit", "abcd", 4, "abcd"},
		{"one too long", "abcde", 4, "abc…"},
		{"runes count and not bytes", "äöüß", 4, "äöüß"},
		{"many runes of four bytes", strings.Repeat("🙂", 100), 3, "🙂🙂…"},
		{"room for the ellipsis alone", "ab", 1, "…"},
		{"no room", "ab", 0, ""},
		{"a limit below zero", "ab", -1, ""},
		{"nothing to cut", "", 1, ""},
		{"bytes that are not UTF-8", "a\xffb", 3, "a\ufffdb"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := clip.Runes(test.text, test.limit); got != test.want {
				t.Errorf("Runes(%q, %d) = %q, want %q", test.text, test.limit, got, test.want)
			}
		})
	}
}

func entity(r rune) string { return html.EscapeString(string(r)) }

func TestEscapedCutsNoEntity(t *testing.T) {
	for limit, want := range map[int]string{
		1: "…", 2: "a…", 5: "a…", 6: "a…", 7: "a&amp;…", 8: "a&amp;…", 11: "a&amp;&lt;…", 15: "a&amp;&lt;&gt;b",
	} {
		if got := clip.Escaped("a&<>b", limit, entity); got != want {
			t.Errorf("limit %d: %q, want %q", limit, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"plain", "a b", "a b"},
		{"line breaks of all kinds", "a\nb\r\nc\u2028d\u0085e", "a b  c d e"},
		{"around the text", "\n a \t", "a"},
		{"control characters", "a\x00b\x1b[31m", "a b [31m"},
		{"a changed direction of writing", "a\u202eb\u2066c", "abc"},
		{"a joined emoji stays whole", "👩\u200d🚒", "👩\u200d🚒"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := clip.Line(test.text); got != test.want {
				t.Errorf("Line(%q) = %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestMarked(t *testing.T) {
	const mark = "\ufffd"
	for text, want := range map[string]string{
		"as it is": "as it is", "\x1b[31m": mark + "[31m", "a\nb\tc": "a" + mark + "b" + mark + "c", "a\u00a0b": "a" + mark + "b",
		"\u202eabc": mark + "abc", "\u200b": mark, "日本 🙂": "日本 🙂",
	} {
		if got := clip.Marked(text); got != want {
			t.Errorf("Marked(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzEscaped(f *testing.F) {
	for _, seed := range []string{"", "abc", "a&<>b", "🙂🙂🙂", "\xff\xfe", "e\u0301", "&amp;"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit %= 1000
		got := clip.Escaped(text, limit, entity)
		if !utf8.ValidString(got) {
			t.Errorf("%q is not UTF-8", got)
		}
		if size := utf8.RuneCountInString(got); size > max(limit, 0) {
			t.Errorf("%d runes, the limit is %d", size, limit)
		}
		whole := clip.Escaped(text, 10*len(text)+1, entity)
		if cut, wasCut := strings.CutSuffix(got, clip.Ellipsis); wasCut && !strings.HasPrefix(whole, cut) {
			t.Errorf("%q is not how the text begins", cut)
		}
		if plain := strings.TrimSuffix(got, clip.Ellipsis); html.EscapeString(html.UnescapeString(plain)) != plain {
			t.Errorf("an entity is cut in %q", got)
		}
	})
}
