package deletion_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/testkit/mishap"
)

// seedStore holds one seed, and says how many records there were when it was deleted.
type seedStore struct {
	b       *bench
	held    bool
	records int
	calls   int
}

func (s *seedStore) Delete(ctx context.Context, of record.Connection, cutoff time.Time) (deleted int, err error) {
	s.calls++
	if !s.held || !of.Equal(ours) || !cutoff.Equal(noon.Add(10*time.Second)) {
		return 0, nil
	}
	found, err := s.b.records.Query(ctx, of, "")
	s.records, s.held = len(found), false
	return 1, err
}

// However often the purge dies, the seed goes before the first record does, and is counted at most once.
func TestTheSeedGoesBeforeTheFirstRecord(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, nil)
		store := &seedStore{b: b, held: true}
		b.purge.Keepers = append(b.purge.Keepers, deletion.Seeds(store))
		b.happens(ours, "flag@1")
		b.run()
		b.requires(ours, 10)
		b.run()
		before, err := b.records.Query(t.Context(), ours, "")
		if err != nil || len(before) == 0 {
			t.Fatalf("%d records, %v", len(before), err)
		}
		b.breaks(plan)
		b.graceEnds()
		b.breaks(nil)
		b.passes(3 * time.Hour)
		b.sweeps()
		c := b.onlyCase().Value
		if c.State != deletion.Finished || store.held || store.records != len(before) {
			t.Errorf("the seed went when %d records of %d were there: %+v", store.records, len(before), c)
		}
		if c.Forgotten["seeds of rows"] > 1 {
			t.Errorf("it is counted %d times", c.Forgotten["seeds of rows"])
		}
		if store.calls < 2 {
			t.Error("nobody looks at the end whether a seed was made anew")
		}
	})
}

func TestTheStatementSaysThatNobodyOpensWhatBackupsHold(t *testing.T) {
	b := newBench(t, nil)
	b.purge.Keepers = append(b.purge.Keepers, deletion.Seeds(&seedStore{b: b, held: true}))
	b.requires(ours, 10)
	b.run()
	b.graceEnds()
	var statement strings.Builder
	if err := deletion.WriteStatement(&statement, b.onlyCase().Value, stack); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"seeds of rows", "which nobody can open any more"} {
		if !strings.Contains(statement.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, statement.String())
		}
	}
}
