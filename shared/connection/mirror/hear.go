package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"revento-alerts/shared/alerting/record"
)

// Webhook is a webhook, or a delivery of our own that stands for one.
type Webhook struct {
	Connection record.Connection
	Type       string
	OccurredAt time.Time
	// ArrivedAt is when it was received, by our clock.
	ArrivedAt time.Time
	Data      Fields
}

func (w Webhook) stamp() Stamp {
	return Stamp{AsOf: w.OccurredAt.UTC(), At: w.ArrivedAt.UTC(), Source: ByWebhook}
}

// Outcome is what became of a webhook.
type Outcome string

// The outcomes.
const (
	Applied      Outcome = "applied"      // something of its row changed by it
	Older        Outcome = "older"        // what stands is newer, or the same
	Unidentified Outcome = "unidentified" // it does not name what it is about: the next pass brings it
	IsForgotten  Outcome = "forgotten"    // a person's, whose rows are not to be kept
	Nothing      Outcome = "nothing"      // its connection is not mirrored, or no row comes of its type
)

// Hear applies a webhook.
func (m *Mirror) Hear(ctx context.Context, w Webhook) (outcome Outcome, err error) {
	of := subjectOf(w)
	if of.thing == "" {
		return Nothing, nil
	}
	err = again(func() error {
		outcome, err = m.hear(ctx, w, of)
		return err
	})
	if errors.Is(err, ErrNotMirrored) {
		return Nothing, nil
	}
	return outcome, err
}

func (m *Mirror) hear(ctx context.Context, w Webhook, of subject) (Outcome, error) {
	b, err := m.begin(ctx, w.Connection)
	if err != nil {
		return "", err
	}
	if b.life.isBefore(w.OccurredAt) {
		return Nothing, nil
	}
	if of.id == "" {
		b.summary.Value.Unidentified++
		return Unidentified, b.commit(ctx)
	}
	if b.forgets(of, w.Data) {
		return IsForgotten, nil
	}
	row, err := m.load(ctx, b.life, of.thing, of.id)
	if err != nil {
		return "", err
	}
	outcome := Older
	if row.hear(of, w, m.Now()) {
		outcome = Applied
	}
	if !row.listen(w) && outcome == Older {
		return Older, nil
	}
	if of.thing == Event && outcome == Applied {
		b.summary.Value.describe(w.described())
	}
	if err := b.put(row); err != nil {
		return "", err
	}
	return outcome, b.commit(ctx)
}

// described is what a webhook about the event says of it. Which values publish_status has the guide does not say: where the document leaves
// it out, the type says it.
func (w Webhook) described() Fields {
	if w.Type != typeUnpublished || w.Data.Text("publish_status") != "" {
		return w.Data
	}
	described := maps.Clone(w.Data)
	if described == nil {
		described = Fields{}
	}
	described["publish_status"] = json.RawMessage(`"unpublished"`)
	return described
}

// hear merges a webhook, and takes the row for there where it was missed by a pass that began before.
func (h *held) hear(of subject, w Webhook, now time.Time) (changed bool) {
	h.begin(now)
	if len(w.Data) > 0 {
		changed = h.merge(of, w.Data, w.stamp(), now)
	}
	if h.Presence != Present && w.OccurredAt.After(h.MissingSince.At) {
		h.Presence, h.MissingSince = Present, Seen{}
		changed = true
	}
	return changed
}

// begin makes the row one that is there, if it is new.
func (h *held) begin(now time.Time) {
	if h.Presence == "" {
		h.Presence, h.KnownSince = Present, now.UTC()
	}
}

// listen keeps that a webhook of its type was heard, whether it changed anything or not, and says whether that is news.
func (h *held) listen(w Webhook) (news bool) {
	at := w.OccurredAt.UTC()
	if at.After(h.HeardAt) {
		h.HeardAt, news = at, true
	}
	if at.After(h.Heard[w.Type]) {
		h.Heard = maps.Clone(h.Heard)
		if h.Heard == nil {
			h.Heard = map[string]time.Time{}
		}
		h.Heard[w.Type], news = at, true
	}
	return news
}
