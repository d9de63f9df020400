package checkup_test

import (
	"context"
	"errors"
	"flag"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/checkup"
	"revento-alerts/shared/fault"
	"revento-alerts/shared/incident"
	"revento-alerts/shared/pagerduty"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/recorder"
	"revento-alerts/shared/secret"
	"revento-alerts/shared/slack"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	channel = "C0SAMPLE01"
	token   = "xoxb-CANARY"
	key     = "CANARY00000000000000000000000000"
)

var now = time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC)

// site is everything that is looked at, as a test wants it.
type site struct {
	*checkup.Checkup
	settings map[string]string
	secrets  map[string]string
	slack    *fakeSlack
	pager    *fakePager
	tables   fakeTables
	queues   fakeQueues
}

// well is a stack of which nothing is to be mended.
func well() *site {
	s := &site{
		settings: map[string]string{"SLACK_CHANNEL": channel, "STACK": "demo", "ENVIRONMENT": "staging"},
		secrets:  map[string]string{"webhook": "CANARY", "token": token, "keys": key},
		slack: &fakeSlack{bot: "revento-alerts", team: "Acme", scopes: names(slack.Scopes),
			channels: map[string]fakeChannel{channel: {name: "alerts", member: true}}},
		pager:  &fakePager{},
		tables: fakeTables{"demo-deliveries": {status: "ACTIVE", usable: true}, "demo-records": {status: "UPDATING", usable: true}},
		queues: fakeQueues{},
	}
	fetch := func(name string) secret.Fetch {
		return func(context.Context) (string, error) {
			if text := s.secrets[name]; text != "down" {
				return text, nil
			}
			return "", &fault.Error{Class: fault.Transient, Op: "read the secret", Reason: "AccessDeniedException"}
		}
	}
	s.Checkup = &checkup.Checkup{
		Source: func(name string) (string, bool) {
			value, set := s.settings[name]
			return value, set
		},
		Site:           checkup.OnStack("demo", "eu-west-1"),
		WebhookSecrets: secret.NewHolder(fetch("webhook"), secret.ParseWebhook, time.Hour, clock),
		SlackBotToken:  secret.NewHolder(fetch("token"), secret.ParseToken, time.Hour, clock),
		RoutingKeys:    secret.NewHolder(fetch("keys"), secret.ParseRoutingKeys, time.Hour, clock),
		Slack:          s.slack, Scopes: slack.Scopes,
		Pager:  s.pager,
		Tables: s.tables, TableNames: []string{"demo-deliveries", "demo-records"},
		Queues: s.queues, QueueNames: queue.Names,
		Now: clock,
	}
	return s
}

func clock() time.Time { return now }

func names(scopes []checkup.Scope) []string {
	var names []string
	for _, scope := range scopes {
		names = append(names, scope.Name)
	}
	return names
}

type fakeChannel struct {
	name             string
	member, archived bool
	err              error
}

type fakeSlack struct {
	bot, team string
	scopes    []string
	err       error
	channels  map[string]fakeChannel
	posted    []string
	postErr   error
}

func (f *fakeSlack) Identify(ctx context.Context) (string, string, []string, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		return "", "", nil, errors.New("no deadline")
	}
	return f.bot, f.team, f.scopes, f.err
}

func (f *fakeSlack) Channel(_ context.Context, id string) (string, bool, bool, error) {
	c := f.channels[id]
	return c.name, c.member, c.archived, c.err
}

func (f *fakeSlack) PostText(_ context.Context, channel, text string) error {
	f.posted = append(f.posted, channel+": "+text)
	return f.postErr
}

// fakePager answers its calls with errs, one after another, and then with success.
type fakePager struct {
	pages []incident.Page
	errs  []error
}

func (f *fakePager) Enqueue(ctx context.Context, page incident.Page) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.pages = append(f.pages, page)
	if n := len(f.pages); n <= len(f.errs) {
		return f.errs[n-1]
	}
	return nil
}

type fakeTable struct {
	status string
	usable bool
	err    error
}

type fakeTables map[string]fakeTable

func (f fakeTables) Describe(_ context.Context, table string) (bool, string, error) {
	return f[table].usable, f[table].status, f[table].err
}

type depth struct {
	waiting, inFlight int
	err               error
}

type fakeQueues map[queue.Name]depth

func (f fakeQueues) Depth(_ context.Context, name queue.Name) (int, int, error) {
	return f[name].waiting, f[name].inFlight, f[name].err
}

func failure(class fault.Class, reason string, meaning error) error {
	return &fault.Error{Class: class, Op: "ask", Reason: reason, Err: meaning}
}

// of returns what was found about a subject, as "verdict: says -> remedy".
func (s *site) of(t *testing.T, subject string) []string {
	t.Helper()
	var lines []string
	for _, f := range s.Run(t.Context()) {
		if strings.Contains(f.Says+f.Remedy, "CANARY") {
			t.Errorf("a finding holds a secret: %+v", f)
		}
		if f.Subject == subject {
			line := string(f.Verdict) + ": " + f.Says
			if f.Remedy != "" {
				line += " -> " + f.Remedy
			}
			lines = append(lines, line)
		}
	}
	return lines
}

const (
	fill     = ", press Enter and Ctrl-D: aws secretsmanager put-secret-value --region eu-west-1 --secret-id demo/"
	stdin    = " --secret-string file:///dev/stdin"
	webhook  = "run this, paste the secret that Revento shows" + fill + "webhook-secrets" + stdin
	botToken = "run this, paste the app's Bot User OAuth Token" + fill + "slack-bot-token" + stdin
	routing  = "run this, paste the Events API v2 integration key" + fill + "pagerduty-routing-key" + stdin
	setting  = "change the parameter in samconfig.toml and run sam deploy"
	access   = "see that your AWS credentials may read the secrets, tables and queues of the stack demo in eu-west-1"
	down     = "try again; Slack's own state is at https://slack-status.com"
)

func TestWhatIsFoundOfEachSubject(t *testing.T) {
	const other = "C0OTHER"
	offRoutes := map[string]string{
		"APPLICATION_SUBMITTED_ROUTE": "off", "APPLICATION_APPROVED_ROUTE": "off", "APPLICATION_REJECTED_ROUTE": "off",
		"APPLICATION_REVISION_REQUESTED_ROUTE": "off", "PARTICIPANT_REGISTERED_ROUTE": "off", "EVENT_UNPUBLISHED_ROUTE": "off",
		"INTEGRATION_SUSPENDED_ROUTE": "off", "DATA_DELETION_REQUIRED_ROUTE": "off",
	}
	set := func(name, value string) func(*site) { return func(s *site) { s.settings[name] = value } }
	with := func(name, text string) func(*site) { return func(s *site) { s.secrets[name] = text } }
	refused := func(err error) func(*site) { return func(s *site) { s.slack.err = err } }
	seen := func(c fakeChannel) func(*site) { return func(s *site) { s.slack.channels[channel] = c } }
	tests := map[string]struct {
		subject string
		spoil   func(*site)
		want    []string
	}{
		"settings: two wrong, each named once": {"settings", func(s *site) {
			s.settings["SLACK_CHANNEL"], s.settings["MAX_ALERT_AGE"] = "#alerts", "1"
		}, []string{
			`failed: SlackChannel (SLACK_CHANNEL) is "#alerts": write the channel's id, such as C0123456789: Slack shows it at the end of the channel's details -> ` + setting,
			`failed: MaxAlertAge (MAX_ALERT_AGE) is "1": write a number and its unit, from 1m0s to 96h0m0s: 90s, 5m or 12h -> ` + setting,
		}},
		"settings: a tolerance above what is advised": {"settings", set("SIGNATURE_TOLERANCE", "10m"), []string{
			"warning: SignatureTolerance is 10m0s: a captured request can be replayed for that long; Revento advises at most 5m0s -> " + setting,
		}},

		"webhook secrets: two":           {"webhook secrets", with("webhook", `{"secrets": ["a", "b"]}`), []string{"ok: filled in: 2 secrets"}},
		"webhook secrets: as deployed":   {"webhook secrets", with("webhook", ""), []string{"failed: not filled in yet -> " + webhook}},
		"webhook secrets: not the form":  {"webhook secrets", with("webhook", `{"secrets": "CANARY`), []string{`failed: webhook secret: it begins like JSON and is not of the known form: write the plain secret, or {"secrets": ["new", "old"]} -> ` + webhook}},
		"webhook secrets: a blank in it": {"webhook secrets", with("webhook", " CANARY"), []string{"warning: a secret holds white space, which counts as a part of it -> " + webhook}},
		"webhook secrets: out of reach":  {"webhook secrets", with("webhook", "down"), []string{"failed: read the secret: failed: AccessDeniedException -> " + access}},

		"token: as deployed":            {"Slack bot token", with("token", ""), []string{"failed: not filled in yet -> " + botToken}},
		"token: a user's":               {"Slack bot token", with("token", "xoxp-CANARY"), []string{"failed: it is not a bot token: it is a user's token -> " + botToken}},
		"token: an app's":               {"Slack bot token", with("token", "xapp-CANARY"), []string{"failed: it is not a bot token: it is an app-level token -> " + botToken}},
		"token: one that expires":       {"Slack bot token", with("token", "xoxe.xoxb-CANARY"), []string{"failed: it is not a bot token: it is a token that expires after 12 hours (token rotation is on) -> " + botToken}},
		"token: something else":         {"Slack bot token", with("token", "CANARY"), []string{"failed: it is not a bot token: it does not begin with xoxb- -> " + botToken}},
		"token: two lines":              {"Slack bot token", with("token", "xoxb-\nCANARY"), []string{"failed: it is not a bot token: it holds white space -> " + botToken}},
		"token: none, and none is used": {"Slack bot token", func(s *site) { maps.Copy(s.settings, offRoutes); s.secrets["token"] = "" }, []string{"skipped: not filled in, and no route goes to Slack"}},
		"Slack: no token is used":       {"Slack", func(s *site) { maps.Copy(s.settings, offRoutes); s.secrets["token"] = "" }, []string{"skipped: there is no token, and no route goes to Slack"}},

		"key: as deployed":            {"PagerDuty key", with("keys", ""), []string{"failed: not filled in yet -> " + routing}},
		"key: of another form":        {"PagerDuty key", with("keys", `{"default":"CANARY","events":{"evt_a":"CANARY","evt_b":"`+key+`"}}`), []string{"warning: not of the form of an Events API v2 integration key, 32 letters and digits: the default, evt_a -> " + routing}},
		"key: for one event alone":    {"PagerDuty key", with("keys", `{"events":{"evt_a":"`+key+`"}}`), []string{`warning: there is no default: events other than evt_a page nobody -> add "default" to the secret's JSON`}},
		"key: two":                    {"PagerDuty key", with("keys", `{"default":"`+key+`","events":{"evt_a":"`+key+`"}}`), []string{"ok: filled in: 2 keys; only --send shows whether PagerDuty takes them"}},
		"key: none, and none is used": {"PagerDuty key", func(s *site) { maps.Copy(s.settings, offRoutes); s.secrets["keys"] = "" }, []string{"skipped: not filled in, and no route goes to PagerDuty"}},

		"Slack: the token is refused": {"Slack", refused(failure(fault.Permanent, "token_revoked", checkup.ErrCredential)), []string{"failed: Slack does not take the token: token_revoked -> " + botToken}},
		"Slack: no answer":            {"Slack", refused(failure(fault.Transient, "no_connection", nil)), []string{"failed: ask: failed: no_connection -> " + down}},
		"Slack: throttled":            {"Slack", refused(failure(fault.Throttled, "http_429", nil)), []string{"failed: ask: asked to wait: http_429 -> " + down}},
		"Slack: an answer of another": {"Slack", refused(failure(fault.Permanent, "http_404", nil)), []string{"failed: ask: refused: http_404 -> see that SlackApiUrl is right, and ask the workspace's administrators whether they restrict the app"}},
		"Slack: the token is wrong":   {"Slack", with("token", "CANARY"), []string{"skipped: needs Slack bot token to be in order"}},
		"Slack: its URL is wrong":     {"Slack", set("SLACK_API_URL", "slack"), []string{"skipped: needs settings to be in order"}},

		"scopes: not told": {"Slack scopes", func(s *site) { s.slack.scopes = nil }, []string{"skipped: Slack did not tell the token's scopes"}},
		"scopes: none": {"Slack scopes", func(s *site) { s.slack.scopes = []string{} }, []string{
			"failed: chat:write is missing: no alert can be posted -> add it at https://api.slack.com/apps, OAuth & Permissions, and install the app again",
			`warning: channels:history is missing: where Slack's answer to a post is lost, the alert is posted again, marked "possibly repeated", in a public channel -> add it at https://api.slack.com/apps, OAuth & Permissions, and install the app again`,
			`warning: groups:history is missing: where Slack's answer to a post is lost, the alert is posted again, marked "possibly repeated", in a private channel -> add it at https://api.slack.com/apps, OAuth & Permissions, and install the app again`,
			"warning: channels:read is missing: it cannot be seen here whether the bot is in a public channel -> add it at https://api.slack.com/apps, OAuth & Permissions, and install the app again",
			"warning: groups:read is missing: it cannot be seen here whether the bot is in a private channel -> add it at https://api.slack.com/apps, OAuth & Permissions, and install the app again",
		}},
		"scopes: more than needed": {"Slack scopes", func(s *site) { s.slack.scopes = append(s.slack.scopes, "users:read") }, []string{"ok: chat:write, channels:history, groups:history, channels:read, groups:read, users:read"}},

		"channel: without the bot": {"Slack channel " + channel, seen(fakeChannel{name: "alerts"}), []string{"failed: @revento-alerts is not in #alerts -> write in #alerts: /invite @revento-alerts"}},
		"channel: archived":        {"Slack channel " + channel, seen(fakeChannel{name: "old", archived: true}), []string{"failed: #old is archived -> unarchive #old, or choose another channel: " + setting}},
		"channel: unknown": {"Slack channel " + channel, seen(fakeChannel{err: failure(fault.Permanent, "channel_not_found", checkup.ErrNoChannel)}), []string{
			"failed: Slack knows no such channel, or it is private and the bot is not in it -> invite the bot there (/invite @revento-alerts), or correct the channel's id: " + setting}},
		"channel: not to be seen": {"Slack channel " + channel, seen(fakeChannel{err: failure(fault.Permanent, "missing_scope", checkup.ErrMissingScope)}), []string{
			"skipped: the token may not look at it (missing_scope) -> give the app the scopes of functions/slack/app-manifest.yaml and install it again, or be sure by /invite @revento-alerts in the channel"}},
		"channel: no answer":             {"Slack channel " + channel, seen(fakeChannel{err: failure(fault.Transient, "timeout", nil)}), []string{"failed: ask: failed: timeout -> " + down}},
		"channel: one event's":           {"Slack channel " + other, set("EVENT_CHANNELS", "evt_a="+other), []string{"failed: @revento-alerts is not in # -> write in #: /invite @revento-alerts"}},
		"channel: a route's":             {"Slack channel " + other, set("ACTIVITY_ROUTE", "digest:"+other), []string{"failed: @revento-alerts is not in # -> write in #: /invite @revento-alerts"}},
		"channels: the routes are wrong": {"Slack channels", set("OTHER_ROUTE", "slak"), []string{"skipped: needs settings to be in order"}},
		"channel: Slack is down":         {"Slack channel " + channel, refused(failure(fault.Transient, "timeout", nil)), []string{"skipped: needs Slack to be in order"}},

		"table: not there": {"table demo-records", func(s *site) { delete(s.tables, "demo-records") }, []string{"failed: there is no such table -> restore it from a backup, or deploy the stack anew"}},
		"table: not ready": {"table demo-records", func(s *site) { s.tables["demo-records"] = fakeTable{status: "CREATING"} }, []string{"failed: it cannot be used: CREATING -> wait until it is ready, then check again"}},
		"table: no permission": {"table demo-records", func(s *site) {
			s.tables["demo-records"] = fakeTable{err: failure(fault.Transient, "AccessDeniedException", nil)}
		}, []string{"failed: ask: failed: AccessDeniedException -> " + access}},

		"queue: busy":             {"queue slack", func(s *site) { s.queues[queue.Slack] = depth{waiting: 7, inFlight: 2} }, []string{"ok: 7 waiting, 2 in flight"}},
		"queue: out of reach":     {"queue slack", func(s *site) { s.queues[queue.Slack] = depth{err: failure(fault.Transient, "no_connection", nil)} }, []string{"failed: ask: failed: no_connection -> " + access}},
		"dead letters: one":       {"dead letters of slack", func(s *site) { s.queues["slack-dead-letter"] = depth{waiting: 1} }, []string{"warning: 1 dead letter -> revento-alerts dead-letters list --stack demo"}},
		"dead letters: in flight": {"dead letters of slack", func(s *site) { s.queues["slack-dead-letter"] = depth{waiting: 1, inFlight: 2} }, []string{"warning: 3 dead letters -> revento-alerts dead-letters list --stack demo"}},
		"dead letters: no answer": {"dead letters of slack", func(s *site) { s.queues["slack-dead-letter"] = depth{err: errors.New("no URL is configured")} }, []string{"failed: no URL is configured -> " + access}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := well()
			test.spoil(s)
			if diff := cmp.Diff(test.want, s.of(t, test.subject)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsSentAndWhatItComesTo(t *testing.T) {
	const subjectMessage, subjectPage = "test message to " + channel, "test page"
	const pagerDown = "try again; PagerDuty's own state is at https://status.pagerduty.com"
	postErr := func(err error) func(*site) { return func(s *site) { s.slack.postErr = err } }
	pageErrs := func(errs ...error) func(*site) { return func(s *site) { s.pager.errs = errs } }
	lost := failure(fault.Transient, "timeout", nil)
	tests := map[string]struct {
		subject         string
		spoil           func(*site)
		want            string
		messages, pages int
	}{
		"a message is refused":       {subjectMessage, postErr(failure(fault.Permanent, "not_in_channel", nil)), "failed: ask: refused: not_in_channel -> write in the channel: /invite @revento-alerts; where it is in it, see who may post there", 1, 2},
		"a message's answer is lost": {subjectMessage, postErr(failure(fault.Unknown, "timeout", nil)), "failed: it may be posted, the answer was lost: timeout -> look whether it is in the channel", 1, 2},
		"a message is throttled":     {subjectMessage, postErr(failure(fault.Throttled, "http_429", nil)), "failed: ask: asked to wait: http_429 -> " + down, 1, 2},
		"the bot is not in there":    {subjectMessage, func(s *site) { s.slack.channels = nil }, "skipped: needs Slack channel " + channel + " to be in order", 0, 2},
		"a channel that is not seen": {subjectMessage, func(s *site) {
			s.slack.channels[channel] = fakeChannel{err: failure(fault.Permanent, "missing_scope", checkup.ErrMissingScope)}
		}, "ok: posted", 1, 2},
		"a page is refused":           {subjectPage, pageErrs(failure(fault.Permanent, "invalid_routing_key", nil)), "failed: ask: refused: invalid_routing_key -> " + routing, 1, 1},
		"a page is throttled":         {subjectPage, pageErrs(failure(fault.Throttled, "http_429", nil)), "failed: ask: asked to wait: http_429 -> " + pagerDown, 1, 1},
		"a page's answer is lost":     {subjectPage, pageErrs(lost), "failed: it may have been opened, and was resolved: ask: failed: timeout -> " + pagerDown, 1, 2},
		"a setting is wrong":          {subjectPage, func(s *site) { s.settings["LOG_LEVEL"] = "loud" }, "skipped: needs settings to be in order", 0, 0},
		"the key is not filled in":    {subjectPage, func(s *site) { s.secrets["keys"] = "" }, "skipped: needs PagerDuty key to be in order", 1, 0},
		"two events share a key":      {subjectPage + " for evt_b", func(s *site) { s.secrets["keys"] = `{"default":"k","events":{"evt_a":"k","evt_b":"x","evt_c":"x"}}` }, "ok: PagerDuty took it and its end; look there whether it was shown and closed", 1, 4},
		"a channel that comes twice":  {subjectMessage, func(s *site) { s.settings["EVENT_CHANNELS"] = "evt_a=" + channel }, "ok: posted", 1, 2},
		"a key whose form is unusual": {subjectPage, func(s *site) { s.secrets["keys"] = "k" }, "ok: PagerDuty took it and its end; look there whether it was shown and closed", 1, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := well()
			s.Send = true
			test.spoil(s)
			if diff := cmp.Diff([]string{test.want}, s.of(t, test.subject)); diff != "" {
				t.Error(diff)
			}
			if len(s.slack.posted) != test.messages || len(s.pager.pages) != test.pages {
				t.Errorf("%d messages and %d pages, want %d and %d", len(s.slack.posted), len(s.pager.pages), test.messages, test.pages)
			}
		})
	}
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
	got := s.of(t, "test page")
	want := "failed: an incident may be left open: ask: failed: timeout -> resolve " + `"` + s.pager.pages[0].IncidentKey + `" in PagerDuty, if it is there`
	if diff := cmp.Diff([]string{want}, got); diff != "" {
		t.Error(diff)
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

// hangingTables do not answer before the context ends.
type hangingTables struct{}

func (hangingTables) Describe(ctx context.Context, _ string) (bool, string, error) {
	<-ctx.Done()
	return false, "", ctx.Err()
}

func TestWhatHangsHoldsTheOthersNoLongerThanItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := well()
		s.Tables = hangingTables{}
		start := time.Now()
		findings := s.Run(t.Context())
		if took := time.Since(start); took != 2*checkup.CheckTimeout {
			t.Errorf("took %s for two tables, want %s each", took, checkup.CheckTimeout)
		}
		if last := findings[len(findings)-1]; last.Verdict != checkup.OK {
			t.Errorf("the last finding is %+v", last)
		}
	})
}

func TestAnInterruptionEndsTheChecks(t *testing.T) {
	s := well()
	s.Send = true
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, f := range s.Run(ctx) {
		if f.Verdict != checkup.Skipped || f.Says != "interrupted" && !strings.HasPrefix(f.Says, "there is no key") {
			t.Errorf("%+v", f)
		}
	}
	if len(s.slack.posted) != 0 || len(s.pager.pages) != 0 {
		t.Errorf("posted %q, paged %v", s.slack.posted, s.pager.pages)
	}
}

func TestWhatPeopleSee(t *testing.T) {
	tests := map[string]struct {
		spoil  func(*testing.T, *site)
		failed bool
	}{
		"all-well": {func(*testing.T, *site) {}, false},
		"only-warnings": {func(_ *testing.T, s *site) {
			s.settings["SIGNATURE_TOLERANCE"] = "1h"
			s.queues["slack-dead-letter"] = depth{waiting: 3}
		}, false},
		"everything-wrong": {everythingWrong, true},
		"slack-down":       {func(_ *testing.T, s *site) { s.slack.err = failure(fault.Transient, "no_connection", nil) }, true},
		"send":             {againstTheRecorder, false},
		"one-machine":      {onMachine, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := well()
			test.spoil(t, s)
			findings := s.Run(t.Context())
			var text strings.Builder
			if err := checkup.Write(&text, findings); err != nil {
				t.Fatal(err)
			}
			wantGolden(t, name+".txt", text.String())
			if got := checkup.AnyFailed(findings); got != test.failed {
				t.Errorf("any failed: %v, want %v", got, test.failed)
			}
		})
	}
}

func everythingWrong(_ *testing.T, s *site) {
	s.Send = true
	clear(s.secrets)
	clear(s.tables)
	s.settings["SLACK_CHANNEL"], s.settings["LINK_TEMPLATE"], s.settings["SIGNATURE_TOLERANCE"] = "#alerts", "ftp://x", "25h"
	for _, name := range queue.Names {
		s.queues[name] = depth{err: failure(fault.Transient, "AccessDeniedException", nil)}
		s.queues[name.DeadLetter()] = s.queues[name]
	}
}

func onMachine(_ *testing.T, s *site) {
	s.Site = checkup.OnMachine("/tmp/revento-alerts")
	s.TableNames = nil
	s.QueueNames = []queue.Name{queue.Slack, queue.PagerDuty}
	s.queues["slack-dead-letter"] = depth{waiting: 1}
	s.secrets["webhook"], s.secrets["token"], s.secrets["keys"] = "", "", ""
}

// againstTheRecorder puts the real clients in place, and looks at what they leave behind.
func againstTheRecorder(t *testing.T, s *site) {
	recorded := recorder.New(clock)
	server := httptest.NewServer(recorded)
	s.Send = true
	s.settings["EVENT_CHANNELS"] = "evt_a=C0OTHER,evt_b=" + channel
	s.Checkup.Slack = slack.New(server.URL+"/api/", s.SlackBotToken)
	s.Checkup.Pager = pagerduty.New(server.URL, s.RoutingKeys)
	t.Cleanup(func() {
		server.Close()
		var left []string
		for _, m := range recorded.Messages() {
			left = append(left, m.Channel+" "+m.Text)
		}
		for _, i := range recorded.Incidents() {
			if !i.Resolved || i.Triggers != 1 {
				t.Errorf("the incident is not over: %+v", i)
			}
			left = append(left, string(i.Event), string(i.Resolution))
		}
		text := strings.Join(left, "\n") + "\n"
		for _, i := range recorded.Incidents() {
			text = strings.ReplaceAll(text, i.DedupKey, "KEY")
		}
		wantGolden(t, "sent.txt", text)
	})
}

func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; -update writes it anew:\n%s", path, diff)
	}
}

func TestOthersWordsCannotWriteTheTerminal(t *testing.T) {
	s := well()
	s.slack.team = "Acme\x1b[2J\nok  everything"
	var text strings.Builder
	if err := checkup.Write(&text, s.Run(t.Context())); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "\x1b") || strings.Contains(text.String(), "\nok  everything") {
		t.Errorf("written:\n%s", text.String())
	}
}

// full takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWhatCannotBePrintedIsAnError(t *testing.T) {
	if err := checkup.Write(full{}, nil); err == nil {
		t.Error("no error")
	}
}
