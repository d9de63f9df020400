package deletion

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/ground/together"
)

// purgeReserve is the time kept for records that are being deleted.
const purgeReserve = 20 * time.Second

// messageTimeout bounds the deletion of one Slack message.
const messageTimeout = 5 * time.Second

// settledAfter is how long after an attempt whose answer was lost a message that is not there counts as never taken: Slack may
// still be at it. It matters only where a deletion is due at once.
const settledAfter = 10 * time.Second

// PurgeCopies is how many records are deleted at the same time, and StopCopies how many incidents are resolved.
const (
	PurgeCopies = 16
	StopCopies  = 16
)

// ErrStays is returned by Messages.Delete for a message that cannot be deleted: the channel is archived or gone, or the token may not.
var ErrStays = errors.New("the message cannot be deleted")

// Messages deletes what was posted.
type Messages interface {
	// Delete deletes a message of our own. One that is gone already counts as deleted. It returns ErrStays.
	Delete(ctx context.Context, channel, ts string) error
	// Find looks for the message of an alert; ts is "" where it is not there. It returns thread.ErrCannotLook.
	Find(ctx context.Context, search thread.Search) (ts string, err error)
}

// Recorded is what a recorder holds in place of Slack and PagerDuty.
type Recorded interface {
	// Forget removes messages by their alerts' keys, and incidents by theirs, and counts them.
	Forget(alertKeys, incidentKeys map[string]bool) (int, error)
}

// Purge is the rules of the purge queue.
type Purge struct {
	Records   record.Purger
	Deletions record.Store
	// Messages deletes Slack messages; nil where they are to stay.
	Messages Messages
	Notifier *Notifier
	// Scrub makes what was deleted unrecoverable; nil where storage does so by itself.
	Scrub func(context.Context) error
	// Keepers are all that keep something of connections beside the records, and these.
	Keepers []Keeper
	// Recorded is what a recorder in place of Slack and PagerDuty holds; nil where none does.
	Recorded        Recorded
	RecordRetention time.Duration
	// Copies is how many records are deleted at the same time.
	Copies int
	Now    func() time.Time
}

var _ worker.Chore = (*Purge)(nil)

// Open implements worker.Chore.
func (p *Purge) Open(message queue.Message, _ *telemetry.Line) (worker.Job, error) {
	content, err := decode(message.Body)
	if err != nil {
		return worker.Job{}, err
	}
	if content.Purge == nil {
		return worker.Job{}, errMessage
	}
	key := content.Purge.key()
	return worker.Job{Do: func(ctx context.Context, line *telemetry.Line) (worker.Outcome, error) { return p.work(ctx, key, line) }}, nil
}

// outcomePurged is how a purge ends that deleted everything.
const outcomePurged worker.Outcome = "finished"

// work deletes what is kept of a case's connection. What is deleted is the progress, so that it goes on where it was.
func (p *Purge) work(ctx context.Context, key record.Key, line *telemetry.Line) (worker.Outcome, error) {
	entry, err := record.Load[Case](ctx, p.Deletions, key)
	if err != nil {
		return "", err
	}
	if !entry.Known {
		return "", &fault.Error{Class: fault.Permanent, Op: "purge", Reason: "no_such_deletion"}
	}
	line.Set("deletion", entry.Value.ID)
	switch state := entry.Value.State; {
	case state == Finished:
		return worker.Duplicate, p.tellAgain(ctx, entry)
	case !state.IsOpen():
		return worker.Superseded, nil
	}
	if entry, err = p.begin(ctx, entry); err != nil {
		return "", err
	}
	if entry, err = p.forgetFirst(ctx, entry); err != nil {
		return "", err
	}
	done, err := p.deleteAll(ctx, &entry, line)
	if err != nil {
		return "", err
	}
	if !done {
		return worker.Unfinished, nil
	}
	return outcomePurged, p.finish(ctx, entry)
}

// tellAgain repeats what a stop after the end may have left untold. It is long told where the case ended as long ago as alerts
// are remembered, and would be told twice.
func (p *Purge) tellAgain(ctx context.Context, entry Entry) error {
	if p.Now().Sub(entry.Value.FinishedAt) > alert.Retention {
		return nil
	}
	return p.Notifier.tell(ctx, entry, finishedNotices(entry)...)
}

// begin resolves and counts what will be deleted, before the first is. The stop has resolved the incidents, but for those that
// an alert opened which was under way then, and where it never came to its end.
func (p *Purge) begin(ctx context.Context, entry Entry) (Entry, error) {
	if entry.Value.State == Started {
		return entry, nil
	}
	resolved, err := p.Notifier.resolveAll(ctx, p.Records, entry)
	if err != nil {
		return entry, err
	}
	entry.Value.Resolved = max(entry.Value.Resolved, resolved)
	return p.count(ctx, entry)
}

func (p *Purge) count(ctx context.Context, entry Entry) (Entry, error) {
	found, messages := maps.Clone(entry.Value.Found), entry.Value.SlackMessages
	if found == nil {
		found = map[record.Kind]int{}
	}
	err := walk(ctx, allOf(p.Records, entry.Key.Connection), func(stored record.Record) error {
		if stored.OccurredAt.After(entry.Value.Cutoff) {
			return nil
		}
		if isCounted(stored) {
			found[stored.Key.Kind]++
		}
		posted, err := postOf(stored)
		if isInSlack(posted) {
			messages++
		}
		return err
	})
	if err != nil {
		return entry, err
	}
	entry.Value.State, entry.Value.StartedAt = Started, p.Now().UTC()
	entry.Value.Found, entry.Value.SlackMessages = found, messages
	if p.Messages == nil {
		entry.Value.SlackLeft = messages
	}
	return p.save(ctx, entry)
}

// deleteAll deletes until a look at the whole connection finds nothing of up to the cutoff. It says false where the time does
// not suffice.
func (p *Purge) deleteAll(ctx context.Context, entry *Entry, line *telemetry.Line) (done bool, err error) {
	total := 0
	defer func() { line.Set("records_deleted", total) }()
	for {
		deleted, done, err := p.pass(ctx, entry)
		total += deleted
		if err != nil || !done {
			return false, err
		}
		if deleted == 0 {
			return true, nil
		}
	}
}

// pass looks at the whole connection once, deletes what is of up to the cutoff and counts the rest.
func (p *Purge) pass(ctx context.Context, entry *Entry) (deleted int, done bool, err error) {
	entry.Value.Kept = 0
	for after := ""; !isShort(ctx); {
		page, err := p.Records.Query(ctx, entry.Key.Connection, after)
		if err != nil {
			return deleted, false, fmt.Errorf("read what is kept of the connection: %w", err)
		}
		if len(page) == 0 {
			return deleted, true, nil
		}
		after = page[len(page)-1].Key.Sort()
		old := upTo(entry.Value.Cutoff, page)
		entry.Value.Kept += counted(page) - counted(old)
		if err := p.forgetRecorded(old); err != nil {
			return deleted, false, err
		}
		count, err := p.deletePage(ctx, entry, old)
		deleted += count
		if err != nil {
			return deleted, false, err
		}
	}
	return deleted, false, nil
}

// isShort says whether the time left is too short for more.
func isShort(ctx context.Context) bool {
	deadline, limited := ctx.Deadline()
	return limited && time.Until(deadline) < purgeReserve
}

func upTo(cutoff time.Time, page []record.Record) []record.Record {
	var old []record.Record
	for _, stored := range page {
		if !stored.OccurredAt.After(cutoff) {
			old = append(old, stored)
		}
	}
	return old
}

// isCounted says whether a record tells of the connection by itself: a finder only leads to one that does.
func isCounted(stored record.Record) bool { return stored.Key.Kind != record.Finder }

func counted(records []record.Record) (count int) {
	for _, stored := range records {
		if isCounted(stored) {
			count++
		}
	}
	return count
}

// deletePage deletes records as long as there is time, each after its Slack message: the record is what knows of the message.
// What fails leaves those before it deleted, so that no message is asked for again and again.
func (p *Purge) deletePage(ctx context.Context, entry *Entry, page []record.Record) (deleted int, err error) {
	for chunk := range slices.Chunk(page, max(p.Copies, 1)) {
		if isShort(ctx) {
			return deleted, nil
		}
		ready, messagesErr := p.deleteMessages(ctx, entry, chunk)
		if err := p.deleteRecords(ctx, entry.Value.Cutoff, chunk[:ready]); err != nil {
			return deleted, fmt.Errorf("delete what is kept of the connection: %w", err)
		}
		deleted += ready
		if messagesErr != nil {
			return deleted, messagesErr
		}
	}
	return deleted, nil
}

// deleteRecords deletes all at the same time.
func (p *Purge) deleteRecords(ctx context.Context, cutoff time.Time, records []record.Record) error {
	return together.Do(len(records), func(i int) error {
		_, err := p.Records.Delete(ctx, records[i].Key, cutoff)
		return err
	})
}

// deleteMessages deletes the Slack messages of records, counts those that stay, and returns how many records are ready to go.
func (p *Purge) deleteMessages(ctx context.Context, entry *Entry, records []record.Record) (ready int, err error) {
	if p.Messages == nil {
		return len(records), nil
	}
	left := 0
	for ready < len(records) && err == nil {
		if err = p.deleteMessage(ctx, records[ready]); errors.Is(err, ErrStays) {
			left, err = left+1, nil
		}
		if err == nil {
			ready++
		}
	}
	if left == 0 {
		return ready, err
	}
	entry.Value.SlackLeft = min(entry.Value.SlackLeft+left, entry.Value.SlackMessages)
	saved, saveErr := p.save(ctx, *entry)
	if saveErr != nil {
		return 0, saveErr
	}
	*entry = saved
	return ready, err
}

// deleteMessage deletes the Slack message of a record, if it has one. It returns ErrStays.
func (p *Purge) deleteMessage(ctx context.Context, stored record.Record) error {
	posted, err := postOf(stored)
	if err != nil || !isInSlack(posted) {
		return err
	}
	if posted.Channel == "" { // recorded by a version that did not keep it
		return ErrStays
	}
	ctx, cancel := context.WithTimeout(ctx, messageTimeout)
	defer cancel()
	ts := posted.TS
	if ts == "" {
		ts, err = p.Messages.Find(ctx, thread.SearchFor(stored.Key.ID, posted, p.Now()))
	}
	switch {
	case errors.Is(err, thread.ErrCannotLook):
		return ErrStays
	case err != nil:
		return fmt.Errorf("look for a Slack message whose answer was lost: %w", err)
	case ts == "" && p.Now().Sub(posted.LastAttempt) < settledAfter:
		return &fault.Error{Class: fault.Unknown, Op: "look for a Slack message whose answer was lost", Reason: "may_still_come"}
	case ts == "":
		return nil
	}
	if err := p.Messages.Delete(ctx, posted.Channel, ts); err != nil {
		return fmt.Errorf("delete a Slack message: %w", err)
	}
	return nil
}

// isInSlack says whether an alert has a message in Slack, or may have: a request that came between an attempt and its answer
// keeps the worker from looking.
func isInSlack(posted alert.Record) bool {
	return posted.TS != "" || posted.OutcomeUnknown() && posted.Channel != ""
}

// postOf is the alert that a record tells of; it is empty where the record is of something else.
func postOf(stored record.Record) (alert.Record, error) {
	if stored.Key.Kind != record.Alert {
		return alert.Record{}, nil
	}
	entry, err := record.Decode[alert.Record](stored)
	return entry.Value, err
}

// forgetRecorded has the recorder forget what the records tell of, before they go: they alone know.
func (p *Purge) forgetRecorded(records []record.Record) error {
	if p.Recorded == nil {
		return nil
	}
	keys := map[record.Kind]map[string]bool{record.Alert: {}, record.Incident: {}}
	for _, stored := range records {
		if ids, isTold := keys[stored.Key.Kind]; isTold {
			ids[stored.Key.ID] = true
		}
	}
	if _, err := p.Recorded.Forget(keys[record.Alert], keys[record.Incident]); err != nil {
		return fmt.Errorf("forget what was recorded of the connection: %w", err)
	}
	return nil
}

// forgetFirst has those keepers forget that do so before anything else, and keeps what they counted: it cannot be counted again.
func (p *Purge) forgetFirst(ctx context.Context, entry Entry) (Entry, error) {
	first := slices.DeleteFunc(slices.Clone(p.Keepers), func(k Keeper) bool { return !k.First })
	before := entry.Value.Forgotten
	if err := forget(ctx, &entry, first); err != nil || maps.Equal(before, entry.Value.Forgotten) {
		return entry, err
	}
	return p.save(ctx, entry)
}

// forget has keepers forget, and counts what they did.
func forget(ctx context.Context, entry *Entry, keepers []Keeper) error {
	for _, keeper := range keepers {
		if keeper.Forget == nil {
			continue
		}
		forgotten, err := keeper.Forget(ctx, entry.Value)
		if err != nil {
			return fmt.Errorf("delete what is kept of the connection (%s): %w", keeper.Place, err)
		}
		if forgotten > 0 {
			counts := maps.Clone(entry.Value.Forgotten)
			if counts == nil {
				counts = map[string]int{}
			}
			counts[keeper.Place] += forgotten
			entry.Value.Forgotten = counts
		}
	}
	return nil
}

// finish makes the case finished once what was deleted is unrecoverable, and tells of it.
func (p *Purge) finish(ctx context.Context, entry Entry) error {
	if err := forget(ctx, &entry, p.Keepers); err != nil {
		return err
	}
	if p.Scrub != nil {
		if err := p.Scrub(ctx); err != nil {
			return fmt.Errorf("make what was deleted unrecoverable: %w", err)
		}
	}
	entry.Value.State, entry.Value.FinishedAt = Finished, p.Now().UTC()
	entry.Value.Residual = residual(p.Keepers, entry.Value)
	entry, err := p.save(ctx, entry)
	if err != nil {
		return err
	}
	return p.Notifier.tell(ctx, entry, finishedNotices(entry)...)
}

func (p *Purge) save(ctx context.Context, entry Entry) (Entry, error) {
	return save(ctx, p.Deletions, entry, p.RecordRetention)
}

// pages reads a page of records: those after a sort key, "" for the first.
type pages func(ctx context.Context, after string) ([]record.Record, error)

func allOf(records record.Purger, connection record.Connection) pages {
	return func(ctx context.Context, after string) ([]record.Record, error) {
		return records.Query(ctx, connection, after)
	}
}

// incidentsOf leaves out what else is kept of the connection, which may be far more.
func incidentsOf(records record.Purger, connection record.Connection) pages {
	return func(ctx context.Context, after string) ([]record.Record, error) {
		return records.QueryKind(ctx, connection, record.Incident, after)
	}
}

// walk calls f with every record.
func walk(ctx context.Context, read pages, f func(record.Record) error) error {
	for after := ""; ; {
		page, err := read(ctx, after)
		if err != nil {
			return fmt.Errorf("read what is kept of the connection: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		for _, stored := range page {
			if err := f(stored); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Key.Sort()
	}
}
