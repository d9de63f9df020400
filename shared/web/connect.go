package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/ground/clip"
)

// connect begins to connect an event: it sends the organizer to Revento. The one address to go on to is the configured one.
// (ASVS 3.7.2; RFC 9700, sections 4.11 and 4.12: no open redirect, and 303)
func (p *Pages) connect(r *http.Request) answer {
	query := r.URL.Query()
	start, outcome := p.consent.Begin(r.Context(), one(query, consent.EventParameter), one(query, consent.LinkParameter))
	if outcome.Kind != consent.Asked {
		given := p.shown(outcome)
		given.eventID = "" // which event is asked for, a stranger says
		return given
	}
	return answer{
		outcome: string(outcome.Kind), status: http.StatusSeeOther, location: start.Location, cookies: p.keepFlow(r, start),
	}
}

// callback is where Revento's consent page sends the browser.
func (p *Pages) callback(r *http.Request) answer {
	query := r.URL.Query()
	callback := consent.Callback{
		State: one(query, "state"), Code: one(query, "code"), Error: one(query, "error"), Description: one(query, "error_description"),
	}
	return p.shown(p.consent.Finish(r.Context(), callback, func(flowID string) string { return p.flow(r, flowID) }))
}

// one is a parameter's value; one that is there twice has none. https://www.rfc-editor.org/rfc/rfc6749#section-3.1
func one(query url.Values, name string) string {
	if values := query[name]; len(values) == 1 {
		return values[0]
	}
	return ""
}

// statuses are those of what did not go as it should. All else is 200, a consent that was declined too: nothing is wrong with that.
var statuses = map[consent.Kind]int{
	consent.LinkWrong:         http.StatusForbidden,
	consent.LinkExpired:       http.StatusGone,
	consent.EventMalformed:    http.StatusBadRequest,
	consent.Failed:            http.StatusBadRequest,
	consent.Expired:           http.StatusBadRequest,
	consent.OtherFlow:         http.StatusBadRequest,
	consent.OtherEvent:        http.StatusConflict,
	consent.OtherOrganization: http.StatusConflict,
	consent.Unavailable:       http.StatusServiceUnavailable,
}

// levels lift what an operator should look at.
var levels = map[consent.Kind]slog.Level{
	consent.OtherEvent:        slog.LevelError,
	consent.OtherOrganization: slog.LevelError,
	consent.Unavailable:       slog.LevelWarn,
	consent.Failed:            slog.LevelWarn,
}

// unavailableFor is how long a browser is asked to wait where something is out of order.
const unavailableFor = time.Minute

// shown is the page that tells what came of a link or a callback.
func (p *Pages) shown(outcome consent.Outcome) answer {
	given := answer{
		outcome: string(outcome.Kind), status: http.StatusOK, page: p.pageOf(outcome),
		eventID: outcome.EventID, reason: outcome.Err, isReplayed: outcome.Replayed, level: levels[outcome.Kind],
	}
	if status, isOther := statuses[outcome.Kind]; isOther {
		given.status = status
	}
	if outcome.Kind == consent.Unavailable {
		given.retryAfter = unavailableFor
	}
	return given
}

// maxSaid is how much is shown of what Revento's page says, in runes.
const maxSaid = 200

func (p *Pages) pageOf(outcome consent.Outcome) page {
	made := page{Text: textOf(outcome), EventID: outcome.EventID, Said: clip.Runes(clip.Line(outcome.Said), maxSaid), IsReplayed: outcome.Replayed}
	switch outcome.Kind {
	case consent.Connected, consent.Declined:
		made.Scopes = described(p.consent.Scopes)
	case consent.LessScope:
		made.Scopes = described(outcome.Missing)
	case consent.UnderWay:
		made.CanLookAgain = true
	}
	if outcome.CanRetry() {
		made.Retry = p.public.ConnectURL(outcome.EventID, outcome.Link)
	}
	return made
}
