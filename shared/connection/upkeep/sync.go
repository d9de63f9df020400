package upkeep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/ground/telemetry"
)

var _ worker.Chore = (*Upkeep)(nil)

// The outcomes, beside the workers' own.
const (
	outcomeProbed  worker.Outcome = "probed"
	outcomeRead    worker.Outcome = "read" // pages of a pass
	outcomeNothing worker.Outcome = "nothing_due"
	outcomeTold    worker.Outcome = "told"
)

// Open implements worker.Chore.
func (u *Upkeep) Open(message queue.Message, line *telemetry.Line) (worker.Job, error) {
	content, err := decode(message.Body)
	if err != nil {
		return worker.Job{}, err
	}
	if tell := content.Tell; tell != nil {
		return worker.Job{Do: func(ctx context.Context, line *telemetry.Line) (worker.Outcome, error) {
			return u.tell(ctx, *tell, line)
		}}, nil
	}
	of := record.Connection{EventID: content.Sync.EventID, OrganizationID: content.Sync.OrganizationID}
	line.Set("connection", of.Partition())
	owner := content.Sync.Mark
	return worker.Job{Do: func(ctx context.Context, line *telemetry.Line) (worker.Outcome, error) {
		return u.sync(ctx, of, owner, line)
	}}, nil
}

// sync does what is due for a connection. Its message ends where nothing is, and where another has the mark.
func (u *Upkeep) sync(ctx context.Context, of record.Connection, owner string, line *telemetry.Line) (worker.Outcome, error) {
	s, err := u.Registry.Read(ctx, of)
	if err != nil {
		return "", err
	}
	if !isServed(s) {
		return outcomeNothing, nil // its mark goes with it, or ends
	}
	mine, replaced, err := u.renew(ctx, s, owner)
	switch {
	case err != nil:
		return "", err
	case !mine || replaced:
		return outcomeNothing, nil
	}
	if s.Due.IsZero() || s.Due.After(u.Now()) {
		return outcomeNothing, u.settle(ctx, s, owner)
	}
	if s.IsBack() { // something is due at once after a consent
		if err := u.Outbox.Deliver(ctx, ofReturn(s)); err != nil {
			return "", err
		}
	}
	seen, err := u.look(ctx, s, line)
	if err != nil {
		if s, readErr := u.Registry.Read(ctx, of); readErr == nil && !isServed(s) { // it ended meanwhile
			return outcomeNothing, nil
		}
		if errors.Is(err, grant.ErrClient) {
			if err := u.send(ctx, clientMessage(of, u.Now().UTC())); err != nil {
				return "", err
			}
		}
		return "", waiting(err)
	}
	return u.conclude(ctx, s, owner, seen)
}

// seen is what one receipt of a message brought.
type seen struct {
	// result is the probe's; nil where none was due.
	result *Result
	// progress is the pass's, and failed what of our own kept it from going on: the connection is probed all the same.
	progress pass.Progress
	failed   error
}

// look does what is due: pages of a pass, and a probe. A call of the pass that was answered counts as one; what went wrong with it is
// looked at by one at once.
func (u *Upkeep) look(ctx context.Context, s connection.Standing, line *telemetry.Line) (seen, error) {
	reads, err := u.isPassDue(ctx, s)
	if err != nil {
		return seen{}, err
	}
	known, err := u.loadVitals(ctx, s)
	if err != nil {
		return seen{}, err
	}
	saw := seen{progress: pass.Progress{Done: true}}
	if reads {
		saw.progress, saw.failed = u.Passer.Go(ctx, s)
		line.Set("pages", saw.progress.Pages)
		line.Measure("pages_read", telemetry.Count, int64(saw.progress.Pages))
	}
	var result Result
	switch {
	case !known.Value.isDue(s, u.Now()) && !saw.progress.Trouble:
		return saw, nil
	case saw.failed == nil && saw.progress.IsAnswered():
		result, err = u.Prober.Answered(ctx, s.Connection)
	default:
		result, err = u.Prober.Probe(ctx, s.Connection)
	}
	if err != nil {
		return saw, err
	}
	line.Set("probe", string(result.Outcome))
	line.Count("probe_" + string(result.Outcome))
	saw.result = &result
	return saw, nil
}

// isPassDue says whether something of a pass is to be done.
func (u *Upkeep) isPassDue(ctx context.Context, s connection.Standing) (bool, error) {
	due, err := u.passDue(ctx, s)
	return !due.IsZero() && !due.After(u.Now()), err
}

func (u *Upkeep) passDue(ctx context.Context, s connection.Standing) (time.Time, error) {
	if u.Passer == nil {
		return time.Time{}, nil
	}
	return u.Passer.Due(ctx, s)
}

// waiting returns a probe's failure as the queue is to take it. What asks to wait is no failed attempt. What a person has to mend is no
// message's fault either: it is mended for all, and the message waits for that.
func waiting(err error) error {
	failure := fault.Of(err)
	wait := failure.RetryAfter
	switch {
	case failure.Class == fault.Permanent:
		wait = max(wait, health.RetryInterval)
	case wait == 0:
		return err
	}
	return &fault.Error{Class: fault.Throttled, Op: failure.Op, Reason: failure.Reason, RetryAfter: wait, Err: err}
}

// renew keeps the mark for the message, and counts its receipts. Where the message lost its mark, as one that was taken for lost, the
// mark's owner does what is due; where it came too often, another message takes its place.
func (u *Upkeep) renew(ctx context.Context, s connection.Standing, owner string) (mine, replaced bool, err error) {
	marked, err := u.loadMark(ctx, s)
	if err != nil {
		return false, false, err
	}
	if marked.Value.Owner != owner && marked.Value.IsHeld(u.Now()) {
		return false, false, nil
	}
	receives := marked.Value.Receives + 1
	next := owner
	if receives > maxReceives {
		next, receives = lease.NewOwner(), 0
	}
	marked.Value = mark{Lease: lease.Take(next, u.Now(), markTime), Receives: receives}
	if _, err := record.Save(ctx, u.Records, marked); err != nil {
		return false, false, err
	}
	if next == owner {
		return true, false, nil
	}
	return true, true, u.send(ctx, syncMessage(s.Connection, next))
}

// settle drops the mark where nothing is due, if that is still so.
func (u *Upkeep) settle(ctx context.Context, read connection.Standing, owner string) error {
	_, err := u.Registry.Change(ctx, read.Connection, func(s connection.Standing) (connection.Info, []record.Record, error) {
		if s.Due != read.Due {
			return s.Info, nil, errDueAgain
		}
		dropped, err := u.dropMark(ctx, s, owner)
		return s.Info, dropped, err
	})
	if errors.Is(err, errDueAgain) {
		return &fault.Error{Class: fault.Throttled, Op: "end the message of a connection", Reason: "due_again", RetryAfter: time.Second, Err: err}
	}
	return err
}

// errDueAgain says that something was set due meanwhile.
var errDueAgain = errors.New("something was set due meanwhile")

func (u *Upkeep) dropMark(ctx context.Context, s connection.Standing, owner string) ([]record.Record, error) {
	marked, err := u.loadMark(ctx, s)
	if err != nil || marked.Value.Owner != owner {
		return nil, err
	}
	marked.Value = mark{}
	encoded, err := record.Encode(marked)
	return []record.Record{encoded}, err
}

// conclude stores what was seen: the health, the registry's state, when the next is due, and that no message is out, all together. Where
// something was set due meanwhile, or a pass is to go on, the mark stays and so does the message.
func (u *Upkeep) conclude(ctx context.Context, read connection.Standing, owner string, saw seen) (outcome worker.Outcome, err error) {
	var after health.State
	goesOn := false
	_, err = u.Registry.Change(ctx, read.Connection, func(s connection.Standing) (connection.Info, []record.Record, error) {
		outcome, goesOn = outcomeRead, false
		if !isServed(s) || !s.ConnectedAt.Equal(read.ConnectedAt) { // what was seen is of another consent
			outcome = worker.Unfinished
			return s.Info, nil, nil
		}
		known, err := u.loadVitals(ctx, s)
		if err != nil {
			return s.Info, nil, err
		}
		next, with := s.Info, []record.Record(nil)
		if saw.result != nil {
			outcome = outcomeProbed
			known.Value.Health = known.Value.Health.Observe(observation(s, *saw.result), u.Now())
			if s.Due == read.Due { // else somebody may want another
				known.Value.Due = known.Value.Health.Next(u.ProbeInterval, u.Random(), u.Now())
			}
			next = moved(s.Info, *saw.result, u.Now())
			if with, err = u.encoded(listed(known)); err != nil {
				return s.Info, nil, err
			}
		}
		after = known.Value.Health
		if s.Due != read.Due {
			outcome = worker.Unfinished
			return next, with, nil
		}
		s.Info = next
		if (!saw.progress.Done || saw.failed != nil) && s.Serves() {
			goesOn = true
			return next, with, nil
		}
		if isLooked(next.State) {
			if next.Due, err = u.nextDue(ctx, s, known.Value); err != nil {
				return s.Info, nil, err
			}
		}
		dropped, err := u.dropMark(ctx, s, owner)
		return next, append(with, dropped...), err
	})
	if err != nil {
		return "", fmt.Errorf("store what was seen of a connection: %w", err)
	}
	if saw.result != nil && after.HasNews() {
		if err := u.send(ctx, tellMessage(tellBody{At: u.Now().UTC(), EventID: read.EventID, OrganizationID: read.OrganizationID})); err != nil {
			return "", err
		}
	}
	if goesOn && saw.failed != nil {
		return "", waiting(saw.failed)
	}
	if goesOn && saw.progress.Wait > 0 {
		return "", worker.Paced{Wait: min(saw.progress.Wait, markTime-TickInterval)} // the message's mark outlasts it
	}
	if goesOn {
		outcome = worker.Unfinished
	}
	return outcome, nil
}

// nextDue is when the next is due: the probe, or what the passes wait for.
func (u *Upkeep) nextDue(ctx context.Context, s connection.Standing, known vitals) (time.Time, error) {
	due, err := u.passDue(ctx, s)
	if err != nil || due.IsZero() || known.Due.Before(due) {
		due = known.Due
	}
	return due.UTC(), err
}

func (u *Upkeep) encoded(entry vitalsEntry) ([]record.Record, error) {
	encoded, err := record.Encode(entry)
	return []record.Record{encoded}, err
}

func observation(s connection.Standing, result Result) health.Observation {
	return health.Observation{
		Grant: grantOf(s), Outcome: result.Outcome, Reason: result.Reason, Ends: result.Ends,
	}
}

// grantOf names the consent that a connection stands on.
func grantOf(s connection.Standing) string { return s.ConnectedAt.UTC().Format(time.RFC3339Nano) }

// moved takes over the state that the token is in.
func moved(info connection.Info, result Result, now time.Time) connection.Info {
	if result.State == "" {
		return info
	}
	next, leads := info.Moved(result.State, result.Why, now)
	if !leads {
		return info
	}
	return next
}

func isLooked(state connection.State) bool {
	return state == connection.Active || state == connection.NeedsConsent
}
