package checkup

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/fault"
)

const subjectPage = "test page"

const remedyPagerDutyDown = "try again; PagerDuty's own state is at https://status.pagerduty.com"

// messageChecks post once into each channel.
func (v *visit) messageChecks() []check {
	if v.Slack == nil {
		return []check{{subject: "test message", look: noRecorder}}
	}
	if !v.routed {
		return []check{{subject: "test message", needs: []string{subjectSettings}}}
	}
	var checks []check
	for _, id := range v.channels {
		checks = append(checks, check{
			subject: "test message to " + id,
			needs:   []string{subjectSettings, subjectSlack, subjectChannel(id)},
			look:    func(ctx context.Context) []Finding { return v.postTest(ctx, id) },
		})
	}
	return checks
}

// byWhom says who tests and where.
func (v *visit) byWhom() string { return "by revento-alerts check, stack " + v.all.Ingest.Stack }

func (v *visit) postTest(ctx context.Context, channel string) []Finding {
	err := v.Slack.PostText(ctx, channel, fmt.Sprintf("[%s] Test message %s: alerts can come here. Nothing has happened.",
		v.all.Ingest.Environment, v.byWhom()))
	switch {
	case fault.Has(err, fault.Unknown):
		return found(Failed, "look whether it is in the channel", "it may be posted, the answer was lost: %s", reason(err))
	case fault.Has(err, fault.Permanent):
		return found(Failed, "write in the channel: /invite "+v.bot+"; where it is in it, see who may post there", "%s", told(err))
	case err != nil:
		return found(Failed, remedySlackDown, "%s", told(err))
	}
	return fine("posted")
}

// pageChecks page once with each key, under the event whose pages it takes.
func (v *visit) pageChecks() []check {
	if v.Pager == nil {
		return []check{{subject: subjectPage, look: noRecorder}}
	}
	needs := []string{subjectSettings, subjectKeys}
	events := v.eventsByKey()
	if len(events) == 0 {
		return []check{{subject: subjectPage, needs: needs, look: noKey}}
	}
	var checks []check
	for _, event := range events {
		subject := subjectPage
		if event != "" {
			subject += " for " + event
		}
		checks = append(checks, check{subject: subject, needs: needs,
			look: func(ctx context.Context) []Finding { return v.page(ctx, event) }})
	}
	return checks
}

func noKey(context.Context) []Finding {
	return found(Skipped, "", "there is no key, and no route goes to PagerDuty")
}

// eventsByKey lists an event for each key, "" for the default's.
func (v *visit) eventsByKey() []string {
	var events []string
	seen := map[string]bool{"": true}
	for _, event := range slices.Concat([]string{""}, slices.Sorted(maps.Keys(v.keys.Events))) {
		if key := v.keys.Of(event); !seen[key] {
			seen[key] = true
			events = append(events, event)
		}
	}
	return events
}

// page opens an incident of its own and resolves it at once. Where the answer to the first was lost, it may be open, so that it
// is resolved all the same.
func (v *visit) page(ctx context.Context, event string) []Finding {
	page := v.testPage(event)
	opened := v.Pager.Enqueue(ctx, page)
	if fault.Has(opened, fault.Permanent) {
		return found(Failed, v.Site.RoutingKeys, "%s", told(opened))
	}
	if fault.Has(opened, fault.Throttled) {
		return found(Failed, remedyPagerDutyDown, "%s", told(opened))
	}
	resolved := v.resolve(ctx, page)
	switch {
	case resolved != nil:
		return found(Failed, fmt.Sprintf("resolve %q in PagerDuty, if it is there", page.IncidentKey),
			"an incident may be left open: %s", told(resolved))
	case opened != nil:
		return found(Failed, remedyPagerDutyDown, "it may have been opened, and was resolved: %s", told(opened))
	}
	return fine("PagerDuty took it and its end; look there whether it was shown and closed")
}

// resolve ends the incident, whatever has become of ctx.
func (v *visit) resolve(ctx context.Context, page incident.Page) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), incident.CallTimeout)
	defer cancel()
	page.Content.Resolves = true
	return v.Pager.Enqueue(ctx, page)
}

// testPage is of the lowest severity: it is to be seen, and to wake nobody.
func (v *visit) testPage(event string) incident.Page {
	return incident.Page{
		IncidentKey: "revento-alerts check " + rand.Text(),
		Content: alert.Content{
			Type:        "revento-alerts.check",
			Title:       "Test page " + v.byWhom() + ": it resolves itself, nothing has happened",
			Severity:    route.Info,
			Environment: v.all.Ingest.Environment,
			EventID:     event,
			HappenedAt:  v.Now(),
		},
	}
}
