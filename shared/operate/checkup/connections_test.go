package checkup_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/operate/checkup"
)

// fakeConnections are those of an installation. probed is what a look at one shows.
type fakeConnections struct {
	views  []life.View
	err    error
	probed life.View
	failed error
}

func (f *fakeConnections) All(context.Context) ([]life.View, error) { return f.views, f.err }

func (f *fakeConnections) Probe(ctx context.Context, eventID string) (life.View, error) {
	if until, bounded := ctx.Deadline(); !bounded || time.Until(until) <= checkup.CheckTimeout {
		return life.View{}, errors.New("there is no time for a function to start")
	}
	if f.probed.EventID == "" {
		f.probed = working(eventID)
	}
	return f.probed, f.failed
}

func working(event string) life.View {
	return life.View{EventID: event, State: connection.Active, Health: health.Healthy}
}

func lost(event string) life.View {
	return life.View{EventID: event, State: connection.NeedsConsent, Reason: connection.LostRotation, Health: health.NeedsConsent, Failing: true}
}

// connected has a stack's connections on, with two that work.
func connected(s *site) *fakeConnections {
	for name, value := range map[string]string{
		"REVENTO_CLIENT_ID": "client_1", "REVENTO_AUTH_URL": "https://auth.example", "REVENTO_API_URL": "https://api.example/api/v1",
	} {
		s.settings[name] = value
	}
	s.secrets["client"], s.secrets["ring"] = "CANARY", strings.Repeat("CANARY", 8)
	fetch := func(name string) secret.Fetch {
		return func(context.Context) (string, error) {
			if text := s.secrets[name]; text != outOfReach {
				return text, nil
			}
			return "", &fault.Error{Class: fault.Transient, Op: "read the secret", Reason: "AccessDeniedException"}
		}
	}
	known := &fakeConnections{views: []life.View{working("evt_1"), working("evt_2")}}
	s.QueueNames = queue.There(true)
	s.Asking = &checkup.Asking{
		ClientSecrets: secret.NewHolder(fetch("client"), secret.ParseClient, time.Hour, clock),
		SealingKeys:   secret.NewHolder(fetch("ring"), seal.Parse, time.Hour, clock),
		RedirectURI:   "https://alerts.example/oauth/callback",
		Reach:         func(context.Context, string) error { return nil },
		Connections:   known,
	}
	return known
}

// connectionFindings are the lines about what asks Revento, by subject.
func connectionFindings(t *testing.T, s *site) map[string]checkup.Finding {
	t.Helper()
	byName := map[string]checkup.Finding{}
	for _, f := range s.Run(t.Context()) {
		byName[f.Subject] = f
		if strings.Contains(f.Says+f.Remedy, "CANARY") {
			t.Errorf("%+v shows a secret", f)
		}
	}
	return byName
}

func TestWhatIsLookedAtOfConnections(t *testing.T) {
	const access = "see that your AWS credentials"
	down := func(string) error {
		return &fault.Error{Class: fault.Transient, Op: "reach Revento", Reason: "no_connection"}
	}
	for _, tt := range []struct {
		name                  string
		spoil                 func(s *site, known *fakeConnections)
		subject               string
		verdict               checkup.Verdict
		says, remedy, skipped string
	}{
		{name: "a client, and what must be registered", subject: "Revento client", verdict: checkup.OK,
			says: "client_1; register with Revento, byte for byte, the redirect URI https://alerts.example/oauth/callback"},
		{name: "a secret", subject: "Revento client secret", verdict: checkup.OK, says: "filled in: 1 secret"},
		{name: "two secrets while one is rotated", spoil: func(s *site, _ *fakeConnections) { s.secrets["client"] = `{"secrets": ["new", "old"]}` },
			subject: "Revento client secret", verdict: checkup.OK, says: "the new one and the old"},
		{name: "more secrets than two", spoil: func(s *site, _ *fakeConnections) { s.secrets["client"] = "a,b,c" },
			subject: "Revento client secret", verdict: checkup.Warning, says: "3 secrets", remedy: "revento-client-secret"},
		{name: "no secret", spoil: func(s *site, _ *fakeConnections) { s.secrets["client"] = "" },
			subject: "Revento client secret", verdict: checkup.Failed, says: "not filled in yet", remedy: "--secret-id demo/revento-client-secret", skipped: "a call of Revento"},
		{name: "a secret that cannot be read", spoil: func(s *site, _ *fakeConnections) { s.secrets["client"] = outOfReach },
			subject: "Revento client secret", verdict: checkup.Failed, says: "AccessDeniedException", remedy: access, skipped: "a call of Revento"},
		{name: "a key", subject: "sealing keys", verdict: checkup.OK, says: "1 key; "},
		{name: "no key", spoil: func(s *site, _ *fakeConnections) { s.secrets["ring"] = "" },
			subject: "sealing keys", verdict: checkup.Failed, says: "not filled in yet", remedy: "revento-alerts keys add --stack demo", skipped: "a call of Revento"},
		{name: "a key that is none", spoil: func(s *site, _ *fakeConnections) { s.secrets["ring"] = "CANARY" },
			subject: "sealing keys", verdict: checkup.Failed, says: "43", remedy: "put back the keys"},
		{name: "the API is not reached", spoil: func(s *site, _ *fakeConnections) {
			s.Asking.Reach = func(_ context.Context, url string) error {
				if url == "https://api.example/api/v1" {
					return down(url)
				}
				return nil
			}
		}, subject: "Revento's API", verdict: checkup.Failed, says: "https://api.example/api/v1 does not answer", remedy: "look at the address", skipped: "a call of Revento"},
		{name: "the consent page is not reached", spoil: func(s *site, _ *fakeConnections) {
			s.Asking.Reach = func(_ context.Context, url string) error {
				if url == "https://auth.example/oauth/authorize" {
					return down(url)
				}
				return nil
			}
		}, subject: "Revento's consent page", verdict: checkup.Failed, says: "no_connection", remedy: "look at the address"},
		{name: "all work", subject: "connections", verdict: checkup.OK, says: "2 connections, and all work"},
		{name: "none is there", spoil: func(_ *site, known *fakeConnections) { known.views = nil },
			subject: "connections", verdict: checkup.OK, says: "connections link <event id>"},
		{name: "an ended one counts for nothing", spoil: func(_ *site, known *fakeConnections) {
			known.views = []life.View{{EventID: "evt_0", State: connection.Ended}, working("evt_1")}
		}, subject: "connections", verdict: checkup.OK, says: "1 connection, and it works"},
		{name: "one is lost", spoil: func(_ *site, known *fakeConnections) { known.views = append(known.views, lost("evt_3")) },
			subject: "connections", verdict: checkup.Warning, says: "1 of 3 do not work: evt_3 (needs_consent (lost_rotation))",
			remedy: "connections link evt_3 --stack demo"},
		{name: "many are lost", spoil: func(_ *site, known *fakeConnections) {
			known.views = nil
			for i := range 5 {
				known.views = append(known.views, lost(fmt.Sprintf("evt_%d", i)))
			}
		}, subject: "connections", verdict: checkup.Warning, says: "evt_2 (needs_consent (lost_rotation)), and 2 more"},
		{name: "the store fails", spoil: func(_ *site, known *fakeConnections) { known.err = errors.New("down") },
			subject: "connections", verdict: checkup.Failed, says: "down", remedy: access, skipped: "a call of Revento"},
		{name: "Revento is asked", subject: "a call of Revento", verdict: checkup.OK, says: "Revento answered for evt_1"},
		{name: "no connection with which it could be", spoil: func(_ *site, known *fakeConnections) { known.views = []life.View{lost("evt_1")} },
			subject: "a call of Revento", verdict: checkup.Skipped, says: "no connection works"},
		{name: "what is asked shows that it is lost", spoil: func(_ *site, known *fakeConnections) { known.probed = lost("evt_1") },
			subject: "a call of Revento", verdict: checkup.Failed, says: "evt_1: needs_consent", remedy: "connections show evt_1 --stack demo"},
		{name: "nobody looks", spoil: func(_ *site, known *fakeConnections) { known.failed = context.DeadlineExceeded },
			subject: "a call of Revento", verdict: checkup.Failed, says: "did not come within", remedy: "/aws/lambda/demo-sync"},
		{name: "nothing runs", spoil: func(_ *site, known *fakeConnections) { known.failed = life.ErrState },
			subject: "a call of Revento", verdict: checkup.Skipped, says: "serve does not run"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := well()
			known := connected(s)
			if tt.spoil != nil {
				tt.spoil(s, known)
			}
			got := connectionFindings(t, s)
			if f := got[tt.subject]; f.Verdict != tt.verdict || !strings.Contains(f.Says, tt.says) || !strings.Contains(f.Remedy, tt.remedy) {
				t.Errorf("%+v, want %s: %s -> %s", f, tt.verdict, tt.says, tt.remedy)
			}
			if tt.verdict == checkup.Failed && got[tt.subject].Remedy == "" {
				t.Error("there is no remedy")
			}
			if tt.skipped != "" && got[tt.skipped].Verdict != checkup.Skipped {
				t.Errorf("%s is not skipped: %+v", tt.skipped, got[tt.skipped])
			}
		})
	}
}

// Off means that nothing of it is looked at, and that nothing can be wrong with it.
func TestWithoutAClientIDNothingOfConnectionsIsLookedAt(t *testing.T) {
	s := well()
	connected(s)
	delete(s.settings, "REVENTO_CLIENT_ID")
	for subject := range connectionFindings(t, s) {
		if strings.Contains(subject, "Revento") || subject == "sealing keys" || subject == "connections" {
			t.Errorf("%s is looked at", subject)
		}
	}
}
