// Package seeds keeps the seeds of mirrors in memory, for tests. It is not in package memory, which packages below the mirror use.
package seeds

import (
	"bytes"
	"context"
	"crypto/rand"
	"sync"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/seal"
)

var _ mirror.Seeds = (*Memory)(nil)

// Memory keeps seeds. The zero value has none.
type Memory struct {
	mu   sync.Mutex
	kept map[lifeKey][]byte
}

type lifeKey struct {
	partition string
	life      connection.Life
}

// Get implements mirror.Seeds.
func (s *Memory) Get(ctx context.Context, of record.Connection, life connection.Life) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seed, kept := s.kept[lifeKey{of.Partition(), life}]
	if !kept {
		return nil, mirror.ErrNoSeed
	}
	return bytes.Clone(seed), nil
}

// Make implements mirror.Seeds.
func (s *Memory) Make(ctx context.Context, of record.Connection, life connection.Life) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := lifeKey{of.Partition(), life}
	if _, kept := s.kept[key]; !kept {
		seed := make([]byte, seal.SeedBytes)
		_, _ = rand.Read(seed) // never fails: https://pkg.go.dev/crypto/rand#Read
		if s.kept == nil {
			s.kept = map[lifeKey][]byte{}
		}
		s.kept[key] = seed
	}
	return bytes.Clone(s.kept[key]), nil
}

// Delete implements mirror.Seeds.
func (s *Memory) Delete(ctx context.Context, of record.Connection, cutoff time.Time) (deleted int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.kept {
		if key.partition == of.Partition() && key.life.IsOver(cutoff) {
			delete(s.kept, key)
			deleted++
		}
	}
	return deleted, nil
}
