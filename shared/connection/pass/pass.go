// Package pass reads all that Revento knows of a connection's event, list by list and page by page, so that what webhooks never told is
// found, and who is gone. A pass is resumed where it ended, however often the process dies, and is complete only where each list said on
// each page whether there is more, up to the last.
//
//	none --due--> reading --each list to its end--> read --marker judged--> judged
//	              reading --a repeated cursor, a refusal, an unpublished event--> failed
//
// A complete pass sends a marker into the queue mirror, behind all that was accepted before; at it is judged (package verdict) what the
// pass did not see. No pass begins before that, and one that is due while another runs is left out.
package pass

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/ground/schedule"
)

// State is how a pass stands.
type State string

// The states.
const (
	Reading State = "reading"
	Read    State = "read"   // complete; its marker is not judged yet
	Judged  State = "judged" // complete, and judged
	Failed  State = "failed" // what it read stays, and absence says nothing
)

// Registry is the list of the connections: connection.Registry.
type Registry interface {
	Read(ctx context.Context, of record.Connection) (connection.Standing, error)
	Change(ctx context.Context, of record.Connection, decide connection.Decide) (connection.Info, error)
}

// Mirror keeps what is read: mirror.Mirror.
type Mirror interface {
	// Read applies a page. The same page twice changes nothing.
	Read(ctx context.Context, page mirror.Page) (mirror.PageCounts, error)
}

// Passes is the rules of passes. Its methods may be called by several at the same time, but for Go, which has one caller for a connection.
type Passes struct {
	Registry Registry
	Records  record.Store
	// Mirror, Lists and Queues are what Go needs.
	Mirror Mirror
	Lists  Lists
	Queues queue.Sender
	// Schedule is when a pass is due; the zero Schedule: only at a consent, and where it is asked for.
	Schedule schedule.Schedule
	Now      func() time.Time
}

// stored is what is kept of a connection's passes. Of another life it counts as absent.
type stored struct {
	Life connection.Life `json:"life"`
	// Number is the last pass's; 0 where none began in this life.
	Number int64  `json:"number"`
	State  State  `json:"state,omitempty"`
	Reason string `json:"reason,omitempty"` // why it failed
	// Consented and Scope are the consent that it is read with, and what that granted.
	Consented time.Time `json:"consented,omitzero"`
	Scope     string    `json:"scope,omitempty"`
	// BegunAt and EndedAt are by our clock, StartedAt by Revento's, from its first reply on.
	BegunAt   time.Time `json:"begun_at,omitzero"`
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	// Place names the list that is read, Cursor the page, and Cursors holds a hash of each cursor that the list gave, to its Pages.
	Place   string `json:"place,omitempty"`
	Cursor  string `json:"cursor,omitempty"`
	Pages   int    `json:"pages,omitempty"`
	Cursors []byte `json:"cursors,omitempty"`
	// Calls counts the pages of all lists that were read.
	Calls int `json:"calls,omitempty"`
	// Tries counts the failures of the page in a row.
	Tries int `json:"tries,omitempty"`
	// Seen counts the documents of the lists that were read to their end.
	Seen map[mirror.Thing]int `json:"seen,omitempty"`
	// Counting is the count of the list that is read.
	Counting int `json:"counting,omitempty"`
	// MarkedAt is when the marker was sent last.
	MarkedAt time.Time `json:"marked_at,omitzero"`
	// Failures counts the passes in a row that failed.
	Failures int `json:"failures,omitempty"`
	// Soon is when a pass is due before its schedule's moment: it was asked for, it is to confirm another, or another failed.
	Soon time.Time `json:"soon,omitzero"`
	// Last is the last pass that was judged; its number is 0 where none was in this life.
	Last Complete `json:"last,omitzero"`
	// Held is what of the last judged pass was held for a person.
	Held *Held `json:"held,omitempty"`
}

// Complete is a pass that was judged.
type Complete struct {
	mirror.Pass
	// Scope is what the consent had granted that it was read with.
	Scope string `json:"scope,omitempty"`
	// Calls is how many pages it had.
	Calls int `json:"calls,omitempty"`
	// At is when it was judged, by our clock.
	At time.Time `json:"at"`
}

// Held is that absence is held for a person: nobody is declared gone by it.
type Held struct {
	// Pass is the pass that did not see Missing of Known rows, and Reason a short code of why that says nothing.
	Pass    int64     `json:"pass"`
	Reason  string    `json:"reason"`
	Missing int       `json:"missing"`
	Known   int       `json:"known"`
	At      time.Time `json:"at"`
	// AcceptedUntil is until when an operator lets those rows go that the pass did not see; zero where nobody did.
	AcceptedUntil time.Time `json:"accepted_until,omitzero"`
}

// AcceptTime is how long what was accepted is in force: a person looked at the list as it was then.
const AcceptTime = 48 * time.Hour

// Accepts says whether an operator lets go what was not seen.
func (h *Held) Accepts(now time.Time) bool { return h != nil && now.Before(h.AcceptedUntil) }

type entry = record.Entry[stored]

func keyOf(of record.Connection) record.Key { return record.Key{Connection: of, Kind: record.Pass} }

// load reads what is kept for a standing connection. A write replaces what is of another life.
func (p *Passes) load(ctx context.Context, s connection.Standing) (entry, error) {
	loaded, err := record.Load[stored](ctx, p.Records, keyOf(s.Connection))
	if err != nil {
		return loaded, err
	}
	if loaded.Value.Life != s.Life {
		loaded.Value = stored{Life: s.Life}
	}
	loaded.OccurredAt = s.ConnectedAt
	return loaded, nil
}

// errMoved says that what was to be changed is not as it was any more.
var errMoved = errors.New("the pass went on meanwhile")

// changeAttempts is how often a change is decided where others write at the same time, in all.
const changeAttempts = 20

// change writes what decide makes of what is kept, and decides again where another wrote meanwhile.
func (p *Passes) change(ctx context.Context, s connection.Standing, decide func(v *stored) error) (stored, error) {
	var err error
	for range changeAttempts {
		var loaded entry
		if loaded, err = p.load(ctx, s); err != nil {
			return loaded.Value, err
		}
		if err = decide(&loaded.Value); err != nil {
			return loaded.Value, err
		}
		if _, err = record.Save(ctx, p.Records, loaded); !errors.Is(err, record.ErrChanged) {
			return loaded.Value, err
		}
	}
	return stored{}, err
}

// register writes what decide makes of what is kept, together with when something is due for the connection: at due, where that is
// earlier than what is due already.
func (p *Passes) register(ctx context.Context, of record.Connection, decide func(v *stored) (due time.Time, err error)) error {
	_, err := p.Registry.Change(ctx, of, func(s connection.Standing) (connection.Info, []record.Record, error) {
		if !s.IsKnown() || s.IsStopped() {
			return s.Info, nil, ErrNotServed
		}
		loaded, err := p.load(ctx, s)
		if err != nil {
			return s.Info, nil, err
		}
		due, err := decide(&loaded.Value)
		if err != nil {
			return s.Info, nil, err
		}
		next := s.Info
		if s.Serves() && !due.IsZero() && (next.Due.IsZero() || due.Before(next.Due)) {
			next.Due = due.UTC()
		}
		encoded, err := record.Encode(loaded)
		return next, []record.Record{encoded}, err
	})
	return err
}

// ErrNotServed is returned for a connection that is not known, or stopped.
var ErrNotServed = errors.New("there are no passes of the connection: it is not known, or stopped")

// Standing is how the passes of a connection stand.
type Standing struct {
	mirror.Pass
	State  State
	Reason string
	// BegunAt and EndedAt are by our clock; EndedAt is zero while it is read.
	BegunAt, EndedAt time.Time
	// Primes says that no pass of this life was judged before this one: it tells nothing.
	Primes bool
	// Seen counts the documents of the lists that were read to their end; a thing that is not in it was not read, and its absence says
	// nothing.
	Seen map[mirror.Thing]int
	// Narrowed says that what is granted is not what the last judged pass was read with.
	Narrowed bool
	// Last is the last judged pass.
	Last Complete
	Held *Held
}

func (v stored) standing() Standing {
	return Standing{
		Pass: mirror.Pass{Number: v.Number, StartedAt: v.StartedAt}, State: v.State, Reason: v.Reason, BegunAt: v.BegunAt, EndedAt: v.EndedAt,
		Primes: v.Last.Number == 0, Seen: v.Seen, Narrowed: v.Last.Number > 0 && v.Last.Scope != v.Scope, Last: v.Last, Held: v.Held,
	}
}

// Load returns how the passes of a connection stand; the zero Standing where none began in its life.
func (p *Passes) Load(ctx context.Context, of record.Connection) (Standing, error) {
	s, err := p.Registry.Read(ctx, of)
	if err != nil {
		return Standing{}, fmt.Errorf("read how a connection's passes stand: %w", err)
	}
	loaded, err := p.load(ctx, s)
	return loaded.Value.standing(), err
}
