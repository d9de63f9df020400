package checkup

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
)

const (
	subjectWebhook = "webhook secrets"
	subjectToken   = "Slack bot token"
	subjectKeys    = "integration key"
)

func (v *visit) secretChecks() []check {
	return []check{
		{subject: subjectWebhook, look: v.lookAtWebhookSecrets},
		{subject: subjectToken, look: v.lookAtToken},
		{subject: subjectKeys, look: v.lookAtKeys},
	}
}

func (v *visit) lookAtWebhookSecrets(ctx context.Context) []Finding {
	secrets, err := v.WebhookSecrets.Get(ctx)
	if err != nil {
		return v.noSecret(err, v.Site.WebhookSecrets)
	}
	if slices.ContainsFunc(secrets, hasSpace) {
		return found(Warning, v.Site.WebhookSecrets, "a secret holds white space, which counts as a part of it")
	}
	return fine("filled in: %s", count(len(secrets), "secret"))
}

func hasSpace(text string) bool { return strings.ContainsFunc(text, unicode.IsSpace) }

// noSecret is the finding for a secret that was not filled in, could not be read, or has not the form of one.
func (v *visit) noSecret(err error, fill string) []Finding {
	_, unread := errors.AsType[*fault.Error](err)
	switch {
	case errors.Is(err, secret.ErrEmpty):
		return found(Failed, fill, "not filled in yet")
	case unread:
		return found(Failed, v.Site.Access, "%s", told(err))
	}
	return found(Failed, fill, "%s", told(err))
}

// The beginnings of Slack's tokens. https://docs.slack.dev/authentication/tokens/
const botPrefix = "xoxb-"

var otherPrefixes = map[string]string{
	"xoxp-":      "a user's token",
	"xapp-":      "an app-level token",
	"xoxe.xoxb-": "a token that expires after 12 hours (token rotation is on)",
	"xoxe-":      "a refresh token",
	"https://":   "an incoming webhook's URL",
}

// recorded is the finding for a provider that a recorder stands in for.
func recorded(provider, fill string) []Finding {
	return found(Warning, fill, "none: a recorder takes %s's place, and nothing is sent", provider)
}

func (v *visit) lookAtToken(ctx context.Context) []Finding {
	if v.RecordsSlack {
		return recorded("Slack", v.Site.SlackBotToken)
	}
	token, err := v.SlackBotToken.Get(ctx)
	switch {
	case errors.Is(err, secret.ErrEmpty) && !v.tells(route.Slack, route.Digest):
		return found(Skipped, "", "not filled in, and no route goes to Slack")
	case err != nil:
		return v.noSecret(err, v.Site.SlackBotToken)
	case strings.HasPrefix(string(token), botPrefix):
		return fine("filled in")
	}
	return found(Failed, v.Site.SlackBotToken, "it is not a bot token: %s", wrongWith(string(token)))
}

// wrongWith says what is wrong with a token and nothing of what is in it.
func wrongWith(token string) string {
	for _, prefix := range slices.Sorted(maps.Keys(otherPrefixes)) {
		if strings.HasPrefix(token, prefix) {
			return "it is " + otherPrefixes[prefix]
		}
	}
	return "it does not begin with " + botPrefix
}

// keyForm is the form of an Events API v2 integration key. Others may exist, so that it is only advice.
// https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
var keyForm = regexp.MustCompile(`^[0-9A-Za-z]{32}$`)

func (v *visit) lookAtKeys(ctx context.Context) []Finding {
	keys, err := v.RoutingKeys.Get(ctx)
	switch {
	case v.RecordsPagerDuty:
		v.keys = keys
		return recorded("PagerDuty", v.Site.RoutingKeys)
	case errors.Is(err, secret.ErrEmpty) && !v.tells(route.PagerDuty, route.Resolve):
		return found(Skipped, "", "not filled in, and no route goes to PagerDuty")
	case err != nil:
		return v.noSecret(err, v.Site.RoutingKeys)
	}
	v.keys = keys
	if odd := oddKeys(keys); len(odd) > 0 {
		return found(Warning, v.Site.RoutingKeys, "not of the form of an Events API v2 integration key, 32 letters and digits: %s",
			strings.Join(odd, ", "))
	}
	if keys.Default == "" {
		return found(Warning, `add "default" to the secret's JSON`, "there is no default: events other than %s page nobody",
			strings.Join(slices.Sorted(maps.Keys(keys.Events)), ", "))
	}
	if v.Send {
		return fine("filled in: %s", count(1+len(keys.Events), "key"))
	}
	return fine("filled in: %s; only --send shows whether PagerDuty takes them", count(1+len(keys.Events), "key"))
}

// oddKeys names the keys that have another form, by their place in the secret.
func oddKeys(keys secret.RoutingKeys) []string {
	var odd []string
	if keys.Default != "" && !keyForm.MatchString(keys.Default) {
		odd = append(odd, "the default")
	}
	for _, event := range slices.Sorted(maps.Keys(keys.Events)) {
		if !keyForm.MatchString(keys.Events[event]) {
			odd = append(odd, event)
		}
	}
	return odd
}

// tells says whether a route has a target of one of the kinds; where the routes are not known, it may.
func (v *visit) tells(kinds ...route.Kind) bool { return !v.routed || v.routes.Uses(kinds...) }
