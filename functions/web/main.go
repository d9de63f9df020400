// Function web shows browsers of the public the pages on which an organizer connects an event.
package main

import (
	"net/http"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/aws/credential"
	"revento-alerts/shared/aws/function"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring/asking"
	"revento-alerts/shared/wiring/syncworker"
	"revento-alerts/shared/wiring/webpages"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadConnections(stack.Source)
	if err != nil {
		return nil, err
	}
	engine, err := stack.Engine(s.Common, queue.Sync)
	if err != nil {
		return nil, err
	}
	secrets, err := credential.Of(stack, s.SecretMaxAge)
	if err != nil {
		return nil, err
	}
	pages := func(public consent.PublicURL) http.Handler {
		asks := asking.New(engine, s, public, secrets, nil)
		asks.Lives.Soon = syncworker.Soon(engine, asks.Upkeep(engine, s, nil))
		return webpages.New(engine, s, public, asks)
	}
	if s.PublicURL.IsSet() {
		return awslambda.Pages(pages(s.PublicURL)), nil
	}
	return awslambda.PagesOfStage(pages), nil
}
