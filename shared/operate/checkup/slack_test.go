package checkup_test

import (
	"testing"

	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/operate/checkup"
	"revento-alerts/shared/provider"
)

func answers(class fault.Class, reason string, meaning error) spoil {
	return func(s *site) { s.slack.err = failure(class, reason, meaning) }
}

func TestSlackItself(t *testing.T) {
	wantFound(t, "Slack", map[string]row{
		"the token is refused": {
			answers(fault.Permanent, "token_revoked", provider.ErrCredential),
			failed("Slack does not take the token: token_revoked", inToken),
		},
		"no answer": {answers(fault.Transient, "no_connection", nil), failed("ask: failed: no_connection", slackDown)},
		"throttled": {answers(fault.Throttled, "http_429", nil), failed("ask: asked to wait: http_429", slackDown)},
		"another answers": {
			answers(fault.Permanent, "http_404", nil),
			failed("ask: refused: http_404",
				"see that SlackApiUrl is right, and ask the workspace's administrators whether they restrict the app"),
		},
		"the token is none":    {fill("token", "CANARY"), skipped("needs Slack bot token to be in order")},
		"its URL is none":      {set("SLACK_API_URL", "slack"), skipped("needs settings to be in order")},
		"another URL is none":  {set("PAGERDUTY_EVENTS_URL", "pagerduty"), ok("@revento-alerts in Acme")},
		"nobody needs a token": {unused("token"), skipped("there is no token, and no route goes to Slack")},
	})
}

func TestScopes(t *testing.T) {
	const add = "add it at https://api.slack.com/apps, OAuth & Permissions, and install the app again"
	const repeated = `is missing: where Slack's answer to a post is lost, the alert is posted again, marked "possibly repeated", in a `
	const unseen = "is missing: it cannot be seen here whether the bot is in a "
	scopes := func(names ...string) spoil { return func(s *site) { s.slack.scopes = names } }
	wantFound(t, "Slack scopes", map[string]row{
		"not told": {scopes(), skipped("Slack did not tell the token's scopes")},
		"more than needed": {
			scopes("chat:write", "users:read", "channels:history", "groups:history", "channels:read", "groups:read"),
			ok("chat:write, users:read, channels:history, groups:history, channels:read, groups:read"),
		},
		"none of ours": {scopes("users:read"), []checkup.Finding{
			failed("chat:write is missing: no alert can be posted", add)[0],
			warned("channels:history "+repeated+"public channel", add)[0],
			warned("groups:history "+repeated+"private channel", add)[0],
			warned("channels:read "+unseen+"public channel", add)[0],
			warned("groups:read "+unseen+"private channel", add)[0],
		}},
	})
}

func channelIs(c fakeChannel) spoil { return func(s *site) { s.slack.channels[channel] = c } }

func TestChannels(t *testing.T) {
	wantFound(t, "Slack channel "+channel, map[string]row{
		"the bot is in it": {channelIs(fakeChannel{name: "alerts", member: true}), ok("#alerts, and @revento-alerts is in it")},
		"it is not": {
			channelIs(fakeChannel{name: "alerts"}),
			failed("@revento-alerts is not in #alerts", "write in #alerts: /invite @revento-alerts"),
		},
		"archived": {
			channelIs(fakeChannel{name: "old", archived: true}),
			failed("#old is archived", "unarchive #old, or choose another channel: "+changeIt),
		},
		"unknown": {
			channelIs(fakeChannel{err: failure(fault.Permanent, "channel_not_found", provider.ErrNoChannel)}),
			failed("Slack knows no such channel, or it is private and the bot is not in it",
				"invite the bot there (/invite @revento-alerts), or correct the channel's id: "+changeIt),
		},
		"not to be seen": {
			channelIs(fakeChannel{err: failure(fault.Permanent, "missing_scope", provider.ErrMissingScope)}),
			[]checkup.Finding{{Verdict: checkup.Skipped, Says: "the token may not look at it (missing_scope)",
				Remedy: "give the app the scopes of functions/slack/app-manifest.yaml and install it again, " +
					"or be sure by /invite @revento-alerts in the channel"}},
		},
		"no answer": {
			channelIs(fakeChannel{err: failure(fault.Transient, "timeout", nil)}),
			failed("ask: failed: timeout", slackDown),
		},
		"Slack is down": {answers(fault.Transient, "timeout", nil), skipped("needs Slack to be in order")},
	})
}

func TestEveryRoutedChannelIsLookedAt(t *testing.T) {
	const other = "C0OTHER"
	alone := failed("@revento-alerts is not in #elsewhere", "write in #elsewhere: /invite @revento-alerts")
	routed := func(variable, value string) spoil {
		return func(s *site) {
			s.settings[variable] = value
			s.slack.channels[other] = fakeChannel{name: "elsewhere"}
		}
	}
	wantFound(t, "Slack channel "+other, map[string]row{
		"an event's":       {routed("EVENT_CHANNELS", "evt_a="+other), alone},
		"a route's":        {routed("ACTIVITY_ROUTE", "slack:"+other), alone},
		"a digest's":       {routed("ACTIVITY_ROUTE", "digest:"+other), alone},
		"nobody's, so not": {routed("ACTIVITY_ROUTE", "slack"), nil},
	})
	wantFound(t, "Slack channels", map[string]row{
		"a route is wrong": {set("OTHER_ROUTE", "slak"), skipped("needs settings to be in order")},
	})
}
