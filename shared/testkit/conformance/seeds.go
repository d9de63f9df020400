package conformance

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/seal"
)

// seedTest is a case of Seeds, with a connection of its own that has lived three times.
type seedTest struct {
	*testing.T
	seeds mirror.Seeds
	of    record.Connection
}

// The lives, and the moments between them.
const (
	firstLife  connection.Life = "2026-05-09T12:00:00.000000000Z"
	secondLife connection.Life = "2026-05-09T12:00:00.000000001Z"
	thirdLife  connection.Life = "2026-06-01T00:00:00.000000000Z"
)

// Seeds holds a store of seeds to its contract.
func Seeds(t *testing.T, open func(*testing.T) mirror.Seeds, exempt Exempt) {
	bench := func(t *testing.T) *seedTest {
		return &seedTest{t, open(t), record.Connection{EventID: "evt_1", OrganizationID: t.Name()}}
	}
	run(t, bench, exempt, seedScenarios)
}

func (s *seedTest) make(of record.Connection, life connection.Life) []byte {
	s.Helper()
	seed, err := s.seeds.Make(s.Context(), of, life)
	wantSuccess(s.T, "make", err)
	if len(seed) != seal.SeedBytes {
		s.Errorf("a seed of %d bytes", len(seed))
	}
	return seed
}

func (s *seedTest) want(of record.Connection, life connection.Life, want []byte) {
	s.Helper()
	seed, err := s.seeds.Get(s.Context(), of, life)
	if want == nil && !errors.Is(err, mirror.ErrNoSeed) || want != nil && err != nil || !bytes.Equal(seed, want) {
		s.Errorf("the seed of %s: %x, %v; want %x", life, seed, err, want)
	}
}

func (s *seedTest) delete(cutoff time.Time, want int) {
	s.Helper()
	deleted, err := s.seeds.Delete(s.Context(), s.of, cutoff)
	if err != nil || deleted != want {
		s.Errorf("deleted %d, %v; want %d", deleted, err, want)
	}
}

var seedScenarios = []scenario[*seedTest]{
	{"there is no seed that nobody made", func(_ *testing.T, s *seedTest) {
		s.want(s.of, firstLife, nil)
		s.make(s.of, secondLife)
		s.want(s.of, firstLife, nil)
	}},
	{"a seed that was made stays the same", func(_ *testing.T, s *seedTest) {
		made := s.make(s.of, firstLife)
		s.want(s.of, firstLife, made)
		if again := s.make(s.of, firstLife); !bytes.Equal(again, made) {
			s.Error("it was made anew")
		}
	}},
	{"each life of each connection has another", func(_ *testing.T, s *seedTest) {
		another := s.of
		another.OrganizationID += "2"
		seen := map[string]bool{}
		for _, of := range []record.Connection{s.of, another} {
			for _, life := range []connection.Life{firstLife, secondLife, thirdLife} {
				seen[string(s.make(of, life))] = true
			}
		}
		if len(seen) != 6 {
			s.Errorf("%d seeds", len(seen))
		}
	}},
	{"of those who make one at the same time all get the same", func(_ *testing.T, s *seedTest) {
		made := atOnce(func(int) string {
			seed, err := s.seeds.Make(s.Context(), s.of, firstLife)
			if err != nil {
				return err.Error()
			}
			return string(seed)
		})
		s.want(s.of, firstLife, []byte(made[0]))
		for _, seed := range made {
			if seed != made[0] {
				s.Errorf("%x and %x", seed, made[0])
			}
		}
	}},
	{"a deletion takes the lives that began up to its cutoff, and no other", func(_ *testing.T, s *seedTest) {
		another := s.of
		another.OrganizationID += "2"
		others := s.make(another, firstLife)
		s.make(s.of, firstLife)
		second, third := s.make(s.of, secondLife), s.make(s.of, thirdLife)
		s.delete(firstLife.Began().Add(-1), 0)
		s.delete(firstLife.Began(), 1)
		s.want(s.of, firstLife, nil)
		s.want(s.of, secondLife, second)
		s.want(s.of, thirdLife, third)
		s.delete(thirdLife.Began().Add(-1), 1)
		s.delete(thirdLife.Began().Add(-1), 0)
		s.want(s.of, secondLife, nil)
		s.want(s.of, thirdLife, third)
		s.want(another, firstLife, others)
	}},
	{"a seed that was deleted does not come back", func(_ *testing.T, s *seedTest) {
		former := s.make(s.of, firstLife)
		s.delete(firstLife.Began(), 1)
		if bytes.Equal(s.make(s.of, firstLife), former) {
			s.Error("the seed is what it was")
		}
	}},
}
