package deadletter

import (
	"context"
	"fmt"
	"slices"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
)

// channel finds a Slack message's channel anew: a person may have mended the settings since. It stays the old one as long as
// the event's routes lead there, or where they do not lead to exactly one channel instead. And it stays where the alert
// was or may have been told there, since an alert's key, and so the record that keeps it single, is the channel's own. note
// says what a person should know.
//
// One case is left: a message that is still in its queue from a redrive that was stopped, and whose old channel works again
// just when the settings name another, is told in both.
func (r *redrive) channel(ctx context.Context, event handoff.Event) (channel, note string, err error) {
	channels := event.Channels(r.Routes)
	switch {
	case slices.Contains(channels, event.Channel):
		return event.Channel, "", nil
	case len(channels) != 1:
		note = fmt.Sprintf("stays with the channel %s: the routes in force name %d others", event.Channel, len(channels))
		return event.Channel, note, nil
	}
	told, err := r.mayHaveBeenTold(ctx, event)
	switch {
	case err != nil:
		return "", "", err
	case told:
		return event.Channel, fmt.Sprintf("stays with the channel %s, where it was or may have been told", event.Channel), nil
	}
	return channels[0], fmt.Sprintf("goes to the channel %s in place of %s", channels[0], event.Channel), nil
}

// mayHaveBeenTold says whether the alert's record leaves it open that the old channel shows the alert.
func (r *redrive) mayHaveBeenTold(ctx context.Context, event handoff.Event) (bool, error) {
	key := record.Key{Connection: event.Connection, Kind: record.Alert, ID: event.AlertKey}
	known, err := record.Load[alert.Record](ctx, event.Form.Store(r.Records, r.Deletions), key)
	if err != nil {
		return false, err
	}
	return known.Version > 0 && (known.Value.State != alert.Retrying || known.Value.PossiblyRepeated), nil
}
