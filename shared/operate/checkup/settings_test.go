package checkup_test

import (
	"testing"

	"revento-alerts/shared/operate/checkup"
)

func TestSettings(t *testing.T) {
	wantFound(t, "settings", map[string]row{
		"all is well": {func(*site) {}, ok("environment staging, stack demo, 1 Slack channel")},
		"two are wrong, of which two functions read one": {
			func(s *site) { s.settings["SLACK_CHANNEL"], s.settings["MAX_ALERT_AGE"] = "#alerts", "1" },
			[]checkup.Finding{
				failed(`SlackChannel (SLACK_CHANNEL) is "#alerts": write the channel's id, such as C0123456789: `+
					"Slack shows it at the end of the channel's details", changeIt)[0],
				failed(`MaxAlertAge (MAX_ALERT_AGE) is "1": write a number and its unit, from 1m0s to 96h0m0s: 90s, 5m or 12h`, changeIt)[0],
			},
		},
		"a tolerance above what is advised": {
			set("SIGNATURE_TOLERANCE", "10m"),
			warned("SignatureTolerance is 10m0s: a captured request can be replayed for that long; Revento advises at most 5m0s", changeIt),
		},
	})
}
