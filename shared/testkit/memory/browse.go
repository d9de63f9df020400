package memory

import (
	"cmp"
	"context"
	"maps"
	"strconv"

	"revento-alerts/shared/alerting/queue"
)

var _ queue.Browser = (*Queues)(nil)

// browseBytes is the size of a page's messages after which it ends.
const browseBytes = 4 << 20

// Browse implements queue.Browser.
func (q *Queues) Browse(ctx context.Context, name queue.Name, limit int, cursor string) ([]queue.Seen, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	after, err := strconv.Atoi(cmp.Or(cursor, "0"))
	if err != nil {
		return nil, "", queue.ErrCursor
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	var page []queue.Seen
	size := 0
	for _, m := range q.messages[name] {
		if m.number <= after {
			continue
		}
		if len(page) == limit || size >= browseBytes {
			return page, page[len(page)-1].ID, nil
		}
		seen := queue.Seen{
			Message: m.Message, Queue: name, ID: m.ID, Receives: m.Receives, SentAt: m.SentAt, VisibleAt: m.visibleAt,
			InFlight: m.Receives > 0 && now.Before(m.visibleAt),
		}
		seen.Attributes = maps.Clone(m.Attributes)
		page = append(page, seen)
		size += m.Size()
	}
	return page, "", nil
}
