package settings

import (
	"slices"

	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/schedule"
)

// The settings, beside one for each of route.Triggers.
var (
	environment        = Setting{Parameter: "Environment", Default: "production", Form: "1 to 32 letters, digits, dots, dashes or underscores"}
	stack              = Setting{Parameter: "Stack", Default: "local", Form: "the stack's name"}
	signatureTolerance = Setting{Parameter: "SignatureTolerance", Default: "300s", Form: "a duration from 30s to 24h"}
	bodyLimit          = Setting{Parameter: "BodyLimit", Default: "262144", Form: "a number of bytes from 1024 to 716800"}
	dedupeWindow       = Setting{Parameter: "DedupeWindow", Default: "720h", Form: "a duration from 24h to 8760h, more than twice SignatureTolerance"}
	secretMaxAge       = Setting{Parameter: "SecretMaxAge", Default: "5m", Form: "a duration from 1m to 24h"}
	slackChannel       = Setting{Parameter: "SlackChannel", Required: true, Form: "a Slack channel's id, such as C0123456789"}
	eventChannels      = Setting{Parameter: "EventChannels", Form: "empty, or event ids and channel ids: evt_abc=C0111,evt_def=C0222"}
	slackPostInterval  = Setting{Parameter: "SlackPostInterval", Default: "1s", Form: "a duration from 0s to 5s"}
	slackAPIURL        = Setting{Parameter: "SlackApiUrl", Default: "https://slack.com/api/", Form: "a URL up to and including /api/"}
	pagerDutyEventsURL = Setting{Parameter: "PagerdutyEventsUrl", Default: "https://events.pagerduty.com", Form: "a URL without a path; in the EU https://events.eu.pagerduty.com"}
	maxAlertAge        = Setting{Parameter: "MaxAlertAge", Default: "1h", Form: "a duration from 1m to 96h"}
	alertFields        = Setting{Parameter: "AlertFields", Default: "id,status,*_at", Form: "names of data's fields, separated by commas, with * only at either end"}
	linkTemplate       = Setting{Parameter: "LinkTemplate", Form: "empty, or a URL with {event_id}, {organization_id}, {resource_id}, {type}"}
	deletionGraceDays  = Setting{Parameter: "DeletionGraceDays", Default: "7", Form: "a number of days from 0 to 365"}
	deletionRecordDays = Setting{Parameter: "DeletionRecordDays", Default: "1095", Form: "a number of days from 30 to 3650"}
	deletionFields     = Setting{Parameter: "DeletionFields", Default: "id,event_id,organization_id,reason,*_at", Form: "names of data's fields, separated by commas, with * only at either end; none that names a person"}
	deleteSlack        = Setting{Parameter: "DeleteSlackMessages", Default: "false", Form: "true or false"}
	digestSchedule     = Setting{Parameter: "DigestSchedule", Default: "cron(0/15 * * * ? *)", Form: schedule.Forms}
	digestTimeZone     = Setting{Parameter: "DigestTimeZone", Default: "UTC", Form: "the IANA name of a time zone, such as Europe/Berlin"}
	logLevel           = Setting{Parameter: "LogLevel", Default: "INFO", Form: "DEBUG, INFO, WARN or ERROR"}
)

// Table lists all settings.
func Table() []Setting {
	return slices.Concat(
		[]Setting{environment, stack, signatureTolerance, bodyLimit, dedupeWindow, secretMaxAge},
		routeSettings(),
		[]Setting{slackChannel, eventChannels, slackPostInterval, slackAPIURL, pagerDutyEventsURL, maxAlertAge, alertFields,
			linkTemplate, deletionGraceDays, deletionRecordDays, deletionFields, deleteSlack, digestSchedule, digestTimeZone},
		OfConnections(),
		[]Setting{logLevel},
	)
}

func routeSettings() []Setting {
	rows := make([]Setting, len(route.Triggers))
	for i, trigger := range route.Triggers {
		rows[i] = routeSetting(trigger)
	}
	return rows
}

func routeSetting(trigger route.Trigger) Setting {
	return Setting{Parameter: trigger.Parameter, Default: trigger.Default, Form: route.Grammar}
}
