package serve

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/awslambda"
)

// Inbox is a queue engine that can be waited on.
type Inbox interface {
	queue.Receiver
	// Wait returns when the queue has, or just had, a message to receive, or with ctx's error.
	Wait(ctx context.Context, name queue.Name) error
}

// pauseAfterFailure keeps a poller from spinning when the engine fails.
const pauseAfterFailure = time.Second

// poller is one machine's event source mapping: it hands a queue's messages to a function, one at a time for each of its copies.
type poller struct {
	inbox  Inbox
	queue  queue.Entry
	handle awslambda.QueueHandler
	log    *slog.Logger
}

// run polls until ctx is done and every copy has ended the message it was working on, or had its grace.
func (p *poller) run(ctx context.Context) {
	var copies sync.WaitGroup
	for range p.queue.Concurrency {
		copies.Go(func() { p.poll(ctx) })
	}
	copies.Wait()
}

func (p *poller) poll(ctx context.Context) {
	for ctx.Err() == nil {
		received, ok, err := p.inbox.Receive(ctx, p.queue.Name, p.queue.Visibility())
		if err == nil && !ok {
			err = p.inbox.Wait(ctx, p.queue.Name)
		}
		if ok {
			p.work(ctx, received)
		}
		if err != nil && ctx.Err() == nil {
			p.log.Error("receive", slog.String("queue", string(p.queue.Name)), slog.String("error", err.Error()))
			pause(ctx, pauseAfterFailure)
		}
	}
}

// work invokes the function and deletes the message unless it is to come again. What a stop cuts short, once its grace is over,
// comes again after the next start.
func (p *poller) work(stop context.Context, received queue.Received) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(stop), p.queue.Timeout)
	defer cancel()
	defer context.AfterFunc(stop, func() {
		pause(ctx, stopGrace)
		cancel()
	})()
	done, err := p.invoke(ctx, received)
	if err == nil && done {
		err = p.inbox.Delete(ctx, p.queue.Name, received.Handle)
	}
	if err != nil {
		p.log.Error("invoke", slog.String("queue", string(p.queue.Name)), slog.String("error", err.Error()))
	}
}

// invoke calls the function; a panic ends only this invocation, as Lambda does it, and the message comes again.
func (p *poller) invoke(ctx context.Context, received queue.Received) (done bool, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			done, err = false, fmt.Errorf("the function for %s panicked: %T", p.queue.Name, cause)
		}
	}()
	response, err := p.handle(ctx, awslambda.EventOf(received))
	return len(response.BatchItemFailures) == 0, err
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
