package sqlite

import "context"

// read runs f, which changes nothing, beside the calls that change something. What was answered before it began is seen.
func read[R any](ctx context.Context, e *Engine, f func(*session) (R, error)) (R, error) {
	var none R
	if err := ctx.Err(); err != nil {
		return none, err
	}
	select {
	case <-e.closing: // before a reader that is free
		return none, ErrClosed
	default:
	}
	select {
	case reader := <-e.readers:
		defer func() { e.readers <- reader }()
		result, err := f(reader)
		return result, explained(err, e.path)
	case <-ctx.Done():
		return none, ctx.Err()
	case <-e.closing:
		return none, ErrClosed
	}
}
