package ingest_test

import (
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
)

// Each request came so long after it was signed, in the order of coming.
func TestWhatRightlySignedRequestsTellOfTheClock(t *testing.T) {
	const (
		behind = "this clock is behind Revento's by "
		ahead  = "this clock is ahead of Revento's by up to "
	)
	for name, test := range map[string]struct {
		came []time.Duration
		want string
	}{
		"none":               {nil, ""},
		"right":              {[]time.Duration{time.Second, 2 * time.Second, 0}, ""},
		"a little early":     {[]time.Duration{-5 * time.Second}, ""},
		"two that came late": {[]time.Duration{0, time.Minute, time.Minute}, ""},
		"behind":             {[]time.Duration{0, -40 * time.Second}, behind + "40s or more"},
		"was behind":         {[]time.Duration{-40 * time.Second, time.Second}, ""},
		"ahead": {
			[]time.Duration{0, 60 * time.Second, 62 * time.Second, 61 * time.Second},
			ahead + "1m0s, or requests are under way for so long",
		},
		"far ahead":               {[]time.Duration{0, 2 * time.Hour}, ahead + "2h0m0s, or the request came late"},
		"far behind":              {[]time.Duration{-2 * time.Hour}, behind + "2h0m0s or more"},
		"was far behind":          {[]time.Duration{-2 * time.Hour, 0}, ""},
		"one stale look a minute": {[]time.Duration{2 * time.Hour, -3 * time.Hour}, ahead + "2h0m0s, or the request came late"},
		"was far ahead":           {[]time.Duration{2 * time.Hour, time.Second}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(b *bench) {
				for _, late := range test.came {
					b.handle(signedWith(webhookSecret, revision, time.Now().Add(-late)))
				}
				if got := b.Skews.Skew().String(); got != test.want {
					b.Errorf("%q, want %q", got, test.want)
				}
				if told := strings.Contains(b.log.String(), `"clock_off":1`); told != (test.want != "") && !strings.HasPrefix(name, "was ") {
					b.Errorf("in the log: %v: %s", told, b.log.String())
				}
			})
		})
	}
}

func timed(t *testing.T, f func(*bench)) {
	t.Helper()
	test(t, func(b *bench) {
		b.Skews = new(ingest.Skews)
		f(b)
	})
}

// Who forges tells nothing of the time, and who floods is looked at once a minute.
func TestOnlyWhoHasTheSecretTellsTheTimeAndOnceAMinuteWhereItIsStale(t *testing.T) {
	timed(t, func(b *bench) {
		b.handle(signedWith("forged", revision, time.Now().Add(time.Hour)))
		if skew := b.Skews.Skew(); skew.Requests != 0 {
			b.Errorf("a forged one tells %+v", skew)
		}
		for range 100 {
			b.handle(signedWith(webhookSecret, revision, time.Now().Add(-time.Hour)))
		}
		time.Sleep(time.Minute)
		stale := signedWith(webhookSecret, revision, time.Now().Add(-time.Hour))
		for range 100 {
			b.handle(stale)
		}
		if skew := b.Skews.Skew(); skew.Requests != 1 || skew.Ahead != time.Hour || !skew.Refused {
			b.Errorf("%+v", skew)
		}
		if calls := len(b.calls); calls > 2 {
			b.Errorf("%d calls: %v", calls, b.calls)
		}
	})
}

// Of a stale request only so much is read as tells whether the clock is wrong: one body a minute.
func TestAStaleRequestIsRefusedBeforeItsBodyButOnceAMinute(t *testing.T) {
	timed(t, func(b *bench) {
		stale := func() ingest.Request { return signedWith(webhookSecret, revision, time.Now().Add(-time.Hour)) }
		if _, refused := b.Screen(t.Context(), stale(), 1); refused {
			b.Error("the first is not looked at")
		}
		if reply := b.handle(stale()); reply.Status != ingest.Stale {
			b.Errorf("it is answered %s", reply.Status)
		}
		if reply, refused := b.Screen(t.Context(), stale(), 1); !refused || reply.Status != ingest.Stale {
			b.Errorf("the second is answered %s, %v", reply.Status, refused)
		}
		if _, refused := b.Screen(t.Context(), stale(), bodyLimit+1); !refused {
			b.Error("one that is too large is let through")
		}
		time.Sleep(time.Minute)
		if _, refused := b.Screen(t.Context(), stale(), 1); refused {
			b.Error("a minute later none is looked at")
		}
	})
}

func TestWithoutMemoryNoRequestTellsTheTime(t *testing.T) {
	var none *ingest.Skews
	if skew := none.Skew(); skew != (ingest.Skew{}) {
		t.Errorf("%+v", skew)
	}
}
