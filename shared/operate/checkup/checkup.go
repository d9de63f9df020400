// Package checkup looks whether everything that alerts need is in order, and says how to mend what is not.
package checkup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/exchange"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/provider"
	"revento-alerts/shared/settings"
)

// CheckTimeout bounds one check.
const CheckTimeout = 5 * time.Second

// Verdict is what a check comes to.
type Verdict string

// The verdicts.
const (
	OK Verdict = "ok"
	// Warning is for what works and is unwise, or waits for a person.
	Warning Verdict = "warning"
	// Failed is for what keeps alerts from being told until somebody mends it.
	Failed Verdict = "failed"
	// Skipped is for what could not be looked at, or need not be.
	Skipped Verdict = "skipped"
)

// Finding is what a check found.
type Finding struct {
	// Subject is what was looked at.
	Subject string  `json:"subject"`
	Verdict Verdict `json:"verdict"`
	// Says is what was found. It holds no secret.
	Says string `json:"says"`
	// Remedy is what to do about it, or "".
	Remedy string `json:"remedy,omitempty"`
}

// AnyFailed says whether there is something to mend.
func AnyFailed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Verdict == Failed })
}

// Secret is where a parsed secret comes from. Its errors wrap secret.ErrEmpty where nobody has filled it in.
type Secret[T any] interface {
	Get(ctx context.Context) (T, error)
}

// Slack is what the checks need of Slack.
type Slack interface {
	// Identify tells whose token it is: the bot's name, without @, its workspace, and the token's scopes, nil where Slack
	// does not tell them. It returns provider.ErrCredential.
	Identify(ctx context.Context) (bot, team string, scopes []string, err error)
	// Time is Slack's own time, to the second; zero where its answer does not tell.
	Time(ctx context.Context) (time.Time, error)
	// Channel looks at a channel: its name, without #, whether the bot is in it, and whether it is archived. It returns
	// provider.ErrMissingScope and provider.ErrNoChannel.
	Channel(ctx context.Context, id string) (name string, member, archived bool, err error)
	// PostText posts a line of plain text into a channel. A failure of class fault.Unknown may have posted.
	PostText(ctx context.Context, channel, text string) error
}

// Tables is what the checks need of the database.
type Tables interface {
	// Describe tells whether a table can be used, and its status in the database's words; "" where there is no such table.
	Describe(ctx context.Context, table string) (usable bool, status string, err error)
}

// Queues is what the checks need of the queues.
type Queues interface {
	// Depth tells about how many messages wait in a queue and how many are in flight.
	Depth(ctx context.Context, name queue.Name) (waiting, inFlight int, err error)
}

// Checkup is everything that is looked at.
type Checkup struct {
	// Source is where the settings come from.
	Source settings.Source
	Site   Site

	WebhookSecrets Secret[secret.Webhook]
	SlackBotToken  Secret[secret.Token]
	RoutingKeys    Secret[secret.RoutingKeys]

	// RecordsSlack and RecordsPagerDuty say that a recorder stands in for the provider, since nobody gave a credential.
	RecordsSlack, RecordsPagerDuty bool
	// Slack and Pager are nil where the recorder does not run.
	Slack Slack
	// Scopes are those that the product can use.
	Scopes []provider.Scope
	Pager  incident.Pager
	// SlackAnswers and PagerAnswers are how the last post and the last page of this process ended; nil where another process tells.
	SlackAnswers, PagerAnswers *exchange.Answers
	// Skews is what signed requests tell of the clock of this process; nil where it takes none.
	Skews *ingest.Skews
	// Tables has TableNames, none on one machine.
	Tables     Tables
	TableNames []string
	Queues     Queues
	// Messages shows what is in the queues; nil where a look would hide it from the workers.
	Messages queue.Browser
	// Probe tries whether what is written now is kept; nil where there is no data folder.
	Probe func(ctx context.Context) error
	// Newest tells when the newest delivery was taken in, zero where none is known; nil where the ledger cannot be listed.
	Newest func(ctx context.Context) (time.Time, error)
	// QueueNames are the queues; each has a dead-letter queue.
	QueueNames []queue.Name

	// Refusals are the last refused requests, the newest first; nil where they are not kept.
	Refusals func(deliveryID string) []ingest.Refusal

	// Asking is what asks Revento; nil where connections are off.
	Asking *Asking

	// Send says to post a test message into each channel and to open and resolve test incidents.
	Send bool
	Now  func() time.Time
}

// check looks at one thing, or at one and the same of several.
type check struct {
	subject string
	// needs are the subjects without which there is nothing to look at.
	needs []string
	// time bounds it, where CheckTimeout is too short.
	time time.Duration
	look func(ctx context.Context) []Finding
}

// visit is one run of the checks, and what the earlier ones leave to the later.
type visit struct {
	*Checkup
	all      settings.All
	failures []error
	routes   route.Table
	// routed says that routes are those in force.
	routed   bool
	channels []string

	bot string // as it is mentioned
	// identified says that Slack takes the token.
	identified bool
	scopes     []string
	keys       secret.RoutingKeys
	working    string // an event whose connection works; "" where none does

	findings []Finding
	// unmet are the subjects that failed, or that were skipped for want of another.
	unmet map[string]bool
}

// Run makes the checks one after another. None hides another: what needs something that failed is skipped.
func (c *Checkup) Run(ctx context.Context) []Finding {
	v := c.visit()
	groups := []func() []check{v.settingsChecks, v.secretChecks, v.slackChecks, v.answerChecks, v.connectionChecks, v.storageChecks}
	if c.Send {
		groups = append(groups, v.messageChecks, v.pageChecks)
	}
	for _, checks := range groups {
		v.run(ctx, checks())
	}
	return v.findings
}

func (c *Checkup) visit() *visit {
	v := &visit{Checkup: c, bot: "the bot", unmet: map[string]bool{}}
	v.all, v.failures = settings.LoadAll(c.Source)
	routes, err := settings.LoadRoutes(c.Source)
	if err == nil {
		if !v.all.Connections.On() { // nothing makes events of our own types
			routes = routes.OfWebhooks()
		}
		v.routes, v.routed, v.channels = routes, true, routes.SlackChannels()
	}
	return v
}

func (v *visit) run(ctx context.Context, checks []check) {
	for _, c := range checks {
		if i := slices.IndexFunc(c.needs, func(need string) bool { return v.unmet[need] }); i >= 0 {
			v.unmet[c.subject] = true
			says := "needs " + c.needs[i] + " to be in order"
			v.findings = append(v.findings, Finding{Subject: c.subject, Verdict: Skipped, Says: says})
			continue
		}
		found := c.within(ctx)
		v.unmet[c.subject] = AnyFailed(found)
		v.findings = append(v.findings, found...)
	}
}

func (c check) within(ctx context.Context) []Finding {
	if ctx.Err() != nil {
		return []Finding{{Subject: c.subject, Verdict: Skipped, Says: "interrupted"}}
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.time, CheckTimeout))
	defer cancel()
	found := c.look(ctx)
	for i := range found {
		found[i].Subject = c.subject
	}
	return found
}

// found is the one finding of a check, whose subject is the check's.
func found(verdict Verdict, remedy, says string, arguments ...any) []Finding {
	return []Finding{{Verdict: verdict, Says: fmt.Sprintf(says, arguments...), Remedy: remedy}}
}

func fine(says string, arguments ...any) []Finding { return found(OK, "", says, arguments...) }

// told is an error in a line's words. Errors hold no secret.
func told(err error) string {
	failure, classified := errors.AsType[*fault.Error](err)
	if !classified {
		return err.Error()
	}
	how := "failed"
	switch failure.Class {
	case fault.Permanent:
		how = "refused"
	case fault.Throttled:
		how = "asked to wait"
	}
	if failure.Err != nil {
		return fmt.Sprintf("%s: %s: %s: %v", failure.Op, how, failure.Reason, failure.Err)
	}
	return fmt.Sprintf("%s: %s: %s", failure.Op, how, failure.Reason)
}

// reason is the other side's own code.
func reason(err error) string { return fault.Of(err).Reason }
