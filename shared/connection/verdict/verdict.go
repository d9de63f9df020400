// Package verdict judges, once a pass over Revento's lists is complete, what that pass did not see and what no webhook told: who is gone, and
// which webhooks never came. Each becomes a delivery of our own.
//
//	marker --> count all rows --guards--> held for a person, told once
//	                    `--> each row: absence (missing once, then gone), webhooks that never came --> judged
//
// All that was accepted before the marker has been applied when it has its turn, and no pass begins before the end: rows stand still.
// How far judging came is kept, so that it ends near its deadline and goes on, however often the process dies. What was told is known by its
// identity, and alerts once.
package verdict

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/echo"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/ground/installation"
)

// Registry tells how a connection stands: connection.Registry.
type Registry interface {
	Read(ctx context.Context, of record.Connection) (connection.Standing, error)
}

// Passes knows how the passes of a connection stand: pass.Passes.
type Passes interface {
	Load(ctx context.Context, of record.Connection) (pass.Standing, error)
	// Judged notes that a complete pass was judged; confirm has the next follow soon. Repeating it changes nothing.
	Judged(ctx context.Context, of record.Connection, number int64, confirm bool, held *pass.Held) error
}

// Mirror keeps the rows: mirror.Mirror.
type Mirror interface {
	RowsAfter(ctx context.Context, of record.Connection, thing mirror.Thing, cursor string) iter.Seq2[mirror.Row, error]
	Settle(ctx context.Context, row mirror.Row, change mirror.Change) (ok bool, err error)
	Summary(ctx context.Context, of record.Connection) (mirror.Summary, error)
	Count(ctx context.Context, of record.Connection, changes int64, counted mirror.Counts) (ok bool, err error)
	Amend(ctx context.Context, of record.Connection, change func(*mirror.Summary)) error
}

// Marks knows of whom nothing is to be judged: echo.Marks.
type Marks interface {
	Blocked(ctx context.Context, of record.Connection, life connection.Life) (echo.Blocked, error)
}

// Outbox hands deliveries of our own off: ingest.Ingest.
type Outbox interface {
	// Deliver returns nil once it is handed off, by this call or by one before.
	Deliver(ctx context.Context, own handoff.Own) error
}

// Verdicts judges. One at a time judges for a connection: the queue's group has it so.
type Verdicts struct {
	Registry Registry
	Passes   Passes
	Mirror   Mirror
	Marks    Marks
	Outbox   Outbox
	Records  record.Store
	// Installation is what the command needs that a held pass tells a person to type.
	Installation installation.Name
	Now          func() time.Time
}

var _ echo.Judge = (*Verdicts)(nil)

// stage is how far the judging of a pass came.
type stage string

const (
	counting stage = "counting" // all rows are counted, and nothing is changed
	settling stage = "settling" // row by row is judged
)

// progress is what is kept of a connection's judging. Of another life it counts as absent.
type progress struct {
	Life connection.Life `json:"life"`
	// PrimedBy is the first pass of the life that was judged, and PrimedAt its start: of what was before nothing is told.
	PrimedBy int64     `json:"primed_by,omitempty"`
	PrimedAt time.Time `json:"primed_at,omitzero"`
	// HeldPass is the last pass whose absence was held, and HeldStartedAt its start: a person may let go whom it did not see.
	HeldPass      int64     `json:"held_pass,omitempty"`
	HeldStartedAt time.Time `json:"held_started_at,omitzero"`
	// Pass is the pass that is judged, or was.
	Pass  int64 `json:"pass,omitempty"`
	Stage stage `json:"stage,omitempty"`
	// Thing and Cursor are the row that was looked at last.
	Thing  mirror.Thing `json:"thing,omitempty"`
	Cursor string       `json:"cursor,omitempty"`
	// Changes is the summary's number of changes when counting began, and Counted what was counted.
	Changes int64         `json:"changes,omitempty"`
	Counted mirror.Counts `json:"counted,omitzero"`
	Absent  absence       `json:"absent,omitzero"`
	// Held is why absence says nothing; "" where it counts.
	Held string `json:"held,omitempty"`
	// Confirm says that the pass missed a participant for the first time.
	Confirm bool `json:"confirm,omitempty"`
}

// absence is of whom the pass shows nothing, among those who were there.
type absence struct {
	Known   int `json:"known,omitempty"`
	Missing int `json:"missing,omitempty"`
}

type progressEntry = record.Entry[progress]

// judging is one turn of judging a pass.
type judging struct {
	*Verdicts
	connection.Standing
	pass    pass.Standing
	entry   progressEntry
	blocked echo.Blocked
	until   time.Time
}

// errLater says that the time is over and more is to be judged.
var errLater = errors.New("more is to be judged")

// Judge implements echo.Judge.
func (v *Verdicts) Judge(ctx context.Context, marker echo.Marker, until time.Time) (done bool, err error) {
	j, err := v.begin(ctx, marker, until)
	if err != nil || j == nil {
		return err == nil, err
	}
	err = j.run(ctx)
	if errors.Is(err, errLater) {
		return false, j.save(ctx)
	}
	return err == nil, err
}

// begin reads what judging is decided on; nil where the marker's pass is not to be judged any more: it was, or another life or pass began.
func (v *Verdicts) begin(ctx context.Context, marker echo.Marker, until time.Time) (*judging, error) {
	standing, err := v.Registry.Read(ctx, marker.Connection)
	if err != nil || !standing.IsKnown() || standing.IsStopped() || standing.IsEnded() {
		return nil, err
	}
	passes, err := v.Passes.Load(ctx, marker.Connection)
	if err != nil || passes.State != pass.Read || passes.Number != marker.Pass {
		return nil, err
	}
	j := &judging{Verdicts: v, Standing: standing, pass: passes, until: until}
	if j.blocked, err = v.Marks.Blocked(ctx, marker.Connection, standing.Life); err != nil {
		return nil, err
	}
	j.entry, err = record.Load[progress](ctx, v.Records, record.Key{Connection: marker.Connection, Kind: record.Verdict})
	if err != nil {
		return nil, err
	}
	j.entry.OccurredAt = standing.ConnectedAt
	known := &j.entry.Value
	if known.Life != standing.Life {
		*known = progress{Life: standing.Life}
	}
	if known.PrimedBy == 0 || passes.Primes {
		known.PrimedBy, known.PrimedAt = passes.Number, passes.StartedAt
	}
	if known.Pass != passes.Number {
		*known = progress{
			Life: known.Life, PrimedBy: known.PrimedBy, PrimedAt: known.PrimedAt, HeldPass: known.HeldPass, HeldStartedAt: known.HeldStartedAt,
			Pass: passes.Number, Stage: counting,
		}
	}
	return j, nil
}

// run judges what is left of the pass.
func (j *judging) run(ctx context.Context) error {
	known := &j.entry.Value
	if known.Stage == counting {
		if err := j.count(ctx); err != nil {
			return err
		}
		known.Held = j.guard()
		known.Stage, known.Thing, known.Cursor = settling, "", ""
		if err := j.save(ctx); err != nil { // what the guards say is decided once: settling changes what they looked at
			return err
		}
	}
	if known.Held != "" {
		if err := j.Outbox.Deliver(ctx, j.heldOwn()); err != nil {
			return err
		}
	}
	if !j.primes() {
		if err := j.settle(ctx); err != nil {
			return err
		}
	}
	return j.end(ctx)
}

// primes says that the pass is the life's first, at which nothing is told.
func (j *judging) primes() bool { return j.entry.Value.PrimedBy == j.pass.Number }

// end notes that the pass is judged, once how far it came is stored.
func (j *judging) end(ctx context.Context) error {
	known := &j.entry.Value
	if known.Held != "" {
		known.HeldPass, known.HeldStartedAt = j.pass.Number, j.pass.StartedAt
	}
	if err := j.save(ctx); err != nil {
		return err
	}
	var held *pass.Held
	if known.Held != "" {
		held = &pass.Held{Pass: j.pass.Number, Reason: known.Held, Missing: known.Absent.Missing, Known: known.Absent.Known, At: j.Now().UTC()}
	}
	if err := j.Mirror.Amend(ctx, j.Connection, j.complete); err != nil && !errors.Is(err, mirror.ErrNotMirrored) {
		return fmt.Errorf("keep that all was read: %w", err)
	}
	return j.Passes.Judged(ctx, j.Connection, j.pass.Number, known.Confirm, held)
}

// complete keeps in the summary that all was read by the pass. Repeating it changes nothing.
func (j *judging) complete(summary *mirror.Summary) {
	if summary.Completed.Number < j.pass.Number {
		summary.Completed, summary.CompletedAt = j.pass.Pass, j.pass.EndedAt
	}
}

func (j *judging) save(ctx context.Context) (err error) {
	j.entry, err = record.Save(ctx, j.Records, j.entry)
	return err
}

// things are those of which a pass reads a list, in the order in which they are judged.
var things = []mirror.Thing{mirror.Participant, mirror.Activity, mirror.Thread, mirror.Location, mirror.Wave, mirror.Program}

// each looks at the rows that are left, of the things whose list the pass read to its end, until the time is over. How far it came is kept
// where it ends.
func (j *judging) each(ctx context.Context, look func(mirror.Row) error) error {
	known := &j.entry.Value
	for _, thing := range things {
		if known.Thing != "" && indexOf(thing) < indexOf(known.Thing) {
			continue
		}
		if _, read := j.pass.Seen[thing]; !read {
			continue
		}
		if known.Thing != thing {
			known.Thing, known.Cursor = thing, ""
		}
		for row, err := range j.Mirror.RowsAfter(ctx, j.Connection, thing, known.Cursor) {
			if err != nil {
				return fmt.Errorf("judge rows: %w", err)
			}
			if !j.Now().Before(j.until) {
				return errLater
			}
			if err := look(row); err != nil {
				return err
			}
			known.Cursor = row.Cursor()
		}
	}
	return nil
}

func indexOf(thing mirror.Thing) int {
	for i, other := range things {
		if other == thing {
			return i
		}
	}
	return len(things)
}
