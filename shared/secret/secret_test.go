package secret_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/secret"
)

func TestParseWebhook(t *testing.T) {
	tests := []struct {
		name string
		text string
		want secret.Webhook
	}{
		{"plain", "whsec_1", secret.Webhook{"whsec_1"}},
		{"a trailing newline", "whsec_1\n", secret.Webhook{"whsec_1"}},
		{"a trailing newline of Windows", "whsec_1\r\n", secret.Webhook{"whsec_1"}},
		{"spaces and commas are a plain secret's own", " a, b ", secret.Webhook{" a, b "}},
		{"JSON with one", `{"secrets": ["whsec_1"]}`, secret.Webhook{"whsec_1"}},
		{"JSON with two, newest first", `{"secrets": ["new", "old"]}`, secret.Webhook{"new", "old"}},
		{"JSON with white space around it", "\n {\"secrets\": [\"new\"]} \n", secret.Webhook{"new"}},
		{"JSON with trailing newlines inside", `{"secrets": ["new\n", "old\r\n"]}`, secret.Webhook{"new", "old"}},
		{"JSON with an empty one", `{"secrets": ["new", ""]}`, secret.Webhook{"new"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := secret.ParseWebhook(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseWebhookList(t *testing.T) {
	got, err := secret.ParseWebhookList("new,old\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(secret.Webhook{"new", "old"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := secret.ParseWebhookList(","); !errors.Is(err, secret.ErrEmpty) {
		t.Errorf("only a comma: %v", err)
	}
}

func TestParseToken(t *testing.T) {
	for _, text := range []string{"xoxb-1", "xoxb-1\n", `{"token": "xoxb-1"}`, `{"token": "xoxb-1\n", "note": "ours"}`} {
		if got, err := secret.ParseToken(text); err != nil || got != "xoxb-1" {
			t.Errorf("ParseToken(%q) = %q, %v", text, got, err)
		}
	}
}

func TestRoutingKeys(t *testing.T) {
	tests := []struct {
		name  string
		text  string
		event string
		want  string
	}{
		{"plain", "key\n", "evt_abc", "key"},
		{"JSON's default", `{"default": "key", "events": {"evt_abc": "own"}}`, "evt_def", "key"},
		{"JSON's default, event unknown", `{"default": "key", "events": {"evt_abc": "own"}}`, "", "key"},
		{"JSON's key for the event", `{"default": "key", "events": {"evt_abc": "own\n"}}`, "evt_abc", "own"},
		{"an event's empty key is none", `{"default": "key", "events": {"evt_abc": "\n"}}`, "evt_abc", "key"},
		{"no default", `{"events": {"evt_abc": "own"}}`, "evt_def", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			keys, err := secret.ParseRoutingKeys(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := keys.Of(test.event); got != test.want {
				t.Errorf("Of(%q) = %q, want %q", test.event, got, test.want)
			}
		})
	}
}

var parsers = map[string]func(string) error{
	"webhook":     func(text string) error { _, err := secret.ParseWebhook(text); return err },
	"token":       func(text string) error { _, err := secret.ParseToken(text); return err },
	"routing key": func(text string) error { _, err := secret.ParseRoutingKeys(text); return err },
}

func TestASecretThatIsNotFilledInIsSaidToBe(t *testing.T) {
	for name, parse := range parsers {
		for _, text := range []string{
			"", "\n", "{}", `{"secrets": []}`, `{"secrets": [""]}`, `{"token": ""}`, `{"default": "", "events": {"evt_abc": ""}}`,
		} {
			if err := parse(text); !errors.Is(err, secret.ErrEmpty) {
				t.Errorf("%s %q: %v", name, text, err)
			}
		}
	}
}

func TestRefusalsTellTheFormAndNotTheSecret(t *testing.T) {
	const canary = "CANARY"
	for name, parse := range parsers {
		for _, text := range []string{
			`{"` + canary, `{CANARY}`, `{"secrets": "CANARY"}{`, `{"secrets": ["CANARY"], "token": "CANARY"} CANARY`,
			`{"secrets": {"CANARY": 1}, "token": ["CANARY"], "default": ["CANARY"]}`,
			`{"secrets": [1], "token": 1, "default": 1, "x": "CANARY"}`,
		} {
			err := parse(text)
			if err == nil {
				t.Errorf("%s %q: accepted", name, text)
				continue
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("%s %q: the error holds the secret: %v", name, text, err)
			}
			if !strings.Contains(err.Error(), "write the plain") {
				t.Errorf("%s %q: the error has no remedy: %v", name, text, err)
			}
		}
	}
}
