package written_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"revento-alerts/shared/ground/written"
)

func TestAValueIsWhatStandsWithinBlanksAndQuotes(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "",
		"a":                    "a",
		" \t a\r\n":            "a",
		"\ufeffa":              "a",
		"a\u00a0":              "a",
		`"a"`:                  "a",
		`'a'`:                  "a",
		` " a " ` + "\n":       " a ",
		`""`:                   "",
		`"`:                    `"`,
		`"a`:                   `"a`,
		`a"`:                   `a"`,
		`"a'`:                  `"a'`,
		`it's`:                 `it's`,
		`'{"secrets": ["a"]}'`: `{"secrets": ["a"]}`,
		`"a", "b"`:             `"a", "b"`,
		`"a, b"`:               `a, b`,
	} {
		if got := written.Value(text); got != want {
			t.Errorf("Value(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestAListTakesBlanksAndLineBreaksRoundItsCommas(t *testing.T) {
	for text, want := range map[string][]string{
		"":                       {""},
		"a":                      {"a"},
		"a,b":                    {"a", "b"},
		" a , b ":                {"a", "b"},
		"a\nb\n":                 {"a", "b"},
		"a\r\nb\r\n":             {"a", "b"},
		"a,\nb":                  {"a", "b"},
		"a\n,\n\n b":             {"a", "b"},
		"\n\na\n\n\nb\n\n":       {"a", "b"},
		`"a","b"`:                {"a", "b"},
		`"a" , 'b'` + "\n" + `c`: {"a", "b", "c"},
		`"a, b"`:                 {"a, b"},
		`"a,b",c`:                {"a,b", "c"},
		`c,"a,b"`:                {"c", "a,b"},
		`c,"a` + "\n" + `b",d`:   {"c", "a\nb", "d"},
		`" a ",b`:                {" a ", "b"},
		`"",b`:                   {"", "b"},
		"a,,b":                   {"a", "", "b"},
		"a,":                     {"a", ""},
		",a":                     {"", "a"},
		"it's, b'":               {"it's", "b'"},
		"a b":                    {"a b"},
	} {
		got, err := written.List(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("List(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestAQuoteThatIsNotClosedIsSaidToBe(t *testing.T) {
	for _, text := range []string{`"a`, `"`, `a,"b`, `"a",'b`, `"a"b`, `"a"b,c`, `"a" "b"`, `'a"`} {
		if got, err := written.List(text); !errors.Is(err, written.ErrQuote) {
			t.Errorf("List(%q) = %q, %v", text, got, err)
		}
	}
}

func FuzzList(f *testing.F) {
	for _, text := range []string{"a, b", "a\nb", `"a,b",c`, `'a"`, "\r\n,\n", "\ufeff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := written.List(text)
		if err != nil {
			return
		}
		if len(values) == 0 {
			t.Fatalf("List(%q) has no value", text)
		}
		// Written in quotes and with commas between, the same values come again.
		if strings.ContainsAny(text, `"'`) {
			return
		}
		again, err := written.List(`"` + strings.Join(values, `" , "`) + `"`)
		if err != nil || !slices.Equal(again, values) {
			t.Errorf("List(%q) = %q, and in quotes %q, %v", text, values, again, err)
		}
	})
}
