package checkup_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/operate/checkup"
	"revento-alerts/shared/provider"
)

// sent is what is spoilt, what is found of it, and what was sent all the same.
type sent struct {
	row
	messages, pages int
}

func wantSent(t *testing.T, subject string, tests map[string]sent) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := well()
			s.Send = true
			test.spoil(s)
			s.wantFound(t, subject, test.want)
			if len(s.slack.posted) != test.messages || len(s.pager.pages) != test.pages {
				t.Errorf("%d messages and %d pages, want %d and %d", len(s.slack.posted), len(s.pager.pages), test.messages, test.pages)
			}
		})
	}
}

func TestTestMessages(t *testing.T) {
	post := func(class fault.Class, reason string) spoil {
		return func(s *site) { s.slack.postErr = failure(class, reason, nil) }
	}
	unseen := fakeChannel{err: failure(fault.Permanent, "missing_scope", provider.ErrMissingScope)}
	wantSent(t, "test message to "+channel, map[string]sent{
		"refused": {row{post(fault.Permanent, "restricted_action"), failed("ask: refused: restricted_action",
			"write in the channel: /invite @revento-alerts; where it is in it, see who may post there")}, 1, 2},
		"the answer is lost": {row{post(fault.Unknown, "timeout"),
			failed("it may be posted, the answer was lost: timeout", "look whether it is in the channel")}, 1, 2},
		"throttled":                    {row{post(fault.Throttled, "http_429"), failed("ask: asked to wait: http_429", slackDown)}, 1, 2},
		"a channel that is not seen":   {row{channelIs(unseen), ok("posted")}, 1, 2},
		"a channel that is two's":      {row{set("EVENT_CHANNELS", "evt_a="+channel), ok("posted")}, 1, 2},
		"a channel without the bot":    {row{channelIs(fakeChannel{}), skipped("needs Slack channel " + channel + " to be in order")}, 0, 2},
		"a setting is wrong":           {row{set("LOG_LEVEL", "loud"), skipped("needs settings to be in order")}, 0, 0},
		"Slack is down":                {row{answers(fault.Transient, "timeout", nil), skipped("needs Slack to be in order")}, 0, 2},
		"PagerDuty's key is not there": {row{fill("keys", ""), ok("posted")}, 1, 0},
	})
}

func TestTestPages(t *testing.T) {
	const taken = "PagerDuty took it and its end; look there whether it was shown and closed"
	paged := func(class fault.Class, reason string) spoil {
		return func(s *site) { s.pager.errs = []error{failure(class, reason, nil)} }
	}
	wantSent(t, "test page", map[string]sent{
		"taken":                    {row{func(*site) {}, ok(taken)}, 1, 2},
		"refused":                  {row{paged(fault.Permanent, "invalid_routing_key"), failed("ask: refused: invalid_routing_key", inKeys)}, 1, 1},
		"throttled":                {row{paged(fault.Throttled, "http_429"), failed("ask: asked to wait: http_429", pagersDown)}, 1, 1},
		"a setting is wrong":       {row{set("LOG_LEVEL", "loud"), skipped("needs settings to be in order")}, 0, 0},
		"the key is not filled in": {row{fill("keys", ""), skipped("needs integration key to be in order")}, 1, 0},
		"nobody needs a key":       {row{unused("keys"), skipped("there is no key, and no route goes to PagerDuty")}, 0, 0},
		"the key's form is odd":    {row{fill("keys", "k"), ok(taken)}, 1, 2},
		"there is no default":      {row{fill("keys", `{"events":{"evt_a":"k"}}`), nil}, 1, 2},
		"the answer is lost": {row{paged(fault.Transient, "timeout"),
			failed("it may have been opened, and was resolved: ask: failed: timeout", pagersDown)}, 1, 2},
	})
	wantSent(t, "test page for evt_b", map[string]sent{
		"each key pages once": {row{fill("keys", `{"default":"k","events":{"evt_a":"k","evt_b":"x","evt_c":"x"}}`), ok(taken)}, 1, 4},
	})
}

func TestNothingIsSentUnasked(t *testing.T) {
	s := well()
	s.Run(t.Context())
	if len(s.slack.posted) != 0 || len(s.pager.pages) != 0 {
		t.Errorf("posted %q, paged %v", s.slack.posted, s.pager.pages)
	}
}

func TestAPageThatCannotBeResolvedNamesItsKey(t *testing.T) {
	s := well()
	s.Send = true
	s.pager.errs = []error{nil, failure(fault.Transient, "timeout", nil)}
	findings := s.Run(t.Context())
	got := findings[len(findings)-1]
	want := checkup.Finding{
		Subject: "test page", Verdict: checkup.Failed, Says: "an incident may be left open: ask: failed: timeout",
		Remedy: `resolve "` + s.pager.pages[0].IncidentKey + `" in PagerDuty, if it is there`,
	}
	if got != want {
		t.Errorf("found %+v, want %+v", got, want)
	}
}

func TestEachTestPageHasAKeyOfItsOwnAndSaysWhatItIs(t *testing.T) {
	s := well()
	s.Send = true
	s.Run(t.Context())
	s.Run(t.Context())
	keys := map[string][]bool{}
	for _, page := range s.pager.pages {
		keys[page.IncidentKey] = append(keys[page.IncidentKey], page.Content.Resolves)
		if title := page.Content.Title; title != "Test page by revento-alerts check, stack demo: it resolves itself, nothing has happened" {
			t.Errorf("title %q", title)
		}
		if page.Content.Environment != "staging" || page.Content.HappenedAt != now {
			t.Errorf("content %+v", page.Content)
		}
	}
	if len(keys) != 2 {
		t.Errorf("%d keys, want 2", len(keys))
	}
	for key, resolves := range keys {
		if !slices.Equal(resolves, []bool{false, true}) {
			t.Errorf("%s: resolves %v, want first false, then true", key, resolves)
		}
	}
}

// slowPager takes the trigger and hangs until the check's time is over.
type slowPager struct{ fakePager }

func (p *slowPager) Enqueue(ctx context.Context, page incident.Page) error {
	if !page.Content.Resolves {
		<-ctx.Done()
		return failure(fault.Transient, "timeout", nil)
	}
	return p.fakePager.Enqueue(ctx, page)
}

func TestAPageThatUsedUpItsTimeIsStillResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, pager := well(), &slowPager{}
		s.Send, s.Pager = true, pager
		start := time.Now()
		s.Run(t.Context())
		if len(pager.pages) != 1 || !pager.pages[0].Content.Resolves {
			t.Errorf("pages %v, want the resolve", pager.pages)
		}
		if took := time.Since(start); took != checkup.CheckTimeout {
			t.Errorf("took %s, want %s", took, checkup.CheckTimeout)
		}
	})
}
