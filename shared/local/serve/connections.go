package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"

	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/local/keyring"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/attendance"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/web"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/asking"
	"revento-alerts/shared/wiring/deletionworker"
	"revento-alerts/shared/wiring/mirrorworker"
	"revento-alerts/shared/wiring/operator"
	"revento-alerts/shared/wiring/syncworker"
	"revento-alerts/shared/wiring/webhook"
	"revento-alerts/shared/wiring/webpages"
)

// VariableReventoClientSecret holds the client's secrets on one machine.
const VariableReventoClientSecret = "REVENTO_CLIENT_SECRET"

const (
	variableReventoClientID = "REVENTO_CLIENT_ID"
	variableReventoAuthURL  = "REVENTO_AUTH_URL"
	variableReventoAPIURL   = "REVENTO_API_URL"
	variablePublicURL       = "PUBLIC_URL"
)

// connections is what asks Revento on one machine; nil where nothing does.
type connections struct {
	asking.Asking
	public  consent.PublicURL
	pages   *web.Pages
	keys    keyring.File
	upkeep  *upkeep.Upkeep
	worker  *worker.Worker
	mirror  *worker.Worker
	deliver life.Deliver
}

// openConnections opens what asks Revento, where a client id is set; listener is the public side's.
func (m *Machine) openConnections(
	ctx context.Context, engine wiring.Engine, all settings.All, options Options, source settings.Source, listener net.Listener,
) (*connections, error) {
	s := all.Connections
	if !s.On() {
		return nil, nil
	}
	public, err := publicURL(s, listener)
	keys, keysErr := keyring.Locate(source, options.DataDir)
	if err = errors.Join(err, keysErr); err != nil && m.sandbox != nil && !options.Sandbox { // nobody asked for it
		m.Warnings = append(m.Warnings, "connections are off: "+err.Error())
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := m.endOthers(ctx, engine, s); err != nil {
		return nil, err
	}
	if err := keepKeys(ctx, engine, keys); err != nil {
		return nil, err
	}
	secrets := asking.Secrets{
		Client: secret.NewHolder(variable(source, VariableReventoClientSecret), secret.ParseClient, s.SecretMaxAge, engine.Now),
		Rings:  secret.NewHolder(keys.Fetch, seal.Parse, s.SecretMaxAge, engine.Now),
	}
	if _, err := secrets.Client.Get(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", VariableReventoClientSecret, err)
	}
	asks := asking.New(engine, s, public, secrets, m.stopping)
	tells := all.Ingest
	tells.Routes = all.Routes
	outbox := webhook.Outbox(engine, tells)
	asks.Rows = mirrorworker.Rows(engine, secrets.Rings, keys.Seeds())
	c := &connections{
		Asking: asks, public: public, keys: keys, deliver: outbox.Deliver,
		upkeep: asks.Upkeep(engine, s, outbox),
	}
	c.upkeep.Passer = asks.Passes(engine, s)
	c.worker = syncworker.Of(engine, c.upkeep)
	c.mirror = mirrorworker.New(engine, asks.Rows, mirrorworker.Judge(engine, asks.Rows, tells))
	asks.Lives.Soon = syncworker.Soon(engine, c.upkeep)
	c.pages = webpages.New(engine, s, public, asks)
	return c, nil
}

// people are those that keep something of persons, where connections are on.
func (c *connections) people(engine wiring.Engine) []deletion.People {
	if c == nil {
		return nil
	}
	return operator.People(engine, c.Secrets.Rings, c.keys.Seeds())
}

// publicURL is where browsers find the pages: what the setting says, or the public side's own address where browsers of this machine
// reach it.
func publicURL(s settings.Connections, listener net.Listener) (consent.PublicURL, error) {
	if s.PublicURL.IsSet() {
		return s.PublicURL, nil
	}
	base := baseURL(listener)
	parsed, err := url.Parse(base)
	if err != nil || !consent.IsLoopback(parsed.Hostname()) || isEverywhere(listener) && s.ClientID != sandboxClient {
		return consent.PublicURL{}, fmt.Errorf("--listen is %s, which browsers elsewhere may reach under another name, and %s is not set: set it to "+
			"the https address under which they do", listener.Addr(), variablePublicURL)
	}
	return consent.ParsePublicURL(base)
}

// keepKeys makes the file of the sealing keys at the first start.
func keepKeys(ctx context.Context, engine wiring.Engine, keys keyring.File) error {
	sealed := false
	for standing, err := range registryOf(engine).All(ctx) {
		if err != nil {
			return err
		}
		sealed = sealed || !standing.IsEnded()
	}
	_, err := keys.Keep(sealed, engine.Installation)
	return err
}

func registryOf(engine wiring.Engine) *connection.Registry {
	return &connection.Registry{Records: engine.Records, Deletions: engine.Deletions}
}

// endOthers ends the sandbox's connections where Revento itself is asked: what was made up must not be taken for what is.
func (m *Machine) endOthers(ctx context.Context, engine wiring.Engine, s settings.Connections) error {
	if s.ClientID == sandboxClient {
		return nil
	}
	lives := deletionworker.Lives(engine)
	for standing, err := range lives.Registry.All(ctx) {
		if err != nil {
			return err
		}
		if standing.Client != sandboxClient || standing.IsEnded() {
			continue
		}
		if err := lives.End(ctx, standing.Connection, engine.Now(), connection.Disconnected); err != nil {
			return fmt.Errorf("end a connection of the sandbox: %w", err)
		}
	}
	return nil
}

// hasReal says whether connections of Revento itself are kept, which the sandbox must not touch.
func hasReal(ctx context.Context, engine wiring.Engine) (bool, error) {
	for standing, err := range registryOf(engine).All(ctx) {
		if err != nil {
			return false, err
		}
		if standing.Client != sandboxClient && !standing.IsEnded() {
			return true, nil
		}
	}
	return false, nil
}

var errSandboxRefused = errors.New("--sandbox is refused beside a real credential: remove it, or unset what is set of " +
	variableReventoClientID + ", " + VariableReventoClientSecret + ", " + variableReventoAuthURL + ", " + variableReventoAPIURL + ", " +
	VariableSlackBotToken + ", " + VariablePagerDutyRoutingKey)

// wantsSandbox says whether the sandbox stands in for Revento: where nothing real is set, or where it is asked for.
func wantsSandbox(source settings.Source, asked bool) (bool, error) {
	slack, pagerDuty := records(source)
	isReal := isSet(source, variableReventoClientID, VariableReventoClientSecret, variableReventoAuthURL, variableReventoAPIURL)
	if asked && (isReal || isSet(source, VariableSlackBotToken, VariablePagerDutyRoutingKey)) {
		return false, errSandboxRefused
	}
	return asked || slack && pagerDuty && !isSet(source, variableReventoClientID, variableReventoAPIURL), nil
}

// sandboxFile keeps the sandbox's world in the data folder, so that its tokens outlive a restart.
func sandboxFile(dataDir string) string { return filepath.Join(dataDir, "sandbox.json") }

// shows has the operator's side show connections; nothing where nothing asks Revento.
func (c *connections) shows(site *operator.Site, engine wiring.Engine) {
	if c != nil {
		site.Connect(engine, c.Asking, c.upkeep, c.public, c.deliver)
	}
}

// attendance is who attends the events that are connected; nil where nothing asks Revento.
func (c *connections) attendance(engine wiring.Engine, of *life.Operator) *attendance.Attendance {
	if c == nil {
		return nil
	}
	return operator.Attendance(engine, of, c.Secrets.Rings, c.keys.Seeds())
}

// tick finds what is due.
func (c *connections) tick(ctx context.Context) error {
	_, err := c.upkeep.Tick(ctx)
	return err
}

// stoppedConnections are those of a data folder that no serve has: they can be seen, and ended.
func stoppedConnections(engine wiring.Engine, all settings.All) *life.Operator {
	lives := deletionworker.Lives(engine)
	tells := all.Ingest
	tells.Routes = all.Routes
	return &life.Operator{
		Lives: lives, Standings: &grant.Keeper{Records: engine.Records, Deletions: engine.Deletions, Now: engine.Now},
		Looks:     &upkeep.Upkeep{Registry: lives.Registry, Records: engine.Records, Queues: engine.Queues, Now: engine.Now},
		Summaries: mirrorworker.Rows(engine, nil, nil),
		Passes:    &pass.Passes{Registry: lives.Registry, Records: engine.Records, Now: engine.Now},
		Deliver:   webhook.Outbox(engine, tells).Deliver, Installation: engine.Installation,
	}
}

// stopped adds who attends their events, and who forgets a person, as far as the keys open what is kept of it. Keys that are nowhere are
// told by who needs them.
func stopped(backend *api.Backend, engine wiring.Engine, all settings.All, source settings.Source, dir string) {
	keys, err := keyring.Locate(source, dir)
	fetch := keys.Fetch
	if err != nil {
		fetch = func(context.Context) (string, error) { return "", err }
	}
	rings := secret.NewHolder(fetch, seal.Parse, all.Connections.SecretMaxAge, engine.Now)
	of := backend.Connections
	backend.Attendance = operator.Attendance(engine, of, rings, keys.Seeds())
	backend.Deletions.People = operator.People(engine, rings, keys.Seeds())
	backend.Deletions.Backups = deletion.BackupsOnMachine
}
