package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"revento-alerts/shared/ground/exchange"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/revento"
)

// NewVerifier returns a verifier of 32 random bytes. https://www.rfc-editor.org/rfc/rfc7636#section-4.1
func NewVerifier() string { return oauth2.GenerateVerifier() }

// AuthorizeURL is where an organizer's browser is sent, to consent to the scopes for an event. The state comes back with the answer. The
// verifier proves that who asked is who exchanges the code; only its hash is sent. (guide: /oauth/organizer-connect/)
func (c *Client) AuthorizeURL(eventID, state, verifier string, scopes []string) string {
	config := c.config("")
	config.Scopes = scopes
	return config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("event_id", eventID))
}

// config is without a secret where none is sent. One fixed style of authentication: with none named, the library sends every request
// that fails a second time, with the same single-use code.
func (c *Client) config(clientSecret string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: c.options.ClientID, ClientSecret: clientSecret, RedirectURL: c.options.RedirectURI,
		Endpoint: oauth2.Endpoint{
			AuthURL: c.options.AuthURL + authorizePath, TokenURL: c.options.AuthURL + tokenPath, AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

const opExchange = "exchange the code"

// Exchange redeems an authorization code, on a context of its own: the browser's end must not cut off what Revento has redeemed. Where
// Revento does not take the client's secret, it is looked up again and the other one tried once. A failure of the class Unknown may have
// taken effect: the code is spent.
func (c *Client) Exchange(ctx context.Context, code, verifier string) (revento.Tokens, error) {
	ctx = context.WithoutCancel(ctx)
	secrets, err := c.options.Secrets.Get(ctx)
	if err != nil {
		return revento.Tokens{}, &fault.Error{Class: fault.Transient, Op: opExchange, Reason: reasonNoSecret, Err: err}
	}
	tokens, err := c.exchange(ctx, secrets[0], code, verifier)
	if revento.CodeOf(err) != revento.CodeInvalidClient {
		return tokens, err
	}
	if looked, _, lookErr := c.options.Secrets.Refresh(ctx); lookErr == nil {
		secrets = append(secrets[:1:1], looked...)
	}
	other := slices.IndexFunc(secrets, func(s string) bool { return s != secrets[0] })
	if other < 0 {
		return tokens, err
	}
	return c.exchange(ctx, secrets[other], code, verifier)
}

func (c *Client) exchange(ctx context.Context, clientSecret, code, verifier string) (revento.Tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTime)
	defer cancel()
	made := c.http.Begin()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: transport{made}, CheckRedirect: lastResponse})
	// What the library makes of the reply is not used: its errors quote the body, and it takes odd forms for success.
	_, _ = c.config(clientSecret).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	return readTokens(made, opExchange)
}

// transport makes the library's one request.
type transport struct{ made *exchange.Exchange }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	return t.made.Do(request)
}

func lastResponse(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

const opRefresh = "refresh the access token"

// Refresh redeems a refresh token: one request, whatever comes of it. A failure of the class Unknown may have taken effect. (guide:
// /oauth/refresh-tokens/)
func (c *Client) Refresh(ctx context.Context, clientSecret, refreshToken secret.Hidden) (revento.Tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTime)
	defer cancel()
	form := url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {refreshToken.Show()},
		"client_id": {c.options.ClientID}, "client_secret": {clientSecret.Show()},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.options.AuthURL+tokenPath, strings.NewReader(form.Encode()))
	if err != nil {
		return revento.Tokens{}, &fault.Error{Class: fault.Permanent, Op: opRefresh, Reason: exchange.ReasonUnmade}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	made := c.http.Begin()
	_, _ = made.Do(request) // what came of it is in made
	return readTokens(made, opRefresh)
}

// readTokens reads a reply of the token endpoint. One that says 200 and brings no token that can be used is as good as lost, unless it
// holds a code.
func readTokens(made *exchange.Exchange, op string) (revento.Tokens, error) {
	if failure := read(made, "", fault.Unknown); failure != nil {
		failure.Op = op
		return revento.Tokens{}, failure
	}
	var form struct {
		Access         string `json:"access_token"`
		Refresh        string `json:"refresh_token"`
		Type           string `json:"token_type"`
		Expires        int64  `json:"expires_in"`
		RefreshExpires int64  `json:"refresh_expires_in"`
		Scope          string `json:"scope"`
		EventID        string `json:"event_id"`
		OrganizationID string `json:"organization_id"`
		UserID         string `json:"user_id"`
	}
	err := json.Unmarshal(made.Body, &form)
	if code := codeOf(made.Body); code != "" && form.Access == "" {
		refusal := &revento.Refusal{Status: made.Status, Code: code}
		return revento.Tokens{}, &fault.Error{Class: fault.Permanent, Op: op, Reason: code, Err: refusal}
	}
	if err != nil || !isToken(form.Access) || form.Refresh != "" && !isToken(form.Refresh) || !isBearer(form.Type) {
		return revento.Tokens{}, &fault.Error{Class: fault.Unknown, Op: op, Reason: reasonUnreadable}
	}
	return revento.Tokens{
		Access: secret.Hide(form.Access), Refresh: secret.Hide(form.Refresh),
		AccessLife: seconds(form.Expires, revento.RefreshCap), RefreshLife: seconds(form.RefreshExpires, revento.RefreshCap),
		Scope: form.Scope, EventID: form.EventID, OrganizationID: form.OrganizationID, UserID: form.UserID,
	}, nil
}

// isToken says whether a text can stand in a header. https://www.rfc-editor.org/rfc/rfc6750#section-2.1
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// isBearer takes a reply that names no type for one that does. https://www.rfc-editor.org/rfc/rfc6749#section-5.1
func isBearer(kind string) bool { return kind == "" || strings.EqualFold(kind, "Bearer") }

// seconds is a life, or 0 for one that is none.
func seconds(count int64, longest time.Duration) time.Duration {
	if count <= 0 {
		return 0
	}
	return time.Duration(min(count, int64(longest/time.Second))) * time.Second
}
