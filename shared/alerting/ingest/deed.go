package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"revento-alerts/shared/alerting/route"
)

// Deed is what a person did with a message of a delivery.
type Deed struct {
	At time.Time `json:"at"`
	// What is the outcome, as package deadletter names it: "redriven", "dropped".
	What string `json:"what"`
	// Kind, Channel and AlertKey say of which message.
	Kind     route.Kind `json:"destination"`
	Channel  string     `json:"channel,omitempty"`
	AlertKey string     `json:"alert_key,omitempty"`
	// Reason is why the message had been given up.
	Reason string `json:"reason,omitempty"`
	// By is what the person used: the operator's "command" or "api".
	By string `json:"by,omitempty"`
}

// maxDeeds bounds what a story keeps of deeds, the newest.
const maxDeeds = 20

// Annals is a ledger whose stories can be written on.
type Annals interface {
	Finder
	// Rewrite stores a story in the entry of a key, in place of the one that it was; changed is false where it is another by now, or
	// the entry is gone.
	Rewrite(ctx context.Context, key string, was, is Story) (changed bool, err error)
}

// errCrowd is returned where others wrote on the same story again and again.
var errCrowd = errors.New("others write on the delivery's story at the same time")

// Note writes a deed into the story of the delivery that brought the message. A delivery that the ledger has forgotten has no story,
// which is no error.
func Note(ctx context.Context, annals Annals, deliveryID string, deed Deed, now time.Time) error {
	for range 3 {
		entry, err := about(ctx, annals, deliveryID, deed.AlertKey, now)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("find the delivery's story: %w", err)
		}
		story := entry.Story
		story.Deeds = append(slices.Clone(story.Deeds), deed)
		story.Deeds = story.Deeds[max(0, len(story.Deeds)-maxDeeds):]
		changed, err := annals.Rewrite(ctx, entry.Key(), entry.Story, story)
		if err != nil {
			return fmt.Errorf("write on the delivery's story: %w", err)
		}
		if changed {
			return nil
		}
	}
	return errCrowd
}

// about finds the entry of a delivery id whose story names the alert: the id is not signed, and others may have come under it. Where
// none names it, it is the entry of the id itself.
func about(ctx context.Context, annals Annals, deliveryID, alertKey string, now time.Time) (Entry, error) {
	names := func(entry Entry) bool {
		return slices.ContainsFunc(entry.Story.Destinations, func(d Destination) bool { return d.AlertKey == alertKey })
	}
	entry, err := annals.Find(ctx, deliveryID, now)
	if err != nil || names(entry) {
		return entry, err
	}
	apart, err := annals.FindApart(ctx, deliveryID, now)
	if i := slices.IndexFunc(apart, names); i >= 0 {
		return apart[i], nil
	}
	return entry, err
}
