// Package secret reads the product's secrets and keeps them fresh. Each has its forms, the same on one machine and on AWS; none of
// the errors holds any part of one.
package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"revento-alerts/shared/ground/written"
)

// ErrEmpty is returned for a secret that nobody has filled in yet.
var ErrEmpty = errors.New("the secret is not filled in yet")

// Errors of what is no secret. None holds any part of it.
var (
	errForm        = errors.New("it begins like JSON and is not of the known form")
	errPlaceholder = errors.New("it is the dots of an example and not the value")
	errCharacters  = errors.New("it holds a blank, a line break or another character that no credential has")
)

// Webhook is the webhook secrets, newest first: while Revento's secret is being rotated, both the new and the old one count.
type Webhook []string

// Client is the secrets of Revento's client, newest first: while it is being rotated, both the new and the old one may count.
type Client []string

// severalForms is the remedy of an error of ParseWebhook and ParseClient.
const severalForms = `write the plain secret, several with commas between or one a line, one that holds a comma in quotes, or {"secrets": ["new", "old"]}`

// ParseWebhook reads one secret or several, newest first, in each of their forms: plain, with commas between, one a line, in quotes,
// or as JSON: {"secrets": ["new", "old"]} or ["new", "old"]. None is ever left out silently but what is empty.
func ParseWebhook(text string) (Webhook, error) { return parseSeveral("webhook secret", text) }

// ParseClient reads what ParseWebhook does.
func ParseClient(text string) (Client, error) { return parseSeveral("client secret", text) }

// parseSeveral reads secrets that count side by side; name says in errors which.
func parseSeveral(name, text string) ([]string, error) {
	values, err := severalValues(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, err, severalForms)
	}
	var secrets []string
	for _, value := range values {
		if value = trim(value); value == "" {
			continue
		}
		if isPlaceholder(value) {
			return nil, fmt.Errorf("%s: %w: %s", name, errPlaceholder, severalForms)
		}
		secrets = append(secrets, value)
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%s: %w", name, ErrEmpty)
	}
	return secrets, nil
}

func severalValues(text string) ([]string, error) {
	encoded, isJSON := asJSON(text)
	if !isJSON {
		return plainValues(text)
	}
	if strings.HasPrefix(encoded, "[") {
		var values []string
		err := decode(encoded, &values)
		return values, err
	}
	var form struct {
		Secrets []string `json:"secrets"`
	}
	err := decode(encoded, &form, "secrets")
	return form.Secrets, err
}

// plainValues reads a list. One that stands in quotes as a whole may be one secret that holds a comma, or the list of an environment
// file that keeps its quotes: both readings count, since the wrong one alone would refuse every delivery.
func plainValues(text string) ([]string, error) {
	values, err := written.List(text)
	if err != nil || len(values) > 1 {
		return values, err
	}
	within, err := written.List(values[0])
	if err != nil || len(within) == 1 {
		return values, nil
	}
	return append(values, within...), nil
}

// Token is a Slack bot token.
type Token string

// tokenForms is the remedy of an error of ParseToken.
const tokenForms = `write the plain token, or {"token": "xoxb-..."}`

// ParseToken reads a plain token, in quotes or not, or {"token": "xoxb-..."}.
func ParseToken(text string) (Token, error) {
	var form struct {
		Token string `json:"token"`
	}
	token := written.Value(text)
	if encoded, isJSON := asJSON(text); isJSON {
		if err := decode(encoded, &form, "token"); err != nil {
			return "", fmt.Errorf("slack bot token: %w: %s", err, tokenForms)
		}
		token = form.Token
	}
	token, err := credential(token)
	if errors.Is(err, ErrEmpty) {
		return "", fmt.Errorf("slack bot token: %w", err)
	}
	if err != nil {
		return "", fmt.Errorf("slack bot token: %w: %s", err, tokenForms)
	}
	return Token(token), nil
}

// RoutingKeys is PagerDuty's integration keys.
type RoutingKeys struct {
	Default string            `json:"default"`
	Events  map[string]string `json:"events"` // by event id
}

// keyForms is the remedy of an error of ParseRoutingKeys.
const keyForms = `write the plain key, or {"default": "key", "events": {"evt_abc": "key"}}`

// ParseRoutingKeys reads a plain key, in quotes or not, or {"default": "key", "events": {"evt_abc": "key"}}.
func ParseRoutingKeys(text string) (RoutingKeys, error) {
	form := RoutingKeys{Default: written.Value(text)}
	if encoded, isJSON := asJSON(text); isJSON {
		form = RoutingKeys{}
		if err := decode(encoded, &form, "default", "events"); err != nil {
			return RoutingKeys{}, fmt.Errorf("pagerduty integration key: %w: %s", err, keyForms)
		}
	}
	keys := RoutingKeys{Events: map[string]string{}}
	var err error
	if keys.Default, err = credential(form.Default); err != nil && !errors.Is(err, ErrEmpty) {
		return RoutingKeys{}, fmt.Errorf("pagerduty integration key: %w: %s", err, keyForms)
	}
	for event, text := range form.Events {
		key, err := credential(text)
		if errors.Is(err, ErrEmpty) {
			continue
		}
		if err != nil {
			return RoutingKeys{}, fmt.Errorf("pagerduty integration key of the event %s: %w: %s", event, err, keyForms)
		}
		keys.Events[strings.TrimSpace(event)] = key
	}
	if keys.Default == "" && len(keys.Events) == 0 {
		return RoutingKeys{}, fmt.Errorf("pagerduty integration key: %w", ErrEmpty)
	}
	return keys, nil
}

// Of is the key for an event, or "" where there is none.
func (k RoutingKeys) Of(eventID string) string {
	if key, ok := k.Events[eventID]; ok {
		return key
	}
	return k.Default
}

// asJSON returns a text that is written as JSON, also where the whole stands in quotes.
func asJSON(text string) (encoded string, isJSON bool) {
	encoded = written.Value(text)
	return encoded, strings.HasPrefix(encoded, "{") || strings.HasPrefix(encoded, "[")
}

// decode fills form. An object that has members and none of those named is of another form: what it holds is not left out in silence.
// The decoder's own error is: it may quote the secret.
func decode(encoded string, form any, names ...string) error {
	if json.Unmarshal([]byte(encoded), form) != nil {
		return errForm
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(encoded), &members) != nil || len(members) == 0 {
		return nil
	}
	for _, name := range names {
		if _, has := members[name]; has {
			return nil
		}
	}
	return errForm
}

// credential is a token or a key without what people leave around it. It returns ErrEmpty.
func credential(text string) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", ErrEmpty
	case isPlaceholder(text):
		return "", errPlaceholder
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) || strings.ContainsAny(text, `"'`):
		return "", errCharacters
	}
	return text, nil
}

// isPlaceholder says whether the value was copied from an example, such as xoxb-... or <token>.
func isPlaceholder(text string) bool {
	return strings.HasSuffix(text, "...") || strings.HasSuffix(text, "…") || strings.HasPrefix(text, "<") && strings.HasSuffix(text, ">")
}

// trim drops the trailing line break that editors and shells leave behind, and nothing else: a secret is opaque.
func trim(text string) string { return strings.TrimRight(text, "\r\n") }
