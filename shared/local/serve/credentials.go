package serve

import (
	"context"
	"errors"
	"fmt"

	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/provider/inprocess"
	"revento-alerts/shared/provider/recorder"
	"revento-alerts/shared/settings"
)

// The variables that hold secrets on one machine. On AWS they are in Secrets Manager.
const (
	VariableWebhookSecrets      = "WEBHOOK_SECRETS"
	VariableSlackBotToken       = "SLACK_BOT_TOKEN"
	VariablePagerDutyRoutingKey = "PAGERDUTY_ROUTING_KEY"
)

const (
	variableSlackChannel = "SLACK_CHANNEL"
	variableSlackURL     = "SLACK_API_URL"
	variablePagerDutyURL = "PAGERDUTY_EVENTS_URL"
	variableEnvironment  = "ENVIRONMENT"
)

// SampleChannel is the channel in force where none is set. The recorder has it; Slack does not.
const SampleChannel = "C0SAMPLE01"

// LocalEnvironment is the environment in force where none is set and nothing is sent: whoever sees such an alert must not believe that
// it came from production.
const LocalEnvironment = "local"

// What a stand-in is told in place of credentials; the recorder takes any.
const (
	standInToken      = "xoxb-stand-in"
	standInRoutingKey = "00000000000000000000000000000000"
)

// Defaults adds what serve sets where nobody did.
func Defaults(source settings.Source) settings.Source {
	values := map[string]string{variableSlackChannel: SampleChannel}
	if slack, pagerDuty := records(source); slack && pagerDuty {
		values[variableEnvironment] = LocalEnvironment
	}
	return overlay(source, values)
}

// overlay answers from values where source has nothing.
func overlay(source settings.Source, values map[string]string) settings.Source {
	return func(name string) (string, bool) {
		if value, set := source(name); set {
			return value, true
		}
		value, set := values[name]
		return value, set
	}
}

func isSet(source settings.Source, names ...string) bool {
	for _, name := range names {
		if value, _ := source(name); value != "" {
			return true
		}
	}
	return false
}

// records says for which providers a recorder stands in.
func records(source settings.Source) (slack, pagerDuty bool) {
	return !isSet(source, VariableSlackBotToken, variableSlackURL), !isSet(source, VariablePagerDutyRoutingKey, variablePagerDutyURL)
}

func standInCredentials() map[string]string {
	return map[string]string{VariableSlackBotToken: standInToken, VariablePagerDutyRoutingKey: standInRoutingKey}
}

// standIn opens the recorder where a provider has neither a credential nor a URL, and names it as that provider's address, so that
// no client finds its way to the provider itself. A URL without a credential is a stand-in of the user's own.
func (m *Machine) standIn(source settings.Source, dir string) (settings.Source, error) {
	m.RecordsSlack, m.RecordsPagerDuty = records(source)
	values := standInCredentials()
	if !m.RecordsSlack && !m.RecordsPagerDuty {
		return overlay(source, values), nil
	}
	var err error
	if m.Recorder, err = recorder.Open(dir, recorder.DefaultLimits); err != nil {
		return nil, fmt.Errorf("open the recorder: %w", err)
	}
	if m.Recorder.Cut != "" {
		m.Warnings = append(m.Warnings, m.Recorder.Cut)
	}
	if m.RecordsSlack {
		values[variableSlackURL] = recorder.SlackURL
	}
	if m.RecordsPagerDuty {
		values[variablePagerDutyURL] = recorder.PagerDutyURL
	}
	return overlay(source, values), nil
}

// leadToRecorder has the clients of the recorded providers call the recorder, within this process.
func (m *Machine) leadToRecorder(clients *providers) {
	clients.recordsSlack, clients.recordsPagerDuty = m.RecordsSlack, m.RecordsPagerDuty
	if m.RecordsSlack {
		clients.slack = clients.slack.Through(inprocess.Transport(m.Recorder))
	}
	if m.RecordsPagerDuty {
		clients.pager = clients.pager.Through(inprocess.Transport(m.Recorder))
	}
}

// halfSet warns of what is set and does not work alone.
func halfSet(source settings.Source) (warnings []string) {
	if isSet(source, VariableSlackBotToken) && !isSet(source, variableSlackChannel) {
		warnings = append(warnings, variableSlackChannel+" is not set: alerts go to "+SampleChannel+", which your Slack does not have")
	}
	if isSet(source, variableSlackURL) && !isSet(source, VariableSlackBotToken) {
		warnings = append(warnings, variableSlackURL+" is set and "+VariableSlackBotToken+" is not: Slack itself takes no message without a token")
	}
	if isSet(source, variablePagerDutyURL) && !isSet(source, VariablePagerDutyRoutingKey) {
		warnings = append(warnings, variablePagerDutyURL+" is set and "+VariablePagerDutyRoutingKey+" is not: PagerDuty itself takes no event without a key")
	}
	return warnings
}

// checkCredentials refuses a credential that is set and cannot be one. An empty one is none.
func checkCredentials(source settings.Source) error {
	return errors.Join(
		checkCredential(source, VariableSlackBotToken, secret.ParseToken),
		checkCredential(source, VariablePagerDutyRoutingKey, secret.ParseRoutingKeys),
	)
}

func checkCredential[T any](source settings.Source, variable string, parse func(string) (T, error)) error {
	if !isSet(source, variable) {
		return nil
	}
	text, _ := source(variable)
	if _, err := parse(text); err != nil {
		return fmt.Errorf("%s: %w", variable, err)
	}
	return nil
}

// webhookSecrets returns the secrets: those given, or the data folder's.
func (m *Machine) webhookSecrets(source settings.Source, dir string) (string, error) {
	text, set := source(VariableWebhookSecrets)
	if !set {
		var err error
		m.SecretKept = true
		text, m.SecretMade, err = keepSecret(dir)
		return text, err
	}
	if _, err := secret.ParseWebhook(text); err != nil {
		return "", fmt.Errorf("%s: %w", VariableWebhookSecrets, err)
	}
	return text, nil
}

// variable is a Fetch for a secret that a variable holds.
func variable(source settings.Source, name string) secret.Fetch {
	return func(context.Context) (string, error) {
		text, _ := source(name)
		return text, nil
	}
}
