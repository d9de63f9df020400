package gateway

import (
	"context"
	"net/http"
	"time"

	"revento-alerts/shared/alerting/ingest"
)

const (
	// pageLimit is how many pages are worked on at the same time. It is apart from what deliveries take: neither keeps the other out.
	pageLimit = 32
	// pageTime is how long a page may take: as long as an HTTP API waits for its function.
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
	pageTime = 30 * time.Second
	// pageBody is how much of a request for a page is read, in bytes.
	pageBody = 64 << 10
)

// pages are what browsers ask for beside the webhook; none without a handler.
type pages struct {
	handler http.Handler
	paths   map[string]bool
	places  chan struct{}
}

// ShowPages has a handler answer what is asked for at exactly these paths. It is called before Serve.
func (g *Gateway) ShowPages(handler http.Handler, paths ...string) {
	g.pages = pages{handler: handler, paths: map[string]bool{}, places: make(chan struct{}, pageLimit)}
	for _, path := range paths {
		g.pages.paths[path] = true
	}
}

// showPage answers as the function web does, which is asked no more once its time is over.
func (g *Gateway) showPage(w http.ResponseWriter, r *http.Request) {
	select {
	case g.pages.places <- struct{}{}:
		defer func() { <-g.pages.places }()
	default:
		event := eventOf(r, nil, "", time.Now())
		refuse(w, r, g.webhook.Refuse(r.Context(), event, ingest.Busy, "more pages are under way than can be worked on in time"))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), pageTime)
	defer cancel()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(pageTime + writeTime)) // each connection here has deadlines
	r.Body = http.MaxBytesReader(w, r.Body, pageBody)
	g.pages.handler.ServeHTTP(w, r.WithContext(ctx))
}
