package clip_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"revento-alerts/shared/ground/clip"
)

func TestWhatIsHiddenIsWrittenSoThatItShows(t *testing.T) {
	for text, want := range map[string]string{
		"plain\ttext\n":              "plain\ttext\n",
		"über 🙂 日本":                  "über 🙂 日本",
		"\x1b[31mred\x1b[0m":         `\u001b[31mred\u001b[0m`,
		"\x07\x00\x7f\r":             `\u0007\u0000\u007f\u000d`,
		"\u009b31m":                  `\u009b31m`,
		"a\u202eb\u200b\ufeff\u2066": `a\u202eb\u200b\ufeff\u2066`,
		"a\u2028b\u2029":             `a\u2028b\u2029`,
		"\U000e0041":                 `\udb40\udc41`,
		"❤\ufe0f":                    `❤\ufe0f`,
		"\u3164\u115f\u034f":         `\u3164\u115f\u034f`,
		"\xff\x9b":                   "\ufffd\ufffd",
	} {
		var out bytes.Buffer
		if n, err := io.WriteString(clip.NewWriter(&out), text); n != len(text) || err != nil {
			t.Errorf("%q: %d bytes, %v", text, n, err)
		}
		if out.String() != want {
			t.Errorf("%q is written as %q, want %q", text, out.String(), want)
		}
	}
}

func TestACharacterThatIsCutBetweenTwoWritesStaysWhole(t *testing.T) {
	const text = "ü 🙂 \u202e 日"
	for size := 1; size < len(text); size++ {
		var out bytes.Buffer
		w := clip.NewWriter(&out)
		for rest := text; rest != ""; rest = rest[min(size, len(rest)):] {
			if _, err := io.WriteString(w, rest[:min(size, len(rest))]); err != nil {
				t.Fatal(err)
			}
		}
		if want := "ü 🙂 \\u202e 日"; out.String() != want {
			t.Errorf("in pieces of %d bytes: %q", size, out.String())
		}
	}
}

type refusing struct{ err error }

func (r refusing) Write([]byte) (int, error) { return 0, r.err }

func TestTheErrorOfTheWriterBeneathIsReturned(t *testing.T) {
	failure := errors.New("full")
	for _, text := range []string{"plain", "\x1b"} {
		if _, err := io.WriteString(clip.NewWriter(refusing{failure}), text); !errors.Is(err, failure) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzWriter(f *testing.F) {
	for _, seed := range []string{"", "abc", "\x1b[2J", "\u202e", "🙂\u200d", "\xff\xfe", `"quoted"` + "\u0085"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		encoded, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := clip.NewWriter(&out).Write(encoded); err != nil {
			t.Fatal(err)
		}
		if at := strings.IndexFunc(out.String(), clip.IsHidden); at >= 0 {
			t.Errorf("%q hides something at %d", out.String(), at)
		}
		var before, after string
		if json.Unmarshal(encoded, &before) != nil || json.Unmarshal(out.Bytes(), &after) != nil || before != after {
			t.Errorf("the JSON %q became %q", encoded, out.String())
		}
	})
}
