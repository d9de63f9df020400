package checkup

import (
	"fmt"

	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/ground/telemetry"
)

// Site is where the product runs, in the words of remedies.
type Site struct {
	// Settings is how a setting is changed.
	Settings string
	// WebhookSecrets, SlackBotToken and RoutingKeys are how each secret is filled in.
	WebhookSecrets, SlackBotToken, RoutingKeys string
	// Access is what to look at where secrets, tables or queues cannot be read.
	Access string
	// Refused is where refused requests are found afterwards, and Accepted where it is seen when a delivery was taken in.
	Refused, Accepted string
	// Installation is what the other commands need to reach it.
	Installation installation.Name
}

// refusedPattern finds the lines of what was not worked on.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
const refusedPattern = `{ $.msg = "delivery" && $.status != "accepted" && $.status != "duplicate" && $.status != "ignored" }`

// OnStack is a deployed stack.
func OnStack(name, region string) Site {
	fill := func(secret, what string) string {
		return fmt.Sprintf("run this, paste %s, press Enter and Ctrl-D: aws secretsmanager put-secret-value --region %s "+
			"--secret-id %s/%s --secret-string file:///dev/stdin", what, region, name, secret)
	}
	return Site{
		Settings:       "change the parameter in samconfig.toml and run sam deploy",
		WebhookSecrets: fill("webhook-secrets", "the secret that Revento shows"),
		SlackBotToken:  fill("slack-bot-token", "the app's Bot User OAuth Token"),
		RoutingKeys:    fill("pagerduty-routing-key", "the Events API v2 integration key"),
		Access:         "see that your AWS credentials may read the secrets, tables and queues of the stack " + name + " in " + region,
		Refused: fmt.Sprintf("the metrics reply_<status> of the namespace %s, and a line each in the log group /aws/lambda/%s-ingest: "+
			"aws logs filter-log-events --region %s --log-group-name /aws/lambda/%s-ingest --filter-pattern '%s'",
			telemetry.Namespace, name, region, name, refusedPattern),
		Accepted:     fmt.Sprintf("the metric reply_accepted of the namespace %s, and the dashboard", telemetry.Namespace),
		Installation: installation.OnStack(name),
	}
}

// OnMachine is serve with a data folder.
func OnMachine(dataDir string) Site {
	set := func(variable, what string) string {
		return fmt.Sprintf("set %s to %s and start serve again", variable, what)
	}
	return Site{
		Settings:       "set the variable and start serve again",
		WebhookSecrets: set("WEBHOOK_SECRETS", "the secret that Revento shows"),
		SlackBotToken:  set("SLACK_BOT_TOKEN", "the app's Bot User OAuth Token"),
		RoutingKeys:    set("PAGERDUTY_ROUTING_KEY", "the Events API v2 integration key"),
		Access:         "see that the data folder is serve's and that its disk is sound: " + dataDir,
		Refused:        "the last 200 since serve was started, at /api/refused",
		Installation:   installation.OnMachine(dataDir),
	}
}
