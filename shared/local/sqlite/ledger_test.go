package sqlite

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/testkit/conformance"
)

func TestAStoryThatCannotBeReadIsEmptyAndTheEntryIsThere(t *testing.T) {
	clock := conformance.NewClock()
	engine := openTest(t, t.TempDir(), clock.Now)
	claim := crashClaim("one")
	claim.Story = ingest.Story{Type: "some.type", Secret: 1}
	if _, err := engine.Ledger.Claim(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	_, err := do(t.Context(), engine, func(s *session) (int64, error) { return s.exec("UPDATE delivery SET story = '{'") })
	if err != nil {
		t.Fatal(err)
	}
	want := claim.Entry()
	want.Story = ingest.Story{}
	found, err := engine.Ledger.Find(t.Context(), "one", claim.Now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("the entry (-want +got):\n%s", diff)
	}
}

// A page costs what it shows, however many deliveries there are.
func TestRecentDeliveriesAreReadByTheirIndex(t *testing.T) {
	engine := openTest(t, t.TempDir(), conformance.NewClock().Now)
	plan, err := do(t.Context(), engine, func(s *session) (plan string, err error) {
		var id, parent, unused int
		err = s.row("EXPLAIN QUERY PLAN "+recent, []any{newest, "", "", 1}, &id, &parent, &unused, &plan)
		return plan, err
	})
	if err != nil || !strings.HasPrefix(plan, "SEARCH delivery USING INDEX delivery_received") {
		t.Errorf("the plan is %q, %v; want a search of the index", plan, err)
	}
}
