package digest

import (
	"fmt"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
)

func TestABacklogHoldsNoMoreThanTwoDigests(t *testing.T) {
	noon := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	waits, most := backlog{}, 0
	const events = 5*maxMembers + 1
	for i := range events {
		waits.add(entryRecord{
			Record: record.Record{Key: record.Key{ID: fmt.Sprint(i)}}, Value: entry{ReceivedAt: noon.Add(time.Duration(events-i) * time.Second)},
		})
		most = max(most, len(waits.oldest))
	}
	first := waits.first()
	if most > 2*maxMembers || len(first) != maxMembers || waits.events != events {
		t.Errorf("it holds %d at the most, and %d at last, of %d", most, len(first), waits.events)
	}
	if first[0].key.ID != fmt.Sprint(events-1) || first[maxMembers-1].key.ID != fmt.Sprint(events-maxMembers) {
		t.Errorf("from %s to %s", first[0].key.ID, first[maxMembers-1].key.ID)
	}
}
