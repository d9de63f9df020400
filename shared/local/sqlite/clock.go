package sqlite

import (
	"database/sql"
	"time"

	"revento-alerts/shared/alerting/queue"
)

// A wrong clock never drops or holds up what was accepted. Where it was ahead and is set back, what was set meanwhile bars for no
// longer than it was meant to. Where it is ahead, or the machine was off, nothing expires of which nobody could know.
const (
	// turnedBackBy is how far a clock is set back that counts as wrong before: smaller steps keep it right.
	turnedBackBy = time.Second
	// jumpedBy is how much further than this program ran a clock goes on that is doubted.
	jumpedBy = time.Minute
	// doubtTime is for how long this program runs until it believes a clock that jumped ahead: time for a person to see that all
	// deliveries are refused as stale.
	doubtTime = 24 * time.Hour
)

// turnedBack says whether the clock was set back since the last commit.
func (e *Engine) turnedBack(now time.Time) bool {
	return now.UnixNano() < e.latest.Load()-int64(turnedBackBy)
}

// see remembers the time of a commit.
func (e *Engine) see(now time.Time, turnedBack bool) {
	if turnedBack || now.UnixNano() > e.latest.Load() {
		e.latest.Store(now.UnixNano())
	}
}

// setRight has nothing bar for longer than it was meant to, where it was set at a time that has not come. Deduplication ids
// and claims are free at the latest when they would be had they been set now.
func setRight(s *session, now time.Time) error {
	if err := showInTime(s, now); err != nil {
		return err
	}
	remembered := stamp(now.Add(queue.DeduplicationInterval))
	if _, err := s.exec("UPDATE deduplication SET expires = ?1 WHERE expires > ?1", remembered); err != nil {
		return err
	}
	if err := freeClaimsOfLater(s, now); err != nil {
		return err
	}
	return scheduleInTime(s, now)
}

// waiting is a row that waits for a moment.
type waiting struct {
	key          string
	queue        queue.Name // of a message
	setAt, until time.Time
}

// again is when what waits ends if its wait begins now.
func (w waiting) again(now time.Time) time.Time { return now.Add(max(0, w.until.Sub(w.setAt))) }

// waitingOf reads the rows of a query of key, queue, set_at and the moment.
func waitingOf(s *session, query string, now time.Time) (all []waiting, err error) {
	err = s.each(query, []any{stamp(now)}, func(row *sql.Rows) error {
		var w waiting
		err := row.Scan(&w.key, &w.queue, (*moment)(&w.setAt), (*moment)(&w.until))
		all = append(all, w)
		return err
	})
	return all, err
}

func showInTime(s *session, now time.Time) error {
	hidden, err := waitingOf(s, "SELECT seq, queue, set_at, visible_at FROM message WHERE visible_at > ?1 AND set_at > ?1 ORDER BY seq", now)
	if err != nil {
		return err
	}
	for _, w := range hidden {
		if _, err := s.exec("UPDATE message SET visible_at = ?, set_at = ? WHERE seq = ?", stamp(w.again(now)), stamp(now), w.key); err != nil {
			return err
		}
		s.changed[subject(w.queue)] = true
	}
	return nil
}

func scheduleInTime(s *session, now time.Time) error {
	schedules, err := waitingOf(s, "SELECT name, '', set_at, at FROM schedule WHERE set_at > ?1", now)
	if err != nil {
		return err
	}
	for _, w := range schedules {
		if _, err := s.exec("UPDATE schedule SET at = ?, set_at = ? WHERE name = ?", stamp(w.again(now)), stamp(now), w.key); err != nil {
			return err
		}
	}
	return nil
}

// age is what tells what is old.
type age struct {
	now      time.Time
	ran      time.Duration // for how long this program ran here, by no clock
	believed time.Time     // is now, unless the clock is further on than this program ran
}

// passTime adds to what this program ran, and decides what time it is.
func (e *Engine) passTime(s *session) (age, error) {
	var ran, doubted time.Duration
	var believed string
	if err := s.row("SELECT ran, believed, doubted FROM clock", nil, &ran, &believed, &doubted); err != nil {
		return age{}, err
	}
	last, err := parseStamp(believed)
	if err != nil {
		return age{}, err
	}
	running := e.running()
	passed := running - e.counted
	a := age{now: e.now(), ran: ran + passed, believed: last.Add(passed)}
	doubted += passed
	if doubted >= doubtTime || !a.now.After(a.believed.Add(jumpedBy)) {
		a.believed, doubted = a.now, 0
	}
	_, err = s.exec("UPDATE clock SET ran = ?, believed = ?, doubted = ?", int64(a.ran), stamp(a.believed), int64(doubted))
	if err == nil {
		e.counted = running
	}
	return a, err
}

// beginTime lets the first look at the clock be believed.
func beginTime(s *session, now time.Time) error {
	_, err := s.exec("UPDATE clock SET believed = ? WHERE believed = ''", stamp(now))
	return err
}
