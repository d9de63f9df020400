package checkup

import (
	"context"
	"strings"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/ground/exchange"
)

const (
	subjectClock       = "clock"
	subjectSlackAnswer = "Slack's last answer"
	subjectPagerAnswer = "PagerDuty's last answer"
)

// answerChecks look at what is known of those who were asked before, and of this machine's clock.
func (v *visit) answerChecks() []check {
	checks := []check{{subject: subjectClock, look: v.lookAtClock}}
	if v.SlackAnswers != nil && !v.RecordsSlack {
		checks = append(checks, check{subject: subjectSlackAnswer,
			look: func(context.Context) []Finding { return v.lookAtAnswer(v.SlackAnswers, "slack", remedySlackDown) }})
	}
	if v.PagerAnswers != nil && !v.RecordsPagerDuty {
		checks = append(checks, check{subject: subjectPagerAnswer,
			look: func(context.Context) []Finding {
				return v.lookAtAnswer(v.PagerAnswers, "pagerduty", remedyPagerDutyDown)
			}})
	}
	return checks
}

// lookAtAnswer tells of a provider that refuses or fails while its messages are in flight.
func (v *visit) lookAtAnswer(answers *exchange.Answers, destination, remedy string) []Finding {
	last := answers.Last()
	if last == nil {
		return fine("it was not asked since serve was started")
	}
	at := last.At.UTC().Format(time.RFC3339)
	if last.Reason != "" {
		return found(Warning, logLines(destination)+"; "+remedy, "%s, at %s, %s ago", last.Reason, at, ago(v.Now().Sub(last.At)))
	}
	return fine("taken, at %s, %s ago", at, ago(v.Now().Sub(last.At)))
}

// clockAgrees is how far two clocks lie apart that agree: a provider tells whole seconds, and its answer takes a while.
const clockAgrees = 5 * time.Second

const remedyClock = "set this machine's clock, and have it kept by NTP"

// lookAtClock compares this machine's clock with all that tell the time. Of a stack it is the clock of who asks, by which no delivery is
// refused: AWS sets that of the functions.
func (v *visit) lookAtClock(ctx context.Context) []Finding {
	var agree []string
	var off []Finding
	take := func(whose string, findings []Finding) {
		if len(findings) == 0 {
			agree = append(agree, whose)
		}
		off = append(off, findings...)
	}
	if v.identified && !v.RecordsSlack {
		asked := v.Now()
		theirs, err := v.Slack.Time(ctx)
		if err != nil {
			return found(Failed, remedyOf(err), "%s", told(err))
		}
		if !theirs.IsZero() {
			take("Slack's", v.clockOff("Slack's", asked.Sub(theirs)))
		}
	}
	if last := v.PagerAnswers.Last(); last != nil && !v.RecordsPagerDuty && !last.Date.IsZero() {
		take("PagerDuty's", v.clockOff("PagerDuty's", last.At.Sub(last.Date)))
	}
	if skew := v.Skews.Skew(); skew.Requests > 0 {
		take("Revento's", v.skewed(skew))
	}
	switch {
	case len(off) > 0:
		return off
	case len(agree) == 0:
		return found(Skipped, "", "nobody has told the time")
	}
	return fine("it agrees with %s", strings.Join(agree, " and "))
}

// clockOff is what is found of a clock that is ahead of another one by so much; nothing where they agree.
func (v *visit) clockOff(whose string, ahead time.Duration) []Finding {
	ahead = ahead.Round(time.Second)
	apart, direction := ahead, "ahead of"
	if ahead < 0 {
		apart, direction = -ahead, "behind"
	}
	switch {
	case apart <= clockAgrees:
		return nil
	case v.refusesBy(apart):
		return found(Failed, remedyClock, "it is %s %s %s: what Revento signs is refused as stale", apart, direction, whose)
	}
	return found(Warning, remedyClock, "it is %s %s %s", apart, direction, whose)
}

// skewed is what is found by signed requests. One that came late may be an old one that somebody has captured, which is no reason to
// fail.
func (v *visit) skewed(skew ingest.Skew) []Finding {
	switch says := skew.String(); {
	case says == "":
		return nil
	case v.refusesBy(-skew.Ahead):
		return found(Failed, remedyClock, "%s: what Revento signs is refused as stale", says)
	default:
		return found(Warning, remedyClock, "%s", says)
	}
}

// refusesBy says whether a clock that is off by so much refuses deliveries, which that of who asks about a stack does not.
func (v *visit) refusesBy(apart time.Duration) bool {
	return v.Tables == nil && len(v.failures) == 0 && apart > v.all.Ingest.SignatureTolerance
}
