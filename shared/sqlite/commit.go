package sqlite

import "context"

// maxBatch bounds the calls of one transaction, so that the first does not wait for too many others.
const maxBatch = 128

// job is a call on its way to the working goroutine.
type job struct {
	ctx    context.Context
	run    func(*session) error
	answer chan error // takes one
}

// do runs f, which may change something, in a transaction and returns its result after the commit. If the context ends while f is being worked on, it
// may still take effect.
func do[R any](ctx context.Context, e *Engine, f func(*session) (R, error)) (R, error) {
	var none, result R
	j := &job{ctx: ctx, answer: make(chan error, 1), run: func(s *session) (err error) {
		result, err = f(s)
		return err
	}}
	if err := ctx.Err(); err != nil {
		return none, err
	}
	select {
	case e.jobs <- j:
	case <-ctx.Done():
		return none, ctx.Err()
	case <-e.closing:
		return none, ErrClosed
	}
	select {
	case err := <-j.answer:
		if err != nil {
			return none, explained(err, e.path)
		}
		return result, nil
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// work is the goroutine that owns the writer. It ends when the engine closes.
func (e *Engine) work() {
	defer close(e.closed)
	s := e.writer
	for {
		select {
		case first := <-e.jobs:
			e.commit(s, e.batch(first))
		case next := <-e.errands:
			next.answer <- next.run(s)
		case <-e.closing:
			return
		}
	}
}

// batch adds to the first job those that wait now.
func (e *Engine) batch(first *job) []*job {
	jobs := []*job{first}
	for len(jobs) < maxBatch {
		select {
		case next := <-e.jobs:
			jobs = append(jobs, next)
		default:
			return jobs
		}
	}
	return jobs
}

// commit runs the jobs in one transaction and answers them. A job's error takes back that job only; if the transaction
// fails, all have failed. So they have where it was written to files that are no longer in their place: the look comes after
// the commit, so that what is answered was in its place when it was kept.
func (e *Engine) commit(s *session, jobs []*job) {
	results := make([]error, len(jobs))
	err := s.transaction(func() error {
		for i, j := range jobs {
			var broken error
			if results[i], broken = s.attempt(j); broken != nil {
				return broken
			}
		}
		return nil
	})
	if err == nil {
		err = e.place.check()
	}
	for about := range s.changed {
		e.signals.announce(about)
	}
	clear(s.changed)
	for i, j := range jobs {
		if err != nil {
			results[i] = err
		}
		j.answer <- results[i]
	}
}
