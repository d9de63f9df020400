package mirror

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"revento-alerts/shared/alerting/record"
)

// batch is rows that are written together with the summary that counts them.
type batch struct {
	mirror    *Mirror
	life      *lifeOf
	summary   summaryEntry
	before    Summary
	forgotten map[string]noted
	writes    []record.Record
	bytes     int
}

// maxRows is how many rows a batch takes beside the summary, and maxBytes after how many bytes no row more is taken. A transaction of
// DynamoDB holds 4 MB, and a row less than 400 KB.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
const (
	maxRows  = record.MaxTogether - 1
	maxBytes = 3 << 20
)

// begin reads what each write is decided on: first the summary, which Forget changes with the first that it writes, then who is forgotten.
// A row is counted when it is made, so that none is made that was decided on before. It returns ErrNotMirrored.
func (m *Mirror) begin(ctx context.Context, of record.Connection) (*batch, error) {
	life, err := m.live(ctx, of)
	if err != nil {
		return nil, err
	}
	return m.batch(ctx, life)
}

func (m *Mirror) batch(ctx context.Context, life *lifeOf) (*batch, error) {
	summary, err := m.summary(ctx, life.of, life.life)
	if err != nil {
		return nil, err
	}
	forgotten, err := m.allForgotten(ctx, life)
	if err != nil {
		return nil, err
	}
	return &batch{mirror: m, life: life, summary: summary, before: summary.Value, forgotten: forgotten}, nil
}

// isBefore says whether what happened at a moment is of before the connection's cutoff.
func (l *lifeOf) isBefore(at time.Time) bool { return !l.cutoff.IsZero() && !at.After(l.cutoff) }

// put adds a row to what is written, with its count.
func (b *batch) put(row held) error {
	encoded, err := b.life.encode(row.Row)
	if err != nil {
		return err
	}
	if row.isUnreadable {
		b.summary.Value.Unreadable++
	}
	b.summary.Value.move(row.was, tallyOf(row.Row), b.mirror.Now())
	b.add(encoded)
	return nil
}

// remove adds the end of a row to what is written.
func (b *batch) remove(row held) {
	gone := b.life.record(keyOf(b.life.of, row.Thing, row.ID), row.version)
	gone.Remove = true
	b.summary.Value.move(row.was, tally{}, b.mirror.Now())
	b.add(gone)
}

func (b *batch) add(rec record.Record) {
	b.writes = append(b.writes, rec)
	b.bytes += len(rec.Data)
}

// isFull says whether no row more is to be added.
func (b *batch) isFull() bool { return len(b.writes) >= maxRows || b.bytes >= maxBytes }

// commit writes all of it, or nothing. It returns record.ErrChanged, and ErrNotMirrored where the life has ended.
func (b *batch) commit(ctx context.Context) error {
	writes := b.writes
	if !reflect.DeepEqual(b.before, b.summary.Value) {
		encoded, err := record.Encode(b.summary)
		if err != nil {
			return err
		}
		writes = append(writes, encoded)
	}
	if len(writes) == 0 {
		return nil
	}
	if err := b.mirror.Records.PutAll(ctx, writes...); err != nil {
		return notMirrored(fmt.Errorf("write rows: %w", err))
	}
	return nil
}
