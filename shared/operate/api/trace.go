package api

import (
	"errors"
	"net/http"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/operate/trace"
)

// Stories is the answer to GET /api/trace.
type Stories struct {
	// Stories are the newest first.
	Stories []trace.Story `json:"stories"`
}

func (b Backend) traceDelivery(r *http.Request) (any, error) {
	return b.Trace.Delivery(r.Context(), r.PathValue("id"))
}

func (b Backend) traceResource(r *http.Request) (any, error) {
	query := r.URL.Query()
	if query.Get("resource") == "" {
		return nil, errRequest{errors.New("name a resource: its id, and its event's and organization's, which may be empty")}
	}
	stories, err := b.Trace.Resource(r.Context(), query.Get("event"), query.Get("organization"), query.Get("resource"))
	return Stories{Stories: stories}, err
}

// Refused is the answer to GET /api/refused.
type Refused struct {
	// Refused are the last 200, the newest first.
	Refused []ingest.Refusal `json:"refused"`
}

func (b Backend) listRefused(*http.Request) (any, error) {
	if b.Refusals == nil {
		return nil, unavailable("refused requests are kept while serve runs; " + b.Check.Site.Refused)
	}
	return Refused{Refused: b.Refusals.Recent("")}, nil
}

// deliveriesPage is how many deliveries are listed at once.
const deliveriesPage = 50

// Deliveries is the answer to GET /api/deliveries.
type Deliveries struct {
	// Deliveries are the newest received first.
	Deliveries []Delivery `json:"deliveries"`
	// Next is what the next page begins behind; "" on the last page.
	Next string `json:"next"`
}

// Delivery is a delivery in short.
type Delivery struct {
	DeliveryID   string        `json:"delivery_id"`
	Type         string        `json:"type"`
	EventName    string        `json:"event_name,omitempty"`
	ReceivedAt   time.Time     `json:"received_at"`
	State        ingest.State  `json:"state"`
	Secret       int           `json:"secret"`
	Destinations []Destination `json:"destinations"`
}

// Destination is a place that a delivery goes to, and how far it has come; see trace.Alert.
type Destination struct {
	Kind    route.Kind  `json:"kind"`
	Channel string      `json:"channel"`
	State   alert.State `json:"state"`
	Link    string      `json:"link"`
}

func (b Backend) listDeliveries(r *http.Request) (any, error) {
	if b.Journal == nil {
		return nil, unavailable("a stack's deliveries cannot be listed, since its table would have to be read whole: " +
			"trace one by its delivery id, or a resource's by its alerts")
	}
	stories, next, err := b.Trace.Recent(r.Context(), b.Journal, deliveriesPage, r.URL.Query().Get("before"))
	if err != nil {
		return nil, err
	}
	page := Deliveries{Deliveries: make([]Delivery, len(stories)), Next: next}
	for i, story := range stories {
		page.Deliveries[i] = inShort(story)
	}
	return page, nil
}

func inShort(story trace.Story) Delivery {
	delivery := Delivery{
		DeliveryID: story.DeliveryID, Type: story.Type, EventName: story.EventName, ReceivedAt: story.ReceivedAt, State: story.State, Secret: story.Secret,
		Destinations: make([]Destination, len(story.Alerts)),
	}
	for i, a := range story.Alerts {
		delivery.Destinations[i] = Destination{Kind: a.Kind, Channel: a.Channel, State: a.State, Link: a.Link}
	}
	return delivery
}
