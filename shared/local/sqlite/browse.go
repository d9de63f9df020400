package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"strconv"
	"time"

	"revento-alerts/shared/alerting/queue"
)

var _ queue.Browser = (*Queues)(nil)

// browseBytes is the size of a page's messages after which it ends, so that many large ones are not held at once.
const browseBytes = 4 << 20

const browse = `SELECT seq, group_id, receives, visible_at, sent_at, deduplication_id, attributes, body FROM message
	WHERE queue = ? AND seq > ? ORDER BY seq LIMIT ?`

// page is what Browse returns.
type page struct {
	messages []queue.Seen
	size     int // of the messages, in bytes
	more     bool
}

// Browse implements queue.Browser.
func (q *Queues) Browse(ctx context.Context, name queue.Name, limit int, cursor string) ([]queue.Seen, string, error) {
	after, err := strconv.ParseInt(cmp.Or(cursor, "0"), 10, 64)
	if err != nil {
		return nil, "", queue.ErrCursor
	}
	p, err := read(ctx, q.engine, func(s *session) (p page, err error) {
		// One more than asked for tells whether this page is the last.
		err = s.each(browse, []any{name, after, limit + 1}, func(row *sql.Rows) error {
			return p.add(row, name, limit, q.engine.now())
		})
		return p, err
	})
	if err != nil || !p.more {
		return p.messages, "", err
	}
	return p.messages, p.messages[len(p.messages)-1].ID, nil
}

// add takes a row, unless the page is full.
func (p *page) add(row *sql.Rows, name queue.Name, limit int, now time.Time) error {
	p.more = len(p.messages) == limit || p.size >= browseBytes
	if p.more {
		return nil
	}
	seen := queue.Seen{Queue: name}
	var attributes string
	err := row.Scan(&seen.ID, &seen.Group, &seen.Receives, (*moment)(&seen.VisibleAt), (*moment)(&seen.SentAt), &seen.DeduplicationID,
		&attributes, &seen.Body)
	if err != nil {
		return err
	}
	if err := decodeAttributes(attributes, &seen.Message); err != nil {
		return err
	}
	seen.InFlight = seen.Receives > 0 && now.Before(seen.VisibleAt)
	p.messages = append(p.messages, seen)
	p.size += seen.Size()
	return nil
}
