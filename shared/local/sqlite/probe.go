package sqlite

import (
	"context"
	"fmt"
)

// probeBytes is more than most messages have, so that a disk with no room for them shows itself.
const probeBytes = 64 << 10

// Probe says whether what is stored now is kept: it writes durably, in the place of its last probe. Its error holds a
// StorageError where the storage is the reason.
func (e *Engine) Probe(ctx context.Context) error {
	_, err := do(ctx, e, func(s *session) (int64, error) {
		return s.exec("INSERT INTO probe (id, data) VALUES (1, randomblob(?)) ON CONFLICT DO UPDATE SET data = excluded.data", probeBytes)
	})
	if err != nil {
		return fmt.Errorf("try to write: %w", err)
	}
	return nil
}
