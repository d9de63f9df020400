package web

import (
	"log/slog"
	"net/http"
	"slices"
	"time"

	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/ground/telemetry"
)

// Paths are those of the pages. All others are none of this package's business.
func Paths() []string { return []string{consent.ConnectPath, consent.CallbackPath} }

// Options are what the pages need.
type Options struct {
	Consent *consent.Consent
	// Public is where browsers find the pages.
	Public consent.PublicURL
	Log    *telemetry.Logger
}

// Pages shows the pages.
type Pages struct {
	consent *consent.Consent
	public  consent.PublicURL
	log     *telemetry.Logger
	routes  map[string]route
}

// route shows a page.
type route func(*http.Request) answer

// New returns the pages, as an http.Handler.
func New(options Options) *Pages {
	p := &Pages{consent: options.Consent, public: options.Public, log: options.Log}
	p.routes = map[string]route{consent.ConnectPath: p.connect, consent.CallbackPath: p.callback}
	return p
}

// answer is what a browser gets.
type answer struct {
	// outcome is what the log and the metrics call it.
	outcome string
	status  int
	// location is where the browser goes on to; "" where there is a page.
	location string
	page     page
	cookies  []*http.Cookie
	// retryAfter is for how long it is of no use to ask again; 0 where that is not so.
	retryAfter time.Duration

	// eventID, reason and isReplayed are for the log. The first is ours, or of one who has a link of ours.
	eventID    string
	reason     error
	isReplayed bool
	level      slog.Level
}

// The outcomes that are no consent's.
const (
	outcomeNotFound  = "not_found"
	outcomeMethod    = "method_not_allowed"
	outcomeElsewhere = "elsewhere" // sent on to the public URL
)

// ServeHTTP answers GET. A callback uses its state up, so that HEAD, by which programs look at links, is no small GET here.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	line := p.log.Begin("page")
	given := p.answer(r)
	p.write(w, given)
	p.tell(line, r, given)
	line.End(r.Context())
}

func (p *Pages) answer(r *http.Request) answer {
	show, known := p.routes[r.URL.Path]
	switch {
	case !known:
		return shown(outcomeNotFound, http.StatusNotFound, page{Text: textNotFound})
	case r.Method != http.MethodGet:
		return shown(outcomeMethod, http.StatusMethodNotAllowed, page{Text: textMethod})
	}
	if address, isElsewhere := elsewhere(p.public, r); isElsewhere {
		return answer{outcome: outcomeElsewhere, status: http.StatusSeeOther, location: address}
	}
	return show(r)
}

func shown(outcome string, status int, shown page) answer {
	return answer{outcome: outcome, status: status, page: shown}
}

// tell writes a request's line: what a browser sent is not in it, but for a path and a method that are known.
func (p *Pages) tell(line *telemetry.Line, r *http.Request, given answer) {
	if _, known := p.routes[r.URL.Path]; known {
		line.Set("path", r.URL.Path)
	}
	if slices.Contains(methods, r.Method) {
		line.Set("method", r.Method)
	}
	line.Set("code", given.status)
	line.Set("outcome", given.outcome)
	if given.eventID != "" {
		line.Set("event_id", given.eventID)
	}
	if given.reason != nil {
		line.Set("reason", given.reason.Error())
	}
	if given.isReplayed { // what is told again did not happen again
		line.Count("page_replayed")
		return
	}
	line.Raise(given.level)
	line.Count("page_" + given.outcome)
}

// methods are those of HTTP itself. https://www.rfc-editor.org/rfc/rfc9110#section-9.3
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace,
	http.MethodConnect,
}
