package verdict

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/revento"
)

// The guards of absence: more than so many, and more than this part of those who are there, do not vanish without a person's word. A part
// alone would hold each small event's every cancellation, and a number alone let a small event vanish.
const (
	maxMissing     = 5
	maxMissingPart = 5 // a fifth
)

// The reasons why absence is held for a person.
const (
	reasonEmpty  = "empty_list"
	reasonMany   = "many_missing"
	reasonScope  = "scope_changed"
	reasonHidden = "event_unpublished"
)

// unpublished is the publish_status of an event that is not public. (package pass)
const unpublished = "unpublished"

// countAttempts is how often rows are counted where others change them meanwhile. What is not put stays counted change by change.
const countAttempts = 3

// count counts who is there and who is missing, and puts what it counted into the summary if nothing was changed meanwhile.
func (j *judging) count(ctx context.Context) error {
	known := &j.entry.Value
	for range countAttempts {
		if known.Thing == "" {
			summary, err := j.Mirror.Summary(ctx, j.Connection)
			if err != nil {
				return err
			}
			known.Changes, known.Counted, known.Absent = summary.Changes, mirror.Counts{}, absence{}
			known.Held = ""
			if summary.PublishStatus == unpublished { // it was, since the pass read it
				known.Held = reasonHidden
			}
		}
		if err := j.each(ctx, j.countRow); err != nil {
			return err
		}
		if _, read := j.pass.Seen[mirror.Participant]; !read {
			return nil
		}
		put, err := j.Mirror.Count(ctx, j.Connection, known.Changes, known.Counted)
		if err != nil || put {
			return err
		}
		known.Thing, known.Cursor = "", ""
	}
	return nil
}

func (j *judging) countRow(row mirror.Row) error {
	known := &j.entry.Value
	known.Counted.Add(row)
	if row.Thing != mirror.Participant || row.Presence == mirror.Cancelled {
		return nil
	}
	known.Absent.Known++
	if j.isAbsent(row) && !j.isAccepted(row) {
		known.Absent.Missing++
	}
	return nil
}

// guard is why the absence that the pass shows is held for a person; "" where it counts, or there is none.
func (j *judging) guard() string {
	known := j.entry.Value
	missing, there := known.Absent.Missing, known.Absent.Known
	switch {
	case missing == 0 || j.primes():
		return ""
	case known.Held != "":
		return known.Held
	case j.pass.Narrowed:
		return reasonScope
	case j.pass.Seen[mirror.Participant] == 0:
		return reasonEmpty
	case missing > maxMissing && missing*maxMissingPart > there:
		return reasonMany
	}
	return ""
}

// isAbsent says whether the pass says that a row is not there: it began after the row was first seen and after its last webhook, within the
// margin in which a list may lag behind, and did not see it.
func (j *judging) isAbsent(row mirror.Row) bool {
	return row.Presence != mirror.Cancelled && isAbsentFrom(row, j.pass.Number, j.pass.StartedAt) && !j.blocks(row)
}

// isAccepted says whether a person let the row go: the pass that was held did not see it either.
func (j *judging) isAccepted(row mirror.Row) bool {
	known := j.entry.Value
	return j.pass.Held.Accepts(j.Now()) && j.pass.Held.Pass == known.HeldPass && isAbsentFrom(row, known.HeldPass, known.HeldStartedAt)
}

func isAbsentFrom(row mirror.Row, number int64, startedAt time.Time) bool {
	const lag = 2 * time.Minute
	return row.LastSeen.Pass < number && startedAt.After(row.HeardAt.Add(lag))
}

// settle judges row by row. A row that another changed meanwhile, as by forgetting its person, stays as that one left it.
func (j *judging) settle(ctx context.Context) error {
	return j.each(ctx, func(row mirror.Row) error {
		change, err := j.judgeAbsence(ctx, row)
		if err != nil {
			return err
		}
		if change.Told, err = j.judgeMissed(ctx, row); err != nil {
			return err
		}
		if change.Presence == "" && !change.Remove && len(change.Told) == 0 {
			return nil
		}
		_, err = j.Mirror.Settle(ctx, row, change)
		return err
	})
}

func (j *judging) blocks(row mirror.Row) bool {
	return row.Thing == mirror.Participant && j.blocked.Has(row.ID)
}

// judgeAbsence is what becomes of a row that the pass did not see, once a person is told who is told of it.
func (j *judging) judgeAbsence(ctx context.Context, row mirror.Row) (mirror.Change, error) {
	since := mirror.Seen{Pass: j.pass.Number, At: j.pass.StartedAt}
	isSecond := row.Presence == mirror.MissingOnce && row.MissingSince.Pass < j.pass.Number
	switch {
	case !j.isAbsent(row):
		return mirror.Change{}, nil
	case row.Thing != mirror.Participant && isSecond:
		return mirror.Change{Remove: true}, nil
	case row.Thing != mirror.Participant:
		return missing(row, since), nil
	case j.isAccepted(row):
		since = mirror.Seen{Pass: j.entry.Value.HeldPass, At: j.entry.Value.HeldStartedAt}
		if row.Presence == mirror.MissingOnce {
			since = row.MissingSince
		}
		return j.cancel(ctx, row, since)
	case j.entry.Value.Held != "":
		return mirror.Change{}, nil
	case isSecond:
		return j.cancel(ctx, row, row.MissingSince)
	}
	j.entry.Value.Confirm = true
	return missing(row, since), nil
}

func missing(row mirror.Row, since mirror.Seen) mirror.Change {
	if row.Presence == mirror.MissingOnce { // this pass missed it first, and is judged again
		return mirror.Change{}
	}
	return mirror.Change{Presence: mirror.MissingOnce, MissingSince: since}
}

// cancel tells that a participant is gone. Telling comes first: where the process dies before the row says so, it is told again under the
// same identity, and alerts once.
func (j *judging) cancel(ctx context.Context, row mirror.Row, since mirror.Seen) (mirror.Change, error) {
	own := handoff.Own{
		Type: revento.TypeParticipantCancelled, Connection: j.Connection, Identity: []string{string(j.Life), row.ID, j.number()},
		ResourceID: row.ID, Number: j.pass.Number, OccurredAt: j.pass.StartedAt, Consented: j.ConnectedAt,
		Fields: map[string]string{"missing_since_at": moment(since.At), "status": string(mirror.Cancelled)},
	}
	if !row.LastSeen.At.IsZero() {
		own.Fields["last_seen_at"] = moment(row.LastSeen.At)
	}
	return mirror.Change{Presence: mirror.Cancelled, MissingSince: since}, j.Outbox.Deliver(ctx, own)
}

// heldOwn tells that a person has to look at what vanished. It has one identity for a pass.
func (j *judging) heldOwn() handoff.Own {
	known := j.entry.Value
	named := fmt.Sprintf("%s:%d", j.Connection.EventID, j.pass.Number)
	return handoff.Own{
		Type: revento.TypeSyncHeld, Connection: j.Connection, Identity: []string{string(j.Life), j.number()}, ResourceID: j.Connection.EventID,
		Number: j.pass.Number, OccurredAt: j.pass.StartedAt, Consented: j.ConnectedAt,
		Fields: map[string]string{
			"status": "held", "reason": known.Held, "missing": fmt.Sprintf("%d of %d", known.Absent.Missing, known.Absent.Known), "pass": named,
			"to_let_them_go": j.Installation.Command("connections accept " + named),
		},
	}
}

func (j *judging) number() string { return strconv.FormatInt(j.pass.Number, 10) }

func moment(at time.Time) string { return at.UTC().Format(time.RFC3339) }
