package checkup

import (
	"context"
	"errors"
	"slices"
	"strings"

	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/provider"
)

const (
	subjectSlack    = "Slack"
	subjectScopes   = "Slack scopes"
	subjectChannels = "Slack channels"
)

const (
	remedySlackDown = "try again; Slack's own state is at https://slack-status.com"
	remedyRefused   = "see that SlackApiUrl is right, and ask the workspace's administrators whether they restrict the app"
	remedyScopes    = "add it at https://api.slack.com/apps, OAuth & Permissions, and install the app again"
	remedyManifest  = "give the app the scopes of functions/slack/app-manifest.yaml and install it again"
)

// remedyOf is the remedy for an answer of Slack that means nothing in particular.
func remedyOf(err error) string {
	if fault.Has(err, fault.Permanent) {
		return remedyRefused
	}
	return remedySlackDown
}

func subjectChannel(id string) string { return "Slack channel " + id }

func (v *visit) slackChecks() []check {
	if v.Slack == nil {
		return []check{{subject: subjectSlack, look: noRecorder}}
	}
	needs := []string{subjectToken}
	if v.all.Slack.APIURL == "" {
		needs = append(needs, subjectSettings)
	}
	checks := []check{
		{subject: subjectSlack, needs: needs, look: v.identify},
		{subject: subjectScopes, needs: []string{subjectSlack}, look: v.lookAtScopes},
	}
	if !v.routed {
		checks = append(checks, check{subject: subjectChannels, needs: []string{subjectSettings}})
	}
	for _, id := range v.channels {
		checks = append(checks, check{subject: subjectChannel(id), needs: []string{subjectSlack},
			look: func(ctx context.Context) []Finding { return v.lookAtChannel(ctx, id) }})
	}
	return checks
}

// noRecorder is the finding for a provider whose place nobody takes at the moment.
func noRecorder(context.Context) []Finding {
	return found(Skipped, "", "the recorder runs within serve, which does not run")
}

func (v *visit) identify(ctx context.Context) []Finding {
	if _, err := v.SlackBotToken.Get(ctx); errors.Is(err, secret.ErrEmpty) {
		return found(Skipped, "", "there is no token, and no route goes to Slack")
	}
	bot, team, scopes, err := v.Slack.Identify(ctx)
	switch {
	case errors.Is(err, provider.ErrCredential):
		return found(Failed, v.Site.SlackBotToken, "Slack does not take the token: %s", reason(err))
	case err != nil:
		return found(Failed, remedyOf(err), "%s", told(err))
	}
	if bot != "" {
		v.bot = "@" + bot
	}
	v.scopes, v.identified = scopes, true
	return fine("%s in %s", v.bot, team)
}

func (v *visit) lookAtScopes(context.Context) []Finding {
	if v.scopes == nil {
		return found(Skipped, "", "Slack did not tell the token's scopes")
	}
	var findings []Finding
	for _, scope := range v.Scopes {
		if slices.Contains(v.scopes, scope.Name) {
			continue
		}
		verdict := Warning
		if scope.Needed {
			verdict = Failed
		}
		findings = append(findings, found(verdict, remedyScopes, "%s is missing: %s", scope.Name, scope.Without)...)
	}
	if len(findings) > 0 {
		return findings
	}
	return fine("%s", strings.Join(v.scopes, ", "))
}

func (v *visit) lookAtChannel(ctx context.Context, id string) []Finding {
	name, member, archived, err := v.Slack.Channel(ctx, id)
	name = "#" + name
	switch {
	case errors.Is(err, provider.ErrMissingScope):
		return found(Skipped, remedyManifest+", or be sure by /invite "+v.bot+" in the channel",
			"the token may not look at it (%s)", reason(err))
	case errors.Is(err, provider.ErrNoChannel):
		return found(Failed, "invite the bot there (/invite "+v.bot+"), or correct the channel's id: "+v.Site.Settings,
			"Slack knows no such channel, or it is private and the bot is not in it")
	case err != nil:
		return found(Failed, remedyOf(err), "%s", told(err))
	case archived:
		return found(Failed, "unarchive "+name+", or choose another channel: "+v.Site.Settings, "%s is archived", name)
	case !member:
		return found(Failed, "write in "+name+": /invite "+v.bot, "%s is not in %s", v.bot, name)
	}
	return fine("%s, and %s is in it", name, v.bot)
}
