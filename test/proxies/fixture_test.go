//go:build proxies

package proxies_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/access"
	"revento-alerts/test/output"
)

const secret = "whsec_proxies"

// site is serve behind a proxy that ends TLS.
type site struct {
	machine *serve.Machine
	token   string
	// base is where the proxy is reached, client a client that trusts its certificate.
	base   string
	client *http.Client
}

// certificate is a self-signed one for localhost, and where it and its key are.
type certificate struct {
	pool          *x509.CertPool
	file, keyFile string
}

func newCertificate(t *testing.T, dir string) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	made := certificate{pool: x509.NewCertPool(), file: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem")}
	write(t, made.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, made.keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	made.pool.AddCert(parsed)
	return made
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// newSite starts serve, and a proxy in front of it.
func newSite(t *testing.T, proxy func(t *testing.T, dir, upstream, port string, c certificate) *exec.Cmd) site {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	source := func(name string) (string, bool) {
		value, isSet := map[string]string{"WEBHOOK_SECRETS": secret, "SLACK_POST_INTERVAL": "0s", "OTHER_ROUTE": "slack"}[name]
		return value, isSet
	}
	options := serve.Options{Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: data, Source: source, Log: io.Discard}
	machine, err := serve.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := machine.Close(); err != nil {
			t.Error(err)
		}
	})
	token, err := os.ReadFile(filepath.Join(data, access.TokenFile))
	if err != nil {
		t.Fatal(err)
	}
	dir, port := t.TempDir(), freePort(t)
	made := newCertificate(t, dir)
	upstream := strings.TrimSuffix(strings.TrimPrefix(machine.URL, "http://"), ingest.Path)
	run(t, proxy(t, dir, upstream, port, made), port)
	return site{
		machine: machine, token: strings.TrimSpace(string(token)), base: "https://localhost:" + port,
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: made.pool}}},
	}
}

// freePort is a port that nobody listens on now.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// run starts a proxy, waits until it listens, and ends it with the test.
func run(t *testing.T, command *exec.Cmd, port string) {
	t.Helper()
	var told output.Buffer
	command.Stdout, command.Stderr = &told, &told
	if err := command.Start(); err != nil {
		t.Fatalf("%v: run test/proxies/run, which installs it", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // how it ended is in its output
		close(ended)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("%s:\n%s", command.Path, told.String())
		}
	})
	const patience, between = 20 * time.Second, 20 * time.Millisecond
	for until := time.Now().Add(patience); time.Now().Before(until); {
		connection, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = connection.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s ended:\n%s", command.Path, told.String())
		case <-time.After(between):
		}
	}
	t.Fatalf("%s does not listen:\n%s", command.Path, told.String())
}

// documented is a configuration of docs with this test's names in place of its own: pairs of what it has and what it gets.
func documented(t *testing.T, name string, pairs ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(text), pairs[i]) {
			t.Fatalf("docs/%s does not have %q", name, pairs[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(string(text))
}

// nginx runs the documented server.
func nginx(t *testing.T, dir, upstream, port string, c certificate) *exec.Cmd {
	t.Helper()
	return nginxWith(t, dir, documented(t, "nginx.conf",
		"127.0.0.1:3000", upstream, "listen 443 ssl", "listen 127.0.0.1:"+port+" ssl", "server_name hooks.example.com", "server_name localhost",
		"/etc/letsencrypt/live/hooks.example.com/fullchain.pem", c.file, "/etc/letsencrypt/live/hooks.example.com/privkey.pem", c.keyFile))
}

// plainNginx is what people write who need nothing else.
func plainNginx(t *testing.T, dir, upstream, port string, c certificate) *exec.Cmd {
	t.Helper()
	return nginxWith(t, dir, "server { listen 127.0.0.1:"+port+" ssl; ssl_certificate "+c.file+"; ssl_certificate_key "+c.keyFile+";\n"+
		"location / { proxy_pass http://"+upstream+"; } }")
}

// nginxWith runs nginx with what Debian's nginx.conf has round a server, in a folder of its own.
func nginxWith(t *testing.T, dir, server string) *exec.Cmd {
	t.Helper()
	config := "user root;\nworker_processes 1;\npid " + dir + "/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	path := filepath.Join(dir, "nginx.conf")
	write(t, path, []byte(config+server+"\n}\n"))
	return exec.Command("nginx", "-p", dir, "-c", path, "-e", "stderr", "-g", "daemon off;")
}

// caddy runs the documented site.
func caddy(t *testing.T, dir, upstream, port string, c certificate) *exec.Cmd {
	t.Helper()
	path := filepath.Join(dir, "Caddyfile")
	write(t, path, []byte(documented(t, "Caddyfile",
		"127.0.0.1:3000", upstream, "hooks.example.com {", "https://localhost:"+port+" {\n\ttls "+c.file+" "+c.keyFile,
		"{\n\tservers", "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers")))
	command := exec.Command("caddy", "run", "--config", path, "--adapter", "caddyfile")
	command.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	return command
}
