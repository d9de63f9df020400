//go:build template

package template

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/webhook"
)

// Why alarms of connections let pass what they do.
const (
	threeTicks   = "each tick says how many there are, every five minutes; three of them outlast one that was missed"
	passing      = "one that fails is tried again after 30 seconds, and then after at most five minutes, while the old token serves: five are no passing failure"
	manyReceives = "a message that reads a long list comes back up to a hundred times, each time when ten calls are free again"
	applied      = "a webhook is applied within seconds, and what is judged at a pass's end within minutes; nobody waits for it by the minute"
	lostByMany   = "one is lost now and then, and alerts by its own route; what a pass finds missing is told within the hour, and three are no chance"
	missedTicks  = "three ticks that did not come: nobody looks at connections"
)

// connectionTolerances are what the alarms of connections let pass, but for those of functions and of dead letters, which are as the others'.
var connectionTolerances = map[string]tolerance{
	"OtherEventAlarm":        {1, 300, "1", neverUsual},
	"OtherOrganizationAlarm": {1, 300, "1", neverUsual},
	"TickSilenceAlarm":       {1, 900, "1", missedTicks},
	"BrokenConnectionAlarm":  {1, 900, "1", threeTicks},
	"UnreachableAlarm":       {1, 900, "1", threeTicks},
	"RefreshFailureAlarm":    {5, 3600, "1", passing},
	"LostTokensAlarm":        {1, 300, "1", neverUsual},
	"ForeignTokensAlarm":     {1, 300, "1", neverUsual},
	"MissedWebhookAlarm":     {3, 3600, "1", lostByMany},
}

// connectionAges are how long a message may wait in each of their queues.
var connectionAges = map[queue.Name]tolerance{
	queue.Sync:   {14400, 60, "1", manyReceives},
	queue.Mirror: {3600, 60, "1", applied},
}

// alarmsOfConnections are those that are there with connections only.
func alarmsOfConnections(t *testing.T) (on template, names []string) {
	t.Helper()
	off, on := load(t), loadWith(t, true)
	for _, name := range on.named("AWS::CloudWatch::Alarm") {
		if _, always := off.Resources[name]; !always {
			names = append(names, name)
		}
	}
	return on, names
}

func TestWhatAlarmsOfConnectionsLetPassHasAReason(t *testing.T) {
	on, names := alarmsOfConnections(t)
	known := map[string]bool{}
	for _, name := range names {
		want, named := connectionTolerances[name]
		switch {
		case named:
		case strings.HasSuffix(name, "FunctionErrorAlarm"), strings.HasSuffix(name, "FunctionThrottleAlarm"):
			want = tolerance{1, 300, "1", neverUsual}
		case strings.HasSuffix(name, "DeadLetterAlarm"):
			want = tolerance{1, 60, "1", parked}
		case strings.HasSuffix(name, "AgeAlarm"):
			want = connectionAges[queue.Name(strings.ToLower(strings.TrimSuffix(name, "AgeAlarm")))]
		default:
			t.Errorf("%s has no reason", name)
			continue
		}
		known[name] = true
		a := properties[alarm](t, on, name, "AWS::CloudWatch::Alarm")
		if got := (tolerance{a.Threshold, int(a.Period), a.EvaluationPeriods, want.why}); got != want {
			t.Errorf("%s lets pass %+v, want %+v", name, got, want)
		}
		if !slices.Equal(a.AlarmActions, []expression{"!Ref AlarmTopic"}) || a.AlarmDescription == "" {
			t.Errorf("%s goes to %v and says %q", name, a.AlarmActions, a.AlarmDescription)
		}
	}
	for name := range connectionTolerances {
		if !known[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

// command is one of this program's in a text for people.
var command = regexp.MustCompile(`'revento-alerts [^']*'`)

// Who reads an alarm is in no shell that knows the stack: what is to be typed names it.
func TestCommandsInAlarmsNameTheStack(t *testing.T) {
	found := 0
	for _, loaded := range []template{load(t), loadWith(t, true)} {
		for _, name := range loaded.named("AWS::CloudWatch::Alarm") {
			text := string(properties[alarm](t, loaded, name, "AWS::CloudWatch::Alarm").AlarmDescription)
			commands := command.FindAllString(text, -1)
			found += len(commands)
			if strings.Count(text, "revento-alerts ") != len(commands) {
				t.Errorf("%s has a command that is in no quotes: %s", name, text)
			}
			for _, c := range commands {
				if !strings.Contains(c, " --stack ${AWS::StackName}") || !strings.HasPrefix(text, "!Sub ") {
					t.Errorf("%s: %s does not name the stack", name, c)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no alarm has a command")
	}
}

// refuses is Revento whose token endpoint fails.
type refuses struct{}

// Refresh implements grant.Endpoint.
func (refuses) Refresh(context.Context, secret.Hidden, secret.Hidden) (revento.Tokens, error) {
	return revento.Tokens{}, &fault.Error{Class: fault.Transient, Op: "refresh", Reason: "http_503"}
}

// prober has every look show the same.
type prober struct{ outcome health.Outcome }

// Answered implements upkeep.Prober.
func (p prober) Answered(ctx context.Context, of record.Connection) (upkeep.Result, error) {
	return p.Probe(ctx, of)
}

// Probe implements upkeep.Prober.
func (p prober) Probe(context.Context, record.Connection) (upkeep.Result, error) {
	result := upkeep.Result{Outcome: p.outcome, State: connection.Active, Reason: "http_503"}
	switch p.outcome {
	case health.TokenRevoked:
		result.State, result.Why = connection.Revoked, connection.TakenBack
	case health.ConsentNeeded:
		result.State, result.Why = connection.NeedsConsent, connection.LostRotation
	}
	return result, nil
}

// outbox takes what is told.
type outbox struct{}

// Deliver implements upkeep.Outbox.
func (outbox) Deliver(context.Context, handoff.Own) error { return nil }

// emittedOfConnections are the metrics of what asks Revento.
func emittedOfConnections(t *testing.T) map[string]bool {
	t.Helper()
	var lines bytes.Buffer
	log := telemetry.New(&lines, telemetry.Options{Stack: string(ofStack.Value), Metrics: true})
	for _, outcome := range []health.Outcome{health.Answered, health.Failed, health.Limited, health.TokenRevoked, health.ConsentNeeded} {
		lookAt(t, log, outcome)
	}
	failToRefresh(t, log)
	missAWebhook(t, log)
	emitted := map[string]bool{}
	for line := range bytes.Lines(lines.Bytes()) {
		for _, name := range metricsOf(t, line) {
			emitted[name] = true
		}
	}
	return emitted
}

// lookAt has a connection looked at by the sync worker, and a tick tell of it.
func lookAt(t *testing.T, log *telemetry.Logger, outcome health.Outcome) {
	t.Helper()
	records, queues := memory.NewRecords(), memory.NewQueues(time.Now)
	keeps := &upkeep.Upkeep{
		Registry: &connection.Registry{Records: records, Deletions: records.Deletions}, Records: records, Queues: queues, Prober: prober{outcome},
		Outbox: outbox{}, ProbeInterval: time.Hour, Random: func() float64 { return 0 }, Now: time.Now,
	}
	of := record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
	_, err := keeps.Registry.Change(t.Context(), of, func(s connection.Standing) (connection.Info, []record.Record, error) {
		next, err := s.Consented(connection.Consent{At: time.Now()})
		next.Due = time.Now()
		return next, nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keeps.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	sync := &worker.Worker{Queue: queue.Sync, Unit: "sync", Chore: keeps, Log: log, Queues: queues, MaxAge: time.Hour, Now: time.Now}
	for {
		received, ok, err := queues.Receive(t.Context(), queue.Sync, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return
		}
		if !sync.Handle(t.Context(), received) {
			t.Fatalf("the work did not end: %s", received.Body)
		}
		if err := queues.Delete(t.Context(), queue.Sync, received.Handle); err != nil {
			t.Fatal(err)
		}
	}
}

// missAWebhook has what a pass found missing taken in.
func missAWebhook(t *testing.T, log *telemetry.Logger) {
	t.Helper()
	outbox := webhook.Outbox(wiring.Engine{Ledger: memory.NewLedger(), Log: log, Now: time.Now}, settings.Ingest{DedupeWindow: time.Hour})
	own := handoff.Own{
		Type: "application.revision_requested", Connection: record.Connection{EventID: "evt_1", OrganizationID: "org_1"},
		OccurredAt: time.Now(), ResourceID: "app_1", Identity: []string{"app_1"}, FoundBy: handoff.Reconcile,
	}
	if err := outbox.Deliver(t.Context(), own); err != nil {
		t.Fatal(err)
	}
}

// failToRefresh has a token refreshed by who is not answered.
func failToRefresh(t *testing.T, log *telemetry.Logger) {
	t.Helper()
	records := memory.NewRecords()
	clock := time.Now()
	now := func() time.Time { return clock }
	keeper := &grant.Keeper{
		Records: records, Deletions: records.Deletions, Endpoint: refuses{}, Now: now, Log: log,
		Wait:    func(context.Context, time.Duration) error { return nil },
		Rings:   secret.NewHolder(secret.Static(strings.Repeat("k", 43)), seal.Parse, time.Hour, now),
		Secrets: secret.NewHolder(secret.Static("client-secret"), secret.ParseClient, time.Hour, now),
	}
	of := record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
	begun, err := keeper.Begin(t.Context(), of, revento.Tokens{
		Access: secret.Hide("rev_install_x"), Refresh: secret.Hide("rev_refresh_x"), AccessLife: time.Hour, EventID: of.EventID, OrganizationID: of.OrganizationID,
	}, clock)
	if err != nil {
		t.Fatal(err)
	}
	if err := records.PutAll(t.Context(), begun); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(2 * time.Hour)
	if _, err := keeper.Token(t.Context(), of); err == nil {
		t.Fatal("it was refreshed")
	}
}

// seldom are metrics of what this test does not bring about; package grant's tests hold their names.
var seldom = []string{"token_unstored", "token_of_another_connection", "token_refreshed", "token_refused", "page_other_event", "page_other_organization"}

func TestTheCodeEmitsWhatIsWatchedOfConnections(t *testing.T) {
	on, names := alarmsOfConnections(t)
	emitted := emittedOfConnections(t)
	for _, name := range seldom {
		emitted[named(name, []dimension{ofStack})] = true
	}
	for _, name := range names {
		a := properties[alarm](t, on, name, "AWS::CloudWatch::Alarm")
		if found := named(a.MetricName, a.Dimensions); a.Namespace == telemetry.Namespace && !emitted[found] {
			t.Errorf("%s looks at %s, the code emits %v", name, found, keys(emitted))
		}
	}
	for _, widget := range connectionsDashboard(t, on).Widgets {
		for _, metric := range widget.Properties.Metrics {
			if namespace, name, _ := shown(t, metric, ""); namespace == telemetry.Namespace && !emitted[name] {
				t.Errorf("%q shows %s, the code emits %v", widget.Properties.Title, name, keys(emitted))
			}
		}
	}
}

func connectionsDashboard(t *testing.T, on template) (body dashboardBody) {
	t.Helper()
	dashboard := properties[struct{ DashboardBody expression }](t, on, "ConnectionsDashboard", "AWS::CloudWatch::Dashboard")
	if err := json.Unmarshal([]byte(strings.TrimPrefix(string(dashboard.DashboardBody), "!Sub ")), &body); err != nil {
		t.Fatalf("the dashboard's body is no JSON: %v", err)
	}
	return body
}

// Each queue of connections that the template has is on it, with its dead letters.
func TestTheDashboardOfConnectionsIsComplete(t *testing.T) {
	off, on := load(t), loadWith(t, true)
	var want []string
	for _, name := range on.named("AWS::SQS::Queue") {
		if _, always := off.Resources[name]; always {
			continue
		}
		metric := "ApproximateAgeOfOldestMessage"
		if strings.HasSuffix(name, "DeadLetterQueue") {
			metric = "ApproximateNumberOfMessagesVisible"
		}
		want = append(want, named(metric, []dimension{{"QueueName", expression("${" + name + ".QueueName}")}}))
	}
	var got []string
	for _, widget := range connectionsDashboard(t, on).Widgets {
		if widget.Properties.Region != "${AWS::Region}" || widget.Properties.Title == "" || widget.X+widget.Width > 24 {
			t.Errorf("a widget is %+v", widget)
		}
		for _, metric := range widget.Properties.Metrics {
			if namespace, name, _ := shown(t, metric, ""); namespace == "AWS/SQS" {
				got = append(got, name)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("queues on it (-want +got):\n%s", diff)
	}
}
