// Package mirror keeps what Revento knows of a connection: its participants and their applications, its activities, threads, locations,
// waves, program, and the event itself, each a row, and a summary of them. Webhooks bring news (Hear) and full passes bring everything
// (Read); either may be late, lost, doubled or of a copy that lags, and which one stands is decided part by part (stamp.go).
//
// What is of another life of the connection counts as absent. What a document says is sealed with the installation's ring and with a seed
// of the connection's life that no backup holds (Seeds), so that nothing of it can be opened once the seed is gone.
//
// Begin with row.go and stamp.go.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/fault"
)

// Records is where rows are kept.
type Records interface {
	record.Store
	record.Purger
}

// Rings gives the ring of sealing keys, as secret.Holder does.
type Rings interface {
	Get(ctx context.Context) (seal.Ring, error)
	Refresh(ctx context.Context) (ring seal.Ring, fresh bool, err error)
}

// Mirror keeps rows. It is safe for concurrent use, as are several on one store.
type Mirror struct {
	Registry *connection.Registry
	Records  Records
	Seeds    Seeds
	Rings    Rings
	Now      func() time.Time
}

// ErrNotMirrored is returned where nothing is kept of the connection, or may be: nobody consented, or it is stopped or ended.
var ErrNotMirrored = errors.New("nothing is mirrored of the connection")

// attempts is how often a write is decided where others write on the same rows at the same time, in all.
const attempts = 20

// again does something until nobody else wrote meanwhile. It returns record.ErrChanged where others came first each time, which is
// transient.
func again(do func() error) (err error) {
	for range attempts {
		if err = do(); !errors.Is(err, record.ErrChanged) {
			return err
		}
	}
	return err
}

// lifeOf is a connection's life, with what its rows are sealed with.
type lifeOf struct {
	of   record.Connection
	life connection.Life
	ring seal.Ring
	seed []byte
	// cutoff is up to when what happened is not kept.
	cutoff time.Time
}

// live returns the life that a connection is in. It returns ErrNotMirrored.
func (m *Mirror) live(ctx context.Context, of record.Connection) (*lifeOf, error) {
	standing, err := m.Registry.Read(ctx, of)
	if err != nil {
		return nil, err
	}
	if !standing.IsKnown() || standing.IsStopped() || standing.State == connection.Ended {
		return nil, ErrNotMirrored
	}
	return m.open(ctx, standing)
}

// open gets what a life's rows are sealed with; the first to ask makes the seed.
func (m *Mirror) open(ctx context.Context, standing connection.Standing) (*lifeOf, error) {
	ring, err := m.Rings.Get(ctx) // first: without keys no seed is made
	if err != nil {
		return nil, &fault.Error{Class: fault.Transient, Op: "get the sealing keys", Reason: "no_sealing_keys", Err: err}
	}
	seed, err := m.Seeds.Make(ctx, standing.Connection, standing.Life)
	if err != nil {
		return nil, fmt.Errorf("get the seed of a connection's rows: %w", err)
	}
	if ring, err = ring.Seeded(seed); err != nil {
		return nil, fmt.Errorf("get the seed of a connection's rows: %w", err)
	}
	return &lifeOf{
		of: standing.Connection, life: standing.Life, ring: ring, seed: seed, cutoff: standing.Tombstone.Cutoff(),
	}, nil
}
