package ingest

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// skewAgrees is how far apart two clocks are that agree: a signature tells whole seconds, and a request is under way for a while.
	skewAgrees = 5 * time.Second
	// skewRequests is how many of the newest requests are remembered. All of them must have come late before it is the clock that is
	// suspected: one may have been under way for long.
	skewRequests = 3
	// staleLookEvery is how often the signature of a stale request is looked at: who floods gains nothing by it.
	staleLookEvery = time.Minute
)

// Skew is what rightly signed requests tell of this machine's clock.
type Skew struct {
	// Ahead is by how much it is ahead of Revento's at the most, since a request takes its time; where it is behind, by how much at
	// the least, as a negative number; 0 where they agree.
	Ahead time.Duration
	// Requests is how many of the newest requests tell it; 0 where too few came.
	Requests int
	// Refused says that they were refused as stale, so that one may as well be an old one that came late, or was captured.
	Refused bool
}

// String says what is wrong, in a clause; "" where nothing is.
func (s Skew) String() string {
	switch ahead := s.Ahead.Round(time.Second); {
	case ahead < 0:
		return fmt.Sprintf("this clock is behind Revento's by %s or more", -ahead)
	case ahead > 0 && s.Refused:
		return fmt.Sprintf("this clock is ahead of Revento's by up to %s, or the request came late", ahead)
	case ahead > 0:
		return fmt.Sprintf("this clock is ahead of Revento's by up to %s, or requests are under way for so long", ahead)
	}
	return ""
}

// Skews remembers how long after its signature each of the newest rightly signed requests came, for as long as this copy of the
// program runs. It is safe for concurrent use; a nil one remembers nothing.
type Skews struct {
	mu sync.Mutex
	// late is how long after its signature each of the newest that were fresh came, the newest last.
	late []time.Duration
	// stale are those of the requests that were stale, since the newest that was fresh.
	stale []time.Duration
	// looked is when the signature of a stale request was last looked at.
	looked time.Time
}

// Skew is what the newest requests tell.
func (s *Skews) Skew() Skew {
	if s == nil {
		return Skew{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	told := Skew{Requests: len(s.late)}
	lates := s.late
	if len(s.stale) > 0 {
		told, lates = Skew{Requests: len(s.stale), Refused: true}, s.stale
	}
	if len(lates) == 0 {
		return told
	}
	// What was signed after it came tells for sure; what came late may have been under way.
	if last := lates[len(lates)-1]; last < -skewAgrees {
		told.Ahead = last
	} else if least := slices.Min(lates); least > skewAgrees && (told.Refused || len(lates) == skewRequests) {
		told.Ahead = least
	}
	return told
}

// fresh notes a rightly signed request that came so long after its signature.
func (s *Skews) fresh(late time.Duration) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late, s.stale = newest(s.late, late), nil
}

// refused notes one that came too late, or too early, to be taken.
func (s *Skews) refused(late time.Duration) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale = newest(s.stale, late)
}

func newest(lates []time.Duration, late time.Duration) []time.Duration {
	lates = append(lates, late)
	return lates[max(len(lates)-skewRequests, 0):]
}

// wantsStale says whether the signature of a stale request is to be looked at now.
func (s *Skews) wantsStale(now time.Time) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !withinLook(s.looked, now)
}

// looksAtStale is wantsStale for who looks: nobody else does within the minute.
func (s *Skews) looksAtStale(now time.Time) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if withinLook(s.looked, now) {
		return false
	}
	s.looked = now
	return true
}

// withinLook says whether a look was within the minute. A clock that is set does not put an end to looking.
func withinLook(looked, now time.Time) bool {
	apart := now.Sub(looked)
	return max(apart, -apart) < staleLookEvery
}
