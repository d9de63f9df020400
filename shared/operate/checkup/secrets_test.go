package checkup_test

import (
	"testing"

	"revento-alerts/shared/operate/checkup"
)

func TestWebhookSecrets(t *testing.T) {
	wantFound(t, "webhook secrets", map[string]row{
		"one":            {fill("webhook", "CANARY"), ok("filled in: 1 secret")},
		"two":            {fill("webhook", `{"secrets": ["CANARY1", "CANARY2"]}`), ok("filled in: 2 secrets")},
		"as deployed":    {fill("webhook", ""), failed("not filled in yet", inWebhook)},
		"a blank within": {fill("webhook", "CAN ARY"), warned("a secret holds white space, which counts as a part of it", inWebhook)},
		"out of reach":   {fill("webhook", outOfReach), failed("read the secret: failed: AccessDeniedException", seeAccess)},
		"JSON of another form": {
			fill("webhook", `{"secrets": "CANARY`),
			failed("webhook secret: it begins like JSON and is not of the known form: "+
				"write the plain secret, several with commas between or one a line, one that holds a comma in quotes, "+
				`or {"secrets": ["new", "old"]}`, inWebhook),
		},
	})
}

func TestTheBotToken(t *testing.T) {
	not := func(why string) []checkup.Finding { return failed("it is not a bot token: "+why, inToken) }
	wantFound(t, "Slack bot token", map[string]row{
		"well":             {fill("token", "xoxb-CANARY"), ok("filled in")},
		"as deployed":      {fill("token", ""), failed("not filled in yet", inToken)},
		"a user's":         {fill("token", "xoxp-CANARY"), not("it is a user's token")},
		"an app's":         {fill("token", "xapp-CANARY"), not("it is an app-level token")},
		"a webhook":        {fill("token", "https://hooks.slack.com/CANARY"), not("it is an incoming webhook's URL")},
		"to refresh with":  {fill("token", "xoxe-CANARY"), not("it is a refresh token")},
		"one that expires": {fill("token", "xoxe.xoxb-CANARY"), not("it is a token that expires after 12 hours (token rotation is on)")},
		"something else":   {fill("token", "CANARY"), not("it does not begin with xoxb-")},
		"two lines": {fill("token", "xoxb-\nCANARY"), failed("slack bot token: it holds a blank, a line break or another character that "+
			`no credential has: write the plain token, or {"token": "xoxb-..."}`, inToken)},
		"empty, and not needed": {unused("token"), skipped("not filled in, and no route goes to Slack")},
	})
}

func TestPagerDutysKeys(t *testing.T) {
	const odd = "not of the form of an Events API v2 integration key, 32 letters and digits: "
	wantFound(t, "integration key", map[string]row{
		"as deployed":           {fill("keys", ""), failed("not filled in yet", inKeys)},
		"empty, and not needed": {unused("keys"), skipped("not filled in, and no route goes to PagerDuty")},
		"two": {
			fill("keys", `{"default":"`+key+`","events":{"evt_a":"`+key+`"}}`),
			ok("filled in: 2 keys; only --send shows whether PagerDuty takes them"),
		},
		"of another form": {
			fill("keys", `{"default":"CANARY","events":{"evt_a":"CANARY","evt_b":"`+key+`"}}`),
			warned(odd+"the default, evt_a", inKeys),
		},
		"for one event alone": {
			fill("keys", `{"events":{"evt_a":"`+key+`"}}`),
			warned("there is no default: events other than evt_a page nobody", `add "default" to the secret's JSON`),
		},
	})
}
