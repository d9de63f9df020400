// Package serve runs everything on one machine: an HTTP server in place of API Gateway, pollers in place of event source
// mappings, an embedded database in place of DynamoDB and SQS. They call the same Lambda handlers with the same events and
// deadlines. Where no credentials are given, a recorder takes the place of Slack and PagerDuty.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/local/gateway"
	"revento-alerts/shared/local/keyring"
	"revento-alerts/shared/local/recurring"
	"revento-alerts/shared/local/sink"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/operate/access"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/console"
	"revento-alerts/shared/provider/recorder"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/web"
	"revento-alerts/shared/wiring/purgeworker"
	"revento-alerts/shared/wiring/webhook"
	"revento-alerts/shared/wiring/workers"
)

// logGrace is how long the end waits for who reads the log.
const logGrace = 500 * time.Millisecond

// Options say how to serve.
type Options struct {
	// Listen is the address of the public side: the webhook. It may be any address.
	Listen string
	// Operator is the address of the operator's side: the console and its API. Only this machine may reach it.
	Operator string
	// DataDir is the folder that holds all state. It is made where it is missing, and belongs to one process at a time.
	DataDir string
	// Source is where the settings come from.
	Source settings.Source
	// Log takes the log lines, from one goroutine. Nothing waits for it.
	Log io.Writer
	// Sandbox asks for the sandbox in place of Revento, also where real providers would not. It is refused beside a real credential.
	Sandbox bool
}

// Machine is everything on one machine, running.
type Machine struct {
	// URL is where deliveries are to be posted, as this machine reaches it.
	URL string
	// Everywhere says that they may be posted to any other address of this machine, too.
	Everywhere bool
	// Console is where the operator's page is, and ConsoleLink the link that opens it, with the token.
	Console, ConsoleLink string
	// SecretMade says that no webhook secret was given and a new one was made.
	SecretMade bool
	// SecretKept says that the webhook secret is the data folder's.
	SecretKept bool
	// Warnings are what is allowed in the settings and unwise.
	Warnings []string
	// Recorder stands in for the providers that have no credentials; nil where both have.
	Recorder *recorder.Recorder
	// RecordsSlack and RecordsPagerDuty say for which provider the recorder stands in.
	RecordsSlack, RecordsPagerDuty bool
	// Sandbox is where the sandbox's page is, on the operator's side; "" where none stands in for Revento.
	Sandbox string

	sandbox     *standInRevento
	connections *connections
	// stopping is over once Close is called, and stop ends it.
	stopping context.Context

	engine  *sqlite.Engine
	gateway *gateway.Gateway
	console *operatorSide
	pollers []*poller
	jobs    []recurring.Job
	log     *slog.Logger
	lines   *sink.Sink
	stop    context.CancelFunc
	running sync.WaitGroup
	failed  chan error
}

// Start starts everything and returns when deliveries can be posted. Its error names what to mend.
func Start(ctx context.Context, options Options) (*Machine, error) {
	m := &Machine{failed: make(chan error, 1)}
	m.stopping, m.stop = context.WithCancel(context.Background())
	if err := m.open(ctx, options); err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

func (m *Machine) open(ctx context.Context, options Options) error {
	operator, err := operatorAddress(options)
	if err != nil {
		return err
	}
	if err := checkCredentials(options.Source); err != nil {
		return err
	}
	m.Warnings = halfSet(options.Source)
	source := Defaults(options.Source)
	if m.engine, err = sqlite.Open(ctx, options.DataDir, time.Now); err != nil {
		return err
	}
	if source, err = m.standIn(source, options.DataDir); err != nil {
		return err
	}
	if source, err = m.standInForRevento(ctx, source, options); err != nil {
		return err
	}
	all, failures := settings.LoadAll(source)
	if len(failures) > 0 {
		return errors.Join(failures...)
	}
	m.Warnings = append(m.Warnings, all.Ingest.Warnings()...)
	m.lines = sink.New(options.Log)
	log := telemetry.New(m.lines, telemetry.Options{Level: all.Ingest.LogLevel, Stack: all.Ingest.Stack})
	m.log = log.Slog()
	webhookSecrets, err := m.webhookSecrets(source, options.DataDir)
	if err != nil {
		return err
	}
	token, err := access.KeepToken(options.DataDir)
	if err != nil {
		return err
	}
	sides, err := listen(ctx, options.Listen, operator)
	if err != nil {
		return err
	}
	if err := m.address(sides, options.DataDir, token); err != nil {
		return errors.Join(err, sides.close())
	}
	m.jobs = recurring.OnMachine(all.DigestSchedule, m.engine.Sweep, m.engine.Scheduler.FireDue)
	engine := engineOn(m.engine, options.DataDir, log)
	if m.connections, err = m.openConnections(ctx, engine, all, options, source, sides.public); err != nil {
		return errors.Join(err, sides.close())
	}
	backend := m.wire(all, source, webhookSecrets, options.DataDir, log)
	if err := m.showPages(webhookSecrets, options.DataDir); err != nil {
		return errors.Join(err, sides.close())
	}
	m.console = newOperatorSide(sides.operator, token, api.Handler(backend), m.sandboxPage(), m.log)
	m.console.server.RegisterOnShutdown(backend.Letters.Stop)
	m.run(sides)
	return nil
}

// address says where both sides are reached: to who asks this machine, and to the commands.
func (m *Machine) address(s sides, dir, token string) error {
	base, operator := baseURL(s.public), baseURL(s.operator)
	m.URL, m.Everywhere = base+ingest.Path, isEverywhere(s.public)
	m.Console = operator + console.Path
	m.ConsoleLink = access.Link(m.Console, token)
	return writeAddresses(dir, base, operator)
}

// wire puts together what functions are on AWS, on this machine's engine. It returns the operator's side of it.
func (m *Machine) wire(all settings.All, source settings.Source, webhookSecrets, dir string, log *telemetry.Logger) api.Backend {
	clients := newProviders(source, all, secret.Static(webhookSecrets))
	m.leadToRecorder(&clients)
	engine := engineOn(m.engine, dir, log)
	site := siteOf(m.engine, dir, m.URL, source, all, clients)
	site.Warnings, site.Log, site.Refusals = m.Warnings, log, new(ingest.Refusals)
	in := webhook.New(engine, all.Ingest, clients.webhook)
	in.Refusals, site.Skews = site.Refusals, in.Skews
	in.Mirrors = m.connections != nil // which are off where they cannot be, though a client id is set
	site.SlackAnswers, site.PagerAnswers = clients.slack.Answers, clients.pager.Answers
	m.gateway = gateway.New(awslambda.Webhook{Ingest: in}, all.Ingest.BodyLimit, m.log)
	for _, w := range workers.All(engine, all, clients.slack, clients.pager, m.surroundings(all, source, dir)) {
		m.pollers = append(m.pollers, m.poller(w))
	}
	site.Names = queue.There(m.connections != nil)
	m.connections.shows(&site, engine)
	backend := site.Backend()
	backend.Attendance = m.connections.attendance(engine, backend.Connections)
	backend.Deletions.People, backend.Deletions.Backups = m.connections.people(engine), deletion.BackupsOnMachine
	return m.recorded(backend, clients.webhook, m.gateway)
}

// showPages shows the pages of what asks Revento, and opens the sandbox that it asks instead, if one does.
func (m *Machine) showPages(webhookSecrets, dataDir string) error {
	if m.connections == nil {
		return m.closeSandbox()
	}
	m.gateway.ShowPages(m.connections.pages, web.Paths()...)
	m.pollers = append(m.pollers, m.poller(m.connections.worker), m.poller(m.connections.mirror))
	m.jobs = append(m.jobs, recurring.Tick(m.connections.tick))
	if m.sandbox == nil {
		return nil
	}
	m.Sandbox = strings.TrimSuffix(m.Console, console.Path) + sandboxPath
	return m.sandbox.open(dataDir, m.connections.public.RedirectURI(), webhookSecrets, m.gateway, m.log)
}

func (m *Machine) poller(w *worker.Worker) *poller {
	return &poller{inbox: m.engine.Queues, queue: w.Queue.Entry(), handle: awslambda.Worker(w), log: m.log}
}

// surroundings are what a purge finds on this machine.
func (m *Machine) surroundings(all settings.All, source settings.Source, dir string) purgeworker.Surroundings {
	around := purgeworker.Surroundings{
		Keepers: deletion.OnMachine(m.engine.Ledger, m.engine.Queues, deletion.Windows{
			Deliveries: all.Ingest.DedupeWindow, Records: all.Purge.RecordRetention,
		}),
		RecordsSlack: m.RecordsSlack,
	}
	if m.Recorder != nil {
		around.Recorded = m.Recorder
	}
	// Whether connections are on or not: what they kept when they were goes with its seed.
	if keys, err := keyring.Locate(source, dir); err == nil {
		around.Keepers = append(around.Keepers, deletion.Seeds(keys.Seeds()))
	}
	return around
}

// recorded adds to what the operator sees what the recorder holds. Samples can be sent only where nobody would be paged by one.
func (m *Machine) recorded(backend api.Backend, webhook *secret.Holder[secret.Webhook], side http.Handler) api.Backend {
	if m.RecordsSlack {
		backend.Slack = m.Recorder
	}
	if m.RecordsPagerDuty {
		backend.PagerDuty = m.Recorder
	}
	if !m.RecordsSlack || !m.RecordsPagerDuty {
		backend.Overview.SampleTypes = []string{}
		return backend
	}
	newest := func(ctx context.Context) (string, error) {
		secrets, err := webhook.Get(ctx)
		if err != nil {
			return "", err
		}
		return secrets[0], nil
	}
	backend.Samples = &api.Samples{Secret: newest, Webhook: side, Now: time.Now}
	return backend
}

// run starts what runs until Close.
func (m *Machine) run(s sides) {
	ctx := m.stopping
	for _, p := range m.pollers {
		m.running.Go(func() { p.run(ctx) })
	}
	if m.sandbox != nil {
		m.running.Go(func() { m.sandbox.Run(ctx) })
		m.running.Go(func() { m.serve(m.sandbox.server, m.sandbox.listener) })
	}
	clock := clockwork{queues: m.engine.Queues, now: time.Now, log: m.log}
	for _, job := range m.jobs {
		m.running.Go(func() { clock.keep(ctx, job) })
	}
	m.running.Go(func() { m.serve(m.gateway, s.public) })
	m.running.Go(func() { m.serve(m.console.server, s.operator) })
}

// serve serves a side until Close.
func (m *Machine) serve(server interface{ Serve(net.Listener) error }, listener net.Listener) {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		select {
		case m.failed <- fmt.Errorf("serve on %s: %w", listener.Addr(), err):
		default: // the other side has failed as well, and one is enough to end
		}
	}
}

// Wait blocks until ctx is done, or the server failed, which it returns.
func (m *Machine) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-m.failed:
		return err
	}
}

// Close takes no more deliveries, ends what is being worked on, and closes the database. What is still in the queues, and what
// takes longer than the grace, is worked on after the next start.
func (m *Machine) Close() error {
	m.stop()
	stopped := make(chan error, 1)
	go func() { stopped <- m.console.close() }()
	err := errors.Join(shut(m.gateway), <-stopped)
	if m.sandbox != nil {
		err = errors.Join(err, shut(m.sandbox.server))
	}
	m.running.Wait()
	return errors.Join(err, m.close())
}

// close closes what open opened.
func (m *Machine) close() error {
	var failures []error
	m.stop()
	if m.sandbox != nil && m.sandbox.server == nil {
		failures = append(failures, m.sandbox.listener.Close())
	}
	if m.Recorder != nil {
		failures = append(failures, m.Recorder.Close())
	}
	if m.engine != nil {
		failures = append(failures, m.engine.Close())
	}
	if m.lines != nil {
		ctx, cancel := context.WithTimeout(context.Background(), logGrace)
		defer cancel()
		m.lines.Close(ctx)
	}
	return errors.Join(failures...)
}

// Idle says whether no message waits in, or is worked on from, the queues that have a worker.
func (m *Machine) Idle(ctx context.Context) (bool, error) {
	for _, p := range m.pollers {
		visible, inFlight, err := m.engine.Queues.Depth(ctx, p.queue.Name)
		if err != nil || visible+inFlight > 0 {
			return false, err
		}
	}
	return true, nil
}
