package checkup

import (
	"fmt"
	"strings"

	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/ground/telemetry"
)

// Site is where the product runs, in the words of remedies.
type Site struct {
	// Settings is how a setting is changed.
	Settings string
	// Connect is how connections are turned on.
	Connect string
	// WebhookSecrets, SlackBotToken and RoutingKeys are how each secret is filled in.
	WebhookSecrets, SlackBotToken, RoutingKeys string
	// ClientSecret and SealingKeys are how those are filled in, and Worker where to look where nobody looks at connections.
	ClientSecret, SealingKeys, Worker string
	// Access is what to look at where secrets, tables or queues cannot be read.
	Access string
	// Refused is where refused requests are found afterwards, and Accepted where it is seen when a delivery was taken in.
	Refused, Accepted string
	// Oldest is where it is seen how long the oldest message of each queue waits, "" where the queues show it.
	Oldest string
	// Installation is what the other commands need to reach it.
	Installation installation.Name
}

// refusedPattern finds the lines of what was not worked on.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
const refusedPattern = `{ $.msg = "delivery" && $.status != "accepted" && $.status != "duplicate" && $.status != "ignored" }`

// The queries are CloudWatch Logs Insights'.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
const (
	acceptedQuery = `fields @timestamp, delivery_id, type | filter msg = "delivery" and status = "accepted" | sort @timestamp desc | limit 1`
	againQuery    = `fields @timestamp, destination, receives, outcome, reason, delivery_id | filter receives > 1 | sort receives desc | limit 20`
)

// OnStack is a deployed stack, whose queues bear names that CloudFormation gave them.
func OnStack(name, region string, queues ...string) Site {
	fill := func(secret, what string) string {
		return fmt.Sprintf("run this, paste %s, press Enter and Ctrl-D: aws secretsmanager put-secret-value --region %s "+
			"--secret-id %s/%s --secret-string file:///dev/stdin", what, region, name, secret)
	}
	return Site{
		Settings: "change the parameter in samconfig.toml and run sam deploy",
		Connect: "ReventoClientId is not set: give the stack the parameters ReventoClientId, ReventoAuthUrl and ReventoApiUrl in samconfig.toml, " +
			"and run sam deploy",
		WebhookSecrets: fill("webhook-secrets", "the secret that Revento shows"),
		SlackBotToken:  fill("slack-bot-token", "the app's Bot User OAuth Token"),
		RoutingKeys:    fill("pagerduty-routing-key", "the Events API v2 integration key"),
		ClientSecret:   fill("revento-client-secret", "the client secret that Revento shows"),
		SealingKeys:    "run this, which makes the first key: " + installation.OnStack(name).Command("keys add"),
		Worker: fmt.Sprintf("the log group /aws/lambda/%s-sync says what fails; what was given up is listed by '%s'", name,
			installation.OnStack(name).Command("dead-letters list")),
		Access: "see that your AWS credentials may read the secrets, tables and queues of the stack " + name + " in " + region,
		Refused: fmt.Sprintf("the metrics reply_<status> of the namespace %s, and a line each in the log group /aws/lambda/%s-ingest: "+
			"aws logs filter-log-events --region %s --log-group-name /aws/lambda/%s-ingest --filter-pattern '%s'",
			telemetry.Namespace, name, region, name, refusedPattern),
		Accepted: fmt.Sprintf("the metric reply_accepted of the namespace %s, and the dashboard; the newest is found by Logs Insights in the log "+
			"group /aws/lambda/%s-ingest: %s", telemetry.Namespace, name, acceptedQuery),
		Oldest: fmt.Sprintf("the metric ApproximateAgeOfOldestMessage of the namespace AWS/SQS, in seconds, and the dashboard: "+
			"for queue in %s; do aws cloudwatch get-metric-statistics --region %s --namespace AWS/SQS "+
			"--metric-name ApproximateAgeOfOldestMessage --dimensions Name=QueueName,Value=$queue --statistics Maximum --period 300 "+
			"--start-time $(($(date +%%s) - 3600)) --end-time $(date +%%s); done; why they wait is found by Logs Insights in the log groups "+
			"/aws/lambda/%s-<queue>: %s", strings.Join(queues, " "), region, name, againQuery),
		Installation: installation.OnStack(name),
	}
}

// OnMachine is serve with a data folder.
func OnMachine(dataDir string) Site {
	set := func(variable, what string) string {
		return fmt.Sprintf("set %s to %s and start serve again", variable, what)
	}
	return Site{
		Settings: "set the variable and start serve again",
		Connect: "they are on where REVENTO_CLIENT_ID is set, and with the sandbox, which serve asks where nothing real is set; " +
			"set the variable and start serve again",
		WebhookSecrets: set("WEBHOOK_SECRETS", "the secret that Revento shows"),
		SlackBotToken:  set("SLACK_BOT_TOKEN", "the app's Bot User OAuth Token"),
		RoutingKeys:    set("PAGERDUTY_ROUTING_KEY", "the Events API v2 integration key"),
		ClientSecret:   set("REVENTO_CLIENT_SECRET", "the client secret that Revento shows"),
		SealingKeys:    "put the sealing keys' file back, or name where it is in SEALING_KEYS_FILE; serve makes it at its first start",
		Worker:         "the log's lines with \"msg\":\"sync\" say what fails",
		Access:         "see that the data folder is serve's and that its disk is sound: " + dataDir,
		Refused:        "the last 200 since serve was started, at /api/refused",
		Installation:   installation.OnMachine(dataDir),
	}
}
