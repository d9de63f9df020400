package deadletter

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/revento"
)

// MaxPace is the longest Pace.
const MaxPace = time.Minute

// DefaultPace is the pause between two redriven messages of a queue: a channel takes about one message a second.
// https://docs.slack.dev/apis/web-api/rate-limits/
func DefaultPace(name queue.Name) time.Duration {
	if name == queue.Slack {
		return time.Second
	}
	return 0
}

// Redriver has letters tried again.
type Redriver struct {
	*Desk
	// Records tell what has been sent already, and Deletions which notices of deletions have.
	Records, Deletions record.Store
	// Routes are those in force, by which a Slack message finds its channel.
	Routes route.Table
	Stack  string
	// Pace is the pause between two messages of a queue, up to MaxPace; 0 means DefaultPace.
	Pace time.Duration
	Now  func() time.Time
}

// Redrive sends the chosen letters to their queues as fresh messages, whose age and attempts count from now, and deletes
// them. They are sent before they are deleted: a stop between the two leaves both, and the worker, whose record of the alert
// says that it was sent, drops the second. With an error come the results before it; the rest stays. Letters that cannot be
// read stay too, and what fails again while Redrive runs. The error is an *Unfinished once it has begun.
func (r Redriver) Redrive(ctx context.Context, selection Selection) ([]Result, error) {
	if r.Pace < 0 || r.Pace > MaxPace {
		return nil, fmt.Errorf("the pace is %s: 0s to %s is allowed", r.Pace, MaxPace)
	}
	run := redrive{Redriver: r, by: selection.By, bodies: map[string]bool{}}
	return r.work(ctx, "redrive", selection, run.treat)
}

// redrive is one run.
type redrive struct {
	Redriver
	by string
	// bodies holds the hashes of those that were sent. Without it, a letter that fails again at once would go round for as long as
	// the run lasts.
	bodies map[string]bool
}

func (r *redrive) treat(ctx context.Context, held *hand, received queue.Received, letter Letter) (Result, error) {
	if r.bodies[revento.Hash(received.Body)] {
		return kept(letter, "the same was redriven a moment ago: it failed again, or this is a copy of it"), nil
	}
	if !letter.Readable && letter.Queue.IsFIFO() && !letter.Queue.Entry().Asks {
		return kept(letter, "this version cannot read it: redrive it with the one that wrote it, or drop it"), nil
	}
	if isTruncated(received) {
		return kept(letter, "EventBridge Scheduler cut its body: drop it, the daily sweep and the next digest make up for it"), nil
	}
	if err := r.pause(ctx, letter.Queue); err != nil {
		return kept(letter, "the redrive was ended before its turn"), err
	}
	ctx, cancel := undisturbed(ctx)
	defer cancel()
	message, note, err := r.fresh(ctx, received, letter)
	if err != nil {
		return kept(letter, err.Error()), err
	}
	if err := r.Queues.Send(ctx, letter.Queue, message); err != nil {
		return kept(letter, err.Error()), unlessPermanent(err)
	}
	r.Desk.sent[letter.Queue] = time.Now()
	r.bodies[revento.Hash(message.Body)] = true
	note = cmp.Or(note, r.write(ctx, letter, Redriven, r.by))
	if err := held.delete(ctx, received); err != nil {
		note = "it was sent, and is a dead letter still: drop it, or redrive it, which sends nothing twice"
		return Result{Letter: letter, Outcome: Redriven, Note: note}, err
	}
	return Result{Letter: letter, Outcome: Redriven, Note: note}, nil
}

// unlessPermanent leaves out the failures that are one message's own, which do not end the run.
func unlessPermanent(err error) error {
	if fault.Has(err, fault.Permanent) {
		return nil
	}
	return err
}

// fresh makes the message that is sent, and the note for it. What is no hand-off is sent on as it came, in the group that it had.
func (r *redrive) fresh(ctx context.Context, received queue.Received, letter Letter) (queue.Message, string, error) {
	if letter.Queue.Entry().Asks {
		group := cmp.Or(received.Attributes[queue.AttributeGroup], received.Group)
		message := queue.Message{Body: received.Body, Group: group, DeduplicationID: rand.Text(), Attributes: withoutReason(received)}
		return message, "", nil
	}
	if !letter.Readable {
		return queue.Message{Body: bodyOf(received), Attributes: withoutReason(received)}, "", nil
	}
	event, err := open(bodyOf(received))
	if err != nil {
		return queue.Message{}, "", err
	}
	fresh, note := event.Message, ""
	fresh.Generation = rand.Text()
	fresh.QueuedAt = r.Now().UTC()
	if letter.Queue == queue.Slack {
		var channel string
		if channel, note, err = r.channel(ctx, event); err != nil {
			return queue.Message{}, "", err
		}
		if channel != event.Channel {
			fresh = fresh.ForChannel(r.Stack, channel)
		}
	}
	message, err := fresh.Encode()
	return message, note, err
}

// withoutReason are the attributes that a message had before it was given up; what Scheduler sends has none.
func withoutReason(received queue.Received) map[string]string {
	if isScheduled(received) {
		return nil
	}
	rest := maps.Clone(received.Attributes)
	for _, name := range []string{queue.AttributeReason, queue.AttributeParkedAt, queue.AttributeGroup, attributeOrigin, attributeSince} {
		delete(rest, name)
	}
	return rest
}

// pause keeps the pace of a queue, whoever sent to it last.
func (r *redrive) pause(ctx context.Context, name queue.Name) error {
	pace := r.Pace
	if pace == 0 {
		pace = DefaultPace(name)
	}
	timer := time.NewTimer(time.Until(r.Desk.sent[name].Add(pace)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}
