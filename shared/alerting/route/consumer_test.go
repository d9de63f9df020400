package route_test

import (
	"slices"
	"testing"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
)

func TestEveryConsumerHasAQueueAndIsInNoRoute(t *testing.T) {
	for _, consumer := range route.Consumers {
		if !slices.Contains(queue.Names, queue.Name(consumer.Kind)) {
			t.Errorf("there is no queue %s", consumer.Kind)
		}
		if _, err := route.Parse(string(consumer.Kind)); err == nil {
			t.Errorf("a route can name %s: then a setting could keep it from its events", consumer.Kind)
		}
	}
}

// Whatever the routes say, a consumer has what it takes, once, and changes nothing of who is told, unless it tells them itself.
func TestWhoWorksOnAnEventIsApartFromWhoIsTold(t *testing.T) {
	consumers := route.Consumers
	t.Cleanup(func() { route.Consumers = consumers })
	const mirror = route.Kind("mirror")
	all := func(string) bool { return true }
	none := func(string) bool { return false }
	for _, setting := range []string{route.Off, "slack"} {
		routed, err := route.Parse(setting)
		if err != nil {
			t.Fatal(err)
		}
		routes := route.NewTable(map[string]route.Route{"*": routed}, route.Channels{Default: "C0111"})
		route.Consumers = consumers
		before := routes.Destinations("activity.new", "evt_1")
		route.Consumers = append(slices.Clone(consumers), route.Consumer{Kind: mirror, Takes: all, Tells: none})
		after := routes.Destinations("activity.new", "evt_1")
		added := route.Destination{Kind: mirror, Severity: route.Info}
		if !slices.Equal(after, append(before, added)) {
			t.Errorf("route %s: with a consumer of everything it goes to %+v, without to %+v", setting, after, before)
		}
		if request := routes.Destinations("data.deletion_required", "evt_1"); len(request) != 2 {
			t.Errorf("a deletion request goes to %+v, want both consumers and nobody else", request)
		}
	}
}
