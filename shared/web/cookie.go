package web

import (
	"net/http"
	"strings"
	"time"

	"revento-alerts/shared/connection/consent"
)

// flowCookie begins the name of a flow's cookie. Each flow has one of its own, so that two tabs do not end each other's.
const flowCookie = "flow-"

// hostPrefix has a browser take a cookie only over https, for this host alone and all of its paths: no other host of the domain can set
// one. (ASVS 3.3.3) https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3.2
const hostPrefix = "__Host-"

// maxFlows is how many flows a browser keeps: together they stay far below the 10,240 bytes that API Gateway takes of all headers.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const maxFlows = 5

// cookieName is a cookie's name. On http, which is loopback, no browser would take the prefix.
func (p *Pages) cookieName(name string) string {
	if p.public.IsSecure() {
		return hostPrefix + name
	}
	return name
}

// cookie is one that no script reads (ASVS 3.3.4), and that comes along when another site leads here, as Revento does: of SameSite=Strict it
// would not. (ASVS 3.3.2) https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.6.7
func (p *Pages) cookie(name, value string, life time.Duration) *http.Cookie {
	made := &http.Cookie{
		Name: p.cookieName(name), Value: value, Path: "/", MaxAge: int(life.Seconds()),
		Secure: p.public.IsSecure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if life <= 0 {
		made.MaxAge = -1
	}
	return made
}

// keepFlow is the cookies that keep a flow, and drop the oldest ones beyond maxFlows. Browsers send the oldest first.
// https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.8.3
func (p *Pages) keepFlow(r *http.Request, start consent.Start) []*http.Cookie {
	prefix := p.cookieName(flowCookie)
	var kept []string
	for _, sent := range r.Cookies() {
		if strings.HasPrefix(sent.Name, prefix) {
			kept = append(kept, strings.TrimPrefix(sent.Name, prefix))
		}
	}
	cookies := []*http.Cookie{p.cookie(flowCookie+start.FlowID, start.Flow, consent.CookieLife)}
	for _, id := range kept[:max(len(kept)-maxFlows+1, 0)] {
		cookies = append(cookies, p.cookie(flowCookie+id, "", 0))
	}
	return cookies
}

// flow is the value of a flow's cookie, or "".
func (p *Pages) flow(r *http.Request, flowID string) string {
	sent, err := r.Cookie(p.cookieName(flowCookie + flowID))
	if err != nil {
		return ""
	}
	return sent.Value
}
