package seal_test

import (
	"errors"
	"strings"
	"testing"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/seal"
)

var about = seal.About{
	Connection: record.Connection{EventID: "evt_1", OrganizationID: "org_1"}, Kind: record.Alert, Grant: "grant_1", Generation: 1,
}

const plain = "rev_refresh_CANARY"

func sealed(t *testing.T, ring seal.Ring) seal.Sealed {
	t.Helper()
	value, err := ring.Seal(about, []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func wantOpen(t *testing.T, ring seal.Ring, value seal.Sealed) {
	t.Helper()
	if opened, err := ring.Open(about, value); err != nil || string(opened) != plain {
		t.Errorf("opened %q, %v", opened, err)
	}
}

func TestWhatIsSealedOpensAndShowsNothing(t *testing.T) {
	ring := seal.Ring{}.Add()
	value := sealed(t, ring)
	wantOpen(t, ring, value)
	if strings.Contains(string(value), "CANARY") {
		t.Errorf("it shows what it seals: %s", value)
	}
	if value == sealed(t, ring) {
		t.Error("the same value sealed twice is the same text")
	}
}

func TestAValueOpensOnlyAsWhatItIsAbout(t *testing.T) {
	ring := seal.Ring{}.Add()
	value := sealed(t, ring)
	for name, change := range map[string]func(*seal.About){
		"another event":        func(a *seal.About) { a.Connection.EventID = "evt_2" },
		"another organization": func(a *seal.About) { a.Connection.OrganizationID = "org_2" },
		"another kind":         func(a *seal.About) { a.Kind = record.Incident },
		"another grant":        func(a *seal.About) { a.Grant = "grant_2" },
		"another generation":   func(a *seal.About) { a.Generation = 2 },
		"another record":       func(a *seal.About) { a.ID = "1" },
		"parts moved": func(a *seal.About) {
			a.Kind, a.Grant = "aler", "tgrant_1"
		},
	} {
		t.Run(name, func(t *testing.T) {
			other := about
			change(&other)
			if opened, err := ring.Open(other, value); !errors.Is(err, seal.ErrNotSealed) {
				t.Errorf("opened %q, %v", opened, err)
			}
		})
	}
}

func TestAValueThatWasChangedDoesNotOpen(t *testing.T) {
	ring := seal.Ring{}.Add()
	value := string(sealed(t, ring))
	for i := range value {
		changed := []byte(value)
		if changed[i]++; changed[i] > '~' {
			changed[i] = '!'
		}
		if opened, err := ring.Open(about, seal.Sealed(changed)); err == nil {
			t.Errorf("with another character at %d it opens as %q", i, opened)
		}
		if opened, err := ring.Open(about, seal.Sealed(value[:i])); err == nil {
			t.Errorf("cut off at %d it opens as %q", i, opened)
		}
	}
}

func TestTheNewestKeySealsAndEveryKeyOpens(t *testing.T) {
	old := seal.Ring{}.Add()
	before := sealed(t, old)
	ring := old.Add()
	wantOpen(t, ring, before)
	if !ring.NeedsReseal(before) {
		t.Error("what the old key sealed needs no resealing")
	}
	after := sealed(t, ring)
	wantOpen(t, ring, after)
	if ring.NeedsReseal(after) {
		t.Error("what the newest key sealed needs resealing")
	}
	if _, err := old.Open(about, after); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("a ring without the key: %v", err)
	}
}

func TestARingWithoutKeysSealsAndOpensNothing(t *testing.T) {
	if value, err := (seal.Ring{}).Seal(about, []byte(plain)); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("sealed %q, %v", value, err)
	}
	if opened, err := (seal.Ring{}).Open(about, sealed(t, seal.Ring{}.Add())); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("opened %q, %v", opened, err)
	}
}

// A form or derivation that changed would lose every token that is stored.
func TestWhatWasSealedByAnEarlierVersionOpens(t *testing.T) {
	ring, err := seal.Parse(strings.Repeat("k", 43))
	if err != nil {
		t.Fatal(err)
	}
	const stored = "1.9a49be78d95dee0d.MvvKv2Wg7FjFtr3ihdxW_ezb3K_kWcSMhN5v9vuNArG-FGUHzPYxCbFQywrSmg"
	wantOpen(t, ring, stored)
}

func FuzzOpenRefusesWhatItDidNotSeal(f *testing.F) {
	ring := seal.Ring{}.Add()
	id := ring.IDs()[0]
	for _, text := range []string{"", "1." + id + ".", "1." + id + ".AAAA", "1." + id + "." + strings.Repeat("A", 80), "2." + id + ".AAAA", "..."} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if opened, err := ring.Open(about, seal.Sealed(text)); err == nil {
			t.Errorf("%q opens as %q", text, opened)
		}
		_ = ring.NeedsReseal(seal.Sealed(text))
	})
}

// What a seed sealed opens with that seed and a key of the ring, and with nothing less.
func TestWhatIsSealedWithASeedOpensWithItOnly(t *testing.T) {
	ring := seal.Ring{}.Add()
	seeded := func(fill string) seal.Ring {
		t.Helper()
		with, err := ring.Seeded([]byte(strings.Repeat(fill, seal.SeedBytes)))
		if err != nil {
			t.Fatal(err)
		}
		return with
	}
	value := sealed(t, seeded("s"))
	wantOpen(t, seeded("s"), value)
	for name, other := range map[string]seal.Ring{"no seed": ring, "another seed": seeded("t")} {
		if opened, err := other.Open(about, value); !errors.Is(err, seal.ErrNotSealed) {
			t.Errorf("%s: opened %q, %v", name, opened, err)
		}
	}
	another, err := seal.Ring{}.Add().Seeded([]byte(strings.Repeat("s", seal.SeedBytes)))
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := another.Open(about, value); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("the seed alone: opened %q, %v", opened, err)
	}
	if opened, err := seeded("s").Open(about, sealed(t, ring)); !errors.Is(err, seal.ErrNotSealed) {
		t.Errorf("what no seed sealed: opened %q, %v", opened, err)
	}
}

func TestASeedOfAnotherLengthIsRefused(t *testing.T) {
	for _, length := range []int{0, 1, seal.SeedBytes - 1, seal.SeedBytes + 1} {
		if ring, err := (seal.Ring{}).Add().Seeded(make([]byte, length)); !errors.Is(err, seal.ErrSeed) || len(ring.IDs()) != 0 {
			t.Errorf("%d bytes: %v, %v", length, ring, err)
		}
	}
}
