// Package webpages wires the function web: the pages that browsers of the public get.
package webpages

import (
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/web"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/asking"
)

// New wires the pages.
func New(engine wiring.Engine, s settings.Connections, public consent.PublicURL, asks asking.Asking) *web.Pages {
	return web.New(web.Options{
		Consent: &consent.Consent{
			Revento: asks.Client, Connections: asks.Lives, Ring: asks.Secrets.Rings, Attempts: engine.Records,
			Scopes: s.Scopes, Open: s.Open, Now: engine.Now,
		},
		Public: public,
		Log:    engine.Log,
	})
}
