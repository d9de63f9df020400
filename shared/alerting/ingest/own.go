package ingest

import (
	"context"
	"fmt"
	"slices"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/fault"
)

// Deliver takes in a delivery of our own, which nobody signed: under the same claim, by the routes and into the queues of a webhook, and
// into the ledger, where trace finds it. It returns nil once it is handed off, by this call or by one before, or where its route is off.
// Another failure is transient: deliver it again.
//
// It needs no secrets, tolerance, refusals or replays.
func (in *Ingest) Deliver(ctx context.Context, own handoff.Own) error {
	line := in.Log.Begin("own_delivery")
	defer line.End(ctx)
	line.Set("type", own.Type)
	line.Set("delivery_id", own.DeliveryID())
	made, err := own.Delivery(in.Now())
	if err != nil {
		return fmt.Errorf("make a delivery of our own: %w", err)
	}
	delivery := verified{Delivery: made}
	destinations := in.Routes.Destinations(own.Type, own.Connection.EventID)
	if own.Ends {
		destinations = ending(destinations)
	}
	reply := Reply{Status: Ignored}
	if len(destinations) > 0 {
		reply = in.take(ctx, delivery, destinations, line)
	} else {
		in.note(ctx, delivery, line)
	}
	line.Set("status", string(reply.Status))
	line.Count("own_" + string(reply.Status))
	if own.FoundBy != "" && (reply.Status == Accepted || reply.Status == Ignored) {
		line.Count(MetricMissedWebhook)
	}
	switch reply.Status {
	case Accepted, Duplicate, Ignored:
		return nil
	}
	return &fault.Error{
		Class: fault.Transient, Op: "hand off a delivery of our own", Reason: string(reply.Status), RetryAfter: reply.RetryAfter,
	}
}

// ending is where the end of something is told: where its beginning opened an incident or a thread.
func ending(destinations []route.Destination) []route.Destination {
	ends := slices.DeleteFunc(slices.Clone(destinations), func(d route.Destination) bool { return d.Kind == route.Digest })
	for i := range ends {
		ends[i].Resolves = true
	}
	return ends
}
