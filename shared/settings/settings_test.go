package settings_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/schedule"
	"revento-alerts/shared/settings"
)

// source has a valid value for what has no default, and what a case sets.
func source(changes map[string]string) settings.Source {
	return func(name string) (string, bool) {
		if value, set := changes[name]; set {
			return value, true
		}
		if name == "SLACK_CHANNEL" {
			return "C0SAMPLE01", true
		}
		return "", false
	}
}

func TestVariableIsTheParameterInCapitals(t *testing.T) {
	for parameter, variable := range map[string]string{
		"Environment":                       "ENVIRONMENT",
		"SlackApiUrl":                       "SLACK_API_URL",
		"PagerdutyEventsUrl":                "PAGERDUTY_EVENTS_URL",
		"ActivityCapacityStateChangedRoute": "ACTIVITY_CAPACITY_STATE_CHANGED_ROUTE",
	} {
		if got := (settings.Setting{Parameter: parameter}).Variable(); got != variable {
			t.Errorf("Variable of %s = %s, want %s", parameter, got, variable)
		}
	}
}

func TestDefaultsAreInForceWhereNothingIsSet(t *testing.T) {
	ingest, err := settings.LoadIngest(source(nil))
	if err != nil {
		t.Fatal(err)
	}
	if ingest.SignatureTolerance != 300*time.Second || ingest.BodyLimit != 262144 || ingest.DedupeWindow != 720*time.Hour ||
		ingest.Environment != "production" || ingest.Stack != "local" {
		t.Errorf("ingest = %+v", ingest)
	}
	if warnings := ingest.Warnings(); len(warnings) != 0 {
		t.Errorf("warnings = %q", warnings)
	}
	slack, err := settings.LoadSlack(source(nil))
	if err != nil {
		t.Fatal(err)
	}
	if slack.APIURL != "https://slack.com/api/" || slack.PostInterval != time.Second || slack.MaxAlertAge != time.Hour {
		t.Errorf("slack = %+v", slack)
	}
	pagerduty, err := settings.LoadPagerDuty(source(nil))
	if err != nil {
		t.Fatal(err)
	}
	if pagerduty.EventsURL != "https://events.pagerduty.com" {
		t.Errorf("pagerduty = %+v", pagerduty)
	}
}

func TestDigestsAreToldEveryQuarterOfAnHourByDefault(t *testing.T) {
	schedule, err := settings.LoadDigestSchedule(source(nil))
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	if next := schedule.Next(noon); !next.Equal(noon.Add(15 * time.Minute)) {
		t.Errorf("next = %s", next)
	}
}

func TestTheNoticesOfADeletionDependOnOneRoute(t *testing.T) {
	changed := source(map[string]string{
		"OTHER_ROUTE": "pagerduty:critical,slack:C0OTHER", "DATA_DELETION_REQUIRED_ROUTE": "pagerduty:info,digest,slack:C0LEGAL",
		"EVENT_CHANNELS": "evt_abc=C0EVENT",
	})
	all, err := settings.LoadRoutes(changed)
	if err != nil {
		t.Fatal(err)
	}
	deletion, err := settings.LoadDeletion(changed)
	if err != nil {
		t.Fatal(err)
	}
	got, want := deletion.Routes.Notices("evt_abc"), all.Notices("evt_abc")
	if !slices.Equal(got, want) || len(got) != 3 {
		t.Errorf("notices go to %+v, want the three of all routes: %+v", got, want)
	}
}

func TestEveryTriggerHasARoute(t *testing.T) {
	routes, err := settings.LoadRoutes(source(map[string]string{"EVENT_UNPUBLISHED_ROUTE": "slack:C0OTHER"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, trigger := range route.Triggers {
		want := trigger.Default
		if trigger.Pattern == "event.unpublished" {
			want = "slack:C0OTHER"
		}
		if got := routes.Of(trigger).String(); got != want {
			t.Errorf("route of %s = %s, want %s", trigger.Pattern, got, want)
		}
	}
}

func loadAll(from settings.Source) error {
	if _, err := settings.LoadIngest(from); err != nil {
		return err
	}
	if _, err := settings.LoadSlack(from); err != nil {
		return err
	}
	if _, err := settings.LoadDigest(from); err != nil {
		return err
	}
	if _, err := settings.LoadDigestSchedule(from); err != nil {
		return err
	}
	if _, err := settings.LoadPagerDuty(from); err != nil {
		return err
	}
	_, err := settings.LoadPurge(from)
	return err
}

func TestAValueOutOfFormOrRangeIsRefusedWithParameterValueAndRemedy(t *testing.T) {
	cases := []struct{ variable, value, parameter, remedy string }{
		{"ENVIRONMENT", "", "Environment", "1 to 32 letters"},
		{"ENVIRONMENT", "pro duction", "Environment", "1 to 32 letters"},
		{"STACK", "", "Stack", "empty"},
		{"SIGNATURE_TOLERANCE", "300", "SignatureTolerance", "its unit"},
		{"SIGNATURE_TOLERANCE", "29s", "SignatureTolerance", "30s to 24h"},
		{"SIGNATURE_TOLERANCE", "25h", "SignatureTolerance", "30s to 24h"},
		{"SIGNATURE_TOLERANCE", "-300s", "SignatureTolerance", "30s to 24h"},
		{"SIGNATURE_TOLERANCE", "13h", "SignatureTolerance", "more than twice"}, // refused below with the window
		{"BODY_LIMIT", "1023", "BodyLimit", "1024 to 716800"},
		{"BODY_LIMIT", "716801", "BodyLimit", "1024 to 716800"},
		{"BODY_LIMIT", "256KB", "BodyLimit", "whole number"},
		{"DEDUPE_WINDOW", "23h", "DedupeWindow", "24h0m0s to 8760h"},
		{"SECRET_MAX_AGE", "30s", "SecretMaxAge", "1m0s to 24h"},
		{"EVENT_UNPUBLISHED_ROUTE", "", "EventUnpublishedRoute", "write off"},
		{"EVENT_UNPUBLISHED_ROUTE", "slack,", "EventUnpublishedRoute", "not a target"},
		{"EVENT_UNPUBLISHED_ROUTE", `"slack`, "EventUnpublishedRoute", "quotation mark"},
		{"EVENT_UNPUBLISHED_ROUTE", "slack,slack", "EventUnpublishedRoute", "remove one"},
		{"EVENT_UNPUBLISHED_ROUTE", "pagerduty", "EventUnpublishedRoute", "pagerduty:critical"},
		{"SLACK_CHANNEL", "#alerts", "SlackChannel", "C0123456789"},
		{"EVENT_CHANNELS", "evt_abc", "EventChannels", "evt_abc=C0123456789"},
		{"SLACK_POST_INTERVAL", "6s", "SlackPostInterval", "0s to 5s"},
		{"SLACK_API_URL", "slack.com/api/", "SlackApiUrl", "https://"},
		{"SLACK_API_URL", "ftp://slack.com/api/", "SlackApiUrl", "https://"},
		{"PAGERDUTY_EVENTS_URL", "https://events.pagerduty.com/v2/enqueue", "PagerdutyEventsUrl", "remove the path"},
		{"PAGERDUTY_EVENTS_URL", "https://me@events.pagerduty.com", "PagerdutyEventsUrl", "remove the user"},
		{"MAX_ALERT_AGE", "59s", "MaxAlertAge", "1m0s to 96h"},
		{"ALERT_FIELDS", "st*tus", "AlertFields", "only at either end"},
		{"ALERT_FIELDS", "id,,status", "AlertFields", "only at either end"},
		{"DELETION_FIELDS", "id,,reason", "DeletionFields", "only at either end"},
		{"DELETION_FIELDS", "id,user_id", "DeletionFields", `"user_id" names a person`},
		{"DELETION_FIELDS", "*Participant*", "DeletionFields", "names a person"},
		{"LINK_TEMPLATE", "https://x.example/{id}", "LinkTemplate", "{resource_id}"},
		{"LINK_TEMPLATE", "x.example/{type}", "LinkTemplate", "https://"},
		{"DIGEST_SCHEDULE", "", "DigestSchedule", "rate(15 minutes)"},
		{"DIGEST_SCHEDULE", "cron(0 25 * * ? *)", "DigestSchedule", "0 to 23"},
		{"DIGEST_TIME_ZONE", "Berlin", "DigestTimeZone", "Europe/Berlin"},
		{"LOG_LEVEL", "verbose", "LogLevel", "DEBUG, INFO"},
	}
	for _, c := range cases {
		t.Run(c.variable+"="+c.value, func(t *testing.T) {
			changes := map[string]string{c.variable: c.value}
			if c.remedy == "more than twice" {
				changes["DEDUPE_WINDOW"] = "24h"
				c.value = "13h0m0s"
			}
			err := loadAll(source(changes))
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, part := range []string{c.parameter, c.value, c.remedy} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not name %q", err, part)
				}
			}
		})
	}
}

func TestValuesAtTheEdgesAreTaken(t *testing.T) {
	for _, changes := range []map[string]string{
		{"SIGNATURE_TOLERANCE": "30s"}, {"SIGNATURE_TOLERANCE": "24h"},
		{"BODY_LIMIT": "1024"}, {"BODY_LIMIT": "716800"},
		{"DEDUPE_WINDOW": "24h"}, {"DEDUPE_WINDOW": "8760h"},
		{"SLACK_POST_INTERVAL": "0s"}, {"SLACK_POST_INTERVAL": "5s"},
		{"MAX_ALERT_AGE": "1m"}, {"MAX_ALERT_AGE": "96h"},
		{"ALERT_FIELDS": "*"}, {"ALERT_FIELDS": "*name*"},
		{"DELETION_FIELDS": "*"}, {"DELETION_FIELDS": "id,reason,closed_*"},
		{"EVENT_CHANNELS": ""}, {"LINK_TEMPLATE": ""}, {"LINK_TEMPLATE": "https://x.example/{event_id}/{resource_id}?t={type}"},
	} {
		if err := loadAll(source(changes)); err != nil {
			t.Errorf("%v: %v", changes, err)
		}
	}
}

func TestAnEmptyVariableIsRefusedWhereTheDefaultIsNot(t *testing.T) {
	for _, setting := range settings.Table() {
		for _, empty := range []string{"", " ", `""`, "\n"} {
			_, failures := settings.LoadAll(source(map[string]string{setting.Variable(): empty}))
			refused := len(failures) == 1 && strings.HasPrefix(failures[0].Error(), setting.Parameter+" ("+setting.Variable()+")")
			mayBeEmpty := setting.Default == "" && !setting.Required
			if refused == mayBeEmpty || len(failures) > 1 {
				t.Errorf("%s=%q: %v", setting.Variable(), empty, failures)
			}
		}
	}
}

// snapshot is all settings, with the schedules' next moments in place of them: they hold functions.
type snapshot struct {
	settings.All
	digest, reconcile time.Time
}

func loaded(t *testing.T, variable, text string) snapshot {
	t.Helper()
	all, failures := settings.LoadAll(source(map[string]string{variable: text}))
	if len(failures) > 0 {
		t.Errorf("%s=%q: %v", variable, text, failures)
	}
	noon := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	digest, reconcile := all.DigestSchedule.Next(noon), all.Connections.Reconcile.Next(noon)
	all.DigestSchedule, all.Connections.Reconcile = schedule.Schedule{}, schedule.Schedule{}
	return snapshot{all, digest, reconcile}
}

// What a shell takes away, an environment file of docker or systemd may leave.
func TestEverySettingTakesBlanksAndQuotesRoundItsValue(t *testing.T) {
	for _, setting := range settings.Table() {
		value := setting.Default
		if setting.Required {
			value = "C0123456789"
		}
		want := loaded(t, setting.Variable(), value)
		for _, written := range []string{" " + value + "\r\n", `"` + value + `"`, "'" + value + "'"} {
			if got := loaded(t, setting.Variable(), written); !reflect.DeepEqual(got, want) {
				t.Errorf("%s=%q is read as another value", setting.Variable(), written)
			}
		}
	}
}

func TestListsTakeBlanksAndLineBreaksRoundTheirCommas(t *testing.T) {
	for variable, texts := range map[string][]string{
		"EVENT_UNPUBLISHED_ROUTE": {"pagerduty:error,slack", "pagerduty:error, slack", " pagerduty:error ,\n slack\n", `"pagerduty:error", "slack"`, "pagerduty:error\nslack"},
		"EVENT_CHANNELS":          {"evt_a=C0111,evt_b=C0222", "evt_a=C0111, evt_b=C0222", "evt_a = C0111\n,evt_b= C0222", `"evt_a=C0111", evt_b="C0222"`},
		"ALERT_FIELDS":            {"id,status", "id, status", "id\n,\nstatus", `"id", 'status'`},
	} {
		want := loaded(t, variable, texts[0])
		for _, text := range texts {
			if got := loaded(t, variable, text); !reflect.DeepEqual(got, want) {
				t.Errorf("%s=%q is read as another value", variable, text)
			}
		}
	}
}

func TestURLsGetTheFormThatTheClientsNeed(t *testing.T) {
	slack, err := settings.LoadSlack(source(map[string]string{"SLACK_API_URL": "http://127.0.0.1:1234/api"}))
	if err != nil || slack.APIURL != "http://127.0.0.1:1234/api/" {
		t.Errorf("APIURL = %q, %v", slack.APIURL, err)
	}
	pagerduty, err := settings.LoadPagerDuty(source(map[string]string{"PAGERDUTY_EVENTS_URL": "http://127.0.0.1:1234/"}))
	if err != nil || pagerduty.EventsURL != "http://127.0.0.1:1234" {
		t.Errorf("EventsURL = %q, %v", pagerduty.EventsURL, err)
	}
}

func TestAMissingValueWithoutDefaultIsNamed(t *testing.T) {
	_, err := settings.LoadIngest(func(string) (string, bool) { return "", false })
	if err == nil || !strings.Contains(err.Error(), "SlackChannel (SLACK_CHANNEL) is not set") {
		t.Errorf("error = %v", err)
	}
}

func TestAllThatIsWrongIsNamedAtOnce(t *testing.T) {
	_, err := settings.LoadIngest(source(map[string]string{"BODY_LIMIT": "x", "OTHER_ROUTE": "y", "LOG_LEVEL": "z"}))
	for _, parameter := range []string{"BodyLimit", "OtherRoute", "LogLevel"} {
		if err == nil || !strings.Contains(err.Error(), parameter) {
			t.Errorf("error %v does not name %s", err, parameter)
		}
	}
}

func TestAToleranceOverTheAdvisedOneIsWarnedOf(t *testing.T) {
	ingest, err := settings.LoadIngest(source(map[string]string{"SIGNATURE_TOLERANCE": "10m"}))
	if err != nil {
		t.Fatal(err)
	}
	if warnings := ingest.Warnings(); len(warnings) != 1 || !strings.Contains(warnings[0], "replayed") {
		t.Errorf("warnings = %q", warnings)
	}
}

func TestResourceNamesTheMissingVariable(t *testing.T) {
	if _, err := settings.Resource(source(nil), "RECORDS_TABLE"); err == nil || !strings.Contains(err.Error(), "RECORDS_TABLE") {
		t.Errorf("error = %v", err)
	}
	if got, err := settings.Resource(source(map[string]string{"RECORDS_TABLE": "r"}), "RECORDS_TABLE"); err != nil || got != "r" {
		t.Errorf("Resource = %q, %v", got, err)
	}
}

func TestLoadAllNamesOnceWhatSeveralFunctionsReadAndLoadsTheRest(t *testing.T) {
	all, failures := settings.LoadAll(source(map[string]string{
		"ENVIRONMENT": "a b", "SLACK_CHANNEL": "#alerts", "MAX_ALERT_AGE": "1", "SLACK_API_URL": "http://127.0.0.1:1/api",
	}))
	var named []string
	for _, failure := range failures {
		name, _, _ := strings.Cut(failure.Error(), " ")
		named = append(named, name)
	}
	if got := strings.Join(named, " "); got != "Environment SlackChannel MaxAlertAge" {
		t.Errorf("named: %s", got)
	}
	if all.Slack.APIURL != "http://127.0.0.1:1/api/" || all.PagerDuty.EventsURL != "https://events.pagerduty.com" || all.Ingest.BodyLimit != 262144 {
		t.Errorf("loaded %+v", all)
	}
	if _, failures := settings.LoadAll(source(nil)); len(failures) != 0 {
		t.Errorf("failures %v", failures)
	}
}
