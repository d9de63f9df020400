package serve_test

import (
	"testing"

	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/settings"
)

// An alert that only the recorder has is no alarm in production, and says so.
func TestTheEnvironmentIsProductionOnlyWhereSomethingIsSent(t *testing.T) {
	for name, test := range map[string]struct {
		set  map[string]string
		want string
	}{
		"nothing is sent":             {nil, serve.LocalEnvironment},
		"an empty credential is none": {map[string]string{"SLACK_BOT_TOKEN": ""}, serve.LocalEnvironment},
		"Slack is sent to":            {map[string]string{"SLACK_BOT_TOKEN": "xoxb-1"}, "production"},
		"PagerDuty is sent to":        {map[string]string{"PAGERDUTY_ROUTING_KEY": "key"}, "production"},
		"a stand-in of the user's":    {map[string]string{"SLACK_API_URL": "http://127.0.0.1:1/api/"}, "production"},
		"the user names it":           {map[string]string{"ENVIRONMENT": "staging"}, "staging"},
	} {
		t.Run(name, func(t *testing.T) {
			loaded, err := settings.LoadIngest(serve.Defaults(variables(test.set)))
			if err != nil || loaded.Environment != test.want {
				t.Errorf("the environment is %q, want %q: %v", loaded.Environment, test.want, err)
			}
		})
	}
}
