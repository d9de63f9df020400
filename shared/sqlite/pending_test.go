package sqlite

import (
	"strings"
	"testing"

	"revento-alerts/shared/conformance"
)

// A list costs what it shows, however many records there are.
func TestWhatIsPendingIsReadByItsIndex(t *testing.T) {
	engine := openTest(t, t.TempDir(), conformance.NewClock().Now)
	plan, err := do(t.Context(), engine, func(s *session) (plan string, err error) {
		var id, parent, unused int
		err = s.row("EXPLAIN QUERY PLAN SELECT "+columnNames+" FROM record WHERE "+pendingCondition, []any{"a list", 10},
			&id, &parent, &unused, &plan)
		return plan, err
	})
	if err != nil || !strings.HasPrefix(plan, "SEARCH record USING INDEX record_pending") {
		t.Errorf("the plan is %q, %v; want a search of the index", plan, err)
	}
}
