// Package secret reads the product's secrets and keeps them fresh. Each has a plain form and a JSON form; none of the
// errors holds any part of one.
package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// ErrEmpty is returned for a secret that nobody has filled in yet.
var ErrEmpty = errors.New("the secret is not filled in yet")

// Webhook is the webhook secrets, newest first: while Revento's secret is being rotated, both the new and the old one count.
type Webhook []string

// ParseWebhook reads a plain secret, or {"secrets": ["new", "old"]}.
func ParseWebhook(text string) (Webhook, error) {
	var form struct {
		Secrets []string `json:"secrets"`
	}
	text, isJSON, err := open(text, &form)
	if err != nil {
		return nil, fmt.Errorf(`webhook secret: %w: write the plain secret, or {"secrets": ["new", "old"]}`, err)
	}
	if !isJSON {
		return Webhook{text}, nil
	}
	return webhook(form.Secrets)
}

// ParseWebhookList reads comma-separated secrets, newest first, as WEBHOOK_SECRETS holds them on one machine.
func ParseWebhookList(text string) (Webhook, error) { return webhook(strings.Split(text, ",")) }

func webhook(values []string) (Webhook, error) {
	var secrets Webhook
	for _, value := range values {
		if value = trim(value); value != "" {
			secrets = append(secrets, value)
		}
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("webhook secret: %w", ErrEmpty)
	}
	return secrets, nil
}

// Token is a Slack bot token.
type Token string

// ParseToken reads a plain token, or {"token": "xoxb-..."}.
func ParseToken(text string) (Token, error) {
	var form struct {
		Token string `json:"token"`
	}
	text, isJSON, err := open(text, &form)
	if err != nil {
		return "", fmt.Errorf(`slack bot token: %w: write the plain token, or {"token": "xoxb-..."}`, err)
	}
	if isJSON {
		text = trim(form.Token)
	}
	if text == "" {
		return "", fmt.Errorf("slack bot token: %w", ErrEmpty)
	}
	return Token(text), nil
}

// RoutingKeys is PagerDuty's integration keys.
type RoutingKeys struct {
	Default string            `json:"default"`
	Events  map[string]string `json:"events"` // by event id
}

// ParseRoutingKeys reads a plain key, or {"default": "key", "events": {"evt_abc": "key"}}.
func ParseRoutingKeys(text string) (RoutingKeys, error) {
	var form RoutingKeys
	text, isJSON, err := open(text, &form)
	if err != nil {
		return RoutingKeys{}, fmt.Errorf(`pagerduty routing key: %w: write the plain key, or {"default": "key", "events": {"evt_abc": "key"}}`, err)
	}
	if !isJSON {
		form.Default = text
	}
	form.Default = trim(form.Default)
	for event, key := range form.Events {
		form.Events[event] = trim(key)
	}
	maps.DeleteFunc(form.Events, func(_, key string) bool { return key == "" })
	if form.Default == "" && len(form.Events) == 0 {
		return RoutingKeys{}, fmt.Errorf("pagerduty routing key: %w", ErrEmpty)
	}
	return form, nil
}

// Of is the key for an event, or "" where there is none.
func (k RoutingKeys) Of(eventID string) string {
	if key, ok := k.Events[eventID]; ok {
		return key
	}
	return k.Default
}

var errForm = errors.New("it begins like JSON and is not of the known form")

// open returns a plain secret without its trailing line break, or fills form and says so. An empty secret is ErrEmpty.
func open(text string, form any) (plain string, isJSON bool, err error) {
	plain = trim(text)
	if plain == "" {
		return "", false, ErrEmpty
	}
	if !strings.HasPrefix(strings.TrimSpace(plain), "{") {
		return plain, false, nil
	}
	if json.Unmarshal([]byte(plain), form) != nil {
		return "", true, errForm // the decoder's own error may quote the secret
	}
	return "", true, nil
}

// trim drops the trailing line break that editors and shells leave behind, and nothing else: a secret is opaque.
func trim(text string) string { return strings.TrimRight(text, "\r\n") }
