// Package mishap lets one call of a test's run go wrong: the process dies, or the call fails, before or after it took effect.
// Each runs a scenario once for every call and kind of mishap, so that no point at which a run can stop is left out. A plan
// that goes Through something else leaves it to that what becomes of each call.
package mishap

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
)

// Kind is what goes wrong.
type Kind string

// The kinds.
const (
	DiesBefore  Kind = "dies before"
	DiesAfter   Kind = "dies after"
	FailsBefore Kind = "fails before"
	FailsAfter  Kind = "fails after" // its answer is lost
)

// Errors of the calls that fail.
var (
	// ErrRefused is the error of a call that had no effect.
	ErrRefused = errors.New("mishap: refused")
	// ErrLost is the error of a call that had its effect and lost its answer.
	ErrLost = errors.New("mishap: answer lost")
)

// Plan is the mishap of one run. The nil Plan has none.
type Plan struct {
	kind    Kind
	at      int // the call that goes wrong, counted from 1
	calls   int
	through Decide // nil where the plan itself decides
}

// Decide makes a call, or decides what becomes of it instead. The operation names it, as in "records.Put alert".
type Decide func(operation string, call func() error) error

// At returns the Plan in which one call goes wrong, counted from 1.
func At(call int, kind Kind) *Plan { return &Plan{kind: kind, at: call} }

// Through returns the Plan that leaves every call to decide.
func Through(decide Decide) *Plan { return &Plan{through: decide} }

// death is what the calls that kill the process panic with.
type death struct{}

// Do makes a call, or lets it go wrong if its turn has come.
func (p *Plan) Do(operation string, call func() error) error {
	switch {
	case p == nil:
		return call()
	case p.through != nil:
		return p.through(operation, call)
	}
	p.calls++
	if p.calls != p.at {
		return call()
	}
	if p.kind == DiesAfter || p.kind == FailsAfter {
		_ = call()
	}
	switch p.kind {
	case FailsBefore:
		return ErrRefused
	case FailsAfter:
		return ErrLost
	default:
		return Die()
	}
}

// Die ends the process, as far as Died can see. It does not return; the error only makes it fit where a call returns one.
func Die() error { panic(death{}) }

// Died runs f and says whether a mishap killed it. What f left behind outside of storage is gone, as with a process.
func Died(f func()) (died bool) {
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case death:
			died = true
		default:
			panic(reason)
		}
	}()
	f()
	return false
}

// Each runs a scenario without a mishap, and then once for each call and kind of mishap until no call is left.
func Each(t *testing.T, scenario func(t *testing.T, plan *Plan)) {
	t.Helper()
	t.Run("no mishap", func(t *testing.T) { scenario(t, nil) })
	for _, kind := range []Kind{DiesBefore, DiesAfter, FailsBefore, FailsAfter} {
		for at, reached := 1, true; reached; at++ {
			plan := At(at, kind)
			t.Run(fmt.Sprintf("%s call %d", kind, at), func(t *testing.T) { scenario(t, plan) })
			reached = plan.calls >= at
		}
	}
}

// Records is a store whose calls can go wrong.
type Records struct {
	record.Store
	Plan *Plan
}

var _ record.Store = Records{}

// Get implements record.Store.
func (r Records) Get(ctx context.Context, key record.Key) (found record.Record, err error) {
	err = r.Plan.Do("records.Get "+string(key.Kind), func() error {
		found, err = r.Store.Get(ctx, key)
		return err
	})
	return found, err
}

// Put implements record.Store.
func (r Records) Put(ctx context.Context, rec record.Record) error {
	return r.Plan.Do("records.Put "+string(rec.Key.Kind), func() error { return r.Store.Put(ctx, rec) })
}

// PutAll implements record.Store.
func (r Records) PutAll(ctx context.Context, records ...record.Record) error {
	var kinds []string
	for _, rec := range records {
		kinds = append(kinds, string(rec.Key.Kind))
	}
	operation := "records.PutAll " + strings.Join(slices.Compact(slices.Sorted(slices.Values(kinds))), " ")
	return r.Plan.Do(operation, func() error { return r.Store.PutAll(ctx, records...) })
}

// Users is a way to what is kept of users, of which a look can go wrong.
type Users struct {
	record.Users
	Plan *Plan
}

var _ record.Users = Users{}

// QueryUser implements record.Users.
func (u Users) QueryUser(ctx context.Context, connection record.Connection, user, after string) (page []record.Record, err error) {
	err = u.Plan.Do("records.QueryUser", func() error {
		page, err = u.Users.QueryUser(ctx, connection, user, after)
		return err
	})
	return page, err
}

// Purger is a purger whose calls can go wrong.
type Purger struct {
	record.Purger
	Plan *Plan
}

var _ record.Purger = Purger{}

// Query implements record.Purger.
func (p Purger) Query(ctx context.Context, connection record.Connection, after string) (page []record.Record, err error) {
	err = p.Plan.Do("records.Query", func() error {
		page, err = p.Purger.Query(ctx, connection, after)
		return err
	})
	return page, err
}

// QueryKind implements record.Purger.
func (p Purger) QueryKind(
	ctx context.Context, connection record.Connection, kind record.Kind, after string,
) (page []record.Record, err error) {
	err = p.Plan.Do("records.QueryKind "+string(kind), func() error {
		page, err = p.Purger.QueryKind(ctx, connection, kind, after)
		return err
	})
	return page, err
}

// Delete implements record.Purger.
func (p Purger) Delete(ctx context.Context, key record.Key, cutoff time.Time) (deleted bool, err error) {
	err = p.Plan.Do("records.Delete "+key.Sort(), func() error {
		deleted, err = p.Purger.Delete(ctx, key, cutoff)
		return err
	})
	return deleted, err
}

// Lister is a lister whose calls can go wrong.
type Lister struct {
	record.Lister
	Plan *Plan
}

var _ record.Lister = Lister{}

// List implements record.Lister.
func (l Lister) List(ctx context.Context, kind record.Kind) (found []record.Record, err error) {
	err = l.Plan.Do("records.List "+string(kind), func() error {
		found, err = l.Lister.List(ctx, kind)
		return err
	})
	return found, err
}

// Index is an index whose calls can go wrong.
type Index struct {
	record.Index
	Plan *Plan
}

var _ record.Index = Index{}

// Pending implements record.Index. It is one call, however many pages it reads.
func (i Index) Pending(ctx context.Context, list string) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		var found []record.Record
		err := i.Plan.Do("records.Pending "+list, func() (err error) {
			found, err = record.Collect(i.Index.Pending(ctx, list))
			return err
		})
		if err != nil {
			yield(record.Record{}, err)
			return
		}
		for _, pending := range found {
			if !yield(pending, nil) {
				return
			}
		}
	}
}

// Ledger is a ledger whose calls can go wrong.
type Ledger struct {
	ingest.Ledger
	Plan *Plan
}

var _ ingest.Ledger = Ledger{}

// Claim implements ingest.Ledger.
func (l Ledger) Claim(ctx context.Context, claim ingest.Claim) (standing *ingest.Entry, err error) {
	err = l.Plan.Do("ledger.Claim", func() error {
		standing, err = l.Ledger.Claim(ctx, claim)
		return err
	})
	return standing, err
}

// MarkHandedOff implements ingest.Ledger.
func (l Ledger) MarkHandedOff(ctx context.Context, deliveryID, owner string, at, expires time.Time) error {
	return l.Plan.Do("ledger.MarkHandedOff", func() error { return l.Ledger.MarkHandedOff(ctx, deliveryID, owner, at, expires) })
}

// Release implements ingest.Ledger.
func (l Ledger) Release(ctx context.Context, deliveryID, owner string) error {
	return l.Plan.Do("ledger.Release", func() error { return l.Ledger.Release(ctx, deliveryID, owner) })
}

// NoteIgnored implements ingest.Ledger.
func (l Ledger) NoteIgnored(ctx context.Context, entry ingest.Entry, now time.Time) error {
	return l.Plan.Do("ledger.NoteIgnored", func() error { return l.Ledger.NoteIgnored(ctx, entry, now) })
}

// Queues is a queue engine whose calls can go wrong.
type Queues struct {
	queue.Queues
	Plan *Plan
}

var _ queue.Queues = Queues{}

// Send implements queue.Sender.
func (q Queues) Send(ctx context.Context, name queue.Name, message queue.Message) error {
	return q.Plan.Do("queue.Send "+string(name), func() error { return q.Queues.Send(ctx, name, message) })
}

// ChangeVisibility implements queue.Deferrer.
func (q Queues) ChangeVisibility(ctx context.Context, name queue.Name, handle string, d time.Duration) error {
	return q.Plan.Do("queue.ChangeVisibility "+string(name), func() error { return q.Queues.ChangeVisibility(ctx, name, handle, d) })
}

// Receive implements queue.Receiver.
func (q Queues) Receive(ctx context.Context, name queue.Name, visibility time.Duration) (message queue.Received, ok bool, err error) {
	err = q.Plan.Do("queue.Receive "+string(name), func() error {
		message, ok, err = q.Queues.Receive(ctx, name, visibility)
		return err
	})
	return message, ok, err
}

// Delete implements queue.Receiver.
func (q Queues) Delete(ctx context.Context, name queue.Name, handle string) error {
	return q.Plan.Do("queue.Delete "+string(name), func() error { return q.Queues.Delete(ctx, name, handle) })
}

// Depth implements queue.Counter.
func (q Queues) Depth(ctx context.Context, name queue.Name) (waiting, inFlight int, err error) {
	err = q.Plan.Do("queue.Depth "+string(name), func() error {
		waiting, inFlight, err = q.Queues.Depth(ctx, name)
		return err
	})
	return waiting, inFlight, err
}
