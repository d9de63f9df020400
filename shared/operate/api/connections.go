package api

import (
	"net/http"

	"revento-alerts/shared/connection/life"
)

// Connections is the answer to GET /api/connections.
type Connections struct {
	// On says whether connections are on.
	On          bool        `json:"on"`
	Connections []life.View `json:"connections"`
}

// Link is the answer to POST /api/connections/{event}/link.
type Link struct {
	EventID string `json:"event_id"`
	Link    string `json:"link"`
}

func (b Backend) listConnections(r *http.Request) (any, error) {
	if b.Connections == nil {
		return Connections{Connections: []life.View{}}, nil
	}
	views, err := b.Connections.All(r.Context())
	return Connections{On: true, Connections: views}, err
}

// off is why there is nothing of connections.
func (b Backend) off() error { return unavailable("connections are off: " + b.Check.Site.Connect) }

// connected answers with what an operator does with the connection of an event.
func (b Backend) connected(r *http.Request, do func(o *life.Operator, eventID string) (any, error)) (any, error) {
	if b.Connections == nil {
		return nil, b.off()
	}
	return do(b.Connections, r.PathValue("event"))
}

func (b Backend) showConnection(r *http.Request) (any, error) {
	return b.connected(r, func(o *life.Operator, eventID string) (any, error) { return o.Find(r.Context(), eventID) })
}

func (b Backend) linkConnection(r *http.Request) (any, error) {
	return b.connected(r, func(o *life.Operator, eventID string) (any, error) {
		link, err := o.Link(r.Context(), eventID)
		return Link{EventID: eventID, Link: link}, err
	})
}

func (b Backend) probeConnection(r *http.Request) (any, error) {
	return b.connected(r, func(o *life.Operator, eventID string) (any, error) { return o.Probe(r.Context(), eventID) })
}

func (b Backend) disconnect(r *http.Request) (any, error) {
	return b.connected(r, func(o *life.Operator, eventID string) (any, error) { return o.Disconnect(r.Context(), eventID) })
}

func (b Backend) syncConnection(r *http.Request) (any, error) {
	return b.connected(r, func(o *life.Operator, eventID string) (any, error) { return o.Sync(r.Context(), eventID) })
}

// Accepted is the body of POST /api/connections/{event}/accept.
type Accepted struct {
	Pass int64 `json:"pass"`
}

func (b Backend) acceptPass(r *http.Request) (any, error) {
	return b.connected(r, func(o *life.Operator, eventID string) (any, error) {
		accepted, err := read[Accepted](r)
		if err != nil {
			return nil, err
		}
		return o.Accept(r.Context(), eventID, accepted.Pass)
	})
}
