package settings_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/ground/schedule"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/settings"
)

func from(variables map[string]string) settings.Source {
	return func(name string) (string, bool) {
		value, set := variables[name]
		return value, set
	}
}

func connected(more map[string]string) settings.Source {
	variables := map[string]string{
		"REVENTO_CLIENT_ID": "client_1", "REVENTO_AUTH_URL": "https://auth.revento.example", "REVENTO_API_URL": "https://api.revento.example/api/v1/",
	}
	for name, value := range more {
		variables[name] = value
	}
	return from(variables)
}

func TestConnectionsAreOffWithoutAClientID(t *testing.T) {
	loaded, err := settings.LoadConnections(from(nil))
	if err != nil || loaded.On() {
		t.Errorf("%+v, %v", loaded, err)
	}
}

func TestConnectionsWithTheirDefaults(t *testing.T) {
	got, err := settings.LoadConnections(connected(nil))
	if err != nil {
		t.Fatal(err)
	}
	got.Common = settings.Common{}
	want := settings.Connections{
		SecretMaxAge: 5 * time.Minute, ClientID: "client_1", AuthURL: "https://auth.revento.example", APIURL: "https://api.revento.example/api/v1",
		Scopes: []string{"event.read", "participants.read", "program.read"}, ProbeInterval: 30 * time.Minute,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(consent.PublicURL{}, schedule.Schedule{})); diff != "" {
		t.Error(diff)
	}
}

func TestValuesOfConnectionsAsPeopleWriteThem(t *testing.T) {
	for name, test := range map[string]struct {
		variable, value string
		want            func(settings.Connections) bool
	}{
		"a client id in quotes":   {"REVENTO_CLIENT_ID", `"client_1"`, func(c settings.Connections) bool { return c.ClientID == "client_1" }},
		"scopes with many blanks": {"CONNECT_SCOPES", " event.read\n program.read ", func(c settings.Connections) bool { return len(c.Scopes) == 2 }},
		"a final slash":           {"PUBLIC_URL", "https://alerts.example/", func(c settings.Connections) bool { return c.PublicURL.String() == "https://alerts.example" }},
		"http on the loopback":    {"PUBLIC_URL", "http://127.0.0.1:3000", func(c settings.Connections) bool { return c.PublicURL.String() == "http://127.0.0.1:3000" }},
		"http on localhost":       {"PUBLIC_URL", "http://localhost:3000", func(c settings.Connections) bool { return c.PublicURL.String() == "http://localhost:3000" }},
		"http on IPv6's loopback": {"PUBLIC_URL", "http://[::1]:3000", func(c settings.Connections) bool { return c.PublicURL.String() == "http://[::1]:3000" }},
		"a path of Revento's":     {"REVENTO_AUTH_URL", "https://r.example/auth/", func(c settings.Connections) bool { return c.AuthURL == "https://r.example/auth" }},
		"open":                    {"OPEN_CONNECT", "true", func(c settings.Connections) bool { return c.Open }},
		"as often as may be":      {"PROBE_INTERVAL", "15m", func(c settings.Connections) bool { return c.ProbeInterval == 15*time.Minute }},
	} {
		t.Run(name, func(t *testing.T) {
			loaded, err := settings.LoadConnections(connected(map[string]string{test.variable: test.value}))
			if err != nil || !test.want(loaded) {
				t.Errorf("%+v, %v", loaded, err)
			}
		})
	}
}

func TestSettingsOfConnectionsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ variable, value, remedy string }{
		"no URL to ask for consent":     {"REVENTO_AUTH_URL", "", "ReventoAuthUrl (REVENTO_AUTH_URL) is not set"},
		"no URL of the API":             {"REVENTO_API_URL", "", "ReventoApiUrl (REVENTO_API_URL) is not set"},
		"tokens over http":              {"REVENTO_API_URL", "http://api.revento.example/api/v1", "write https"},
		"a query":                       {"REVENTO_AUTH_URL", "https://r.example/?x=1", "remove what follows the path"},
		"a client id with a blank":      {"REVENTO_CLIENT_ID", "client 1", "without blanks"},
		"pages over http":               {"PUBLIC_URL", "http://alerts.example", "write https and a host"},
		"pages over http on the LAN":    {"PUBLIC_URL", "http://192.168.1.5:3000", "write https"},
		"pages below a path":            {"PUBLIC_URL", "https://alerts.example/revento", "write https and a host"},
		"pages with a query":            {"PUBLIC_URL", "https://alerts.example/?x=1", "write https and a host"},
		"another scheme":                {"PUBLIC_URL", "ftp://alerts.example", "write https and a host"},
		"a user":                        {"PUBLIC_URL", "https://a:b@alerts.example", "write https and a host"},
		"no scope":                      {"CONNECT_SCOPES", "  ", "is empty"},
		"scopes with commas":            {"CONNECT_SCOPES", "event.read,program.read", "blanks between them"},
		"a scope twice":                 {"CONNECT_SCOPES", "event.read event.read", "twice"},
		"open to whom":                  {"OPEN_CONNECT", "yes", "true or false"},
		"a probe every minute":          {"PROBE_INTERVAL", "1m", "from 15m"},
		"a probe every two days":        {"PROBE_INTERVAL", "48h", "to 24h"},
		"an interval without its unit":  {"PROBE_INTERVAL", "30", "its unit"},
		"an interval that is set empty": {"PROBE_INTERVAL", "", "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := settings.LoadConnections(connected(map[string]string{test.variable: test.value}))
			if err == nil || !strings.Contains(err.Error(), test.remedy) {
				t.Errorf("the error is %v, want %q in it", err, test.remedy)
			}
		})
	}
}

func TestWhenAllIsRead(t *testing.T) {
	for name, test := range map[string]struct{ variable, value, next string }{
		"by default":            {"SOME_OTHER", "", "2026-05-10T04:00:00Z"},
		"hourly":                {"RECONCILE_SCHEDULE", "cron(59 * * * ? *)", "2026-05-09T12:59:00Z"},
		"hourly as a rate":      {"RECONCILE_SCHEDULE", "rate(1 hour)", "2026-05-09T13:00:00Z"},
		"in a zone of its own":  {"RECONCILE_TIME_ZONE", "Asia/Tokyo", "2026-05-09T19:00:00Z"},
		"on one day of a year":  {"RECONCILE_SCHEDULE", "cron(0 4 29 2 ? 2028)", "2028-02-29T04:00:00Z"},
		"hour by hour at night": {"RECONCILE_SCHEDULE", "cron(30 0-5 * * ? *)", "2026-05-10T00:30:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			loaded, err := settings.LoadSync(connected(map[string]string{"SLACK_CHANNEL": "C0SAMPLE01", test.variable: test.value}))
			noon := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
			if got := loaded.Reconcile.Next(noon).UTC().Format(time.RFC3339); err != nil || got != test.next {
				t.Errorf("next at %s, want %s: %v", got, test.next, err)
			}
		})
	}
}

func TestSchedulesThatAreRefusedForReadingAll(t *testing.T) {
	for name, test := range map[string]struct{ variable, value, remedy string }{
		"every half hour":           {"RECONCILE_SCHEDULE", "rate(30 minutes)", "rate(1 hour)"},
		"twice in an hour":          {"RECONCILE_SCHEDULE", "cron(0,59 * * * ? *)", "less than 1h0m0s apart"},
		"twice in an hour, rarely":  {"RECONCILE_SCHEDULE", "cron(0,59 4 29 2 ? *)", "less than 1h0m0s apart"},
		"five fields":               {"RECONCILE_SCHEDULE", "cron(0 4 * * *)", "5 fields"},
		"a zone that is none":       {"RECONCILE_TIME_ZONE", "Berlin", "Europe/Berlin"},
		"a schedule that is set ''": {"RECONCILE_SCHEDULE", "", "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			source := connected(map[string]string{"SLACK_CHANNEL": "C0SAMPLE01", test.variable: test.value})
			_, err := settings.LoadSync(source)
			_, all := settings.LoadAll(source)
			if err == nil || !strings.Contains(err.Error(), test.remedy) || len(all) != 1 || all[0].Error() != err.Error() {
				t.Errorf("the error is %v, of all %v, want %q in it", err, all, test.remedy)
			}
		})
	}
}

func TestWhatLooksAtConnectionsReadsTheRoutesOfOurOwnTypes(t *testing.T) {
	loaded, err := settings.LoadSync(connected(map[string]string{
		"SLACK_CHANNEL": "C0SAMPLE01", "CONNECTION_BROKEN_ROUTE": "slack", "EVENT_UNPUBLISHED_ROUTE": "nonsense", "DEDUPE_WINDOW": "48h",
		"STACK": "prod", "PROBE_INTERVAL": "15m",
	}))
	if err != nil || !loaded.On() || loaded.ProbeInterval != 15*time.Minute || loaded.Tells.DedupeWindow != 48*time.Hour || loaded.Tells.Stack != "prod" {
		t.Errorf("%+v, %v", loaded, err)
	}
	got := loaded.Tells.Routes.Destinations(revento.TypeConnectionBroken, "evt_1")
	if len(got) != 1 || got[0].Kind != route.Slack {
		t.Errorf("connection.broken goes to %+v, want Slack", got)
	}
}

func TestWhatFindsWhatIsDueReadsHowOften(t *testing.T) {
	loaded, err := settings.LoadTick(from(map[string]string{"PROBE_INTERVAL": "15m"}))
	if err != nil || loaded.ProbeInterval != 15*time.Minute {
		t.Errorf("%+v, %v", loaded, err)
	}
	if _, err := settings.LoadTick(from(map[string]string{"PROBE_INTERVAL": "1m"})); err == nil {
		t.Error("a probe every minute is taken")
	}
}

// Whose tokens a deletion erases: the function's own settings say so, and those of one machine.
func TestADeletionKnowsWhetherConnectionsAreOn(t *testing.T) {
	for want, source := range map[bool]settings.Source{
		true:  connected(map[string]string{"SLACK_CHANNEL": "C0SAMPLE01"}),
		false: from(map[string]string{"SLACK_CHANNEL": "C0SAMPLE01"}),
	} {
		loaded, err := settings.LoadDeletion(source)
		all, failures := settings.LoadAll(source)
		if err != nil || len(failures) > 0 || loaded.Connected != want || all.Purge.Connected != want ||
			all.Digest.Connected != want {
			t.Errorf("connected %t, %t, %t, want %t; %v %v", loaded.Connected, all.Purge.Connected, all.Digest.Connected, want, err, failures)
		}
	}
}
