package checkup

import (
	"context"
	"fmt"
)

const subjectSettings = "settings"

func (v *visit) settingsChecks() []check {
	return []check{{subject: subjectSettings, look: v.lookAtSettings}}
}

// lookAtSettings tells every setting that is wrong or unwise; the errors say what to write instead.
func (v *visit) lookAtSettings(context.Context) []Finding {
	var findings []Finding
	for _, failure := range v.failures {
		findings = append(findings, Finding{Verdict: Failed, Says: failure.Error(), Remedy: v.Site.Settings})
	}
	if len(findings) > 0 {
		return findings
	}
	for _, warning := range v.all.Ingest.Warnings() {
		findings = append(findings, Finding{Verdict: Warning, Says: warning, Remedy: v.Site.Settings})
	}
	if len(findings) > 0 {
		return findings
	}
	return fine("environment %s, stack %s, %s",
		v.all.Ingest.Environment, v.all.Ingest.Stack, count(len(v.channels), "Slack channel"))
}

// count writes a number of things, whose plural ends in s.
func count(number int, thing string) string {
	if number == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", number, thing)
}
