package sqlite

import "context"

// maxBatch and maxBatchBytes bound one transaction, so that the first call does not wait for too many others, and the log does
// not grow by all that many large messages hold. A transaction ends with the call that exceeds the bytes: it has 4 MiB and one
// message at the most.
const (
	maxBatch      = 128
	maxBatchBytes = 4 << 20
)

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
			for jobs := e.batch(first); len(jobs) > 0; {
				jobs = jobs[e.commit(s, jobs):]
			}
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

// commit runs the jobs in one transaction, as many as may be in one, answers them and returns how many these were. A job's error
// takes back that job only; if the transaction fails, all have failed. So they have where it was written to files that are no longer in their place: the look comes after
// the commit, so that what is answered was in its place when it was kept.
func (e *Engine) commit(s *session, jobs []*job) (done int) {
	results := make([]error, len(jobs))
	s.bytes = 0
	now := e.now()
	turnedBack := e.turnedBack(now)
	err := s.transaction(func() error {
		if turnedBack {
			if err := setRight(s, now); err != nil {
				return err
			}
		}
		for done == 0 || done < len(jobs) && s.bytes < maxBatchBytes {
			var broken error
			results[done], broken = s.attempt(jobs[done])
			done++
			if broken != nil {
				return broken
			}
		}
		return nil
	})
	if done == 0 { // it could not begin, and so could none of theirs
		done = len(jobs)
	}
	if err == nil {
		e.see(now, turnedBack)
		err = e.place.check()
	}
	for about := range s.changed {
		e.signals.announce(about)
	}
	clear(s.changed)
	for i, j := range jobs[:done] {
		if err != nil {
			results[i] = err
		}
		j.answer <- results[i]
	}
	return done
}
