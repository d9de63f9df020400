// Package queue names the queues and what the rules need of them. Amazon SQS is the model: what is not said here (visibility,
// receive count, FIFO groups) means what SQS' documentation says. The engines behind it are package sqs on AWS, package
// sqlite on one machine and package memory in tests; one conformance suite holds them to the same behaviour.
package queue

import (
	"context"
	"errors"
	"time"
)

// Name is a queue's name, the same in code, logs and settings.
type Name string

// The queues' names; Table says what they are.
const (
	Slack     Name = "slack"
	PagerDuty Name = "pagerduty"
	Digest    Name = "digest"
	Deletion  Name = "deletion"
	Purge     Name = "purge"
	Sync      Name = "sync"
	Mirror    Name = "mirror"
)

const deadLetterSuffix = "-dead-letter"

// DeadLetter is the queue that takes what this one gives up on.
func (n Name) DeadLetter() Name { return n + deadLetterSuffix }

// Limits of SQS that the rules rely on.
const (
	// MaxMessageBytes is the largest message, attributes included.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
	MaxMessageBytes = 1 << 20
	// MaxVisibility is the longest time for which a message can be hidden, counted from its receipt (same page).
	MaxVisibility = 12 * time.Hour
	// DeduplicationInterval is how long a FIFO queue remembers a deduplication id.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
	DeduplicationInterval = 5 * time.Minute
	// Retention is how long each queue keeps a message, dead-letter queues included: SQS' longest (quotas-messages).
	Retention = 14 * 24 * time.Hour
	// MaxReceives is the receive count after which a queue itself moves a message to its dead-letter queue: a backstop
	// only, since the worker parks long before, and SQS' largest.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
	MaxReceives = 1000
)

// The attributes that a dead letter has which was given up with a reason: the reason, and since when, by RFC 3339.
const (
	AttributeReason   = "reason"
	AttributeParkedAt = "parked_at"
	// AttributeGroup is the group that it had in its queue, where its body does not tell, as no message does that is no hand-off.
	AttributeGroup = "group"
)

// ReasonRetention is the reason, or its beginning, of a message that its queue has kept for as long as it may.
const ReasonRetention = "queue_retention"

// Message is what is sent. Body is text without characters that SQS refuses; base64 and ASCII JSON are safe.
type Message struct {
	Body string
	// Group is the FIFO group, up to 128 characters; only for FIFO queues, and needed there.
	Group string
	// DeduplicationID is up to 128 characters; only for FIFO queues, and needed there.
	DeduplicationID string
	// Attributes travel beside the body and name what a dead letter is about.
	Attributes map[string]string
	// Delay hides the message at first; only for standard queues, 15 minutes at most.
	Delay time.Duration
}

// Received is a message in flight: hidden from others until its visibility ends, it is deleted, or it is made visible.
type Received struct {
	Message
	Queue Name
	// ID is the queue's own id of the message, the same at each receipt.
	ID string
	// Handle stands for this receipt; a later receipt makes it void.
	Handle string
	// Receives counts the receipts, this one included.
	Receives int
	// SentAt is when the queue took the message.
	SentAt time.Time
	// FirstReceivedAt is when it was received for the first time; zero where a hand-made event does not tell.
	FirstReceivedAt time.Time
}

// ErrHandle is returned for a handle that stands for no message in flight: it was deleted, or came again.
var ErrHandle = errors.New("the receipt handle is void: the message was deleted or received again")

// Sender sends messages.
type Sender interface {
	// Send returns once the queue has taken the message durably. Sending an equal deduplication id again within the
	// interval succeeds and adds nothing.
	Send(ctx context.Context, name Name, message Message) error
}

// Deferrer decides when a message in flight is seen again.
type Deferrer interface {
	// ChangeVisibility hides the message for d from now, whole seconds, MaxVisibility at most; 0 shows it at once.
	// It returns ErrHandle for a void handle.
	ChangeVisibility(ctx context.Context, name Name, handle string, d time.Duration) error
}

// Receiver takes messages out. Lambda does it on AWS; on one machine and in the operator's commands we do.
type Receiver interface {
	// Receive returns the next visible message and hides it for visibility; ok is false where there is none.
	Receive(ctx context.Context, name Name, visibility time.Duration) (message Received, ok bool, err error)
	// Delete ends the message. It returns ErrHandle for a void handle where the engine can tell.
	Delete(ctx context.Context, name Name, handle string) error
}

// Counter counts messages.
type Counter interface {
	// Depth counts a queue's messages: those that wait, for their turn or for a delay to end, and those that were received
	// and are hidden. On SQS both are approximate and up to a minute old.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-count-metrics.html
	Depth(ctx context.Context, name Name) (waiting, inFlight int, err error)
}

// BatchSize is how many messages a batch has at the most: SQS' limit.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html
const BatchSize = 10

// Batcher deals with several messages in one call. SQS has it, where each call is a round trip; the engines of one machine do
// not need it.
type Batcher interface {
	// ReceiveBatch is Receive of up to BatchSize messages, several of a FIFO group among them; none where there is none.
	ReceiveBatch(ctx context.Context, name Name, visibility time.Duration) ([]Received, error)
	// ChangeVisibilityBatch is ChangeVisibility of up to BatchSize messages. Void handles are passed over.
	ChangeVisibilityBatch(ctx context.Context, name Name, handles []string, d time.Duration) error
}

// Seen is a message as Browser shows it: not taken, so that it has no handle.
type Seen struct {
	Message
	Queue Name
	// ID is the queue's own id of the message, as Received has it.
	ID string
	// Receives counts the receipts so far.
	Receives int
	// SentAt is when the queue took the message.
	SentAt time.Time
	// VisibleAt is when it can be received, if nothing of its group is before it: in the past where it can be now.
	VisibleAt time.Time
	// InFlight says that it was received and is hidden.
	InFlight bool
}

// Browser looks at messages without taking them. Engines of one machine have it, SQS does not: there, only a receipt shows a
// message, and hides it from others.
type Browser interface {
	// Browse returns the queue's messages in the order of sending, whether they wait, are delayed or are in flight, and
	// changes nothing. A page has up to limit of them (1 at least), fewer where they are large. The first page's cursor is
	// "", the next one's is next, which is "" after the last. What is sent or ends meanwhile may or may not be on a page.
	Browse(ctx context.Context, name Name, limit int, cursor string) (page []Seen, next string, err error)
}

// ErrCursor is returned for a cursor that Browse did not give out.
var ErrCursor = errors.New("the cursor is none of this queue's")

// Discarder deletes messages without taking them. Engines of one machine have it, SQS does not: there, only a receipt shows a
// message, and hides it from others.
type Discarder interface {
	// Discard deletes the messages of a queue that are chosen, and counts them: whether they wait, are delayed or were deferred,
	// but none that somebody works on. choose is called while other calls wait.
	Discard(ctx context.Context, name Name, choose func(Message) bool) (int, error)
}

// Queues is the whole of an engine.
type Queues interface {
	Sender
	Deferrer
	Receiver
	Counter
}
