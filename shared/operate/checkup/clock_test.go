package checkup_test

import (
	"context"
	"io"
	"strconv"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/exchange"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
)

// onOneMachine takes a stack's tables away.
func onOneMachine(s *site) { s.Tables, s.TableNames = nil, nil }

func TestTheClock(t *testing.T) {
	const remedy = "set this machine's clock, and have it kept by NTP"
	ahead := func(by time.Duration) spoil {
		return func(s *site) {
			onOneMachine(s)
			s.slack.ahead = by
		}
	}
	ofWhoAsks := func(s *site) { s.slack.ahead = 2 * time.Hour }
	wantFound(t, "clock", map[string]row{
		"right":              {ahead(0), ok("it agrees with Slack's")},
		"nearly right":       {ahead(-5 * time.Second), ok("it agrees with Slack's")},
		"a little ahead":     {ahead(time.Minute), warned("it is 1m0s ahead of Slack's", remedy)},
		"a little behind":    {ahead(-time.Minute), warned("it is 1m0s behind Slack's", remedy)},
		"two hours ahead":    {ahead(2 * time.Hour), failed("it is 2h0m0s ahead of Slack's: what Revento signs is refused as stale", remedy)},
		"two hours behind":   {ahead(-2 * time.Hour), failed("it is 2h0m0s behind Slack's: what Revento signs is refused as stale", remedy)},
		"not of the stack":   {ofWhoAsks, warned("it is 2h0m0s ahead of Slack's", remedy)},
		"not told":           {func(s *site) { s.slack.silent = true }, skipped("nobody has told the time")},
		"nobody needs Slack": {unused("token"), skipped("nobody has told the time")},
	})
}

// requested has requests come that were rightly signed so long before.
func requested(late ...time.Duration) spoil {
	return func(s *site) {
		onOneMachine(s)
		s.RecordsSlack = true
		s.Skews = new(ingest.Skews)
		in := ingest.Ingest{
			Tolerance: 300 * time.Second, BodyLimit: 1024, DedupeWindow: time.Hour, Routes: route.NewTable(nil, route.Channels{}),
			Secrets: secret.NewHolder(secret.Static("s"), secret.ParseWebhook, time.Hour, clock),
			Ledger:  memory.NewLedger(), Skews: s.Skews, Log: telemetry.New(io.Discard, telemetry.Options{}), Now: clock,
		}
		for _, ago := range late {
			body, timestamp := `{"type":"x"}`, strconv.FormatInt(now.Add(-ago).Unix(), 10)
			in.Handle(context.Background(), ingest.Request{
				DeliveryID: "d-1", Timestamp: timestamp, Signature: revento.Sign("s", timestamp, []byte(body)), Body: ingest.Body{Text: body},
			})
		}
	}
}

// Where both providers are recorded, nobody but Revento tells the time.
func TestTheClockBySignedRequests(t *testing.T) {
	const remedy = "set this machine's clock, and have it kept by NTP"
	wantFound(t, "clock", map[string]row{
		"none":          {requested(), skipped("nobody has told the time")},
		"right":         {requested(0, time.Second), ok("it agrees with Revento's")},
		"behind":        {requested(0, -time.Minute), warned("this clock is behind Revento's by 1m0s or more", remedy)},
		"ahead":         {requested(time.Minute, time.Minute, time.Minute), warned("this clock is ahead of Revento's by up to 1m0s, or requests are under way for so long", remedy)},
		"far behind":    {requested(-2 * time.Hour), failed("this clock is behind Revento's by 2h0m0s or more: what Revento signs is refused as stale", remedy)},
		"perhaps ahead": {requested(2 * time.Hour), warned("this clock is ahead of Revento's by up to 2h0m0s, or the request came late", remedy)},
	})
}

func answered(answer exchange.Answer) spoil {
	return func(s *site) {
		onOneMachine(s)
		s.RecordsSlack = true
		s.SlackAnswers, s.PagerAnswers = new(exchange.Answers), new(exchange.Answers)
		if !answer.At.IsZero() {
			s.SlackAnswers.Note(answer)
			s.PagerAnswers.Note(answer)
		}
	}
}

func TestTheClockByPagerDutysLastAnswer(t *testing.T) {
	dated := func(ahead time.Duration) spoil {
		return answered(exchange.Answer{At: now, Date: now.Add(-ahead)})
	}
	recorded := func(s *site) {
		dated(time.Hour)(s)
		s.RecordsPagerDuty = true
	}
	wantFound(t, "clock", map[string]row{
		"right":    {dated(time.Second), ok("it agrees with PagerDuty's")},
		"ahead":    {dated(time.Minute), warned("it is 1m0s ahead of PagerDuty's", "set this machine's clock, and have it kept by NTP")},
		"undated":  {answered(exchange.Answer{At: now}), skipped("nobody has told the time")},
		"recorded": {recorded, skipped("nobody has told the time")},
	})
}

// PagerDuty answered 500 to everything, and check said "ok, 3 in flight".
func TestTheProvidersLastAnswerIsTold(t *testing.T) {
	at := now.Add(-2 * time.Minute)
	took, down := exchange.Answer{At: at}, exchange.Answer{At: at, Reason: "http_500"}
	const says, lines = ", at 2026-05-09T14:20:31Z, 2 min ago", `the log's lines with "destination":"`
	recorded := func(s *site) {
		answered(down)(s)
		s.RecordsPagerDuty = true
	}
	elsewhere := func(s *site) { s.SlackAnswers, s.PagerAnswers = nil, nil }
	really := func(answer exchange.Answer) spoil {
		return func(s *site) {
			answered(answer)(s)
			s.RecordsSlack = false
		}
	}
	wantFound(t, "PagerDuty's last answer", map[string]row{
		"none yet":        {answered(exchange.Answer{}), ok("it was not asked since serve was started")},
		"taken":           {answered(took), ok("taken" + says)},
		"failed":          {answered(down), warned("http_500"+says, lines+`pagerduty" say what is answered; `+pagersDown)},
		"recorded":        {recorded, nil},
		"another process": {elsewhere, nil},
	})
	wantFound(t, "Slack's last answer", map[string]row{
		"taken":           {really(took), ok("taken" + says)},
		"failed":          {really(down), warned("http_500"+says, lines+`slack" say what is answered; `+slackDown)},
		"recorded":        {answered(down), nil},
		"another process": {elsewhere, nil},
	})
}
