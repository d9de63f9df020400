package sandbox

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"revento-alerts/shared/revento"
)

// AuthorizePath is where a browser is sent for consent. (guide: /oauth/organizer-connect/)
const AuthorizePath = "/oauth/authorize"

// ticketLife is how long the consent page can be answered.
const ticketLife = 30 * time.Minute

// ticket is a consent that was asked for, until somebody allows or declines it.
type ticket struct {
	id                               string
	client, redirect, state          string
	challenge                        string
	kind                             Kind
	scope                            []string
	event                            string
	expires                          time.Time
	decided                          bool
	clientName, organization, titled string // what the page says
}

// code is one that was given out.
type code struct {
	key      digest
	ticket   *ticket
	scope    []string
	user     string
	expires  time.Time
	redeemed bool
	grant    *grant
}

// Decision is what a person does on the consent page.
type Decision struct {
	// Decline is "Cancel".
	Decline bool
	// Without are optional scopes that are left out.
	Without []string
	// User is who signs in, for user scopes.
	User string
}

// errNoRedirect is a request that must not lead back to where it says, since that may be anybody's.
// https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
type errNoRedirect struct{ error }

// refusedAuthorization is one that leads back with an error's code.
type refusedAuthorization struct {
	redirect, state, code, message string
}

// Error implements error.
func (r *refusedAuthorization) Error() string { return r.code + ": " + r.message }

// location is where the browser is sent.
func (r *refusedAuthorization) location() string {
	return withQuery(r.redirect, "error", r.code, "error_description", r.message, "state", r.state)
}

// withQuery adds parameters to a redirect URI, which can have some of its own. An empty value is left out.
func withQuery(uri string, pairs ...string) string {
	parsed, err := url.Parse(uri)
	if err != nil {
		panic("sandbox: a redirect URI that was registered is no URL: " + err.Error())
	}
	query := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	parsed.RawQuery = strings.Trim(parsed.RawQuery+"&"+query.Encode(), "&")
	return parsed.String()
}

// ask looks at an authorization request, and keeps it for the person's decision. Its error is errNoRedirect or
// *refusedAuthorization.
func (s *Sandbox) ask(query url.Values) (*ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	client, known := s.clients[query.Get("client_id")]
	if !known {
		return nil, errNoRedirect{errors.New("client_id is none of Revento's integrations")}
	}
	redirect := query.Get("redirect_uri")
	if !slices.Contains(client.RedirectURIs, redirect) {
		return nil, errNoRedirect{errors.New("redirect_uri is not one that is registered, byte for byte")}
	}
	refuse := func(code, message string) error {
		return &refusedAuthorization{redirect, query.Get("state"), code, message}
	}
	if code, message := wrongAuthorization(query); code != "" {
		return nil, refuse(code, message)
	}
	scope := strings.Fields(query.Get("scope"))
	kind, err := client.kindOf(scope)
	if err != nil {
		return nil, refuse(revento.CodeInvalidScope, err.Error())
	}
	e := s.event(query.Get("event_id"))
	if e == nil {
		return nil, refuse(codeInvalidRequest, "event_id is no event's")
	}
	if kind == User && !s.isConnected(client.ID, e.ID) {
		return nil, refuse("unauthorized_client", "the organizer has not connected the event")
	}
	asked := &ticket{
		id: randomText(), client: client.ID, redirect: redirect, state: query.Get("state"), challenge: query.Get("code_challenge"),
		kind: kind, scope: scope, event: e.ID, expires: s.now().Add(ticketLife),
		clientName: client.title(), organization: e.OrganizationName, titled: e.Name,
	}
	s.tickets = last(append(s.tickets, asked), maxTickets)
	return asked, nil
}

func (c Client) title() string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

// wrongAuthorization says what is wrong with a request's form. (guide: /oauth/organizer-connect/)
func wrongAuthorization(query url.Values) (code, message string) {
	for name, values := range query {
		if len(values) > 1 { // https://www.rfc-editor.org/rfc/rfc6749#section-3.1
			return codeInvalidRequest, name + " comes twice"
		}
	}
	challenge, err := base64.RawURLEncoding.DecodeString(query.Get("code_challenge"))
	switch {
	case query.Get("response_type") != "code":
		return "unsupported_response_type", "response_type has to be code"
	case query.Get("code_challenge_method") != "S256":
		return codeInvalidRequest, "code_challenge_method has to be S256"
	case err != nil || len(challenge) != sha256.Size:
		return codeInvalidRequest, "code_challenge is not the hash of a verifier"
	}
	return "", ""
}

// kindOf tells what kind of token the scopes are for: one flow asks for one kind, and only for what the manifest declares.
// (guide: /scopes/)
func (c Client) kindOf(scope []string) (kind Kind, err error) {
	if len(scope) == 0 {
		return "", errors.New("no scope is asked for")
	}
	for _, name := range scope {
		of, known := scopeKinds[name]
		switch {
		case !known || len(c.Scopes) > 0 && !slices.Contains(c.Scopes, name):
			return "", errors.New("the integration has not declared " + name)
		case kind != "" && of != kind:
			return "", errors.New("scopes of both kinds of tokens in one flow")
		}
		kind = of
	}
	return kind, nil
}

func (s *Sandbox) isConnected(client, event string) bool {
	return slices.ContainsFunc(s.grants, func(g *grant) bool {
		return g.Client == client && g.Event == event && g.Kind == Installation && !g.Revoked
	})
}

// Why a decision is not taken.
var (
	errTicket = errors.New("this consent was not asked for, was answered before, or waited too long: begin again")
	errPerson = errors.New("this person has no application for the event")
)

// decide takes a person's decision, and returns where the browser is sent.
func (s *Sandbox) decide(id string, decision Decision) (location string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.tickets, func(t *ticket) bool { return t.id == id })
	if i < 0 || s.tickets[i].decided || !s.now().Before(s.tickets[i].expires) {
		return "", errTicket
	}
	t := s.tickets[i]
	if decision.Decline { // (guide: /patterns/)
		t.decided = true
		return (&refusedAuthorization{t.redirect, t.state, "access_denied", "consent was declined"}).location(), nil
	}
	if t.kind == Installation {
		decision.User = ""
	} else if len(s.event(t.event).ofUser(decision.User)) == 0 {
		return "", errPerson
	}
	t.decided = true
	secret := randomText()
	s.codes = last(append(s.codes, &code{
		key: digestOf(secret), ticket: t, scope: s.granted(t, decision.Without), user: decision.User,
		expires: s.now().Add(s.rules.CodeLife),
	}), maxCodes)
	return withQuery(t.redirect, "code", secret, "state", t.state), nil
}

// granted are the scopes without those that can be left out and were. (guide: /scopes/)
func (s *Sandbox) granted(t *ticket, without []string) []string {
	return slices.DeleteFunc(slices.Clone(t.scope), func(scope string) bool {
		return slices.Contains(without, scope) && slices.Contains(s.clients[t.client].Optional, scope)
	})
}

// exchange gives the first tokens for a code.
func (s *Sandbox) exchange(client Client, form url.Values) (Tokens, *problem) {
	c := s.findCode(form.Get("code"))
	switch {
	case c == nil || c.ticket.client != client.ID:
		return Tokens{}, invalidGrant("the code is unknown")
	case c.redeemed:
		if s.rules.CodeReuseRevokes && c.grant != nil {
			c.grant.Revoked = true
		}
		return Tokens{}, invalidGrant("the code was redeemed before")
	}
	// Whoever comes with a code has spent it, also where the rest is wrong.
	c.redeemed = true
	redirect, named := form.Get("redirect_uri"), form.Has("redirect_uri")
	switch {
	case !s.now().Before(c.expires):
		return Tokens{}, invalidGrant("the code has expired")
	case named && redirect != c.ticket.redirect, !named && s.rules.CodeNeedsRedirectURI:
		return Tokens{}, invalidGrant("redirect_uri is not the one that the code was sent to")
	case !c.ticket.isAnsweredBy(form.Get("code_verifier")):
		return Tokens{}, invalidGrant("code_verifier is not the one that was asked with")
	}
	given, tokens := s.newGrant(grant{
		Client: client.ID, Event: c.ticket.event, Organization: s.event(c.ticket.event).Organization, User: c.user,
		Kind: c.ticket.kind, Scope: c.scope,
	})
	c.grant = given
	return tokens, nil
}

func (s *Sandbox) findCode(secret string) *code {
	key := digestOf(secret)
	if i := slices.IndexFunc(s.codes, func(c *code) bool { return c.key == key }); i >= 0 {
		return s.codes[i]
	}
	return nil
}

// The length of a verifier. https://www.rfc-editor.org/rfc/rfc7636#section-4.1
const (
	minVerifier = 43
	maxVerifier = 128
)

// isAnsweredBy says whether a verifier is the one whose hash was sent. https://www.rfc-editor.org/rfc/rfc7636#section-4.6
func (t *ticket) isAnsweredBy(verifier string) bool {
	hash := sha256.Sum256([]byte(verifier))
	answer := base64.RawURLEncoding.EncodeToString(hash[:])
	return len(verifier) >= minVerifier && len(verifier) <= maxVerifier &&
		subtle.ConstantTimeCompare([]byte(answer), []byte(t.challenge)) == 1
}

// Consent does what a browser and a person do with an authorization URL: it asks, decides, and returns the redirect URI with
// what came of it. It returns an error where a page is shown instead.
func (s *Sandbox) Consent(authorizationURL string, decision Decision) (location string, err error) {
	parsed, err := url.Parse(authorizationURL)
	if err != nil {
		return "", err
	}
	asked, err := s.ask(parsed.Query())
	if refused := new(refusedAuthorization); errors.As(err, &refused) {
		return refused.location(), nil
	}
	if err != nil {
		return "", err
	}
	return s.decide(asked.id, decision)
}

// Connect gives a client tokens for an event as if its organizer had consented to all that the scopes say; none: to all that
// there are. It returns an error for an unknown client or event, or a scope of user tokens.
func (s *Sandbox) Connect(client, event string, scope ...string) (Tokens, error) {
	return s.consentAtOnce(Installation, client, event, "", scope)
}

// SignIn likewise gives a client tokens of a user.
func (s *Sandbox) SignIn(client, event, user string, scope ...string) (Tokens, error) {
	return s.consentAtOnce(User, client, event, user, scope)
}

func (s *Sandbox) consentAtOnce(kind Kind, client, event, user string, scope []string) (Tokens, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.event(event)
	if _, known := s.clients[client]; !known || e == nil {
		return Tokens{}, errors.New("there is no such client or event")
	}
	if kind == User && len(e.ofUser(user)) == 0 {
		return Tokens{}, errPerson
	}
	if len(scope) == 0 {
		scope = scopesOf(kind)
	}
	for _, name := range scope {
		if scopeKinds[name] != kind {
			return Tokens{}, fmt.Errorf("%q is no scope of %s tokens", name, kind)
		}
	}
	_, tokens := s.newGrant(grant{
		Client: client, Event: event, Organization: e.Organization, User: user, Kind: kind, Scope: scope,
	})
	return tokens, nil
}

// authorize shows the consent page.
func (s *Sandbox) authorize(w http.ResponseWriter, r *http.Request) {
	asked, err := s.ask(r.URL.Query())
	refused := new(refusedAuthorization)
	switch {
	case errors.As(err, &refused):
		s.leadTo(w, r, refused.location())
	case err != nil:
		s.showFailure(w, http.StatusBadRequest, err)
	default:
		s.showConsent(w, asked)
	}
}

// maxForm bounds a form.
const maxForm = 16 << 10

// decided takes the consent page's answer.
func (s *Sandbox) decided(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.showFailure(w, http.StatusBadRequest, errTicket)
		return
	}
	decision := Decision{Decline: r.PostForm.Get("decision") != "allow", User: r.PostForm.Get("user")}
	for _, scope := range r.PostForm["offered"] {
		if !slices.Contains(r.PostForm["scope"], scope) {
			decision.Without = append(decision.Without, scope)
		}
	}
	location, err := s.decide(r.PostForm.Get("ticket"), decision)
	if err != nil {
		s.showFailure(w, http.StatusBadRequest, err)
		return
	}
	s.leadTo(w, r, location)
}

func (s *Sandbox) leadTo(w http.ResponseWriter, r *http.Request, location string) {
	s.pageHeader(w, "")
	http.Redirect(w, r, location, http.StatusSeeOther)
}
