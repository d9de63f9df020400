package mirror

import (
	"context"
	"encoding/json"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/together"
)

// Page is a page of a list that a pass read; of the thing Event, the event's document.
type Page struct {
	Connection record.Connection
	Pass       Pass
	Thing      Thing
	// AskedAt is when the page was asked for, by our clock.
	AskedAt time.Time
	// Date is when Revento answered, by its clock (client.Reply.Date); zero where the reply did not tell.
	Date      time.Time
	Documents []json.RawMessage
}

// stamp is what the page's documents are worth.
func (p Page) stamp() Stamp {
	stamp := Stamp{AsOf: p.Date.UTC(), At: p.AskedAt.UTC(), Source: ByList, Pass: p.Pass.Number}
	if p.Date.IsZero() {
		stamp.AsOf, stamp.Loose = stamp.At, true
	}
	return stamp
}

// PageCounts is what became of a page's documents.
type PageCounts struct {
	// Rows is how many rows it showed, New those of them that were not known, Changed those of which something else changed than that they
	// were seen, and Revived those that had been missed.
	Rows, New, Changed, Revived int
	// Unidentified documents name nothing, and Forgotten are of persons whose rows are not kept.
	Unidentified, Forgotten int
}

func (c PageCounts) plus(other PageCounts) PageCounts {
	return PageCounts{
		Rows: c.Rows + other.Rows, New: c.New + other.New, Changed: c.Changed + other.Changed, Revived: c.Revived + other.Revived,
		Unidentified: c.Unidentified + other.Unidentified, Forgotten: c.Forgotten + other.Forgotten,
	}
}

// Read applies a page of a pass. The same page twice changes nothing. It returns ErrNotMirrored.
func (m *Mirror) Read(ctx context.Context, p Page) (PageCounts, error) {
	rows, unidentified := listedIn(p)
	total := PageCounts{Unidentified: unidentified}
	for first := true; first || len(rows) > 0; first = false {
		taken, counts, err := m.readSome(ctx, p, rows)
		if err != nil {
			return total, err
		}
		rows, total = rows[taken:], total.plus(counts)
	}
	return total, nil
}

// readSome applies as many rows as fit into one write.
func (m *Mirror) readSome(ctx context.Context, p Page, rows []listed) (taken int, counts PageCounts, err error) {
	err = again(func() error {
		taken, counts, err = m.tryRead(ctx, p, rows[:min(len(rows), maxRows)])
		return err
	})
	return taken, counts, err
}

func (m *Mirror) tryRead(ctx context.Context, p Page, rows []listed) (taken int, counts PageCounts, err error) {
	b, err := m.begin(ctx, p.Connection)
	if err != nil {
		return 0, PageCounts{}, err
	}
	standing, err := m.loadAll(ctx, b.life, rows)
	if err != nil {
		return 0, PageCounts{}, err
	}
	b.summary.Value.fresh(p)
	for taken < len(rows) && !b.isFull() {
		if err := b.see(p, rows[taken], standing[taken], &counts); err != nil {
			return 0, PageCounts{}, err
		}
		taken++
	}
	return taken, counts, b.commit(ctx)
}

// loadAtOnce is how many rows are read at the same time.
const loadAtOnce = 16

func (m *Mirror) loadAll(ctx context.Context, life *lifeOf, rows []listed) ([]held, error) {
	loaded := make([]held, len(rows))
	for from := 0; from < len(rows); from += loadAtOnce {
		chunk := rows[from:min(from+loadAtOnce, len(rows))]
		err := together.Do(len(chunk), func(i int) (err error) {
			own := *life // which a ring that is read anew changes
			loaded[from+i], err = m.load(ctx, &own, chunk[i].thing, chunk[i].id)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return loaded, nil
}

// see puts what a page shows of a row into the batch.
func (b *batch) see(p Page, shown listed, row held, counts *PageCounts) error {
	if b.forgets(shown.subject, shown.fields) {
		counts.Forgotten++
		return nil
	}
	counts.Rows++
	if !row.isKnown {
		counts.New++
	}
	now := b.mirror.Now()
	row.begin(now)
	revived, news := row.see(p)
	changed := row.merge(shown.subject, shown.fields, p.stamp(), now)
	if revived {
		counts.Revived++
	}
	if changed {
		counts.Changed++
	}
	if changed && p.Thing == Event {
		b.summary.Value.describe(shown.fields)
	}
	if !changed && !news {
		return nil
	}
	return b.put(row)
}

// see keeps that a pass has seen the row, which is there then, unless a later pass has missed it.
func (h *held) see(p Page) (revived, news bool) {
	seen := Seen{Pass: p.Pass.Number, At: p.AskedAt.UTC()}
	if h.FirstSeen == (Seen{}) {
		h.FirstSeen, news = seen, true
	}
	if seen.Pass > h.LastSeen.Pass {
		h.LastSeen, news = seen, true
	}
	if h.Presence != Present && seen.Pass >= h.MissingSince.Pass {
		h.Presence, h.MissingSince = Present, Seen{}
		return true, true
	}
	return false, news
}

// Row returns a row, which is empty where there is none: it has no presence. It returns ErrNotMirrored.
func (m *Mirror) Row(ctx context.Context, of record.Connection, thing Thing, id string) (Row, error) {
	life, err := m.live(ctx, of)
	if err != nil {
		return Row{}, err
	}
	row, err := m.load(ctx, life, thing, id)
	return row.Row, err
}
