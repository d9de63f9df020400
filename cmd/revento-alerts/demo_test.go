package main

import (
	"regexp"
	"strings"
	"testing"

	"revento-alerts/test/golden"
)

// What changes from run to run: moments and delivery ids, and the padding behind them.
var changing = []struct {
	pattern *regexp.Regexp
	fixed   string
}{
	{regexp.MustCompile(`[A-Z][a-z]{2} \d{1,2}, \d{4} at \d\d:\d\d`), "Nov 24, 2026 at 12:00"},
	{regexp.MustCompile(`revento-alerts  \d\d:\d\d`), "revento-alerts  12:00"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`), "00000000-0000-4000-8000-000000000000"},
	{regexp.MustCompile(`own-[0-9a-f]{64}`), "own-"}, // in Slack's form, and in PagerDuty's on two lines
	{regexp.MustCompile(`own-[0-9a-f]{40,63} │\n│ ┃ +[0-9a-f]{1,24} `), "own- "},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "2026-11-24T12:00:00Z"},
	{regexp.MustCompile(`told_late_by +4\dm[\d.]+s`), "told_late_by  41m1s"},
	{regexp.MustCompile(`4\d min late`), "41 min late"},
	{regexp.MustCompile(` {2,}`), "  "},
}

// fixed is what the demo prints with all of that made the same.
func fixed(text string) string {
	for _, c := range changing {
		text = c.pattern.ReplaceAllString(text, c.fixed)
	}
	return text
}

// The demo is the first thing that anybody sees: a request becomes one message and one page, and what is sent again, forged or
// replayed adds nothing. A webhook that does not come pages all the same, once, and who is gone is told.
func TestDemo(t *testing.T) {
	r := call(t, map[string]string{"OTHER_ROUTE": "the user's own settings do not matter"}, "demo")
	if r.code != 0 || r.err != "" {
		t.Fatalf("%+v", r)
	}
	r.out = fixed(r.out)
	golden.Want(t, "demo.txt", r.out)
	if pages := strings.Count(r.out, "one page"); pages != 4 {
		t.Errorf("'one page' is shown %d times: once while it is open, twice when it is resolved, and once of what no webhook told", pages)
	}
}
