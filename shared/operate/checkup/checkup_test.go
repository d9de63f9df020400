package checkup_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/operate/checkup"
	"revento-alerts/shared/provider"
	"revento-alerts/shared/provider/pagerduty"
	"revento-alerts/shared/provider/recorder"
	"revento-alerts/shared/provider/slack"
	"revento-alerts/shared/settings"
	"revento-alerts/test/golden"
)

const (
	channel = "C0SAMPLE01"
	token   = "xoxb-CANARY"
	key     = "CANARY00000000000000000000000000"
)

// outOfReach stands for a secret that cannot be read.
const outOfReach = "out of reach"

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
			if text := s.secrets[name]; text != outOfReach {
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
		Site:           checkup.OnStack("demo", "eu-west-1", "demo-SlackQueue-1A2B.fifo", "demo-DigestQueue-3C4D"),
		WebhookSecrets: secret.NewHolder(fetch("webhook"), secret.ParseWebhook, time.Hour, clock),
		SlackBotToken:  secret.NewHolder(fetch("token"), secret.ParseToken, time.Hour, clock),
		RoutingKeys:    secret.NewHolder(fetch("keys"), secret.ParseRoutingKeys, time.Hour, clock),
		Slack:          s.slack, Scopes: slack.Scopes,
		Pager:  s.pager,
		Tables: s.tables, TableNames: []string{"demo-deliveries", "demo-records"},
		Queues: s.queues, QueueNames: queue.There(false),
		Now: clock,
	}
	s.slack.clock = func() time.Time { return s.Now() }
	return s
}

func clock() time.Time { return now }

func names(scopes []provider.Scope) []string {
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
	clock     func() time.Time
	ahead     time.Duration
	silent    bool
	posted    []string
	postErr   error
}

func (f *fakeSlack) Identify(ctx context.Context) (string, string, []string, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		return "", "", nil, errors.New("no deadline")
	}
	return f.bot, f.team, f.scopes, f.err
}

// Time is that of the check, but for by how much the check's is ahead.
func (f *fakeSlack) Time(context.Context) (time.Time, error) {
	if f.silent {
		return time.Time{}, nil
	}
	return f.clock().Add(-f.ahead), f.err
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

// spoil is something to mend.
type spoil func(*site)

// row is what is spoilt, and what is found of it.
type row struct {
	spoil spoil
	want  []checkup.Finding
}

func wantFound(t *testing.T, subject string, rows map[string]row) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			s := well()
			row.spoil(s)
			s.wantFound(t, subject, row.want)
		})
	}
}

// wantFound holds a run's findings about a subject, and all of them to telling no secret.
func (s *site) wantFound(t *testing.T, subject string, want []checkup.Finding) {
	t.Helper()
	var got []checkup.Finding
	for _, f := range s.Run(t.Context()) {
		if strings.Contains(f.Says+f.Remedy, "CANARY") {
			t.Errorf("a finding holds a secret: %+v", f)
		}
		if f.Subject == subject {
			f.Subject = ""
			got = append(got, f)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func ok(says string) []checkup.Finding { return []checkup.Finding{{Verdict: checkup.OK, Says: says}} }

func warned(says, remedy string) []checkup.Finding {
	return []checkup.Finding{{Verdict: checkup.Warning, Says: says, Remedy: remedy}}
}

func failed(says, remedy string) []checkup.Finding {
	return []checkup.Finding{{Verdict: checkup.Failed, Says: says, Remedy: remedy}}
}

func skipped(says string) []checkup.Finding {
	return []checkup.Finding{{Verdict: checkup.Skipped, Says: says}}
}

func set(variable, value string) spoil { return func(s *site) { s.settings[variable] = value } }

func fill(name, text string) spoil { return func(s *site) { s.secrets[name] = text } }

// unused leaves a secret empty that no route needs.
func unused(name string) spoil {
	return func(s *site) {
		s.secrets[name] = ""
		for _, trigger := range route.Triggers {
			s.settings[settings.Setting{Parameter: trigger.Parameter}.Variable()] = route.Off
		}
	}
}

// The remedies that several findings share.
const (
	fillIn     = ", press Enter and Ctrl-D: aws secretsmanager put-secret-value --region eu-west-1 --secret-id demo/"
	stdin      = " --secret-string file:///dev/stdin"
	inWebhook  = "run this, paste the secret that Revento shows" + fillIn + "webhook-secrets" + stdin
	inToken    = "run this, paste the app's Bot User OAuth Token" + fillIn + "slack-bot-token" + stdin
	inKeys     = "run this, paste the Events API v2 integration key" + fillIn + "pagerduty-routing-key" + stdin
	changeIt   = "change the parameter in samconfig.toml and run sam deploy"
	seeAccess  = "see that your AWS credentials may read the secrets, tables and queues of the stack demo in eu-west-1"
	slackDown  = "try again; Slack's own state is at https://slack-status.com"
	pagersDown = "try again; PagerDuty's own state is at https://status.pagerduty.com"
)

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
		"all-well":         {func(*testing.T, *site) {}, false},
		"only-warnings":    {onlyWarnings, false},
		"everything-wrong": {everythingWrong, true},
		"slack-down":       {slackDownToday, true},
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

func onlyWarnings(_ *testing.T, s *site) {
	s.settings["SIGNATURE_TOLERANCE"] = "1h"
	s.queues["slack-dead-letter"] = depth{waiting: 3}
}

func slackDownToday(_ *testing.T, s *site) {
	s.slack.err = failure(fault.Transient, "no_connection", nil)
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
	s.Messages = shelf(nil)
	s.QueueNames = []queue.Name{queue.Slack, queue.PagerDuty}
	s.queues["slack-dead-letter"] = depth{waiting: 1}
	s.secrets["webhook"], s.secrets["token"], s.secrets["keys"] = "", "", ""
}

// still is a secret of which a fresh look finds nothing new.
type still[T any] struct{ checkup.Secret[T] }

func (s still[T]) Refresh(ctx context.Context) (value T, fresh bool, err error) {
	value, err = s.Get(ctx)
	return value, true, err
}

func (s still[T]) Wait(context.Context) time.Duration { return 0 }

// againstTheRecorder puts the real clients in place, and looks at what they leave behind.
func againstTheRecorder(t *testing.T, s *site) {
	recorded := recorder.New(clock)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", clock().UTC().Format(http.TimeFormat))
		recorded.ServeHTTP(w, r)
	}))
	s.Send = true
	s.settings["EVENT_CHANNELS"] = "evt_a=C0OTHER,evt_b=" + channel
	s.Checkup.Slack = slack.New(server.URL+"/api/", still[secret.Token]{s.SlackBotToken})
	s.Checkup.Pager = pagerduty.New(server.URL, still[secret.RoutingKeys]{s.RoutingKeys})
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
	golden.Want(t, name, got)
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

// Where they are kept, the check tells of the newest; anybody can have one, so that it is no warning.
func TestRefusedRequestsAreTold(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	newest := ingest.Refusal{At: at, Code: 401, Status: ingest.Stale, Reason: "signed long before now", Sender: "203.0.113.9"}
	for want, refused := range map[string][]ingest.Refusal{
		"none since serve was started": {},
		"the newest at 2026-05-09T12:00:00Z was 401 stale: signed long before now, from 203.0.113.9": {newest, {}},
	} {
		s := well()
		s.Refusals = func(string) []ingest.Refusal { return refused }
		var text strings.Builder
		if err := checkup.Write(&text, s.Run(t.Context())); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text.String(), want) || !strings.Contains(text.String(), "ok       refused requests") {
			t.Errorf("%s lacks %q", text.String(), want)
		}
	}
}
