package deletion

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/fault"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/record"
	"revento-alerts/shared/telemetry"
	"revento-alerts/shared/worker"
)

// PurgeTimeout is the purge function's time limit. A purge that needs longer goes on with its next message.
const PurgeTimeout = 300 * time.Second

// purgeReserve is the time kept for a page of records that is being deleted.
const purgeReserve = 20 * time.Second

// PurgeCopies is how many records are deleted at the same time.
const PurgeCopies = 16

// ErrStays is returned by Messages for a message that cannot be deleted: the channel is archived or gone, or the token may not.
var ErrStays = errors.New("the message cannot be deleted")

// Messages deletes what was posted.
type Messages interface {
	// Delete deletes a message of our own. One that is gone already counts as deleted. It returns ErrStays.
	Delete(ctx context.Context, channel, ts string) error
}

// Purge is the rules of the purge queue.
type Purge struct {
	Records   record.Purger
	Deletions record.Store
	// Messages deletes Slack messages; nil where they are to stay.
	Messages Messages
	Notifier *Notifier
	// Scrub makes what was deleted unrecoverable; nil where storage does so by itself.
	Scrub           func(context.Context) error
	Elsewhere       Elsewhere
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
		return worker.Duplicate, p.Notifier.tell(ctx, entry, finishedNotices(entry)...)
	case !state.IsOpen():
		return worker.Superseded, nil
	}
	if entry, err = p.begin(ctx, entry); err != nil {
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

// begin counts what will be deleted, before the first is.
func (p *Purge) begin(ctx context.Context, entry Entry) (Entry, error) {
	if entry.Value.State == Started {
		return entry, nil
	}
	found, messages := maps.Clone(entry.Value.Found), entry.Value.SlackMessages
	if found == nil {
		found = map[record.Kind]int{}
	}
	err := walk(ctx, p.Records, entry.Key.Connection, func(stored record.Record) error {
		if stored.OccurredAt.After(entry.Value.Cutoff) {
			return nil
		}
		found[stored.Key.Kind]++
		posted, err := postOf(stored)
		if posted.TS != "" {
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
	deleted := 0
	entry.Value.Kept = 0
	defer func() { line.Set("records_deleted", deleted) }()
	for after, clean := "", true; ; {
		if isShort(ctx) {
			return false, nil
		}
		page, err := p.Records.Query(ctx, entry.Key.Connection, after)
		if err != nil {
			return false, fmt.Errorf("read what is kept of the connection: %w", err)
		}
		if len(page) == 0 && clean {
			return true, nil
		}
		if len(page) == 0 { // once more from the start
			after, clean = "", true
			entry.Value.Kept = 0
			continue
		}
		after = page[len(page)-1].Key.Sort()
		old := upTo(entry.Value.Cutoff, page)
		entry.Value.Kept += len(page) - len(old)
		clean = clean && len(old) == 0
		if err := p.deletePage(ctx, entry, old); err != nil {
			return false, err
		}
		deleted += len(old)
	}
}

// isShort says whether the time left is too short for another page.
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

// deletePage deletes records, each after its Slack message: the record is what knows of the message.
func (p *Purge) deletePage(ctx context.Context, entry *Entry, page []record.Record) error {
	if err := p.deleteMessages(ctx, entry, page); err != nil {
		return err
	}
	for chunk := range slices.Chunk(page, max(p.Copies, 1)) {
		if err := p.deleteRecords(ctx, entry.Value.Cutoff, chunk); err != nil {
			return fmt.Errorf("delete what is kept of the connection: %w", err)
		}
	}
	return nil
}

// deleteRecords deletes all at the same time.
func (p *Purge) deleteRecords(ctx context.Context, cutoff time.Time, records []record.Record) error {
	failures := make([]error, len(records))
	remove := func(i int) { _, failures[i] = p.Records.Delete(ctx, records[i].Key, cutoff) }
	var wait sync.WaitGroup
	for i := range records[1:] {
		wait.Go(func() { remove(i + 1) })
	}
	remove(0)
	wait.Wait()
	return errors.Join(failures...)
}

// deleteMessages deletes the Slack messages of records, and counts those that stay.
func (p *Purge) deleteMessages(ctx context.Context, entry *Entry, page []record.Record) error {
	if p.Messages == nil {
		return nil
	}
	left := 0
	for _, stored := range page {
		posted, err := postOf(stored)
		if err != nil {
			return err
		}
		if posted.TS == "" {
			continue
		}
		err = p.Messages.Delete(ctx, posted.Channel, posted.TS)
		if errors.Is(err, ErrStays) {
			left++
		} else if err != nil {
			return fmt.Errorf("delete a Slack message: %w", err)
		}
	}
	if left == 0 {
		return nil
	}
	entry.Value.SlackLeft += left
	var err error
	*entry, err = p.save(ctx, *entry)
	return err
}

// postOf is the alert whose Slack message a record tells of; its TS is "" where it tells of none.
func postOf(stored record.Record) (alert.Record, error) {
	if stored.Key.Kind != record.Alert {
		return alert.Record{}, nil
	}
	entry, err := record.Decode[alert.Record](stored)
	return entry.Value, err
}

// finish makes the case finished once what was deleted is unrecoverable, and tells of it.
func (p *Purge) finish(ctx context.Context, entry Entry) error {
	if p.Scrub != nil {
		if err := p.Scrub(ctx); err != nil {
			return fmt.Errorf("make what was deleted unrecoverable: %w", err)
		}
	}
	entry.Value.State, entry.Value.FinishedAt = Finished, p.Now().UTC()
	entry.Value.Residual = p.Elsewhere.residual(entry.Value)
	entry, err := p.save(ctx, entry)
	if err != nil {
		return err
	}
	return p.Notifier.tell(ctx, entry, finishedNotices(entry)...)
}

func (p *Purge) save(ctx context.Context, entry Entry) (Entry, error) {
	return save(ctx, p.Deletions, entry, p.RecordRetention)
}

// walk calls f with every record of a connection.
func walk(ctx context.Context, records record.Purger, connection record.Connection, f func(record.Record) error) error {
	for after := ""; ; {
		page, err := records.Query(ctx, connection, after)
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
