//go:build emulators

package dynamodb

import (
	"testing"

	"revento-alerts/test/emulators"
)

func TestATableIsDescribedAsItIs(t *testing.T) {
	tables := NewTables(emulators.Patient(t))
	if usable, status, err := tables.Describe(t.Context(), emulators.Records(t)); !usable || status != "ACTIVE" || err != nil {
		t.Errorf("a table: %v, %q, %v", usable, status, err)
	}
	if usable, status, err := tables.Describe(t.Context(), "no-such-table"); usable || status != "" || err != nil {
		t.Errorf("none: %v, %q, %v", usable, status, err)
	}
}
