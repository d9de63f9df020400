// Package thread tells alerts in Slack channels: one thread for each incident and channel, whose root shows the newest state.
// Each alert is posted once, also where an answer was lost.
package thread

import (
	"context"
	"errors"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/revento"
)

// The time limits: the function's (queue.Table) > look-up + post + update + what a worker keeps for settling.
const (
	// FindTimeout, PostTimeout and UpdateTimeout bound one call of Slack's API each. A post has the most: the others can be
	// repeated, and it can not.
	FindTimeout   = 3 * time.Second
	PostTimeout   = 6 * time.Second
	UpdateTimeout = 3 * time.Second
)

// MaxPostInterval is the longest pause after a post. Slack takes about one message a second in a channel.
// https://docs.slack.dev/apis/web-api/rate-limits/
const MaxPostInterval = 5 * time.Second

// retention is how long a thread is remembered after its last event. An application can stay open for months.
const retention = 180 * 24 * time.Hour

// ClockMargin widens a look-up's window on both sides, since Slack's clock is not ours.
const ClockMargin = 10 * time.Minute

// Errors that Slack's answers stand for; the adapter wraps them.
var (
	// ErrThreadGone is returned by Post for a reply whose root is not there any more.
	ErrThreadGone = errors.New("the thread's root message is gone")
	// ErrMessageGone is returned by Update for a message that is not there any more.
	ErrMessageGone = errors.New("the message is gone")
	// ErrCannotLook is returned by Find where the token may not read the channel, or the window holds more than a page. What was
	// not found may then be there all the same.
	ErrCannotLook = errors.New("the channel cannot be looked through")
)

// Message is what is shown in a channel.
type Message struct {
	// AlertKey is put into the message's metadata, by which Find knows it.
	AlertKey string
	Content  alert.Content
	// Reply says that the message is a reply in a thread and not a root.
	Reply bool
	// Opened is what opened the thread, for a root that shows a later event's state; zero elsewhere.
	Opened Opening
	// Lateness is how long after its event the message comes, or 0.
	Lateness time.Duration
	// OutOfOrder says that the channel has been told of something newer.
	OutOfOrder bool
	// PossiblyRepeated says that the same may have been posted before.
	PossiblyRepeated bool
}

// Opening is the event that opened a thread.
type Opening struct {
	Type       string    `json:"type"`
	HappenedAt time.Time `json:"happened_at"`
}

// Search says where and when a message may have been posted.
type Search struct {
	Channel  string
	Thread   string // the root's timestamp, or "" for the channel itself
	AlertKey string
	// From and To are the first and the last attempt, widened by ClockMargin, and Now is the moment of the look. All are of our
	// clock: against Now and an answer's Date, an adapter can tell what of the margin is needed.
	From, To, Now time.Time
}

// SearchFor is where and when the message of an alert may have been posted, of whose attempts the answers are not known.
func SearchFor(alertKey string, sending alert.Record, now time.Time) Search {
	return Search{
		Channel:  sending.Channel,
		Thread:   sending.Thread,
		AlertKey: alertKey,
		From:     sending.UnknownSince.Add(-ClockMargin),
		To:       sending.LastAttempt.Add(ClockMargin),
		Now:      now,
	}
}

// Slack is what the rules need of Slack. Timestamps (ts) are Slack's ids of messages within a channel.
type Slack interface {
	// Post posts into a channel, or as a reply where thread is not "", and returns the message's ts. A failure of class
	// fault.Unknown may have posted. It returns ErrThreadGone.
	Post(ctx context.Context, channel, thread string, message Message) (ts string, err error)
	// Update replaces what a message shows and leaves its metadata as it is. Repeating it does no harm. It returns
	// ErrMessageGone.
	Update(ctx context.Context, channel, ts string, message Message) error
	// Find looks for the message of an alert; ts is "" where it is not there. It returns ErrCannotLook.
	Find(ctx context.Context, search Search) (ts string, err error)
}

// conversation is what is kept of a thread.
type conversation struct {
	// Root is the root's ts; "" where nothing was posted yet.
	Root string `json:"root,omitempty"`
	// RootGone says that somebody deleted the root, so that the next alert becomes a new one.
	RootGone bool `json:"root_gone,omitempty"`
	// Newest is the newest event known of; a later one is news, an earlier one is late.
	Newest alert.Order `json:"newest"`
	Opened Opening     `json:"opened,omitzero"`
}

// place is where an event belongs in its thread.
type place int

const (
	newRoot    place = iota // nothing to reply to, or what there was has been resolved or deleted
	reply                   // news in an open thread: a reply, and the root shows it
	lateReply               // older than what the root shows: a reply that changes nothing
	onlyNoted               // an end without a beginning: known from now on, and nothing to tell
	superseded              // older than an end that was only noted
)

func placeOf(thread record.Entry[conversation], event handoff.Event) place {
	known := thread.Known
	order := event.Order.Compare(thread.Value.Newest)
	switch {
	case thread.Value.Root == "" && known && order < 0:
		return superseded
	case thread.Value.Root == "" && event.Resolves && event.Quiet:
		return onlyNoted
	case thread.Value.Root == "", thread.Value.RootGone:
		return newRoot
	case order < 0:
		return lateReply
	case thread.Value.Newest.Resolves && !event.Resolves:
		return newRoot
	default:
		return reply
	}
}

// key names the thread's record: one for each incident and channel.
func key(event handoff.Event) record.Key {
	id := revento.Hash(event.IncidentKey, event.Channel)
	return record.Key{Connection: event.Connection, Kind: record.Thread, ID: id}
}
