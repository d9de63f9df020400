package mirror

import (
	"context"
	"errors"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
)

// ErrNoSeed is returned by Seeds.Get.
var ErrNoSeed = errors.New("there is no seed for the rows of this life of the connection")

// Seeds keeps seal.SeedBytes random bytes for each life of each connection, in a place of which there are no backups: beside the sealing
// keys, or in a table of its own. Who deletes a seed makes unreadable what was sealed with it, in each copy that there is.
type Seeds interface {
	// Get returns a life's seed, strongly consistent. It returns ErrNoSeed.
	Get(ctx context.Context, of record.Connection, life connection.Life) ([]byte, error)
	// Make returns a life's seed, and makes it where there is none; of several who make it at the same time, all get the same.
	Make(ctx context.Context, of record.Connection, life connection.Life) ([]byte, error)
	// Delete deletes the seeds of the connection's lives that are over by a cutoff, and counts them. It can be repeated.
	Delete(ctx context.Context, of record.Connection, cutoff time.Time) (int, error)
}
