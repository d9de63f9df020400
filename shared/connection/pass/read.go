package pass

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/budget"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/ground/fault"
)

// The reasons why a pass failed that are not Revento's codes.
const (
	reasonCursor      = "cursor_came_twice"
	reasonEndless     = "list_does_not_end"
	reasonLong        = "took_too_long"
	reasonUnpublished = "event_unpublished"
	reasonConsent     = "consented_anew"
	reasonForgotten   = "list_is_not_known" // a former version of this program read it
	reasonScope       = "no_scope_to_read_with"
)

const (
	// maxPages of a list are half a million rows, and take 21 hours at Revento's limits. What has more has no end.
	maxPages = 10_000
	// maxTime is how long a pass may take.
	maxTime = 24 * time.Hour
	// maxTries is how often a page is asked for that fails; a pass that waits for less goes on where it was.
	maxTries = 5
	// firstPause doubles with each failure of a page: five take a quarter of an hour.
	firstPause = time.Minute
	// freeCalls are how many calls the budget has when a pass that used it up goes on, if it needs as many. One at a time would be one
	// receipt each.
	freeCalls = 10
	// pageTime is what a page may take: a call, and the writes of its rows.
	pageTime = 20 * time.Second
	// looseMargin is taken from our clock where Revento's is not known: what a webhook told within it is not judged by the pass.
	looseMargin = 5 * time.Minute
)

// unpublished is the publish_status of an event that is not public. Its values are not in the guide: this one is what the type of the
// webhook says. An event that says so otherwise is read on, and what its lists leave out then is held where it is much.
const unpublished = "unpublished"

// Progress is how far a pass came.
type Progress struct {
	// Done says that nothing is left to do for now; else it goes on after Wait, at once where that is 0.
	Done bool
	Wait time.Duration
	// Pages counts those that were read, and Trouble says that a call came to nothing for a reason of Revento's.
	Pages   int
	Trouble bool
}

// IsAnswered says whether the last call was answered as it should be.
func (p Progress) IsAnswered() bool { return p.Pages > 0 && !p.Trouble }

// Go begins or goes on with the pass that is due, until the budget is used up, the time is over, or it is done. It returns an error of our
// own: a store failed, or another refreshes the token. Nothing is lost by it.
func (p *Passes) Go(ctx context.Context, s connection.Standing) (Progress, error) {
	var progress Progress
	for {
		done, err := p.step(ctx, s, &progress)
		if err != nil || done {
			return progress, err
		}
		if deadline, has := ctx.Deadline(); has && deadline.Sub(p.Now()) < pageTime {
			return progress, nil
		}
	}
}

// step does what is next, and says whether that is all for now.
func (p *Passes) step(ctx context.Context, s connection.Standing, progress *Progress) (done bool, err error) {
	loaded, err := p.load(ctx, s)
	if err != nil {
		return false, err
	}
	v := loaded.Value
	if due := p.due(v, s); !s.Serves() || due.IsZero() || due.After(p.Now()) {
		progress.Done = true
		return true, nil
	}
	switch v.State {
	case Read:
		return false, p.mark(ctx, s, v)
	case Reading:
		return p.goOn(ctx, s, v, progress)
	default:
		return false, p.begin(ctx, s)
	}
}

// begin begins the next pass.
func (p *Passes) begin(ctx context.Context, s connection.Standing) error {
	first, readable := after("", s.Scope)
	_, err := p.change(ctx, s, func(v *stored) error {
		if v.State == Reading || v.State == Read {
			return errMoved
		}
		*v = stored{
			Life: s.Life, Number: v.Number + 1, State: Reading, Consented: s.ConnectedAt, Scope: s.Scope, BegunAt: p.Now().UTC(),
			Place: first.name, Failures: v.Failures, Last: v.Last, Held: v.Held,
		}
		if !readable {
			v.fail(reasonScope, p.Now())
		}
		return nil
	})
	return unlessMoved(err)
}

// unlessMoved takes that another changed the pass for no failure: what is next is looked at anew.
func unlessMoved(err error) error {
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}

// fail ends a pass. The next is due soon, unless too many failed.
func (v *stored) fail(reason string, now time.Time) {
	v.State, v.Reason, v.EndedAt = Failed, reason, now.UTC()
	v.Cursor, v.Cursors = "", nil
	if v.Failures++; v.Failures <= maxRetries {
		v.Soon = earlier(v.Soon, now.UTC().Add(retryTime))
	}
}

// goOn reads the next page.
func (p *Passes) goOn(ctx context.Context, s connection.Standing, v stored, progress *Progress) (done bool, err error) {
	at, known := placeNamed(v.Place)
	switch {
	case !v.Consented.Equal(s.ConnectedAt):
		return false, p.failed(ctx, s, v, reasonConsent)
	case !known:
		return false, p.failed(ctx, s, v, reasonForgotten)
	case p.Now().Sub(v.BegunAt) >= maxTime:
		return false, p.failed(ctx, s, v, reasonLong)
	}
	asked := p.Now().UTC()
	page, err := p.Lists.Page(ctx, s.Connection, at.list, v.Cursor)
	if err != nil {
		return p.troubled(ctx, s, v, err, progress)
	}
	progress.Pages++
	progress.Trouble = false
	if v.StartedAt.IsZero() {
		v.StartedAt = startOf(page, asked)
	}
	_, err = p.Mirror.Read(ctx, mirror.Page{
		Connection: s.Connection, Pass: mirror.Pass{Number: v.Number, StartedAt: v.StartedAt}, Thing: at.thing, AskedAt: asked, Date: page.Date,
		Documents: page.Documents,
	})
	if err != nil {
		return false, err
	}
	_, err = p.change(ctx, s, func(next *stored) error {
		if next.Number != v.Number || next.State != Reading || next.Place != v.Place || next.Cursor != v.Cursor {
			return errMoved
		}
		next.StartedAt = v.StartedAt
		next.advance(at, page, p.Now())
		return nil
	})
	return false, unlessMoved(err)
}

// startOf is a pass's start by Revento's clock, for certain not later.
func startOf(first Page, asked time.Time) time.Time {
	if first.Date.IsZero() {
		return asked.Add(-looseMargin)
	}
	return first.Date.UTC()
}

// advance takes over that a page was read.
func (v *stored) advance(at place, page Page, now time.Time) {
	v.Tries = 0
	v.Calls++
	v.Counting += len(page.Documents)
	v.Pages++
	mark := hashOf(page.Next)
	switch {
	case page.Status == unpublished:
		v.fail(reasonUnpublished, now)
		v.Failures, v.Soon = 0, time.Time{} // probes go on, and the schedule's next pass looks again
		return
	case !page.More:
		v.leave(at, now)
		return
	case v.Pages >= maxPages:
		v.fail(reasonEndless, now)
		return
	case isAmong(v.Cursors, mark):
		v.fail(reasonCursor, now)
		return
	}
	v.Cursor, v.Cursors = page.Next, append(v.Cursors, mark...)
}

// leave goes on with the next list, or ends the pass.
func (v *stored) leave(at place, now time.Time) {
	if v.Seen == nil {
		v.Seen = map[mirror.Thing]int{}
	}
	v.Seen[at.thing] = v.Counting
	next, more := after(at.name, v.Scope)
	v.Place, v.Cursor, v.Cursors, v.Pages, v.Counting = next.name, "", nil, 0, 0
	if !more {
		v.State, v.EndedAt, v.Failures = Read, now.UTC(), 0
	}
}

// needs is how many calls are worth waiting for together: as many as the last pass had yet at this point, if they are few.
func (v *stored) needs() int {
	if left := v.Last.Calls - v.Calls; left > 0 {
		return min(left, freeCalls)
	}
	return freeCalls
}

// cursorBytes tell the cursors of a list from each other.
const cursorBytes = 8

func hashOf(cursor string) []byte {
	sum := sha256.Sum256([]byte(cursor))
	return sum[:cursorBytes]
}

func isAmong(hashes, hash []byte) bool {
	for known := range slices.Chunk(hashes, cursorBytes) {
		if slices.Equal(known, hash) {
			return true
		}
	}
	return false
}

// failed ends the pass.
func (p *Passes) failed(ctx context.Context, s connection.Standing, v stored, reason string) error {
	_, err := p.change(ctx, s, func(next *stored) error {
		if next.Number != v.Number || next.State != Reading {
			return errMoved
		}
		next.fail(reason, p.Now())
		return nil
	})
	return unlessMoved(err)
}

// troubled is what a call's failure means for the pass: it waits for the budget, tries again, or fails. What is our own is returned.
func (p *Passes) troubled(
	ctx context.Context, s connection.Standing, v stored, err error, progress *Progress,
) (done bool, _ error) {
	failure := fault.Of(err)
	_, isInactive := errors.AsType[*grant.Inactive](err)
	switch {
	case errors.Is(err, budget.ErrWait):
		progress.Wait = failure.RetryAfter + time.Duration(v.needs()-1)*budget.Installation.Every
		return true, nil
	case isInactive:
		progress.Trouble = true
		return false, p.failed(ctx, s, v, failure.Reason)
	case !errors.Is(err, ErrAnswer):
		return true, err
	}
	progress.Trouble = true
	switch {
	case failure.Class == fault.Throttled:
		progress.Wait = failure.RetryAfter
		return true, nil
	case failure.Class == fault.Permanent:
		return false, p.failed(ctx, s, v, failure.Reason)
	}
	progress.Wait = max(failure.RetryAfter, firstPause<<v.Tries)
	after, err := p.change(ctx, s, func(next *stored) error {
		if next.Number != v.Number || next.State != Reading {
			return errMoved
		}
		if next.Tries++; next.Tries >= maxTries {
			next.fail(failure.Reason, p.Now())
		}
		return nil
	})
	return after.State == Reading, unlessMoved(err)
}
