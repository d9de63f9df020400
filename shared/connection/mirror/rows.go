package mirror

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"
	"time"

	"revento-alerts/shared/alerting/record"
)

// Rows ranges over a connection's rows of a thing, in an order of its own. It holds a page of records at a time. What does not open, since
// its seed is gone, is left out. An error ends it: ErrNotMirrored, or what a store failed with.
func (m *Mirror) Rows(ctx context.Context, of record.Connection, thing Thing) iter.Seq2[Row, error] {
	return m.RowsAfter(ctx, of, thing, "")
}

// RowsAfter is Rows for those after the row with this cursor (Row.Cursor), whether that still is there; "" begins with the first.
func (m *Mirror) RowsAfter(ctx context.Context, of record.Connection, thing Thing, cursor string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		life, err := m.live(ctx, of)
		if err != nil {
			yield(Row{}, err)
			return
		}
		m.each(ctx, life, thing, cursor, func(row held, err error) bool {
			return err == nil && row.isUnreadable || yield(row.Row, err)
		})
	}
}

// each calls do with a life's rows of a thing after a cursor until it says false; an error is the last that it is called with.
func (m *Mirror) each(ctx context.Context, life *lifeOf, thing Thing, cursor string, do func(held, error) bool) {
	after := record.Row.Sort() + max(cursor, thing.prefix())
	for {
		page, err := m.Records.QueryKind(ctx, life.of, record.Row, after)
		if err != nil {
			do(held{}, fmt.Errorf("read rows: %w", err))
			return
		}
		for _, rec := range page {
			if !strings.HasPrefix(rec.Key.ID, thing.prefix()) {
				return
			}
			rec.Key.Connection = life.of
			row, err := m.opened(ctx, life, thing, rec)
			if err == nil && !row.isKnown {
				continue
			}
			if !do(row, err) || err != nil {
				return
			}
		}
		if len(page) == 0 {
			return
		}
		after = page[len(page)-1].Key.Sort()
	}
}

// Change is what is to become of a row by what a pass did not show, or by what was told of it. What is zero stays.
type Change struct {
	// Presence is with MissingSince, which is kept as it is given.
	Presence     Presence
	MissingSince Seen
	// Told are moments to be added to the row's.
	Told map[string]time.Time
	// Remove ends the row: of a thing that is not told of when it is gone.
	Remove bool
}

// Settle changes a row as it was read, with its count in the summary, in one transaction. It says false, and changes nothing, where
// another has changed the row since, or its connection is not mirrored any more.
func (m *Mirror) Settle(ctx context.Context, row Row, change Change) (ok bool, err error) {
	err = again(func() error {
		ok, err = m.settle(ctx, row, change)
		return err
	})
	if errors.Is(err, ErrNotMirrored) {
		return false, nil
	}
	return ok, err
}

func (m *Mirror) settle(ctx context.Context, read Row, change Change) (ok bool, err error) {
	b, err := m.begin(ctx, read.Connection)
	if err != nil {
		return false, err
	}
	row, err := m.load(ctx, b.life, read.Thing, read.ID)
	if err != nil || !row.isKnown || row.version != read.version {
		return false, err
	}
	if change.Remove {
		b.remove(row)
		return true, b.commit(ctx)
	}
	if change.Presence != "" {
		row.Presence, row.MissingSince = change.Presence, change.MissingSince
	}
	if len(change.Told) > 0 {
		told := maps.Clone(change.Told)
		maps.Copy(told, row.Told)
		maps.Copy(told, change.Told)
		row.Told = told
	}
	if err := b.put(row); err != nil {
		return false, err
	}
	return true, b.commit(ctx)
}
