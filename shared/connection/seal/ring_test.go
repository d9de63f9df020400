package seal_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/secret"
)

var (
	newKey = "CANARY" + strings.Repeat("n", 40)
	oldKey = "CANARY" + strings.Repeat("o", 40)
)

func parse(t *testing.T, text string) seal.Ring {
	t.Helper()
	ring, err := seal.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestEveryFormOfARingIsTheSameRing(t *testing.T) {
	want := parse(t, newKey+","+oldKey).IDs()
	if len(want) != 2 || want[0] == want[1] {
		t.Fatalf("the ids are %v", want)
	}
	for name, text := range map[string]string{
		"one a line":      newKey + "\n" + oldKey + "\n",
		"Windows lines":   newKey + "\r\n" + oldKey + "\r\n",
		"blanks":          " " + newKey + " , " + oldKey + " ",
		"a comma too few": newKey + ",\n" + oldKey + ",",
		"quotes":          `"` + newKey + `", "` + oldKey + `"`,
		"an array":        fmt.Sprintf(`[%q, %q]`, newKey, oldKey),
		"an object":       fmt.Sprintf(`{"keys": [%q, %q]}`, newKey, oldKey),
	} {
		t.Run(name, func(t *testing.T) {
			if got := parse(t, text).IDs(); !slices.Equal(got, want) {
				t.Errorf("the keys are %v, want %v", got, want)
			}
		})
	}
}

func TestARingComesBackAsItWasFormatted(t *testing.T) {
	ring := parse(t, oldKey).Add()
	if got := parse(t, ring.Format()).IDs(); !slices.Equal(got, ring.IDs()) {
		t.Errorf("the keys are %v, want %v", got, ring.IDs())
	}
}

func TestWhatIsNoRingIsRefusedWithoutBeingQuoted(t *testing.T) {
	for name, text := range map[string]string{
		"too short":     "CANARY" + strings.Repeat("x", 36),
		"too long":      "CANARY" + strings.Repeat("x", 251),
		"a blank":       "CANARY" + strings.Repeat("x ", 30),
		"a letter":      "CANARY" + strings.Repeat("é", 30),
		"the same key":  newKey + "\n" + newKey,
		"an open quote": `"` + newKey,
		"broken JSON":   `{"keys": ["` + newKey,
		"another form":  fmt.Sprintf(`{"secrets": [%q]}`, newKey),
		"no texts":      `["` + newKey + `", 1]`,
	} {
		t.Run(name, func(t *testing.T) {
			ring, err := seal.Parse(text)
			if err == nil || strings.Contains(err.Error(), "CANARY") || !strings.Contains(err.Error(), "43 characters") {
				t.Errorf("%v, %v", ring, err)
			}
		})
	}
}

func TestARingThatNobodyFilledInIsSaidToBeEmpty(t *testing.T) {
	for _, text := range []string{"", " \n", ",", `""`} {
		if _, err := seal.Parse(text); !errors.Is(err, secret.ErrEmpty) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestNoFormatAndNoLogShowsAKey(t *testing.T) {
	ring, err := parse(t, newKey+","+oldKey).Seeded([]byte("CANARY" + strings.Repeat("s", seal.SeedBytes-6)))
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("ring", "ring", ring, "held", struct{ Ring seal.Ring }{ring})
	shown := log.String()
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		type inside struct{ ring seal.Ring }
		shown += fmt.Sprintf(strings.Repeat(format, 4), ring, &ring, inside{ring}, []seal.Ring{ring})
	}
	for _, trace := range []string{"CANARY", "43414e415259", "43414E415259", "67 65 78 65 82 89", "0x43, 0x41", "0x43,0x41"} {
		if strings.Contains(shown, trace) {
			t.Errorf("a key is shown: %s", shown)
		}
	}
}

func TestAKeyForAPurposeIsOfThatPurposeAndOfEachKey(t *testing.T) {
	ring := parse(t, newKey+","+oldKey)
	seen := map[string]bool{}
	for _, purpose := range []string{"links", "cookies"} {
		derived := ring.Derive(purpose)
		if len(derived) != 2 {
			t.Fatalf("%d keys", len(derived))
		}
		for _, key := range derived {
			if len(key) != 32 || seen[string(key)] {
				t.Errorf("a key of %d bytes, seen before: %t", len(key), seen[string(key)])
			}
			seen[string(key)] = true
		}
	}
	again := parse(t, oldKey).Derive("links")
	if !slices.Equal(again[0], ring.Derive("links")[1]) {
		t.Error("a key that is not the newest any more derives another one")
	}
}
