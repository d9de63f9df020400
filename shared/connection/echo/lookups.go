package echo

import (
	"context"
	"errors"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
)

// LookupWindow is how long a resource that was looked up is not looked up again for another webhook: Revento asks to dedupe what webhooks
// cause by resource over a short window. (guide: /patterns/)
const LookupWindow = 5 * time.Minute

// Lookups has looked up what a webhook was to tell and does not. A webhook's data is a full snapshot as a rule, so that nothing is.
type Lookups struct {
	Registry Registry
	Records  record.Store
	// Ask has the connection's event read soon, by the message that does what is due for it.
	Ask func(ctx context.Context, of record.Connection) error
	Now func() time.Time
}

// lookup is when a resource was last asked for.
type lookup struct {
	At time.Time `json:"at"`
}

// MetricLookup counts look-ups that webhooks cause, and MetricLookupSpared those that another made unnecessary.
const (
	MetricLookup       = "lookup"
	MetricLookupSpared = "lookup_spared"
)

// lacks names the resource that a webhook tells of and does not show, or "". Alerts and pages show an event's name; all else that is read
// of a snapshot is optional, and comes with the next pass.
func lacks(heard mirror.Webhook) string {
	isNamed := revento.Text(heard.Data["name"]) != "" || revento.Text(heard.Data["title"]) != ""
	if revento.FamilyOf(heard.Type) != "event" || isNamed {
		return ""
	}
	return "event"
}

// follow asks for what the webhook lacks, unless that was asked for within the window.
func (l *Lookups) follow(ctx context.Context, heard mirror.Webhook, line *telemetry.Line) error {
	resource := lacks(heard)
	if l == nil || resource == "" {
		return nil
	}
	standing, err := l.Registry.Read(ctx, heard.Connection)
	if err != nil || !standing.Serves() {
		return err
	}
	key := record.Key{Connection: heard.Connection, Kind: record.Lookup, ID: revento.Hash(resource)}
	entry, err := record.Load[lookup](ctx, l.Records, key)
	if err != nil {
		return err
	}
	if l.Now().Before(entry.Value.At.Add(LookupWindow)) {
		line.Count(MetricLookupSpared)
		return nil
	}
	if err := l.Ask(ctx, heard.Connection); err != nil {
		return err
	}
	line.Count(MetricLookup)
	entry.OccurredAt, entry.Expires = standing.ConnectedAt, l.Now().Add(LookupWindow)
	entry.Value = lookup{At: l.Now().UTC()}
	if _, err = record.Save(ctx, l.Records, entry); errors.Is(err, record.ErrChanged) || errors.Is(err, record.ErrDeleted) {
		return nil // another asked, or it is of no use any more
	}
	return err
}
