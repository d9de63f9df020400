package route_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/route"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text string
		want route.Route
	}{
		{"off", nil},
		{"slack", route.Route{{Kind: route.Slack}}},
		{"slack:C0123456789", route.Route{{Kind: route.Slack, Channel: "C0123456789"}}},
		{"slack:G01", route.Route{{Kind: route.Slack, Channel: "G01"}}},
		{"digest", route.Route{{Kind: route.Digest}}},
		{"digest:C0111", route.Route{{Kind: route.Digest, Channel: "C0111"}}},
		{"pagerduty:critical", route.Route{{Kind: route.PagerDuty, Severity: route.Critical}}},
		{"pagerduty:error", route.Route{{Kind: route.PagerDuty, Severity: route.Error}}},
		{"pagerduty:warning", route.Route{{Kind: route.PagerDuty, Severity: route.Warning}}},
		{"pagerduty:info", route.Route{{Kind: route.PagerDuty, Severity: route.Info}}},
		{"resolve", route.Route{{Kind: route.Resolve}}},
		{"pagerduty:error,slack", route.Route{{Kind: route.PagerDuty, Severity: route.Error}, {Kind: route.Slack}}},
		{"slack,resolve", route.Route{{Kind: route.Slack}, {Kind: route.Resolve}}},
		{"slack,slack:C0111,slack:C0222,digest", route.Route{
			{Kind: route.Slack}, {Kind: route.Slack, Channel: "C0111"}, {Kind: route.Slack, Channel: "C0222"}, {Kind: route.Digest},
		}},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := route.Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if written := got.String(); written != test.text {
				t.Errorf("written again: %q", written)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name    string
		text    string
		element string // what the refusal quotes
		remedy  string // what it says to write
	}{
		{"nothing", "", "empty", `write "off"`},
		{"an unknown target", "email", `"email"`, "write off, or"},
		{"another case", "Slack", `"Slack"`, "write off, or"},
		{"a space within", "slack resolve", `"slack resolve"`, "write off, or"},
		{"a quote that is not closed", `slack,"resolve`, "quotation mark", "remove it"},
		{"an empty element", "slack,", `""`, "write off, or"},
		{"off beside another", "slack,off", `"off"`, "remove it"},
		{"off before another", "off,slack", `"off"`, "remove it"},
		{"a channel's name", "slack:#alerts", `"slack:#alerts"`, "slack:C0123456789"},
		{"a channel in lower case", "slack:c0111", `"slack:c0111"`, "slack:C0123456789"},
		{"a user instead of a channel", "slack:U0111", `"slack:U0111"`, "slack:C0123456789"},
		{"no channel behind the colon", "slack:", `"slack:"`, "slack:C0123456789"},
		{"a channel with a line break within", "slack:C01\n11", `"11"`, "write off, or"},
		{"a digest's bad channel", "digest:alerts", `"digest:alerts"`, "digest:C0123456789"},
		{"pagerduty without severity", "pagerduty", `"pagerduty"`, "pagerduty:critical"},
		{"pagerduty with an empty severity", "pagerduty:", `"pagerduty:"`, "pagerduty:critical"},
		{"an unknown severity", "pagerduty:high", `"pagerduty:high"`, "pagerduty:critical"},
		{"resolve with something behind", "resolve:C0111", `"resolve:C0111"`, "write resolve"},
		{"the deletion's own queue", "deletion", `"deletion"`, "write off, or"},
		{"the same twice", "slack,slack", `"slack"`, "remove one"},
		{"the same channel twice", "slack:C0111,digest,slack:C0111", `"slack:C0111"`, "remove one"},
		{"two severities", "pagerduty:error,pagerduty:info", `"pagerduty:info"`, "keep one"},
		{"pagerduty and resolve", "pagerduty:error,resolve", `"resolve"`, "keep pagerduty or resolve"},
		{"resolve and pagerduty", "resolve,slack,pagerduty:error", `"pagerduty:error"`, "keep pagerduty or resolve"},
		{"too long", "slack:C0111" + strings.Repeat(",slack:C0111", 10), "has 131", "keep fewer targets"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := route.Parse(test.text)
			if err == nil {
				t.Fatalf("accepted as %q", got)
			}
			for _, part := range []string{test.element, test.remedy} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the refusal lacks %q: %v", part, err)
				}
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, trigger := range route.Triggers {
		f.Add(trigger.Default)
	}
	f.Add("slack:C0111,digest:C0222,pagerduty:critical")
	f.Add("slack, resolve")
	f.Add("off,")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := route.Parse(text)
		if err != nil {
			return
		}
		again, err := route.Parse(parsed.String())
		if diff := cmp.Diff(parsed, again); diff != "" || err != nil {
			t.Errorf("%q is written again as %q: %v %s", text, parsed, err, diff)
		}
	})
}
