package sqlite

import (
	"strings"
	"testing"

	"revento-alerts/shared/testkit/conformance"
)

// What a look finds is what it costs, however many records there are.
func TestWhatIsLookedForIsReadByAnIndex(t *testing.T) {
	engine := openTest(t, t.TempDir(), conformance.NewClock().Now)
	for _, tt := range []struct {
		condition string
		arguments []any
		want      string
	}{
		{pendingPage, []any{"a list", "", "", 10}, "SEARCH record USING INDEX record_pending"},
		{kindCondition, []any{"a connection", "kind#", "kind#", "kind$", 10}, "SEARCH record USING INDEX sqlite_autoindex_record_1 (connection=? AND sort>? AND sort<?)"},
		{userCondition, []any{"a connection", "a user", "", 10}, "SEARCH record USING INDEX record_user (connection=? AND user=? AND sort>?)"},
	} {
		plan, err := do(t.Context(), engine, func(s *session) (plan string, err error) {
			var id, parent, unused int
			err = s.row("EXPLAIN QUERY PLAN SELECT "+columnNames+" FROM record WHERE "+tt.condition, tt.arguments, &id, &parent, &unused, &plan)
			return plan, err
		})
		if err != nil || !strings.HasPrefix(plan, tt.want) {
			t.Errorf("the plan of %q is %q, %v; want a search of the index", tt.condition, plan, err)
		}
	}
}
