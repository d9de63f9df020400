package sandbox

import (
	"crypto/subtle"
	"mime"
	"net/http"
	"net/url"

	"revento-alerts/shared/revento"
)

// TokenPath is where codes and refresh tokens are redeemed. (guide: /oauth/refresh-tokens/)
const TokenPath = "/oauth/token"

// revokePath is made up: whether Revento has one is not known. https://www.rfc-editor.org/rfc/rfc7009
const revokePath = "/oauth/revoke"

// Provider is the side that the product and browsers talk to: the consent page, the token endpoint and the read API.
func (s *Sandbox) Provider() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+AuthorizePath, s.authorize)
	mux.HandleFunc("POST "+AuthorizePath, s.decided)
	mux.HandleFunc(TokenPath, func(w http.ResponseWriter, r *http.Request) { s.serveToken(w, r, (*Sandbox).grantTokens) })
	mux.HandleFunc(revokePath, func(w http.ResponseWriter, r *http.Request) { s.serveToken(w, r, (*Sandbox).revokeToken) })
	s.routeAPI(mux)
	return mux
}

// formWork is what is done with a client's form.
type formWork func(s *Sandbox, client Client, form url.Values, f FaultKind) (any, *problem)

// serveToken answers a form. Its work is done whether or not the reply gets through.
func (s *Sandbox) serveToken(w http.ResponseWriter, r *http.Request, work formWork) {
	call := Call{Place: PlaceToken, RequestID: requestID(r)}
	form, refusal := readForm(w, r)
	answer, f := s.answerForm(form, refusal, &call, work)
	if err := s.keepSaved(); err != nil {
		answer = notKept().reply(call.RequestID)
	}
	s.finish(w, r, call, f, answer)
}

func (s *Sandbox) answerForm(form url.Values, refusal *problem, call *Call, work formWork) (*reply, Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.At, call.EventID = s.now(), s.eventOf(form)
	f := s.fault(PlaceToken, call.EventID)
	if instead := f.instead(call.RequestID); instead != nil {
		return instead, f
	}
	var client Client
	if refusal == nil {
		client, refusal = s.clientOf(form)
	}
	var value any
	if refusal == nil {
		value, refusal = work(s, client, form, f.Kind)
	}
	if refusal != nil {
		call.Code = refusal.code
		return refusal.reply(call.RequestID), f
	}
	return newReply(http.StatusOK, value), f
}

func notKept() *problem {
	return &problem{status: http.StatusInternalServerError, code: codeServer, message: "what was done could not be kept"}
}

// eventOf is the event of what a form brings, whoever brings it, or "".
func (s *Sandbox) eventOf(form url.Values) string {
	if c := s.findCode(form.Get("code")); c != nil {
		return c.ticket.event
	}
	if t := s.tokens[digestOf(form.Get("refresh_token"))]; t != nil {
		return t.grant.Event
	}
	return ""
}

// clientOf is the client that a form names, if it brings one of its secrets.
func (s *Sandbox) clientOf(form url.Values) (Client, *problem) {
	id := form.Get("client_id")
	if c := s.findCode(form.Get("code")); id == "" && c != nil && !s.rules.CodeNeedsClientID {
		id = c.ticket.client
	}
	client := s.clients[id]
	for _, secret := range client.Secrets {
		if subtle.ConstantTimeCompare([]byte(secret), []byte(form.Get("client_secret"))) == 1 {
			return client, nil
		}
	}
	return Client{}, unauthorized(revento.CodeInvalidClient, "client_id or client_secret is wrong")
}

// grantTokens redeems a code or a refresh token.
func (s *Sandbox) grantTokens(client Client, form url.Values, f FaultKind) (any, *problem) {
	var tokens Tokens
	var refusal *problem
	switch form.Get("grant_type") {
	case "authorization_code":
		tokens, refusal = s.exchange(client, form)
	case "refresh_token":
		tokens, refusal = s.redeem(s.findRefresh(form.Get("refresh_token"), client), f == FaultKeepRefresh)
	default:
		refusal = &problem{status: http.StatusBadRequest, code: codeNoGrantType, message: "there is no such grant_type"}
	}
	switch f {
	case FaultWrongEvent:
		tokens.EventID += "_other"
	case FaultWrongOrganization:
		tokens.OrganizationID += "_other"
	}
	return tokens, refusal
}

// revokeToken ends all that came of the grant of a token. https://www.rfc-editor.org/rfc/rfc7009#section-2.2
func (s *Sandbox) revokeToken(client Client, form url.Values, _ FaultKind) (any, *problem) {
	if !s.rules.RevokeEndpoint {
		return nil, notFound()
	}
	if t := s.tokens[digestOf(form.Get("token"))]; t != nil && t.grant.Client == client.ID {
		t.grant.Revoked = true
	}
	return object{}, nil
}

func readForm(w http.ResponseWriter, r *http.Request) (url.Values, *problem) {
	if r.Method != http.MethodPost {
		return nil, &problem{status: http.StatusMethodNotAllowed, code: codeMethod, message: "send POST"}
	}
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("send a form, URL encoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, invalidRequest("the form cannot be read")
	}
	for name, values := range r.PostForm {
		if len(values) > 1 { // https://www.rfc-editor.org/rfc/rfc6749#section-3.2
			return nil, invalidRequest(name + " comes twice")
		}
	}
	return r.PostForm, nil
}
