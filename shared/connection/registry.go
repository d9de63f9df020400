package connection

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/together"
)

// Records is what is kept of connections.
type Records interface {
	record.Store
	record.Index
	// QueryKind is record.Purger's.
	QueryKind(ctx context.Context, connection record.Connection, kind record.Kind, after string) ([]record.Record, error)
}

// Registry is the list of the connections. What it knows of one lies in the connection's partition, with the ways on which it is found;
// its tombstone lies in the store of deletions.
type Registry struct {
	Records   Records
	Deletions record.Store
}

// Standing is a connection as it stands.
type Standing struct {
	Connection record.Connection
	// Info is what its consent made of it; the zero value where there never was one, or it was purged.
	Info
	// Tombstone is what stops it.
	Tombstone Tombstone

	entry record.Entry[Info]
}

// IsKnown says whether there is a consent, whatever became of it.
func (s Standing) IsKnown() bool { return s.entry.Known }

// IsStopped says whether a tombstone stops it, for good or until a person has looked.
func (s Standing) IsStopped() bool { return s.IsKnown() && s.Tombstone.Stops(s.ConnectedAt) }

// IsEnded says whether its tokens are of no use any more, so that they are to go.
func (s Standing) IsEnded() bool {
	return s.IsKnown() && (s.State == Ended || s.Tombstone.StopsForGood(s.ConnectedAt))
}

// Serves says whether its tokens may be used and work for it may begin.
func (s Standing) Serves() bool { return s.IsKnown() && s.State == Active && !s.IsStopped() }

// IsBack says whether it was consented to after a deletion of it was required, or may be, and that is not announced yet.
func (s Standing) IsBack() bool {
	return s.Serves() && !s.Tombstone.Cutoff().IsZero() && !s.Tombstone.IsReturned()
}

// Read returns how a connection stands, strongly consistent. The tombstone is read last: what it stops is not taken for free.
func (r *Registry) Read(ctx context.Context, connection record.Connection) (Standing, error) {
	entry, err := record.Load[Info](ctx, r.Records, keyOf(connection))
	if err != nil {
		return Standing{}, err
	}
	tombstone, err := LoadTombstone(ctx, r.Deletions, connection)
	return Standing{Connection: connection, Info: entry.Value, Tombstone: tombstone, entry: entry}, err
}

func keyOf(connection record.Connection) record.Key {
	return record.Key{Connection: connection, Kind: record.Registration}
}

// Decide returns a connection's next info, with what else is to be put together with it. Where that is what stands, and nothing else,
// nothing is written.
type Decide func(standing Standing) (next Info, with []record.Record, err error)

// changeAttempts is how often a change is decided where others write on the same at the same time, in all.
const changeAttempts = 20

// Change writes what decide makes of a connection, in one transaction with the ways on which it is found, and decides again where another
// wrote meanwhile. It returns decide's errors, record.ErrDeleted where a deletion stops it, and record.ErrChanged where others came first
// each time.
func (r *Registry) Change(ctx context.Context, connection record.Connection, decide Decide) (changed Info, err error) {
	for range changeAttempts {
		if changed, err = r.change(ctx, connection, decide); !errors.Is(err, record.ErrChanged) {
			break
		}
	}
	return changed, err
}

func (r *Registry) change(ctx context.Context, connection record.Connection, decide Decide) (Info, error) {
	standing, err := r.Read(ctx, connection)
	if err != nil {
		return Info{}, err
	}
	next, with, err := decide(standing)
	if err != nil || next == standing.Info && len(with) == 0 {
		return next, err
	}
	own, err := r.writes(ctx, standing, next)
	if err != nil {
		return Info{}, err
	}
	if err := r.Records.PutAll(ctx, append(own, with...)...); err != nil {
		return Info{}, fmt.Errorf("write to the registry of connections: %w", err)
	}
	return next, nil
}

// writes are the records of the next info: its own, and the ways on which it is found.
func (r *Registry) writes(ctx context.Context, standing Standing, next Info) ([]record.Record, error) {
	entry := standing.entry
	entry.Value, entry.OccurredAt = next, next.ConnectedAt
	own, err := record.Encode(entry)
	if err != nil {
		return nil, err
	}
	// There are four, which any engine returns at once.
	found, err := r.Records.QueryKind(ctx, standing.Connection, record.Finder, "")
	if err != nil {
		return nil, fmt.Errorf("read the ways on which a connection is found: %w", err)
	}
	wanted, err := next.finders()
	return append([]record.Record{own}, rewritten(found, wanted)...), err
}

// All ranges over the connections, in no order. What it ranges over is read again, strongly consistent, but one may be missing that
// became known just now. An error ends it.
func (r *Registry) All(ctx context.Context) iter.Seq2[Standing, error] {
	return r.find(ctx, listAll, func(record.Record) bool { return true }, Standing.IsKnown)
}

// OfEvent is All for those of an event, of which there is one for each organization.
func (r *Registry) OfEvent(ctx context.Context, eventID string) iter.Seq2[Standing, error] {
	return r.find(ctx, listOfEvent(eventID), func(record.Record) bool { return true }, Standing.IsKnown)
}

// OfOrganization is All for those of an organization.
func (r *Registry) OfOrganization(ctx context.Context, organizationID string) iter.Seq2[Standing, error] {
	return r.find(ctx, listOfOrganization(organizationID), func(record.Record) bool { return true }, Standing.IsKnown)
}

// Due is All for those of a shard, from 0 up to Shards, for which something is due and that are not stopped; about in the order of when.
// One that became due meanwhile may come twice.
func (r *Registry) Due(ctx context.Context, shard int, now time.Time) iter.Seq2[Standing, error] {
	return r.find(ctx, listOfDue(shard), func(found record.Record) bool { return !dueAt(found).After(now) }, func(s Standing) bool {
		return s.IsKnown() && !s.Due.IsZero() && !s.Due.After(now) && !s.IsStopped()
	})
}

// find ranges over the connections of a list, as long as the finders are among those looked for, and leaves out what is not as they say
// any more.
func (r *Registry) find(
	ctx context.Context, list string, among func(record.Record) bool, still func(Standing) bool,
) iter.Seq2[Standing, error] {
	return func(yield func(Standing, error) bool) {
		var chunk []record.Connection
		for connection, err := range r.found(ctx, list, among) {
			if err != nil {
				yield(Standing{}, fmt.Errorf("look for connections: %w", err))
				return
			}
			if chunk = append(chunk, connection); len(chunk) < readsAtOnce {
				continue
			}
			if !r.show(ctx, chunk, still, yield) {
				return
			}
			chunk = nil
		}
		r.show(ctx, chunk, still, yield)
	}
}

// found ranges over what the finders of a list find, as long as they are among those looked for.
func (r *Registry) found(ctx context.Context, list string, among func(record.Record) bool) iter.Seq2[record.Connection, error] {
	return func(yield func(record.Connection, error) bool) {
		for rec, err := range r.Records.Pending(ctx, list) {
			if err != nil {
				yield(record.Connection{}, err)
				return
			}
			if !among(rec) {
				return
			}
			way, err := record.Decode[finder](rec)
			if !yield(way.Value.connection(), err) || err != nil {
				return
			}
		}
	}
}

// show reads connections at the same time and yields those that are still as they were found; it says whether to go on.
func (r *Registry) show(
	ctx context.Context, chunk []record.Connection, still func(Standing) bool, yield func(Standing, error) bool,
) bool {
	standing := make([]Standing, len(chunk))
	err := together.Do(len(chunk), func(i int) (err error) {
		standing[i], err = r.Read(ctx, chunk[i])
		return err
	})
	if err != nil {
		yield(Standing{}, fmt.Errorf("read the connections that were found: %w", err))
		return false
	}
	for _, s := range standing {
		if still(s) && !yield(s, nil) {
			return false
		}
	}
	return true
}
