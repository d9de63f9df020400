package revento_test

import (
	"strings"
	"testing"

	"revento-alerts/shared/revento"
)

func TestDeliveryID(t *testing.T) {
	tests := []struct {
		name string
		id   string
		want bool
	}{
		{"a UUID", "0e4c9a1e-6a51-4a1c-9f6e-2d5f0b0f8a11", true},
		{"one character", "x", true},
		{"the first and last visible characters", "!~", true},
		{"the longest", strings.Repeat("a", revento.MaxDeliveryIDLength), true},
		{"one too long", strings.Repeat("a", revento.MaxDeliveryIDLength+1), false},
		{"empty", "", false},
		{"a space", "a b", false},
		{"a tab", "a\tb", false},
		{"a line break", "a\n", false},
		{"a control character", "a\x00", false},
		{"delete", "a\x7f", false},
		{"not ASCII", "é", false},
		{"not UTF-8", "\xff", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := revento.IsDeliveryID(test.id); got != test.want {
				t.Errorf("IsDeliveryID(%q) = %v, want %v", test.id, got, test.want)
			}
		})
	}
}

func TestStandInDeliveryIDIsOneForOneBody(t *testing.T) {
	first := revento.StandInDeliveryID([]byte("{}"))
	if !revento.IsDeliveryID(first) {
		t.Errorf("%q is no delivery id", first)
	}
	if again := revento.StandInDeliveryID([]byte("{}")); again != first {
		t.Errorf("the same body has %q and %q", first, again)
	}
	if other := revento.StandInDeliveryID([]byte("{ }")); other == first {
		t.Errorf("two bodies share %q", first)
	}
}
