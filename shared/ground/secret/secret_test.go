package secret_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/ground/secret"
)

func TestWebhookSecretsInEveryFormThatPeopleWrite(t *testing.T) {
	two := secret.Webhook{"new", "old"}
	tests := []struct {
		name string
		text string
		want secret.Webhook
	}{
		{"plain", "whsec_1", secret.Webhook{"whsec_1"}},
		{"a trailing newline", "whsec_1\n", secret.Webhook{"whsec_1"}},
		{"a trailing newline of Windows", "whsec_1\r\n", secret.Webhook{"whsec_1"}},
		{"blanks around it", " whsec_1\t", secret.Webhook{"whsec_1"}},
		{"blanks within are its own", "wh sec", secret.Webhook{"wh sec"}},
		{"in quotes", `"whsec_1"`, secret.Webhook{"whsec_1"}},
		{"in single quotes", "'whsec_1'\n", secret.Webhook{"whsec_1"}},
		{"in quotes with blanks, which are its own", `" whsec_1 "`, secret.Webhook{" whsec_1 "}},
		{"with a comma between", "new,old", two},
		{"with a comma and a blank between", "new, old", two},
		{"one a line", "new\nold\n", two},
		{"one a line, of Windows", "new\r\nold\r\n", two},
		{"one a line with commas", "new,\nold", two},
		{"each in quotes", `"new", "old"`, two},
		{"all in quotes, which may be a list or a comma of its own", `"new, old"`, secret.Webhook{"new, old", "new", "old"}},
		{"a comma at the end", "new,old,", two},
		{"a comma of its own, in quotes", `"a,b",old`, secret.Webhook{"a,b", "old"}},
		{"a comma of its own, in JSON", `{"secrets": ["a,b"]}`, secret.Webhook{"a,b"}},
		{"JSON with one", `{"secrets": ["whsec_1"]}`, secret.Webhook{"whsec_1"}},
		{"JSON with two, newest first", `{"secrets": ["new", "old"]}`, two},
		{"JSON with white space around it", "\n {\"secrets\": [\"new\"]} \n", secret.Webhook{"new"}},
		{"JSON with trailing newlines inside", `{"secrets": ["new\n", "old\r\n"]}`, two},
		{"JSON with an empty one", `{"secrets": ["new", ""]}`, secret.Webhook{"new"}},
		{"JSON in quotes", `'{"secrets": ["new", "old"]}'`, two},
		{"JSON, only the list", `["new", "old"]`, two},
		{"more members than one knows", `{"secrets": ["new"], "note": "ours"}`, secret.Webhook{"new"}},
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

func TestParseToken(t *testing.T) {
	for _, text := range []string{
		"xoxb-1", "xoxb-1\n", " xoxb-1 ", `"xoxb-1"`, "'xoxb-1'\r\n", `" xoxb-1 "`, "\ufeffxoxb-1",
		`{"token": "xoxb-1"}`, `{"token": "xoxb-1\n", "note": "ours"}`, `'{"token": " xoxb-1 "}'`,
	} {
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
		{"in quotes", `"key"`, "evt_abc", "key"},
		{"blanks around it", " key \r\n", "evt_abc", "key"},
		{"JSON with blanks", `{"default": " key", "events": {" evt_abc ": "own "}}`, "evt_abc", "own"},
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
	for name, texts := range map[string][]string{
		"webhook":     {"", "\n", " ", `""`, "{}", "[]", ",", `{"secrets": []}`, `{"secrets": [""]}`},
		"token":       {"", "\n", " ", `""`, "{}", `{"token": ""}`, `{"token": " "}`},
		"routing key": {"", "\n", " ", `""`, "{}", `{"default": "", "events": {"evt_abc": ""}}`},
	} {
		for _, text := range texts {
			if err := parsers[name](text); !errors.Is(err, secret.ErrEmpty) {
				t.Errorf("%s %q: %v", name, text, err)
			}
		}
	}
}

// The documents' examples end in dots, and some people paste them as they are.
func TestAnExampleIsNoSecret(t *testing.T) {
	for name, texts := range map[string][]string{
		"webhook":     {"...", "…", "whsec_...", "new, ...", `{"secrets": ["..."]}`, "<secret>"},
		"token":       {"...", "xoxb-...", `{"token": "xoxb-..."}`, "<token>"},
		"routing key": {"...", `{"default": "..."}`, `{"default": "key", "events": {"evt_abc": "..."}}`, "<key>"},
	} {
		for _, text := range texts {
			if err := parsers[name](text); err == nil || !strings.Contains(err.Error(), "example") {
				t.Errorf("%s %q: %v", name, text, err)
			}
		}
	}
}

func TestACredentialHasNoBlanksAndNoQuotesWithin(t *testing.T) {
	for _, text := range []string{"CANARY 1", "CANARY\n1", "CANARY\u00a01", `CANARY"1`, "CANARY\u201d", "\x1bCANARY"} {
		for _, name := range []string{"token", "routing key"} {
			err := parsers[name](text)
			if err == nil || strings.Contains(err.Error(), "CANARY") || !strings.Contains(err.Error(), "write the plain") {
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
			`{"value": "CANARY"}`, `[CANARY]`,
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

func TestTheClientsSecretsHaveTheFormsOfTheWebhooks(t *testing.T) {
	for _, text := range []string{"new,old", "new\nold\n", `"new", "old"`, `{"secrets": ["new", "old"]}`} {
		got, err := secret.ParseClient(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(secret.Client{"new", "old"}, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	for text, want := range map[string]error{"": secret.ErrEmpty, "<client secret>": nil, `{"token": "CANARY"}`: nil} {
		_, err := secret.ParseClient(text)
		if err == nil || want != nil && !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "client secret") || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
