package route

import "revento-alerts/shared/revento"

// Consumer works on events whatever the routes say. Routes decide who is told, and no setting keeps a consumer from its events:
// where it takes one, the delivery is accepted though its route is off.
type Consumer struct {
	// Kind is its destinations'. The queue has the same name.
	Kind Kind
	// Takes says whether it works on events of a type.
	Takes func(eventType string) bool
	// Tells says whether it tells people itself of an event that it takes. The event's route then governs the notices only.
	Tells func(eventType string) bool
}

// Consumers lists them. A new one is an entry here and one in queue.Table.
var Consumers = []Consumer{
	// A data request that the guide does not name is held for a person, who hears of it by its route too.
	{Kind: Deletion, Takes: revento.IsDataRequest, Tells: func(eventType string) bool { return eventType == revento.TypeDeletionRequired }},
}

// consumption lists the consumers' destinations of an event, and says whether one of them tells people itself.
func consumption(eventType string) (consumed []Destination, tells bool) {
	for _, consumer := range Consumers {
		if consumer.Takes(eventType) {
			consumed = append(consumed, Destination{Kind: consumer.Kind, Severity: Info})
			tells = tells || consumer.Tells(eventType)
		}
	}
	return consumed, tells
}
