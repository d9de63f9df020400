package sandbox

import (
	"slices"
	"strings"
	"time"

	"revento-alerts/shared/revento"
)

// Kind is what a token is for. (guide: /concepts/)
type Kind string

// The kinds of tokens.
const (
	Installation Kind = "installation"
	User         Kind = "user"
)

// scopeKinds are all scopes, and the kind of token that can have them. (guide: /scopes/)
var scopeKinds = map[string]Kind{
	"event.read": Installation, "participants.read": Installation, "program.read": Installation,
	"profile.read": User, "event.attendance": User,
}

func scopesOf(kind Kind) []string {
	return slices.Sorted(func(yield func(string) bool) {
		for scope, of := range scopeKinds {
			if of == kind && !yield(scope) {
				return
			}
		}
	})
}

// prefixes of access tokens, and of refresh tokens. (guide: /oauth/refresh-tokens/; that of user tokens is not known)
var prefixes = map[Kind]string{Installation: "rev_install_", User: "rev_user_"}

const refreshPrefix = "rev_refresh_"

// Tokens is the reply of the token endpoint. (guide: /oauth/refresh-tokens/)
type Tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	TokenType    string `json:"token_type"`
	// ExpiresIn and RefreshExpiresIn are seconds.
	ExpiresIn        int    `json:"expires_in"`
	RefreshExpiresIn int    `json:"refresh_expires_in,omitempty"`
	Scope            string `json:"scope"`
	EventID          string `json:"event_id"`
	OrganizationID   string `json:"organization_id"`
	UserID           string `json:"user_id,omitempty"`
}

// grant is one consent: for one event, and with user tokens for one user.
type grant struct {
	Client, Event, Organization, User string
	Kind                              Kind
	Scope                             []string
	First, Renewed                    time.Time
	Generation                        int
	Revoked                           bool
	Tokens                            []*token // the oldest first
	newest                            Tokens
	inFlight                          int
	used                              windows
}

// token is an access token, or a refresh token, kept as its digest.
type token struct {
	Digest     digest
	Access     bool
	Generation int
	Expires    time.Time
	Ended      bool // before its time, alone
	grant      *grant
	used       windows
}

func (g *grant) has(scope string) bool { return slices.Contains(g.Scope, scope) }

// newGrant begins one and issues its first tokens.
func (s *Sandbox) newGrant(g grant) (*grant, Tokens) {
	if s.rules.ConsentEndsEarlier {
		s.revoke(func(other *grant) bool {
			return other.Client == g.Client && other.Kind == g.Kind && other.Event == g.Event && other.User == g.User
		})
	}
	g.First = s.now()
	begun := &g
	s.grants = append(s.grants, begun)
	if len(s.grants) > maxGrants {
		s.forget(s.grants[0], 0)
		s.grants = slices.Delete(s.grants, 0, 1)
	}
	return begun, s.issue(begun)
}

// forget makes a grant's oldest tokens unknown, and leaves so many. The refresh token that is to be redeemed next goes last.
func (s *Sandbox) forget(g *grant, left int) {
	for len(g.Tokens) > left {
		oldest := max(0, slices.IndexFunc(g.Tokens, func(t *token) bool { return t.Access || t.Generation < g.Generation }))
		delete(s.tokens, g.Tokens[oldest].Digest)
		g.Tokens = slices.Delete(g.Tokens, oldest, oldest+1)
	}
}

// issue makes the grant's next pair.
func (s *Sandbox) issue(g *grant) Tokens {
	now := s.now()
	g.Generation++
	g.Renewed = now
	refreshEnd := now.Add(revento.RefreshLife)
	if limit := g.First.Add(revento.RefreshCap); limit.Before(refreshEnd) {
		refreshEnd = limit
	}
	access, refresh := prefixes[g.Kind]+randomText(), refreshPrefix+randomText()
	s.keep(g, access, token{Access: true, Expires: now.Add(revento.AccessLife)})
	s.keep(g, refresh, token{Expires: refreshEnd})
	g.newest = Tokens{
		AccessToken: access, RefreshToken: refresh, TokenType: "Bearer", ExpiresIn: int(revento.AccessLife.Seconds()),
		RefreshExpiresIn: int(refreshEnd.Sub(now).Seconds()), Scope: strings.Join(g.Scope, " "), EventID: g.Event,
		OrganizationID: g.Organization,
	}
	if s.rules.TokenNamesUser {
		g.newest.UserID = g.User
	}
	return g.newest
}

// keep makes a token known.
func (s *Sandbox) keep(g *grant, secret string, t token) {
	t.Digest, t.grant, t.Generation = digestOf(secret), g, g.Generation
	g.Tokens = append(g.Tokens, &t)
	s.tokens[t.Digest] = &t
	s.forget(g, maxTokens)
}

// endAccess makes the grant's access tokens expire at once.
func (s *Sandbox) endAccess(g *grant) { s.end(g, true) }

// endRefresh does so with its refresh tokens.
func (s *Sandbox) endRefresh(g *grant) { s.end(g, false) }

func (s *Sandbox) end(g *grant, access bool) {
	for _, t := range g.Tokens {
		if t.Access == access {
			t.Ended = true
		}
	}
}

// findRefresh returns a client's refresh token, however it stands, or nil.
func (s *Sandbox) findRefresh(secret string, client Client) *token {
	t := s.tokens[digestOf(secret)]
	if t == nil || t.Access || t.grant.Client != client.ID {
		return nil
	}
	return t
}

// redeem gives the next pair for a refresh token. keep has the reply bring none, and the old one stay good.
func (s *Sandbox) redeem(t *token, keep bool) (Tokens, *problem) {
	now := s.now()
	if t == nil || t.grant.Revoked || t.Ended || !now.Before(t.Expires) {
		return Tokens{}, invalidGrant("the refresh token is unknown, expired or revoked")
	}
	if t.Generation < t.grant.Generation {
		return s.redeemAgain(t)
	}
	if s.rules.RefreshEndsAccess {
		s.endAccess(t.grant)
	}
	if keep {
		return s.issueAccess(t), nil
	}
	return s.issue(t.grant), nil
}

// issueAccess makes an access token alone.
func (s *Sandbox) issueAccess(t *token) Tokens {
	reply := t.grant.newest
	reply.AccessToken = prefixes[t.grant.Kind] + randomText()
	s.keep(t.grant, reply.AccessToken, token{Access: true, Expires: s.now().Add(revento.AccessLife)})
	reply.RefreshToken, reply.RefreshExpiresIn = "", 0
	return reply
}

// redeemAgain answers for a refresh token that was redeemed before, as the rule says.
func (s *Sandbox) redeemAgain(t *token) (Tokens, *problem) {
	again := t.Generation == t.grant.Generation-1 && s.now().Sub(t.grant.Renewed) < s.rules.ReuseWindow
	switch {
	case s.rules.Reuse == ReuseSamePair && again:
		return t.grant.newest, nil
	case s.rules.Reuse == ReuseNewPair && again:
		return s.issue(t.grant), nil
	case s.rules.Reuse == ReuseRevoke:
		t.grant.Revoked = true
	}
	return Tokens{}, invalidGrant("the refresh token was redeemed before")
}

// authenticate finds who calls, or says why the token is no good. (guide: /api/errors/)
func (s *Sandbox) authenticate(secret string) (*token, *problem) {
	t := s.tokens[digestOf(secret)]
	switch {
	case t == nil || !t.Access:
		return nil, unauthorized(revento.CodeInvalidToken, "the access token is unknown")
	case t.grant.Revoked:
		return nil, unauthorized(revento.CodeTokenRevoked, "the access token was revoked")
	case t.Ended || !s.now().Before(t.Expires):
		return nil, unauthorized(revento.CodeTokenExpired, "the access token has expired")
	}
	return t, nil
}

// revoke revokes all grants that fit, and returns how many there were.
func (s *Sandbox) revoke(fits func(*grant) bool) (count int) {
	for _, g := range s.grants {
		if !g.Revoked && fits(g) {
			g.Revoked = true
			count++
		}
	}
	return count
}
