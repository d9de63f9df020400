package checkup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
)

// Connections is what the checks need of connections.
type Connections interface {
	// All returns all of them.
	All(ctx context.Context) ([]life.View, error)
	// Probe has an event's looked at now, by what does so anyway. It returns life.ErrState where nothing runs that does.
	Probe(ctx context.Context, eventID string) (life.View, error)
}

// Asking is what is looked at where connections are on.
type Asking struct {
	ClientSecrets Secret[secret.Client]
	SealingKeys   Secret[seal.Ring]
	// RedirectURI is what must be registered with Revento; "" where it is known only while serve runs.
	RedirectURI string
	// Reach returns an error where nobody answers at a URL, whatever the answer.
	Reach       func(ctx context.Context, url string) error
	Connections Connections
}

const (
	subjectClient       = "Revento client"
	subjectClientSecret = "Revento client secret"
	subjectSealingKeys  = "sealing keys"
	subjectAuthURL      = "Revento's consent page"
	subjectAPIURL       = "Revento's API"
	subjectConnections  = "connections"
	subjectCall         = "a call of Revento"
)

// CallTimeout bounds the check that waits for a look at a connection: a function that starts, and a refresh of its token.
const CallTimeout = 45 * time.Second

// authorizePath is what is appended to the address of the consent page: design of OAuth, and Revento's. (guide: /oauth/organizer-connect/)
const authorizePath = "/oauth/authorize"

// connectionChecks look at what connections need. Where they are off there is nothing to look at, and nothing to mend.
func (v *visit) connectionChecks() []check {
	if v.Asking == nil || !v.all.Connections.On() {
		return nil
	}
	s := v.all.Connections
	return []check{
		{subject: subjectClient, look: v.lookAtClient},
		{subject: subjectClientSecret, look: v.lookAtClientSecrets},
		{subject: subjectSealingKeys, look: v.lookAtSealingKeys},
		{subject: subjectAuthURL, look: func(ctx context.Context) []Finding { return v.lookAtAddress(ctx, s.AuthURL+authorizePath) }},
		{subject: subjectAPIURL, look: func(ctx context.Context) []Finding { return v.lookAtAddress(ctx, s.APIURL) }},
		{subject: subjectConnections, look: v.lookAtConnections},
		{subject: subjectCall, needs: []string{subjectClientSecret, subjectSealingKeys, subjectAPIURL, subjectConnections}, time: CallTimeout,
			look: v.lookAtACall},
	}
}

func (v *visit) lookAtClient(context.Context) []Finding {
	id := v.all.Connections.ClientID
	if v.Asking.RedirectURI == "" {
		return fine("%s; its redirect URI is that of the pages, which serve tells while it runs", id)
	}
	return fine("%s; register with Revento, byte for byte, the redirect URI %s", id, v.Asking.RedirectURI)
}

// maxClientSecrets are the new one and the old, while one takes the other's place.
const maxClientSecrets = 2

func (v *visit) lookAtClientSecrets(ctx context.Context) []Finding {
	secrets, err := v.Asking.ClientSecrets.Get(ctx)
	switch {
	case err != nil:
		return v.noSecret(err, v.Site.ClientSecret)
	case slices.ContainsFunc(secrets, hasSpace):
		return found(Warning, v.Site.ClientSecret, "a secret holds white space, which counts as a part of it")
	case len(secrets) > maxClientSecrets:
		return found(Warning, v.Site.ClientSecret, "filled in: %s, of which the first is used, and another once where Revento refuses it: "+
			"keep the new one and the old, and no others", count(len(secrets), "secret"))
	case len(secrets) == maxClientSecrets:
		return fine("filled in: 2 secrets, the new one and the old: take the old one out when Revento takes the new one")
	}
	return fine("filled in: 1 secret")
}

func (v *visit) lookAtSealingKeys(ctx context.Context) []Finding {
	ring, err := v.Asking.SealingKeys.Get(ctx)
	if _, unread := errors.AsType[*fault.Error](err); err != nil && !unread && !errors.Is(err, secret.ErrEmpty) {
		return found(Failed, "put back the keys that were there before it was written: without them no stored token opens", "%s", told(err))
	}
	if err != nil {
		return v.noSecret(err, v.Site.SealingKeys)
	}
	ids := ring.IDs()
	return fine("%s; %s seals", count(len(ids), "key"), ids[0])
}

// lookAtAddress is content with any answer: without a token Revento owes none but a refusal.
func (v *visit) lookAtAddress(ctx context.Context, url string) []Finding {
	if err := v.Asking.Reach(ctx, url); err != nil {
		return found(Failed, "look at the address; where it is right, Revento or the way to it is down: "+v.Site.Settings, "%s does not answer: %s",
			url, told(err))
	}
	return fine("%s answers", url)
}

// shownBad is how many connections that do not work are named.
const shownBad = 3

func (v *visit) lookAtConnections(ctx context.Context) []Finding {
	views, err := v.Asking.Connections.All(ctx)
	if err != nil {
		return found(Failed, v.Site.Access, "%s", told(err))
	}
	var bad []life.View
	live := 0
	for _, view := range views {
		if view.State == connection.Ended {
			continue
		}
		live++
		if !view.IsWell() {
			bad = append(bad, view)
		} else if v.working == "" {
			v.working = view.EventID
		}
	}
	switch {
	case live == 0:
		return fine("none yet: '%s' makes the link by which an organizer connects an event", v.Site.Installation.Command("connections link <event id>"))
	case len(bad) == 0:
		return fine("%s, and %s", count(live, "connection"), map[bool]string{true: "it works", false: "all work"}[live == 1])
	}
	return []Finding{{
		Verdict: Warning, Says: fmt.Sprintf("%d of %d do not work: %s", len(bad), live, strings.Join(named(bad), ", ")),
		Remedy: v.Site.Installation.Command("connections show "+bad[0].EventID) + "; one that was revoked or needs consent is connected anew by " +
			"its organizer: " + v.Site.Installation.Command("connections link "+bad[0].EventID),
	}}
}

// named are the events of some connections, with what each lacks.
func named(bad []life.View) []string {
	var names []string
	for i, view := range bad {
		if i == shownBad {
			return append(names, fmt.Sprintf("and %d more", len(bad)-shownBad))
		}
		names = append(names, view.EventID+" ("+view.Lacks()+")")
	}
	return names
}

// lookAtACall has a connection that works looked at, by what does so anyway, with its token.
func (v *visit) lookAtACall(ctx context.Context) []Finding {
	if v.working == "" {
		return found(Skipped, "", "no connection works with which Revento could be asked")
	}
	view, err := v.Asking.Connections.Probe(ctx, v.working)
	switch {
	case errors.Is(err, life.ErrState):
		return found(Skipped, "", "serve does not run, which asks Revento")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return found(Failed, v.Site.Worker, "a look at %s was asked for, and did not come within %s", v.working, CallTimeout)
	case err != nil:
		return found(Failed, v.Site.Access, "%s", told(err))
	case !view.IsWell():
		return found(Failed, v.Site.Installation.Command("connections show "+view.EventID), "%s: %s", view.EventID, view.Lacks())
	}
	return fine("Revento answered for %s", view.EventID)
}
