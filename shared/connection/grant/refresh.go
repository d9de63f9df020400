package grant

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
)

// The wait after a refresh that failed, doubled with each failure up to the longest.
const (
	firstRest = 30 * time.Second
	maxRest   = 5 * time.Minute
	// maxDoublings keep it far from an overflow.
	maxDoublings = 10
)

// The wait between two tries of a write that must not be lost.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 2 * time.Second
)

// The metrics.
const (
	metricRefreshed = "token_refreshed"
	metricFailed    = "token_refresh_failed"
	// metricDropped counts replies that came after another's, or another consent, were stored.
	metricDropped = "token_dropped"
	// metricUnstored counts replies that the store did not take in time.
	metricUnstored = "token_unstored"
	// metricForeign counts replies with another connection's tokens.
	metricForeign = "token_of_another_connection"
	// metricRefused counts refresh tokens that Revento refused.
	metricRefused = "token_refused"
)

// rotation is one refresh.
type rotation struct {
	*Keeper

	held entry
	ring seal.Ring // in memory before a token comes that must be sealed
	pair pair
	// secrets are the client's that may still be tried: the next one first.
	secrets secret.Client
	tried   []string
	end     time.Time
	line    *telemetry.Line
}

// refresh redeems the refresh token on a context of its own: a caller that gives up cuts off neither the request nor what is stored of
// its reply. It returns errAgain where the record changed meanwhile.
func (k *Keeper) refresh(ctx context.Context, held entry) (Access, error) {
	ring, opened, err := k.unseal(ctx, held)
	if err != nil {
		return Access{}, err
	}
	secrets, err := k.Secrets.Get(ctx)
	if err != nil {
		return Access{}, &fault.Error{Class: fault.Transient, Op: op, Reason: reasonNoSecret, Err: err}
	}
	line := k.Log.Begin("refresh")
	line.Set("connection", held.Key.Connection.Partition())
	line.Set("generation", held.Value.Generation)
	r := &rotation{
		Keeper: k, held: held, ring: ring, pair: opened, secrets: secrets, end: k.Now().Add(RefreshTime), line: line,
	}
	detached, cancel := k.detach(ctx)
	defer cancel()
	access, err := r.run(detached)
	if err != nil {
		line.Set("error", err.Error())
	}
	line.End(detached)
	return access, err
}

// detach returns a context that ends with RefreshTime, or StopTime after the process is told to stop.
func (k *Keeper) detach(ctx context.Context) (context.Context, context.CancelFunc) {
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), RefreshTime)
	if k.Stopping == nil {
		return detached, cancel
	}
	release := context.AfterFunc(k.Stopping, func() {
		_ = k.Wait(detached, StopTime) // it fails only where the refresh is over already
		cancel()
	})
	return detached, func() {
		release()
		cancel()
	}
}

// run redeems: once more after a reply that was not read, and with the client's other secret where one is refused.
func (r *rotation) run(ctx context.Context) (Access, error) {
	read, unread := "", 0
	for {
		mine, err := r.begin(ctx, read)
		if err != nil {
			return Access{}, err
		}
		if r.Now().Sub(mine.At) > postWithin { // another may be about to take the lease over
			r.release(ctx, mine.ID)
			return Access{}, busy(reasonNoTime, pollTime)
		}
		tokens, err := r.post(ctx)
		isUnread := fault.Has(err, fault.Unknown)
		switch code := revento.CodeOf(err); {
		case err == nil:
			return r.keep(ctx, mine, tokens)
		case isUnread && unread == 0 && r.hasTimeToRepeat():
			read, unread = "", 1
		case isUnread:
			return Access{}, r.rest(ctx, "", err)
		case code == revento.CodeInvalidGrant:
			return Access{}, r.refused(ctx, mine)
		case code == revento.CodeInvalidClient && r.hasOtherSecret(ctx) && r.hasTimeToRepeat():
			read = mine.ID
		default:
			return Access{}, r.rest(ctx, mine.ID, err)
		}
	}
}

// begin takes the lease and writes down the attempt, without the one whose reply was read. It returns errAgain where the record changed.
func (r *rotation) begin(ctx context.Context, read string) (attempt, error) {
	mine := attempt{ID: lease.NewOwner(), At: r.Now()}
	next := r.held
	next.Value = r.held.Value.lead(mine, read)
	if r.ring.NeedsReseal(next.Value.Sealed) {
		resealed, err := sealed(r.ring, next.Key.Connection, next.Value, r.pair)
		if err != nil {
			return attempt{}, err
		}
		next.Value = resealed
	}
	saved, err := record.Save(ctx, r.Records, next)
	if errors.Is(err, record.ErrChanged) { // by another, or by a write of our own that was sent twice
		saved, err = record.Load[stored](ctx, r.Records, next.Key)
		if err == nil && !saved.Value.Lease.IsOf(mine.ID) {
			return attempt{}, errAgain
		}
	}
	if err != nil {
		return attempt{}, err
	}
	r.held = saved
	return mine, nil
}

func (r *rotation) post(ctx context.Context) (revento.Tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	r.tried = append(r.tried, r.secrets[0])
	return r.Endpoint.Refresh(ctx, secret.Hide(r.secrets[0]), secret.Hide(r.pair.Refresh))
}

// hasTimeToRepeat says whether another request fits, with the wait that its refusal may need.
func (r *rotation) hasTimeToRepeat() bool {
	return r.end.Sub(r.Now()) >= postTime+unreadWait+reserve
}

// hasOtherSecret looks the client's secrets up again and moves on to the next that was not tried. There are two at the most.
func (r *rotation) hasOtherSecret(ctx context.Context) bool {
	secrets, _, err := r.Secrets.Refresh(ctx)
	if err != nil {
		secrets = r.secrets
	}
	r.secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return slices.Contains(r.tried, s) })
	return len(r.secrets) > 0
}

// rest ends a refresh that failed for now: read is the attempt whose reply was read, or "".
func (r *rotation) rest(ctx context.Context, read string, cause error) error {
	failure := *fault.Of(cause)
	wait := max(min(firstRest<<min(r.held.Value.Failures, maxDoublings), maxRest), failure.RetryAfter)
	r.held.Value.Failures++
	r.held.Value.NotBefore, r.held.Value.FailureReason = r.Now().Add(wait), failure.Reason
	r.release(ctx, read)
	r.line.Raise(slog.LevelWarn)
	r.line.Count(metricFailed)
	if revento.CodeOf(cause) == revento.CodeInvalidClient {
		failure.Err = errors.Join(ErrClient, failure.Err)
	}
	if failure.Class != fault.Throttled {
		failure.Class = fault.Transient
	}
	failure.RetryAfter = wait
	return &failure
}

// release drops the lease, and the attempt whose reply was read. Should that not be written down, the lease ends by itself.
func (r *rotation) release(ctx context.Context, read string) {
	r.held.Value = r.held.Value.quiet(read)
	if _, err := record.Save(ctx, r.Records, r.held); err != nil {
		r.line.Set("unwritten", err.Error())
	}
}

// refused concludes from invalid_grant. The refresh token is not sent again.
func (r *rotation) refused(ctx context.Context, mine attempt) error {
	standing, err := r.reread(ctx)
	if err != nil {
		return err
	}
	if !standing.Value.is(r.held.Value) {
		return errAgain
	}
	if standing.Value.hasUnread(mine.ID) {
		if err := r.Wait(ctx, unreadWait); err != nil {
			return busy(reasonNoTime, 0)
		}
	}
	concluded, err := r.conclude(ctx, r.held, r.end.Add(-reserve), func(s stored) (stored, bool) {
		wasActive := s.State == connection.Active
		reason := connection.TakenBack
		if s.hasUnread(mine.ID) {
			reason = connection.LostRotation
		}
		return s.quiet(mine.ID).as(connection.NeedsConsent, reason), wasActive
	})
	if err != nil {
		return err
	}
	r.line.Raise(slog.LevelWarn)
	r.line.Set("reason", concluded.Reason)
	r.line.Count(metricRefused)
	return inactive(concluded)
}

// reread reads the record, until the time is over.
func (r *rotation) reread(ctx context.Context) (standing entry, err error) {
	err = r.insist(ctx, r.end.Add(-reserve), func() error {
		standing, err = record.Load[stored](ctx, r.Records, r.held.Key)
		return err
	})
	return standing, err
}

// insist does something until it works or is refused for good; it returns the last failure where the time is over first. A write that
// another's write came before is done again at once, whatever the time: the other one got somewhere.
func (k *Keeper) insist(ctx context.Context, end time.Time, do func() error) error {
	for pause := firstPause; ; {
		err := do()
		switch {
		case err == nil, errors.Is(err, errAgain):
			return err
		case errors.Is(err, record.ErrChanged):
			continue
		case k.Now().Add(pause).After(end), k.Wait(ctx, pause) != nil:
			return err
		}
		pause = min(2*pause, maxPause)
	}
}

// conclude writes what change makes of a grant and generation, if they are still the newest and it makes anything of them, and returns
// what stands. It returns errAgain where there are others by now.
func (k *Keeper) conclude(
	ctx context.Context, about entry, end time.Time, change func(stored) (stored, bool),
) (concluded stored, err error) {
	err = k.insist(ctx, end, func() error {
		standing, err := record.Load[stored](ctx, k.Records, about.Key)
		if err != nil {
			return err
		}
		if !standing.Value.is(about.Value) {
			return errAgain
		}
		changed, write := change(standing.Value)
		if !write {
			concluded = standing.Value
			return nil
		}
		concluded, standing.Value = changed, changed
		_, err = record.Save(ctx, k.Records, standing)
		return err
	})
	return concluded, err
}

// reply is what is to be stored of a reply, sealed.
type reply struct {
	redeemed entry // what it came of
	next     stored
	pair     pair
}

// keep stores a reply, if the generation that was redeemed is still the newest: whether the lease is still ours does not matter, since
// the refresh token of the reply may be the only valid one.
func (r *rotation) keep(ctx context.Context, mine attempt, tokens revento.Tokens) (Access, error) {
	if isForeign(r.held.Key.Connection, tokens) {
		return Access{}, r.breakOff(ctx, mine)
	}
	came := reply{redeemed: r.held, next: r.held.Value.next(tokens, mine), pair: r.pair.after(tokens)}
	next, err := sealed(r.ring, r.held.Key.Connection, came.next, came.pair)
	if err != nil {
		return Access{}, err
	}
	came.next = next
	ctx, cancel := r.stillHas(ctx)
	defer cancel()
	kept, err := r.store(ctx, came, r.end.Add(-reserve))
	switch {
	case errors.Is(err, errAgain):
		r.drop(ctx, mine)
		return Access{}, errAgain
	case err != nil:
		r.line.Raise(slog.LevelError)
		r.line.Count(metricUnstored)
		r.keepLate(came)
		return Access{}, &fault.Error{Class: fault.Transient, Op: op, Reason: reasonUnstored, Err: err}
	}
	r.line.Count(metricRefreshed)
	return came.pair.access(kept), nil
}

// drop counts a reply that is not taken. Where another's reply to the same refresh token was stored, Revento may hold ours for the newer
// one and refuse the other: the attempt is kept with that generation, so that this is told as what it is.
func (r *rotation) drop(ctx context.Context, mine attempt) {
	r.line.Raise(slog.LevelWarn)
	r.line.Count(metricDropped)
	sibling := r.held
	sibling.Value.Generation++
	_, err := r.conclude(ctx, sibling, r.end.Add(-reserve), func(s stored) (stored, bool) {
		s.Attempts = append(s.without(mine.ID), mine)
		return s, s.State == connection.Active
	})
	if err != nil {
		r.line.Set("unwritten", err.Error())
	}
}

// stillHas returns a context for what must be stored, also where a reply comes when the time is over: the process may have been frozen.
func (r *rotation) stillHas(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), max(r.end.Sub(r.Now()), reserve))
}

// isForeign says whether a reply's tokens are another connection's.
func isForeign(of record.Connection, tokens revento.Tokens) bool {
	return tokens.EventID != "" && tokens.EventID != of.EventID ||
		tokens.OrganizationID != "" && tokens.OrganizationID != of.OrganizationID
}

// breakOff ends the use of a connection for which Revento gave out another one's tokens.
func (r *rotation) breakOff(ctx context.Context, mine attempt) error {
	r.line.Raise(slog.LevelError)
	r.line.Count(metricForeign)
	concluded, err := r.conclude(ctx, r.held, r.end.Add(-reserve), func(s stored) (stored, bool) {
		return s.quiet(mine.ID).as(connection.NeedsConsent, connection.Broken), s.takesLate()
	})
	if err != nil {
		return err
	}
	return inactive(concluded)
}

// store puts a reply in the place of what was redeemed, and tries again until end. It returns errAgain where another's reply is there, or
// another consent, or the connection has ended.
func (k *Keeper) store(ctx context.Context, came reply, end time.Time) (kept entry, err error) {
	standing, isRead := came.redeemed, true
	err = k.insist(ctx, end, func() (err error) {
		if !isRead {
			if standing, err = record.Load[stored](ctx, k.Records, came.redeemed.Key); err != nil {
				return err
			}
		}
		isRead = false
		switch {
		case standing.Value.Attempt == came.next.Attempt:
			kept = standing
			return nil
		case !standing.Value.is(came.redeemed.Value) || !standing.Value.takesLate():
			return errAgain
		}
		standing.Value = came.next
		kept, err = record.Save(ctx, k.Records, standing)
		return err
	})
	return kept, err
}

// keepLate keeps a reply that the store did not take, for the next who asks for the connection's tokens.
func (k *Keeper) keepLate(came reply) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.unstored == nil {
		k.unstored = map[string]reply{}
	}
	k.unstored[came.redeemed.Key.Connection.Partition()] = came
}

// storeLate stores a reply that the store did not take before. While it still does not, the connection's tokens are not to be had.
func (k *Keeper) storeLate(ctx context.Context, of record.Connection) error {
	k.mu.Lock()
	came, has := k.unstored[of.Partition()]
	delete(k.unstored, of.Partition())
	k.mu.Unlock()
	if !has {
		return nil
	}
	if _, err := k.store(ctx, came, k.Now()); err != nil && !errors.Is(err, errAgain) {
		k.keepLate(came)
		return &fault.Error{Class: fault.Transient, Op: op, Reason: reasonUnstored, Err: err}
	}
	return nil
}
