package pass

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/revento"
)

// markerSchema is the version of the marker's message: the queue mirror's.
const markerSchema = 1

// marker says that a pass is complete.
type marker struct {
	EventID        string `json:"event_id"`
	OrganizationID string `json:"organization_id"`
	// Grant names the consent that it was read with.
	Grant string `json:"grant"`
	Pass  int64  `json:"pass"`
}

type markerMessage struct {
	Schema int    `json:"schema"`
	Marker marker `json:"marker"`
}

// mark sends the marker of a complete pass. What is read of webhooks that were accepted before lies before it in the connection's group.
func (p *Passes) mark(ctx context.Context, s connection.Standing, v stored) error {
	grant := v.Consented.UTC().Format(time.RFC3339Nano)
	body, err := json.Marshal(markerMessage{Schema: markerSchema, Marker: marker{
		EventID: s.Connection.EventID, OrganizationID: s.Connection.OrganizationID, Grant: grant, Pass: v.Number,
	}})
	if err != nil {
		panic("pass: a message of texts and a number cannot fail to encode: " + err.Error())
	}
	err = p.Queues.Send(ctx, queue.Mirror, queue.Message{
		Body: string(body), Group: s.Connection.Partition(),
		DeduplicationID: revento.Hash("marker", s.Connection.Partition(), grant, fmt.Sprint(v.Number)),
	})
	if err != nil {
		return fmt.Errorf("send the marker of a pass: %w", err)
	}
	now := p.Now().UTC()
	_, err = p.change(ctx, s, func(next *stored) error {
		if next.State == Read && next.Number == v.Number { // it may have been judged by now
			next.MarkedAt = now
		}
		return nil
	})
	return err
}
