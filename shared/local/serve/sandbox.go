package serve

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/ground/private"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/provider/inprocess"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/revento/sandbox"
	"revento-alerts/shared/settings"
)

const (
	// sandboxClient is the product's client id with the sandbox.
	sandboxClient = "revento-alerts-sandbox"
	// sandboxPath is where its page is, on the operator's side.
	sandboxPath = "/sandbox/"
	// sandboxHeaderTime is how long a request's headers may take.
	sandboxHeaderTime = 5 * time.Second
)

// standInRevento is the sandbox in place of Revento, on a loopback listener of its own.
type standInRevento struct {
	*sandbox.Sandbox
	listener net.Listener
	server   *http.Server
	secret   string
	base     string
}

// standInForRevento opens the sandbox where nothing real is set, and names it as Revento's address. Its listener has the other name of this
// machine, so that its pages and ours are two sites to a browser, as Revento's and ours are.
func (m *Machine) standInForRevento(ctx context.Context, source settings.Source, options Options) (settings.Source, error) {
	wanted, err := wantsSandbox(options.Source, options.Sandbox) // and not what stands in for the providers
	if err != nil || !wanted {
		return source, err
	}
	real, err := hasReal(ctx, engineOn(m.engine, options.DataDir, nil))
	switch {
	case err != nil:
		return nil, err
	case real && options.Sandbox:
		return nil, fmt.Errorf("--sandbox is refused: %s holds connections of Revento itself. Name another folder with --data", options.DataDir)
	case real:
		m.Warnings = append(m.Warnings, "connections of Revento itself are kept, and "+variableReventoClientID+" is not set: they are not looked at")
		return source, nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the sandbox: %w", err)
	}
	host := "localhost"
	if strings.HasPrefix(options.Listen, "localhost:") {
		host = "127.0.0.1"
	}
	m.sandbox = &standInRevento{
		listener: listener, secret: rand.Text(), base: "http://" + net.JoinHostPort(host, portOf(listener.Addr().String())),
	}
	return overlay(source, map[string]string{
		variableReventoClientID: sandboxClient, VariableReventoClientSecret: m.sandbox.secret,
		variableReventoAuthURL: m.sandbox.base, variableReventoAPIURL: m.sandbox.base + "/api/v1",
	}), nil
}

// open makes the sandbox's world, or goes on with the one that is kept. Its webhooks are posted to the public side within this process.
func (s *standInRevento) open(dataDir, redirectURI, webhookSecrets string, public http.Handler, log *slog.Logger) error {
	secrets, err := secret.ParseWebhook(webhookSecrets)
	if err != nil {
		return fmt.Errorf("sign the sandbox's webhooks: %w", err)
	}
	path := sandboxFile(dataDir)
	saved, err := private.Read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the sandbox's world: %w", err)
	}
	client := &http.Client{Transport: inprocess.Transport(public)}
	s.Sandbox, err = sandbox.New(sandbox.Options{
		Clients: []sandbox.Client{{
			ID: sandboxClient, Name: "revento-alerts", Secrets: []string{s.secret}, RedirectURIs: []string{redirectURI},
		}},
		WebhookSecret: secrets[0],
		Send: func(ctx context.Context, delivery sample.Delivery) (int, error) {
			answer, err := delivery.Post(ctx, client, "http://in-process"+ingest.Path)
			return answer.Code, err
		},
		Saved: saved,
		Keep:  func(saved []byte) error { return private.Write(path, saved) },
	})
	if err != nil {
		return fmt.Errorf("open the sandbox: %w: remove %s to begin anew", err, path)
	}
	s.server = &http.Server{
		Handler: s.Provider(), ReadHeaderTimeout: sandboxHeaderTime, IdleTimeout: operatorIdleTimeout,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return nil
}

// closeSandbox gives its port back where connections are off for another reason.
func (m *Machine) closeSandbox() error {
	if m.sandbox == nil {
		return nil
	}
	err := m.sandbox.listener.Close()
	m.sandbox = nil
	return err
}

// Happens has something happen at the sandbox, as its page does.
func (m *Machine) Happens(ctx context.Context, command sandbox.Command) error {
	if m.sandbox == nil {
		return errors.New("no sandbox stands in for Revento")
	}
	return m.sandbox.Do(ctx, command)
}

// sandboxPage is the sandbox's page and control, for the operator's side; nil where none runs.
func (m *Machine) sandboxPage() http.Handler {
	if m.sandbox == nil {
		return nil
	}
	return http.StripPrefix(strings.TrimSuffix(sandboxPath, "/"), m.sandbox.Control())
}
