package operator

import (
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/asking"
)

// Connections is what a person sees of connections, and can do with them, where something runs that looks at them. public is where the
// pages are, and deliver takes in deliveries of our own.
func Connections(
	engine wiring.Engine, asks asking.Asking, looks *upkeep.Upkeep, public consent.PublicURL, deliver life.Deliver,
) *life.Operator {
	return &life.Operator{
		Lives: asks.Lives, Standings: asks.Keeper, Looks: looks, Rings: asks.Secrets.Rings, Public: public, Deliver: deliver, Wait: grant.Wait,
		Installation: engine.Installation,
	}
}
