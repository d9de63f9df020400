package secret

import (
	"context"
	"fmt"
	"time"
)

// LookInterval is the shortest time between two looks at a secret where it is kept, so that a flood of forged requests
// costs one look a minute at the most.
const LookInterval = time.Minute

// Fetch reads a secret's text from where it is kept.
type Fetch func(ctx context.Context) (string, error)

// Holder keeps a parsed secret and fetches it anew when it is older than its maximum age. It is safe for concurrent use.
type Holder[T any] struct {
	fetch  Fetch
	parse  func(string) (T, error)
	maxAge time.Duration
	now    func() time.Time

	turn chan struct{} // holds one token: whoever has it may read and write what follows

	value     T
	known     bool
	fetchedAt time.Time
	lookedAt  time.Time
	lookErr   error
}

// NewHolder returns a Holder that has not looked yet.
func NewHolder[T any](fetch Fetch, parse func(string) (T, error), maxAge time.Duration, now func() time.Time) *Holder[T] {
	turn := make(chan struct{}, 1)
	turn <- struct{}{}
	return &Holder[T]{fetch: fetch, parse: parse, maxAge: maxAge, now: now, turn: turn}
}

// Get returns the secret. One that is over its maximum age is fetched anew; if that fails, the old value serves on. An error
// means that no value was ever had.
func (h *Holder[T]) Get(ctx context.Context) (T, error) {
	if err := h.lock(ctx); err != nil {
		return *new(T), err
	}
	defer h.unlock()
	if !h.known || h.now().Sub(h.fetchedAt) >= h.maxAge {
		h.look(ctx)
	}
	if !h.known {
		return h.value, h.lookErr
	}
	return h.value, nil
}

// Refresh fetches the secret anew, unless that was done within LookInterval: then fresh is false and the known value is
// returned. It returns an error if it looked and failed.
func (h *Holder[T]) Refresh(ctx context.Context) (value T, fresh bool, err error) {
	if err := h.lock(ctx); err != nil {
		return *new(T), false, err
	}
	defer h.unlock()
	if !h.look(ctx) {
		return h.value, false, nil
	}
	return h.value, h.lookErr == nil, h.lookErr
}

// Wait is how long it takes until Refresh may look again; a whole LookInterval where ctx is over before that is known.
func (h *Holder[T]) Wait(ctx context.Context) time.Duration {
	if err := h.lock(ctx); err != nil {
		return LookInterval
	}
	defer h.unlock()
	return max(LookInterval-h.now().Sub(h.lookedAt), 0)
}

// look fetches the secret once an interval and says whether it did.
func (h *Holder[T]) look(ctx context.Context) bool {
	now := h.now()
	if !h.lookedAt.IsZero() && now.Sub(h.lookedAt) < LookInterval {
		return false
	}
	h.lookedAt = now
	text, err := h.fetch(ctx)
	if err != nil {
		h.lookErr = fmt.Errorf("fetch the secret: %w", err)
		return true
	}
	value, err := h.parse(text)
	if err != nil {
		h.lookErr = err
		return true
	}
	h.value, h.known, h.fetchedAt, h.lookErr = value, true, now, nil
	return true
}

// lock waits for its turn no longer than ctx, so that a fetch that hangs does not hang those behind it. A turn that is free
// is taken even if ctx is over: a fetch that used up the time leaves the known value, which needs none.
func (h *Holder[T]) lock(ctx context.Context) error {
	select {
	case <-h.turn:
		return nil
	default:
	}
	select {
	case <-h.turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the secret: %w", ctx.Err())
	}
}

func (h *Holder[T]) unlock() { h.turn <- struct{}{} }

// Static returns a Fetch for a secret that is known from the start.
func Static(text string) Fetch {
	return func(context.Context) (string, error) { return text, nil }
}
