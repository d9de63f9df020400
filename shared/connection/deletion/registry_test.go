package deletion_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/deletion"
)

func (b *bench) registry() *connection.Registry {
	return &connection.Registry{Records: b.records, Deletions: b.records.Deletions}
}

// consents connects at a second, with something due.
func (b *bench) consents(c record.Connection, second int) {
	b.Helper()
	at := noon.Add(time.Duration(second) * time.Second)
	_, err := b.registry().Change(b.Context(), c, func(s connection.Standing) (connection.Info, []record.Record, error) {
		next, err := s.Consented(connection.Consent{At: at})
		next.Due = at.Add(time.Hour)
		return next, nil, err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// The statement counts what tells of the connection. What only finds it goes with it, and is nothing to count.
func TestAConnectionGoesWithItsDeletionAndIsCounted(t *testing.T) {
	for name, test := range map[string]struct {
		second, kept int
		found        map[record.Kind]int
	}{
		"of before the request": {5, 0, map[record.Kind]int{record.Registration: 1, record.Alert: 1}},
		"of after it":           {11, 1, map[record.Kind]int{record.Alert: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.consents(ours, test.second)
			b.consents(others[0], 5)
			b.fill(ours, 5, 1)
			b.requires(ours, 10)
			b.run()
			b.operator.Records = b.records
			if _, records, err := b.operator.Preview(t.Context(), b.onlyCase().Value.ID); err != nil || records != len(test.found) {
				t.Errorf("a preview counts %d, %v; want %d", records, err, len(test.found))
			}
			b.passes(grace)
			b.run()
			c := b.onlyCase().Value
			if diff := cmp.Diff(test.found, c.Found); diff != "" || c.State != deletion.Finished || c.Kept != test.kept {
				t.Errorf("the case is %s and kept %d, want %d; found (-want +got):\n%s", c.State, c.Kept, test.kept, diff)
			}
			left, err := b.records.QueryKind(t.Context(), ours, record.Finder, "")
			if err != nil || len(left) != 4*test.kept {
				t.Errorf("%d ways to find it are left, %v; want %d", len(left), err, 4*test.kept)
			}
			if s, err := b.registry().Read(t.Context(), others[0]); err != nil || !s.Serves() {
				t.Errorf("another connection does not serve any more: %v", err)
			}
		})
	}
}
