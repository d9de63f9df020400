package mirror

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/testkit/memory"
)

const (
	manyRows   = 50_000
	streamPage = 100
)

// stream is a store that has very many rows of one participant list, each made when it is asked for.
type stream struct {
	*memory.Records
	life *lifeOf
	made int
}

func (s *stream) QueryKind(ctx context.Context, of record.Connection, kind record.Kind, after string) (page []record.Record, err error) {
	if kind != record.Row {
		return s.Records.QueryKind(ctx, of, kind, after)
	}
	for len(page) < streamPage && s.made < manyRows {
		id := fmt.Sprint("ptp_", s.made)
		row := Row{
			Connection: of, Thing: Participant, ID: id, Presence: Present, Application: "approved", Name: "Ada",
			Parts: map[Part]Opened{ParticipantPart: {Document: fmt.Appendf(nil, `{"id":%q,"essay":%q}`, id, strings.Repeat("x", 300))}},
		}
		rec, err := s.life.encode(row)
		if err != nil {
			return nil, err
		}
		rec.Version++
		page, s.made = append(page, rec), s.made+1
	}
	return page, nil
}

// one is a seed and a ring for all.
type one struct {
	seed []byte
	ring seal.Ring
}

func (o one) Make(context.Context, record.Connection, connection.Life) ([]byte, error) {
	return o.seed, nil
}
func (o one) Get(context.Context) (seal.Ring, error)           { return o.ring, nil }
func (o one) Refresh(context.Context) (seal.Ring, bool, error) { return o.ring, false, nil }

// alone is Seeds with nothing but the seed of one.
type alone struct{ one }

func (a alone) Get(context.Context, record.Connection, connection.Life) ([]byte, error) {
	return a.seed, nil
}
func (alone) Delete(context.Context, record.Connection, time.Time) (int, error) { return 0, nil }

// Who ranges over the rows holds a page of them, however many there are.
func TestMemoryStaysFlatOverFiftyThousandRows(t *testing.T) {
	of, records := record.Connection{EventID: "evt_1", OrganizationID: "org_1"}, memory.NewRecords()
	registry := &connection.Registry{Records: records, Deletions: records.Deletions}
	_, err := registry.Change(t.Context(), of, func(s connection.Standing) (connection.Info, []record.Record, error) {
		next, err := s.Consented(connection.Consent{At: noon})
		return next, nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := one{seed: []byte(strings.Repeat("s", seal.SeedBytes)), ring: seal.Ring{}.Add()}
	rows := &stream{Records: records}
	m := &Mirror{Registry: registry, Records: rows, Seeds: alone{keys}, Rings: keys, Now: func() time.Time { return noon }}
	if rows.life, err = m.live(t.Context(), of); err != nil {
		t.Fatal(err)
	}
	var counts Counts
	var early, late uint64
	for row, err := range m.Rows(t.Context(), of, Participant) {
		if err != nil {
			t.Fatal(err)
		}
		counts.Add(row)
		switch counts.Present {
		case manyRows / 10:
			early = heap()
		case manyRows - manyRows/10:
			late = heap()
		}
	}
	const most = 2 << 20
	if counts.Present != manyRows || late > early+most {
		t.Errorf("%d rows; the heap held %d KB after a tenth of them, and %d KB before the last tenth", counts.Present, early>>10, late>>10)
	}
}

// heap is how much memory is in use, in bytes.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
