// Package upkeep looks at connections and tells how they do: what is due for one is done by one message in the queue sync, and what that
// shows is told from one place.
//
//	schedule --> Tick: what is due --mark--> message --> probe, or pages of a pass --> health, the next due time, mark dropped
//	                                                       |                           (one transaction)
//	                                                       `--> telling: outage? --> notice in the outbox --> delivery of our own
//
// One message is out for a connection, whoever wanted it: its mark says so, and ends, should the message be lost.
package upkeep

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/ground/lease"
)

// Queue is the queue of the messages. Its groups are the connections, and one more is what tells.
const Queue = queue.Sync

// Registry is the list of the connections: connection.Registry.
type Registry interface {
	Read(ctx context.Context, of record.Connection) (connection.Standing, error)
	Change(ctx context.Context, of record.Connection, decide connection.Decide) (connection.Info, error)
	Due(ctx context.Context, shard int, now time.Time) iter.Seq2[connection.Standing, error]
	All(ctx context.Context) iter.Seq2[connection.Standing, error]
}

// Records is what is kept of connections.
type Records interface {
	record.Store
	record.Index
}

// Prober asks Revento for a connection's event.
type Prober interface {
	// Probe returns what it showed of the connection. An error says nothing of the connection: our budget is used up, a refresh is under
	// way, a store failed. It is classified, and the probe is to be made again.
	Probe(ctx context.Context, of record.Connection) (Result, error)
	// Answered is what a probe would show where another call was just answered as it should be. It makes none.
	Answered(ctx context.Context, of record.Connection) (Result, error)
}

// Passer reads all that Revento knows of a connection's event: pass.Passes.
type Passer interface {
	// Due is when something of it is to be done; zero where nothing is.
	Due(ctx context.Context, s connection.Standing) (time.Time, error)
	// Ask returns what makes it due now, and the number of the pass whose end is waited for. It returns pass.ErrNotServed.
	Ask(ctx context.Context, s connection.Standing) (number int64, with []record.Record, err error)
	// Go does a part of it. An error is our own, and says nothing of the connection.
	Go(ctx context.Context, s connection.Standing) (pass.Progress, error)
}

// Result is what a probe showed.
type Result struct {
	Outcome health.Outcome
	// Reason is a short code of what went wrong, or "".
	Reason string
	// State and Why are the token's; State is "" where it was not looked at.
	State connection.State
	Why   connection.Reason
	// Ends are when what was granted ends.
	Ends map[health.Limit]time.Time
}

// Outbox hands deliveries of our own off: ingest.Ingest.
type Outbox interface {
	// Deliver returns nil once it is handed off, by this call or by one before.
	Deliver(ctx context.Context, own handoff.Own) error
}

// Upkeep is the rules of the queue sync, and of the schedule that feeds it.
type Upkeep struct {
	Registry Registry
	Records  Records
	Queues   queue.Sender
	Prober   Prober
	// Passer is nil where nothing is read, as by who only finds what is due.
	Passer Passer
	Outbox Outbox
	// ProbeInterval is how often a connection is probed that does well.
	ProbeInterval time.Duration
	// Copies is how many of the registry's shards are looked at at the same time; 0 means one.
	Copies int
	// Random is from 0 up to 1: what spreads the probes.
	Random func() float64
	Now    func() time.Time
}

// ErrNotServed is returned for a connection for which nothing can be done: it is not known, has ended, is stopped, or was revoked.
var ErrNotServed = errors.New("nothing is done for the connection: it is not known, has ended, is stopped, or was revoked")

// markTime is how long a message may take to be received again until it counts as lost. It outlasts the visibility of the queue's messages.
const markTime = 45 * time.Minute

// maxReceives is how often a message is received until another takes its place: the queue gives up on one that comes too often.
const maxReceives = 100

// mark says that a message is out for a connection.
type mark struct {
	// Lease is the message's: its owner is its deduplication id.
	lease.Lease
	// Receives counts the receipts of the message.
	Receives int `json:"receives,omitempty"`
}

type markEntry = record.Entry[mark]

func (u *Upkeep) loadMark(ctx context.Context, s connection.Standing) (markEntry, error) {
	entry, err := record.Load[mark](ctx, u.Records, record.Key{Connection: s.Connection, Kind: record.Upkeep})
	entry.OccurredAt = s.ConnectedAt
	return entry, err
}

// Ask has a connection looked at now, whatever the schedule. It returns the number that the result's is greater than.
func (u *Upkeep) Ask(ctx context.Context, of record.Connection) (after int64, err error) {
	err = u.ask(ctx, of, func(s connection.Standing) ([]record.Record, error) {
		known, err := u.loadVitals(ctx, s)
		if err != nil {
			return nil, err
		}
		after = known.Value.Health.Observed
		known.Value.Due = u.Now().UTC()
		return u.encoded(listed(known))
	})
	if err != nil {
		return 0, fmt.Errorf("have the connection looked at: %w", err)
	}
	return after, nil
}

// AskPass has all that Revento knows of a connection's event read now, whatever the schedule. It returns the number of the pass whose end
// is to be waited for: the one that is under way, or else the next.
func (u *Upkeep) AskPass(ctx context.Context, of record.Connection) (number int64, err error) {
	err = u.ask(ctx, of, func(s connection.Standing) (with []record.Record, err error) {
		number, with, err = u.Passer.Ask(ctx, s)
		return with, err
	})
	if err != nil {
		return 0, fmt.Errorf("have a connection's event read: %w", err)
	}
	return number, nil
}

// ask makes something due for a connection now, by the records of what, and sends a message unless one is out.
func (u *Upkeep) ask(ctx context.Context, of record.Connection, what func(connection.Standing) ([]record.Record, error)) error {
	var out string // the message that is to be sent
	_, err := u.Registry.Change(ctx, of, func(s connection.Standing) (connection.Info, []record.Record, error) {
		out = ""
		if !isServed(s) {
			return s.Info, nil, ErrNotServed
		}
		with, err := what(s)
		if err != nil {
			return s.Info, nil, err
		}
		next := s.Info
		next.Due = u.Now().UTC()
		marked, err := u.loadMark(ctx, s)
		if err != nil || marked.Value.IsHeld(u.Now()) {
			return next, with, err
		}
		out = lease.NewOwner()
		marked.Value = mark{Lease: lease.Take(out, u.Now(), markTime)}
		encoded, err := record.Encode(marked)
		return next, append(with, encoded), err
	})
	if err != nil || out == "" {
		return err
	}
	return u.send(ctx, syncMessage(of, out))
}

// Result returns a connection's health, and whether it is one that Ask asked for.
func (u *Upkeep) Result(ctx context.Context, of record.Connection, after int64) (state health.State, done bool, err error) {
	s, err := u.Registry.Read(ctx, of)
	if err != nil {
		return state, false, err
	}
	known, err := u.loadVitals(ctx, s)
	return known.Value.Health, known.Value.Health.Observed > after, err
}

// isServed says whether something can be done for a connection. One that needs consent is looked at too: its tokens may come late.
func isServed(s connection.Standing) bool {
	return s.IsKnown() && !s.IsStopped() && (s.State == connection.Active || s.State == connection.NeedsConsent)
}

func (u *Upkeep) send(ctx context.Context, message queue.Message) error {
	if err := u.Queues.Send(ctx, Queue, message); err != nil {
		return fmt.Errorf("send to the queue %s: %w", Queue, err)
	}
	return nil
}
