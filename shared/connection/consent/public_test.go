package consent_test

import (
	"testing"

	"revento-alerts/shared/connection/consent"
)

func TestThePublicURLIsHTTPSOrLoopback(t *testing.T) {
	for _, test := range []struct {
		text, want string // "": refused
		isSecure   bool
	}{
		{"https://alerts.example.com", "https://alerts.example.com", true},
		{"https://alerts.example.com/", "https://alerts.example.com", true},
		{"https://Alerts.Example.com:443", "https://alerts.example.com", true},
		{"https://alerts.example.com:8443", "https://alerts.example.com:8443", true},
		{"http://127.0.0.1:3000", "http://127.0.0.1:3000", false},
		{"http://localhost:3000/", "http://localhost:3000", false},
		{"http://[::1]:3000", "http://[::1]:3000", false},
		{"http://127.0.0.1:80", "http://127.0.0.1", false},
		{"HTTPS://alerts.example.com", "https://alerts.example.com", true},

		{"http://alerts.example.com", "", false},
		{"http://localhost.example.com", "", false},
		{"http://192.0.2.1:3000", "", false},
		{"https://alerts.example.com/alerts", "", false},
		{"https://alerts.example.com//", "", false},
		{"https://alerts.example.com?x=1", "", false},
		{"https://alerts.example.com?", "", false},
		{"https://alerts.example.com#x", "", false},
		{"https://user:canary@alerts.example.com", "", false},
		{"https://", "", false},
		{"https://:443", "", false},
		{"ftp://alerts.example.com", "", false},
		{"javascript:alert(1)", "", false},
		{"alerts.example.com", "", false},
		{"", "", false},
	} {
		got, err := consent.ParsePublicURL(test.text)
		if (err == nil) != (test.want != "") {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		if err == nil && (got.String() != test.want || got.IsSecure() != test.isSecure || got.RedirectURI() != test.want+"/oauth/callback") {
			t.Errorf("%q is %q, secure: %v; redirect URI %q", test.text, got, got.IsSecure(), got.RedirectURI())
		}
	}
}

func TestWhereAnOrganizerBegins(t *testing.T) {
	public, err := consent.ParsePublicURL("https://alerts.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := public.ConnectURL("evt&1", "abc"), "https://alerts.example.com/connect?event_id=evt%261&link=abc"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := public.ConnectURL(event, ""), "https://alerts.example.com/connect?event_id="+event; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
