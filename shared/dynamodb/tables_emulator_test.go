//go:build emulators

package dynamodb

import "testing"

func TestATableIsDescribedAsItIs(t *testing.T) {
	tables := NewTables(patient(t))
	if usable, status, err := tables.Describe(t.Context(), records(t)); !usable || status != "ACTIVE" || err != nil {
		t.Errorf("a table: %v, %q, %v", usable, status, err)
	}
	if usable, status, err := tables.Describe(t.Context(), "no-such-table"); usable || status != "" || err != nil {
		t.Errorf("none: %v, %q, %v", usable, status, err)
	}
}
