package queue

import (
	"strings"
	"time"
)

// Entry is all that is fixed of a queue and of the function that works on its messages, which has the queue's name. A new queue
// is one entry here, its worker's package below package wiring, and its part of the template; tests hold the rest to it: the
// template, the functions, serve, the emulators' queues, dead letters, alarms and the console.
type Entry struct {
	Name Name
	// Group is what the messages of one FIFO group share; "" for a standard queue.
	Group string
	// Timeout is the function's time limit. Package ingest has its own, since it works on no queue.
	Timeout time.Duration
	// Concurrency is how many messages are worked on at the same time at most, on AWS and on one machine; AWS allows 2 to 1000.
	// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
	Concurrency int
	// MaxAge is how long a message is tried again before it is parked; 0 means as long as the setting MaxAlertAge says. What
	// nobody waits for by the minute has far longer than an alert, with enough left of the queue's retention.
	MaxAge time.Duration
	// Asks says that the queue is of what asks Revento, and there only where connections are on. Its messages are no hand-offs.
	Asks bool
}

// Table lists the queues, one for each destination, so that one that is down never delays another.
var Table = []Entry{
	{Name: Slack, Group: "channel", Timeout: 15 * time.Second, Concurrency: 3},
	{Name: PagerDuty, Group: "incident key", Timeout: 10 * time.Second, Concurrency: 3},
	// A run that needs longer goes on with its next receipt.
	{Name: Digest, Timeout: 60 * time.Second, Concurrency: 2, MaxAge: 96 * time.Hour},
	// A stop looks through all that is kept of the connection. The daily sweep finds what was parked.
	{Name: Deletion, Timeout: 60 * time.Second, Concurrency: 2, MaxAge: 96 * time.Hour},
	// A purge that needs longer goes on with its next receipt.
	{Name: Purge, Timeout: 300 * time.Second, Concurrency: 2, MaxAge: 96 * time.Hour},
	// A look at a connection refreshes its token first, if it must, and waits for who refreshes it. That it is paced is no failure.
	{Name: Sync, Group: "connection", Timeout: 60 * time.Second, Concurrency: 2, MaxAge: 96 * time.Hour, Asks: true},
	// What webhooks tell is applied in their order. Judging what a pass did not see ends near the time limit and goes on at once.
	{Name: Mirror, Group: "connection", Timeout: 60 * time.Second, Concurrency: 2, MaxAge: 96 * time.Hour, Asks: true},
}

// Names lists the names of all queues.
var Names = There(true)

// There lists the names of the queues that an installation has: all of them where connections are on.
func There(connected bool) []Name {
	var names []Name
	for _, entry := range Table {
		if connected || !entry.Asks {
			names = append(names, entry.Name)
		}
	}
	return names
}

// visibilityFactor times a function's time limit is how long its message is hidden.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
const visibilityFactor = 6

// Visibility is how long a message is hidden that a function works on.
func (e Entry) Visibility() time.Duration { return visibilityFactor * e.Timeout }

// Entry is the queue's entry, for a dead-letter queue that of its source; the zero Entry where there is no such queue.
func (n Name) Entry() Entry {
	source := Name(strings.TrimSuffix(string(n), deadLetterSuffix))
	for _, entry := range Table {
		if entry.Name == source {
			return entry
		}
	}
	return Entry{}
}

// IsFIFO says whether messages of a group come one after another, and equal deduplication ids within five minutes once.
// A FIFO queue's dead-letter queue is FIFO too, as SQS demands.
func (n Name) IsFIFO() bool { return n.Entry().Group != "" }
