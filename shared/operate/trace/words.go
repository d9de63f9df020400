package trace

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/legible"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/settings"
)

// why says why a delivery paged somebody, or did not.
func (t *Tracer) why(s Story, leaseEnd time.Time) string {
	switch {
	case s.State == ingest.StateIgnored:
		return t.ignored(s)
	case s.State == ingest.Claimed && t.Now().Before(leaseEnd):
		return "It is being handed off right now: look again in a few seconds."
	case s.State == ingest.Claimed:
		return "It was claimed and not marked as handed off: the function was stopped, or only the mark failed (mark_failed in the log). " +
			"What does not follow below comes with Revento's next attempt, or when the delivery is sent again from its console."
	case len(s.Alerts) == 0 && s.Mirrored:
		return t.ignored(s)
	case len(s.Alerts) == 0:
		return "Where it went is not known: a version of this program took it that did not keep that."
	}
	return sentence(t.page(s)) + others(s.Alerts)
}

// ignored tells of a route that was off, or of a type that nobody sends.
func (t *Tracer) ignored(s Story) string {
	if revento.IsOwn(s.Type) && !s.isOwn() {
		return fmt.Sprintf("Nothing was sent: %s is a type of our own, and Revento sends none of those.", s.Type)
	}
	trigger := route.TriggerOf(s.Type)
	text := fmt.Sprintf("Nothing was sent: when it came, the route of %s was off, which is %s.", trigger.Pattern, settingOf(trigger))
	if s.Mirrored {
		return text + " The mirror of its connection, if it has one, took it over."
	}
	if s.isOwn() {
		return text + " It was made by this program, and nobody sends it again."
	}
	if now := t.Routes.Of(trigger); len(now) > 0 {
		return text + fmt.Sprintf(" It is %s now: send the delivery again from Revento's console.", now)
	}
	return text + " Set it to a route, and send the delivery again from Revento's console."
}

// settingOf names a trigger's setting as the template has it, and as a variable.
func settingOf(trigger route.Trigger) string {
	return fmt.Sprintf("%s (%s)", trigger.Parameter, settings.Setting{Parameter: trigger.Parameter}.Variable())
}

// page tells of the delivery's page, or that there is none.
func (t *Tracer) page(s Story) string {
	if i := slices.IndexFunc(s.Alerts, func(a Alert) bool { return a.Kind == route.PagerDuty }); i >= 0 {
		a := s.Alerts[i]
		if a.State == alert.Sent || a.State == Erased {
			return a.Note
		}
		return "it did not page: " + a.Note
	}
	if i := slices.IndexFunc(s.Alerts, func(a Alert) bool { return a.Kind == route.Deletion }); i >= 0 {
		return s.Alerts[i].Note
	}
	var places []string
	for _, a := range s.Alerts {
		places = append(places, a.place())
	}
	trigger := route.TriggerOf(s.Type)
	return fmt.Sprintf("it pages nobody: when it came, the route of %s, which is %s, led to %s and not to pagerduty",
		trigger.Pattern, settingOf(trigger), strings.Join(places, ", "))
}

// others tells of what was not told elsewhere.
func others(alerts []Alert) string {
	var text strings.Builder
	for _, a := range alerts {
		if a.Kind != route.PagerDuty && a.Kind != route.Deletion && a.State != alert.Sent {
			text.WriteString(" " + sentence(a.place()+": "+a.Note))
		}
	}
	return text.String()
}

func sentence(clause string) string { return strings.ToUpper(clause[:1]) + clause[1:] + "." }

// noteOf is the note of an alert by its record alone.
func noteOf(a Alert, now time.Time) string {
	if a.State.IsFinal() {
		return finalNote(a)
	}
	return triedNote(a, now)
}

func finalNote(a Alert) string {
	switch {
	case a.State == alert.Superseded:
		return "something newer was known of its resource when its turn came, so that nothing was sent"
	case a.State == alert.Met:
		return "another delivery told the same here before it, found by reconcile or come from Revento, so that nothing was sent"
	case a.State == alert.Noted && a.Kind == route.PagerDuty:
		return "it ends an incident and none was known, so that nothing was sent; what is older does not page any more"
	case a.State == alert.Noted:
		return "it ends a thread and none was open, so that nothing was posted"
	case a.Kind == route.PagerDuty && a.Resolves:
		return fmt.Sprintf("PagerDuty took the end of the incident with the dedup key %s at %s, which pages nobody", a.DedupKey, legible.Time(a.LastAttempt))
	case a.Kind == route.PagerDuty:
		return fmt.Sprintf("PagerDuty took the event at %s under the dedup key %s; while an incident of that key is open, another event pages nobody anew",
			legible.Time(a.LastAttempt), a.DedupKey)
	case a.PossiblyRepeated:
		return "posted, and possibly twice: the answer to an earlier attempt was lost"
	}
	return "posted"
}

func triedNote(a Alert, now time.Time) string {
	tried := fmt.Sprintf("tried %s, the last time at %s", times(a.Attempts), legible.Time(a.LastAttempt))
	if now.Sub(a.LastAttempt) > queue.MaxVisibility {
		return tried + "; it is neither tried again nor a dead letter in sight: it was dropped, or its queue stands still"
	}
	switch {
	case a.State == alert.Sending:
		return tried + "; what came of that is not known yet, and is looked at when its message comes again"
	case a.Answer != "":
		return fmt.Sprintf("%s, and answered %s; it is tried again", tried, a.Answer)
	}
	return tried + "; it is tried again"
}

func (t *Tracer) parkedNote(letter deadletter.Letter) string {
	return fmt.Sprintf("it was given up (%s) and is dead letter %s: mend what the reason names, then %s",
		letter.Reason, letter.ID, t.command("dead-letters redrive --id "+letter.ID))
}

// command is a command as a person types it for this installation.
func (t *Tracer) command(arguments string) string {
	return "'" + t.Installation.Command(arguments) + "'"
}

func droppedNote(deed ingest.Deed) string {
	return fmt.Sprintf("it was given up (%s), and a person dropped it at %s: it is told no more", deed.Reason, legible.Time(deed.At))
}

// redriven tells of an alert that a person had tried again, and of which nothing is known since.
func redriven(deed ingest.Deed, now time.Time) (alert.State, string) {
	if now.Sub(deed.At) > queue.Retention {
		return Forgotten, fmt.Sprintf("it was given up (%s), and a person redrove it at %s; what became of it then is not known any more: queues keep a message for %s",
			deed.Reason, legible.Time(deed.At), legible.Days(queue.Retention))
	}
	return Waiting, fmt.Sprintf("it was given up (%s), and a person redrove it at %s: it waits for its turn", deed.Reason, legible.Time(deed.At))
}

// steps tells what happened in the order of time.
func steps(s Story) []Step {
	var places []string
	for _, a := range s.Alerts {
		places = append(places, a.place())
	}
	if s.Mirrored {
		places = append(places, "the mirror")
	}
	to := strings.Join(places, ", ")
	steps := []Step{
		s.begin(),
		{At: s.ClaimedAt, What: "claimed", Detail: "to hand it off to " + to},
		{At: s.HandedOffAt, What: "handed off", Detail: "to " + to},
	}
	for _, a := range s.Alerts {
		steps = append(steps, a.steps()...)
	}
	steps = slices.DeleteFunc(steps, func(step Step) bool { return step.At.IsZero() })
	slices.SortStableFunc(steps, func(a, b Step) int { return a.At.Compare(b.At) })
	return steps
}

// isOwn says whether this program made the delivery itself: nobody signed it.
func (s Story) isOwn() bool { return s.FoundBy != "" || revento.IsOwn(s.Type) && s.Secret == 0 }

func (s Story) begin() Step {
	if s.FoundBy != "" {
		detail := fmt.Sprintf("by this program, found by %s, %s late: no webhook of it had come", s.FoundBy, legible.Duration(s.ReceivedAt.Sub(s.OccurredAt)))
		return Step{At: s.ReceivedAt, What: "made", Detail: detail}
	}
	if s.isOwn() {
		return Step{At: s.ReceivedAt, What: "made", Detail: "by this program, of what it saw of the connection"}
	}
	return Step{At: s.ReceivedAt, What: "received", Detail: verified(s.Secret)}
}

func verified(secret int) string {
	switch secret {
	case 0:
		return ""
	case 1:
		return "signed with webhook secret 1, the newest"
	}
	return fmt.Sprintf("signed with webhook secret %d; 1 is the newest", secret)
}

func (a Alert) steps() []Step {
	last := Step{At: a.LastAttempt, What: "last attempt", Detail: a.place() + ": " + string(cmp.Or(a.State, Waiting))}
	if a.Answer != "" {
		last.Detail += ", answered " + a.Answer
	}
	steps := []Step{last, {At: a.ParkedAt, What: "parked", Detail: a.place() + ": dead letter " + a.Letter}}
	if a.Attempts > 1 {
		steps = append([]Step{{At: a.FirstAttempt, What: "first attempt", Detail: a.place()}}, steps...)
	}
	for _, deed := range a.Deeds {
		detail := fmt.Sprintf("%s: by a person with the operator's %s; it had been given up (%s)", a.place(), deed.By, deed.Reason)
		steps = append(steps, Step{At: deed.At, What: deed.What, Detail: detail})
	}
	return steps
}

func times(number int) string {
	if number == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", number)
}
