package connection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/ground/together"
)

// Names finds what Revento events are called, for people who read their ids.
type Names struct {
	// Records are record.Store's.
	Records interface {
		Get(ctx context.Context, key record.Key) (record.Record, error)
	}
}

const (
	// nameTime is how long anybody waits for names: what is told of an event matters more than what it is called.
	nameTime = 500 * time.Millisecond
	// maxName is how much of a name is shown, in runes.
	maxName = 60
)

// Name is what an event is called.
type Name struct {
	// Text is as strangers wrote it, on one line, and "" where it is not known.
	Text string
	// Since is when the life of the connection began that told it.
	Since time.Time
}

// summary is what is read of a connection's summary (mirror.Summary).
type summary struct {
	Name string `json:"name"`
}

// Of returns the names of connections' events, in their order. It makes no call but to our own store. What cannot be read in time is not
// known, and err, which is for the log alone, says why.
func (n *Names) Of(ctx context.Context, connections []record.Connection) (names []Name, err error) {
	ctx, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	names = make([]Name, len(connections))
	err = together.Do(len(connections), func(i int) (err error) {
		names[i], err = n.of(ctx, connections[i])
		return err
	})
	return names, err
}

func (n *Names) of(ctx context.Context, connection record.Connection) (Name, error) {
	stored, err := n.Records.Get(ctx, record.Key{Connection: connection, Kind: record.Summary})
	if errors.Is(err, record.ErrNotFound) {
		return Name{}, nil
	}
	if err != nil {
		return Name{}, fmt.Errorf("read what an event is called: %w", err)
	}
	entry, err := record.Decode[summary](stored)
	return Name{Text: clip.Runes(clip.Line(entry.Value.Name), maxName), Since: stored.OccurredAt}, err
}
