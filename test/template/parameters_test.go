//go:build template

package template

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/settings"
)

type parameter struct {
	Type                  string
	Default               *expression
	Description           string
	AllowedPattern        string
	AllowedValues         []expression
	MaxLength             int
	MinValue, MaxValue    *int
	ConstraintDescription string
}

// templatesOwn is what the code does not know of.
var templatesOwn = []string{"AlarmEmail", "Architecture", "LogRetentionDays", "SilenceAlarmHours", "ThrottleBurst", "ThrottleRate"}

// parametersOfTheCode are the settings but for the stack's name, which is no parameter.
func parametersOfTheCode() []settings.Setting {
	return slices.DeleteFunc(settings.Table(), func(s settings.Setting) bool { return s.Parameter == "Stack" })
}

func TestParametersAreTheCodesSettings(t *testing.T) {
	loaded := loadWith(t, true)
	want := slices.Clone(templatesOwn)
	for _, setting := range parametersOfTheCode() {
		want = append(want, setting.Parameter)
		got := loaded.Parameters[setting.Parameter].Default
		switch {
		case setting.Required && got != nil:
			t.Errorf("%s has a default in the template, %q, and none in the code", setting.Parameter, *got)
		case !setting.Required && (got == nil || string(*got) != setting.Default):
			t.Errorf("%s has another default in the template than in the code, which is %q", setting.Parameter, setting.Default)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, keys(loaded.Parameters)); diff != "" {
		t.Errorf("parameters (-code +template):\n%s", diff)
	}
}

func TestEveryParameterIsUsed(t *testing.T) {
	text, err := os.ReadFile(expandedPath)
	if err != nil {
		t.Fatal(err)
	}
	for name := range loadWith(t, true).Parameters {
		if !regexp.MustCompile(`"Ref": "` + name + `"`).Match(text) {
			t.Errorf("nothing refers to the parameter %s", name)
		}
	}
}

func TestEveryParameterIsExplained(t *testing.T) {
	loaded := loadWith(t, true)
	names := keys(loaded.Parameters)
	var grouped []string
	for _, group := range loaded.Metadata.Interface.ParameterGroups {
		grouped = append(grouped, group.Parameters...)
	}
	slices.Sort(grouped)
	if diff := cmp.Diff(names, grouped); diff != "" {
		t.Errorf("parameter groups (-parameters +grouped):\n%s", diff)
	}
	if diff := cmp.Diff(names, keys(loaded.Metadata.Interface.ParameterLabels)); diff != "" {
		t.Errorf("parameter labels (-parameters +labelled):\n%s", diff)
	}
	for name, p := range loaded.Parameters {
		if p.Description == "" {
			t.Errorf("%s has no description", name)
		}
		if p.AllowedPattern != "" && p.ConstraintDescription == "" {
			t.Errorf("%s has a pattern, and nobody is told in words what it allows", name)
		}
	}
}

// The rows of the code's settings in docs/settings.md are held to the code by package settings; here all are held to the template.
func TestThePageTellsTheParameters(t *testing.T) {
	loaded := loadWith(t, true)
	defaults := pageDefaults(t)
	delete(defaults, "Stack") // the stack's name, which is no parameter
	if diff := cmp.Diff(keys(loaded.Parameters), keys(defaults)); diff != "" {
		t.Errorf("docs/settings.md (-template +page):\n%s", diff)
	}
	for _, name := range templatesOwn {
		want := "empty"
		if value := *loaded.Parameters[name].Default; value != "" {
			want = "`" + string(value) + "`"
		}
		if got := defaults[name]; got != want {
			t.Errorf("the page's default of %s is %q, want %s", name, got, want)
		}
	}
}

// pageDefaults is the third cell of each row of the table of docs/settings.md.
func pageDefaults(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "| parameter | variable | default |")
	if !found {
		t.Fatal("docs/settings.md has no table of parameters")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	defaults := map[string]string{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if name, isRow := strings.CutPrefix(row, "| `"); isRow && len(cells) > 3 {
			name, _, _ = strings.Cut(name, "`")
			defaults[name] = strings.TrimSpace(cells[3])
		}
	}
	return defaults
}

func (p parameter) allows(t *testing.T, value string) bool {
	t.Helper()
	if len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, expression(value)) {
		return false
	}
	if p.MaxLength > 0 && len(value) > p.MaxLength {
		return false
	}
	if p.Type == "Number" {
		number, err := strconv.Atoi(value)
		return err == nil && (p.MinValue == nil || number >= *p.MinValue) && (p.MaxValue == nil || number <= *p.MaxValue)
	}
	return regexp.MustCompile(p.AllowedPattern).MatchString(value)
}

// codeAllows says whether every function starts with the value.
func codeAllows(variable, value string) bool {
	source := func(name string) (string, bool) {
		if name == variable {
			return value, true
		}
		return requiredValues[name], requiredValues[name] != ""
	}
	for _, load := range loaders {
		if load(source) != nil {
			return false
		}
	}
	_, err := settings.LoadDigestSchedule(source) // which only one machine reads
	return err == nil
}

func TestTemplateAndCodeAgreeOnValues(t *testing.T) {
	longRoute := strings.Repeat("slack:C0123456789012345678901,", 3) + "digest:C0123"
	for parameterName, values := range map[string]struct{ allowed, refused []string }{
		"Environment":               {[]string{"production", "staging-2", "a"}, []string{"", "two words", strings.Repeat("x", 33), `"`}},
		"LogLevel":                  {[]string{"DEBUG", "INFO", "WARN", "ERROR"}, []string{"", "info", "TRACE"}},
		"SlackChannel":              {[]string{"C0123456789", "G01"}, []string{"", "#alerts", "alerts", "c0123456789"}},
		"EventChannels":             {[]string{"", "evt_abc=C0111", "evt_abc=C0111,evt_def=C0222", "evt_abc = C0111, evt_def=C0222"}, []string{"evt_abc", "evt_abc=#alerts", "=C0111", ","}},
		"SlackPostInterval":         {[]string{"0s", "1s", "1.5s", "500ms", "5s"}, []string{"", "1", "one second", "-1s"}},
		"SlackApiUrl":               {[]string{"https://slack.com/api/", "https://slack-gov.com/api"}, []string{"", "slack.com", "ftp://slack.com/", "https://user@slack.com/"}},
		"PagerdutyEventsUrl":        {[]string{"https://events.pagerduty.com", "https://events.eu.pagerduty.com/"}, []string{"", "https://events.pagerduty.com/v2/enqueue", "https://u:p@example.com"}},
		"ApplicationSubmittedRoute": {[]string{"off", "slack", "slack:C0111,digest,pagerduty:info", "resolve,slack", "resolve , slack", "resolve,\nslack"}, []string{"", "on", "slack,", "pagerduty", "pagerduty:high", "slack:#alerts", "off,slack", longRoute}},
		"AlertFields":               {[]string{"id", "id,status,*_at", "id, status", "*", "*name*"}, []string{"", "id,", "a b", "a*b", "id,sta tus"}},
		"LinkTemplate":              {[]string{"", "https://example.com/{event_id}?type={type}", "http://localhost:8080/"}, []string{"example.com", "javascript:alert(1)"}},
		"MaxAlertAge":               {[]string{"1m", "1h30m", "96h"}, []string{"", "5", "1d"}},
		"SignatureTolerance":        {[]string{"30s", "300s", "5m"}, []string{"", "300", "5 min"}},
		"BodyLimit":                 {[]string{"1024", "262144", "716800"}, []string{"", "1023", "716801", "1e5", "256KB"}},
		"DedupeWindow":              {[]string{"24h", "720h", "8760h"}, []string{"", "30d", "720"}},
		"DigestSchedule":            {[]string{"cron(0/15 * * * ? *)", "cron(0 9 ? * MON-FRI *)", "rate(1 hour)", "rate(15 minutes)"}, []string{"", "every hour", "0 9 * * *", "cron(0 9 * * *)", "rate(0 minutes)", "at(2026-05-09T12:00:00)"}},
		"DigestTimeZone":            {[]string{"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"}, []string{"", "two words", "../UTC"}},
		"DeletionGraceDays":         {[]string{"0", "7", "365"}, []string{"", "-1", "366", "7d"}},
		"DeletionRecordDays":        {[]string{"30", "1095", "3650"}, []string{"", "29", "3651", "3y"}},
		"DeletionFields":            {[]string{"id", "id,event_id,organization_id,reason,*_at", "id, reason", "*"}, []string{"", "id,", "a b", "a*b", "id,rea son"}},
		"DeleteSlackMessages":       {[]string{"true", "false"}, []string{"", "True", "yes", "1"}},
		"SecretMaxAge":              {[]string{"1m", "5m", "24h"}, []string{"", "5", "5min"}},
	} {
		t.Run(parameterName, func(t *testing.T) {
			p := load(t).Parameters[parameterName]
			variable := settings.Setting{Parameter: parameterName}.Variable()
			for _, value := range values.allowed {
				if template, code := p.allows(t, value), codeAllows(variable, value); !template || !code {
					t.Errorf("%q: allowed by the template %t, by the code %t; want both", value, template, code)
				}
			}
			for _, value := range values.refused {
				if template, code := p.allows(t, value), codeAllows(variable, value); template || code {
					t.Errorf("%q: allowed by the template %t, by the code %t; want neither", value, template, code)
				}
			}
		})
	}
}

func TestEveryRouteHasTheSameForm(t *testing.T) {
	loaded := loadWith(t, true)
	form := loaded.Parameters[route.Triggers[0].Parameter].AllowedPattern
	for _, trigger := range route.Triggers {
		p := loaded.Parameters[trigger.Parameter]
		if p.AllowedPattern != form {
			t.Errorf("%s has a pattern of its own", trigger.Parameter)
		}
		if p.MaxLength != route.MaxLength {
			t.Errorf("%s has at most %d characters, the code allows %d", trigger.Parameter, p.MaxLength, route.MaxLength)
		}
	}
}
