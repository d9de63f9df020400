package echo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/revento"
)

// Records is where marks are kept.
type Records interface {
	record.Store
	// QueryKind is record.Purger's.
	QueryKind(ctx context.Context, connection record.Connection, kind record.Kind, after string) ([]record.Record, error)
}

// Registry tells how a connection stands: connection.Registry.
type Registry interface {
	Read(ctx context.Context, of record.Connection) (connection.Standing, error)
}

// Marks are what parked messages leave in their connection's partition: what they tell is not known to the mirror, and so nothing is
// judged of whom they are about.
type Marks struct {
	Registry Registry
	Records  Records
	Now      func() time.Time
}

// mark is of one message.
type mark struct {
	Life connection.Life `json:"life"`
	// Participant is the hash of the participant's id; "" where the message could not be read: it may be about anyone.
	Participant string `json:"participant,omitempty"`
	// Until is when the dead letter is gone, if nobody drops it before.
	Until time.Time `json:"until"`
}

func participantKey(of record.Connection, id string) string {
	return revento.Hash("participant", of.Partition(), id)
}

// keyOfMark names the mark of a message, which has the same body when it is redriven.
func keyOfMark(of record.Connection, message queue.Message) record.Key {
	return record.Key{Connection: of, Kind: record.Parked, ID: revento.Hash(message.Body)}
}

// about is the connection and the participant that a message is about. What cannot be read is known by its group alone.
func about(message queue.Message) (of record.Connection, participant string, blocks bool) {
	read, err := decode(message.Body)
	switch {
	case err != nil:
		return record.ConnectionOfPartition(groupOf(message)), "", true
	case read.Webhook == nil: // the pass that is not judged is known to be so
		return read.connection(), "", false
	}
	of = read.connection()
	id := participantOf(read.heard())
	return of, participantKey(of, id), id != ""
}

// groupOf is the group that a message had in its queue, which a dead letter names.
func groupOf(message queue.Message) string {
	if group := message.Attributes[queue.AttributeGroup]; group != "" {
		return group
	}
	return message.Group
}

// leave marks whom a message is about that is about to be parked.
func (m *Marks) leave(ctx context.Context, message queue.Message) error {
	of, participant, blocks := about(message)
	if !blocks {
		return nil
	}
	standing, err := m.Registry.Read(ctx, of)
	if err != nil || !standing.IsKnown() {
		return err
	}
	entry, err := record.Load[mark](ctx, m.Records, keyOfMark(of, message))
	if err != nil {
		return err
	}
	until := m.Now().Add(queue.Retention).UTC()
	entry.OccurredAt, entry.Expires = standing.ConnectedAt, until
	entry.Value = mark{Life: standing.Life, Participant: participant, Until: until}
	if _, err = record.Save(ctx, m.Records, entry); errors.Is(err, record.ErrDeleted) {
		return nil // with all that it could be judged by
	}
	return err
}

// End ends the mark of a message that was applied or dropped.
func (m *Marks) End(ctx context.Context, message queue.Message) error {
	of, _, blocks := about(message)
	if !blocks {
		return nil
	}
	standing, err := m.Records.Get(ctx, keyOfMark(of, message))
	if errors.Is(err, record.ErrNotFound) {
		return nil
	}
	if err == nil {
		standing.Remove = true
		err = m.Records.PutAll(ctx, standing)
	}
	if errors.Is(err, record.ErrChanged) { // it is gone, or the message was parked once more
		return nil
	}
	if err != nil {
		return fmt.Errorf("end the mark of a parked message: %w", err)
	}
	return nil
}

// Gone ends the mark of a message that a person dropped from among the dead letters of a queue, which may be any.
func (m *Marks) Gone(ctx context.Context, name queue.Name, message queue.Message) error {
	if name != queue.Mirror {
		return nil
	}
	return m.End(ctx, message)
}

// Blocked are the participants of whom nothing is to be judged.
type Blocked struct {
	connection   record.Connection
	all          bool
	participants map[string]bool
}

// Has says whether nothing is to be judged of a participant.
func (b Blocked) Has(participantID string) bool {
	return b.all || len(b.participants) > 0 && b.participants[participantKey(b.connection, participantID)]
}

// Blocked reads the marks of a connection's life that stand.
func (m *Marks) Blocked(ctx context.Context, of record.Connection, life connection.Life) (Blocked, error) {
	blocked := Blocked{connection: of, participants: map[string]bool{}}
	for after := ""; ; {
		page, err := m.Records.QueryKind(ctx, of, record.Parked, after)
		if err != nil {
			return blocked, fmt.Errorf("read the marks of parked messages: %w", err)
		}
		if len(page) == 0 {
			return blocked, nil
		}
		for _, stored := range page {
			entry, err := record.Decode[mark](stored)
			if err != nil {
				return blocked, err
			}
			if entry.Value.Life != life || !m.Now().Before(entry.Value.Until) {
				continue
			}
			blocked.all = blocked.all || entry.Value.Participant == ""
			blocked.participants[entry.Value.Participant] = true
		}
		after = page[len(page)-1].Key.Sort()
	}
}
