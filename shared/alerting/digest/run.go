package digest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
)

// runReserve is the time kept for ending well: what is left is done with the message's next receipt.
const runReserve = 10 * time.Second

// The outcomes of a run, beside the workers' own.
const (
	outcomeDigested worker.Outcome = "digested"
	outcomeEmpty    worker.Outcome = "empty" // nothing to tell
)

// pendingRuns is the list of the runs that are not done.
const pendingRuns = "digest-run"

// state is how far a channel's run has come.
type state string

const (
	claimed state = "claimed" // what it counts is pinned
	done    state = "done"    // its message is queued, and its entries are told
)

// run is what is kept of a channel: its latest run. Once it is done, it names no connection.
type run struct {
	State state `json:"state"`
	// Window is the moment that the schedule meant, At when it was claimed.
	Window time.Time `json:"window"`
	At     time.Time `json:"at"`
	// AlertKey is the message's.
	AlertKey string `json:"alert_key"`
	// Waiting is how many more events wait for the channel's next digest.
	Waiting int      `json:"waiting,omitempty"`
	Members []member `json:"members,omitempty"`
}

type runRecord = record.Entry[run]

// member names an entry that a run counts. The ids are bytes for base64, which grows by a third at most in JSON.
type member struct {
	EventID        []byte `json:"e,omitempty"`
	OrganizationID []byte `json:"o,omitempty"`
	AlertKey       string `json:"k"`
}

func memberOf(key record.Key) member {
	return member{EventID: []byte(key.Connection.EventID), OrganizationID: []byte(key.Connection.OrganizationID), AlertKey: key.ID}
}

func (m member) key() record.Key {
	connection := record.Connection{EventID: string(m.EventID), OrganizationID: string(m.OrganizationID)}
	return record.Key{Connection: connection, Kind: record.Digest, ID: m.AlertKey}
}

func (m member) size() int { return len(m.EventID) + len(m.OrganizationID) + len(m.AlertKey) }

// errShort is returned where the time left is too short to go on.
var errShort = errors.New("the time is short")

func isShort(ctx context.Context) bool { return isShortOf(ctx, runReserve) }

// isShortOf says whether less is left than the time given.
func isShortOf(ctx context.Context, reserve time.Duration) bool {
	deadline, limited := ctx.Deadline()
	return limited && time.Until(deadline) < reserve
}

// run tells each channel of its pending entries, once for a window.
func (t *Task) run(ctx context.Context, window time.Time, line *telemetry.Line) (worker.Outcome, error) {
	told, err := t.tellAll(ctx, window)
	line.Measure("digest_events", telemetry.Count, int64(told))
	switch {
	case errors.Is(err, errShort):
		return worker.Unfinished, nil
	case err != nil:
		return "", err
	case told == 0:
		return outcomeEmpty, nil
	default:
		return outcomeDigested, nil
	}
}

// tellAll finishes what earlier runs left, and then tells of what is new. It returns how many events it told of.
func (t *Task) tellAll(ctx context.Context, window time.Time) (told int, err error) {
	left, err := record.Collect(t.Records.Pending(ctx, pendingRuns))
	if err != nil {
		return 0, fmt.Errorf("list the unfinished digests: %w", err)
	}
	for _, stored := range left {
		_, finished, err := t.resume(ctx, stored.Key.ID)
		told += finished
		if err != nil {
			return told, err
		}
	}
	waiting, err := t.waiting(ctx)
	if err != nil {
		return told, err
	}
	for _, of := range waiting {
		counted, err := t.tell(ctx, of, window)
		told += counted
		if err != nil {
			return told, err
		}
	}
	return told, nil
}

// tell tells a channel of what waits for it. A window that comes again, or late, tells no more than what was received up to it:
// the rest is for the next one. The channel's record is read before the entries are: where another run comes in between, the
// claim is refused.
func (t *Task) tell(ctx context.Context, waiting *backlog, window time.Time) (told int, err error) {
	latest, told, err := t.resume(ctx, waiting.channel)
	if err != nil {
		return told, err
	}
	due := waiting.first()
	if t.wasTold(latest, window) {
		due = slices.DeleteFunc(due, func(p pending) bool { return p.receivedAt.After(window) })
	}
	members, looked, err := t.gather(ctx, due)
	if err != nil || len(members) == 0 {
		return told, err
	}
	latest, err = t.claim(ctx, latest, window, members, waiting.events-looked)
	if err != nil {
		return told, err
	}
	_, err = t.finish(ctx, latest, members)
	return told + len(members), err
}

// wasTold says whether a run of the window, or of a later one, told the channel. One of a moment that has not come counts for
// nothing: the clock was wrong, and nobody is to hear nothing until then.
func (t *Task) wasTold(latest runRecord, window time.Time) bool {
	return latest.Known && !latest.Value.Window.Before(window) && !latest.Value.Window.After(t.Now())
}

// resume returns the channel's record, after finishing a run that was claimed and left. It returns how many events that told
// of: what was purged since it was claimed is not told.
func (t *Task) resume(ctx context.Context, channel string) (latest runRecord, told int, err error) {
	latest, err = record.Load[run](ctx, t.Records, record.Key{Kind: record.DigestRun, ID: channel})
	if err != nil || latest.Value.State != claimed {
		return latest, 0, err
	}
	members, err := t.reread(ctx, latest.Value.Members)
	if err != nil {
		return latest, 0, err
	}
	latest, err = t.finish(ctx, latest, members)
	return latest, len(members), err
}

// reread returns those of a claim's entries that are there still.
func (t *Task) reread(ctx context.Context, members []member) ([]entryRecord, error) {
	var left []entryRecord
	for _, counted := range members {
		if isShort(ctx) {
			return nil, errShort
		}
		found, err := record.Load[entry](ctx, t.Records, counted.key())
		if err != nil {
			return nil, err
		}
		if found.Known {
			left = append(left, found)
		}
	}
	return left, nil
}

// gather returns the entries to be counted: at most what fits into one claim and into the time that is left. It returns too how
// many it looked at.
func (t *Task) gather(ctx context.Context, waiting []pending) (members []entryRecord, looked int, err error) {
	cutoffs := map[record.Connection]time.Time{}
	var size load
	for _, p := range waiting {
		short := isShort(ctx)
		if short && len(members) == 0 {
			return nil, looked, errShort
		}
		if short || size.isFull() {
			break
		}
		found, counts, err := t.examine(ctx, p.key, cutoffs)
		if err != nil {
			return nil, looked, err
		}
		looked++
		if counts {
			members = append(members, found)
			size.add(found)
		}
	}
	return members, looked, nil
}

// examine reads an entry again, since an index tells of what was, and says whether it is to be counted. One that a deletion
// stopped is taken out of the list and not told. The cutoffs that it reads are remembered.
func (t *Task) examine(ctx context.Context, key record.Key, cutoffs map[record.Connection]time.Time) (entryRecord, bool, error) {
	found, err := record.Load[entry](ctx, t.Records, key)
	if err != nil || found.Pending == "" {
		return found, false, err
	}
	cutoff, known := cutoffs[key.Connection]
	if !known {
		if cutoff, err = record.Cutoff(ctx, t.Deletions, key.Connection); err != nil {
			return found, false, err
		}
		cutoffs[key.Connection] = cutoff
	}
	if !cutoff.IsZero() && !found.OccurredAt.After(cutoff) {
		return found, false, t.settle(ctx, key, "")
	}
	return found, true, nil
}

// claim pins what the run counts. Its message has a key of its own even where its window was told before: an event is counted
// once, so that no two claims begin with the same. It returns record.ErrChanged where another run of the channel came first.
func (t *Task) claim(ctx context.Context, latest runRecord, window time.Time, members []entryRecord, waiting int) (runRecord, error) {
	latest.Value = run{
		State:    claimed,
		Window:   window,
		At:       t.Now().UTC(),
		AlertKey: revento.Hash(t.Stack, "digest", latest.Key.ID, window.Format(time.RFC3339Nano), members[0].Key.ID),
		Waiting:  waiting,
	}
	for _, counted := range members {
		latest.Value.Members = append(latest.Value.Members, memberOf(counted.Key))
	}
	latest.OccurredAt, latest.Expires, latest.Pending = window, time.Time{}, pendingRuns
	return record.Save(ctx, t.Records, latest)
}

// finish does what a claim asks for: it tells of its entries that are there still, and settles all. Each of its steps can be
// repeated: the message is known by its alert key, and an entry that is told stays told.
func (t *Task) finish(ctx context.Context, latest runRecord, members []entryRecord) (runRecord, error) {
	if err := t.send(ctx, latest, members); err != nil {
		return latest, err
	}
	for _, counted := range latest.Value.Members {
		if isShort(ctx) {
			return latest, errShort
		}
		if err := t.settle(ctx, counted.key(), latest.Value.AlertKey); err != nil {
			return latest, err
		}
	}
	ended := latest.Value
	latest.Value = run{State: done, Window: ended.Window, At: ended.At, AlertKey: ended.AlertKey}
	latest.Expires, latest.Pending = t.Now().Add(alert.Retention), ""
	return record.Save(ctx, t.Records, latest)
}

func (t *Task) send(ctx context.Context, latest runRecord, members []entryRecord) error {
	if len(members) == 0 {
		return nil
	}
	encoded, err := t.message(ctx, latest, members).Encode()
	if err != nil {
		return err
	}
	if err := t.Queues.Send(ctx, queue.Slack, encoded); err != nil {
		return fmt.Errorf("queue the digest: %w", err)
	}
	return nil
}
