package serve_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/access"
	"revento-alerts/shared/operate/api"
)

// operatorPaths is a path of each kind that the operator's side has, and some that it has not.
var operatorPaths = []string{
	"/", "/?x", "/console/main.js", "/console/console.css", "/console/icon.svg", "/console/", "/favicon.ico", "/nothing",
	"/api/", "/api/overview", "/api/deliveries", "/api/deletions", "/api/deletions/0123456789abcdef/now", "/api/dead-letters",
	"/api/dead-letters/drop", "/api/trace", "/api/trace/d-1", "/api/check", "/api/routes", "/api/slack", "/api/pagerduty",
	"/api/samples/event.unpublished", "/api/nothing",
}

// token reads the operator's token as a command does.
func token(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, access.TokenFile))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(text), "\n")
}

// asked makes one request, without following where it leads, and reads the answer.
func asked(t *testing.T, client *http.Client, method, address string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	change(request)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func unchanged(*http.Request) {}

// once is a client that leads nowhere and keeps no connection, as a test that stops the server wants it.
func once() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func wantError(t *testing.T, what string, response *http.Response, body string, status int) {
	t.Helper()
	var why struct {
		Error string `json:"error"`
	}
	isJSON := response.Header.Get("Content-Type") == "application/json" &&
		(response.Request.Method == http.MethodHead || json.Unmarshal([]byte(body), &why) == nil && why.Error != "")
	if response.StatusCode != status || !isJSON {
		t.Errorf("%s is answered %d %s %q, want %d in JSON", what, response.StatusCode, response.Header.Get("Content-Type"), body, status)
	}
}

func TestEveryCallOfTheOperatorsSideNeedsTheToken(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	machine, _ := start(t, dir, map[string]string{})
	defer stop(t, machine)
	right, base := token(t, dir), strings.TrimSuffix(machine.Console, "/")
	cookie := "revento-alerts-" + base[strings.LastIndex(base, ":")+1:]
	for name, change := range map[string]func(*http.Request){
		"no token":              unchanged,
		"an empty one":          func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") },
		"another one":           func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+strings.Repeat("A", len(right))) },
		"a part of it":          func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+right[:len(right)-1]) },
		"more than it":          func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+right+"A") },
		"under another scheme":  func(r *http.Request) { r.SetBasicAuth("operator", right) },
		"the wrong cookie":      func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookie, Value: right[1:]}) },
		"another port's cookie": func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "revento-alerts-1", Value: right}) },
		"wrong header, right cookie": func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer x")
			r.AddCookie(&http.Cookie{Name: cookie, Value: right})
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range operatorPaths {
				for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions, http.MethodDelete} {
					response, body := asked(t, http.DefaultClient, method, base+path, change)
					wantError(t, method+" "+path, response, body, http.StatusUnauthorized)
				}
			}
		})
	}
	for name, change := range map[string]func(*http.Request){
		"the header":                func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+right) },
		"the scheme in lower case":  func(r *http.Request) { r.Header.Set("Authorization", "bearer "+right) },
		"the cookie":                func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookie, Value: right}) },
		"the cookie beside another": func(r *http.Request) { r.Header.Set("Cookie", cookie+"=x; "+cookie+"="+right) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/", "/console/main.js", "/api/overview"} {
				if response, body := asked(t, http.DefaultClient, http.MethodGet, base+path, change); response.StatusCode != http.StatusOK {
					t.Errorf("%s is answered %d %s", path, response.StatusCode, body)
				}
			}
			for _, path := range []string{"/nothing", "/favicon.ico", "/console/", "/api/nothing", "/webhooks/revento"} {
				response, body := asked(t, http.DefaultClient, http.MethodGet, base+path, change)
				wantError(t, path, response, body, http.StatusNotFound)
			}
		})
	}
}

// net/http answers "OPTIONS *" by itself unless it is told not to.
func TestAQuestionAboutTheServerAsAWholeNeedsTheToken(t *testing.T) {
	machine, _ := start(t, t.TempDir(), map[string]string{})
	defer stop(t, machine)
	host := strings.Trim(strings.TrimPrefix(machine.Console, "http:"), "/")
	connection, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, "OPTIONS * HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil || response.StatusCode != http.StatusUnauthorized {
		t.Errorf("answered %+v, %v", response, err)
	}
}

func TestTheLinkThatServePrintsBecomesACookie(t *testing.T) {
	dir := t.TempDir()
	machine, log := start(t, dir, map[string]string{"LOG_LEVEL": "DEBUG"})
	defer stop(t, machine)
	right := token(t, dir)
	if machine.ConsoleLink != machine.Console+"?token="+right {
		t.Fatalf("the link is %s", machine.ConsoleLink)
	}
	entered, _ := asked(t, once(), http.MethodGet, machine.ConsoleLink, unchanged)
	cookies := entered.Cookies()
	if entered.StatusCode != http.StatusSeeOther || entered.Header.Get("Location") != "/" || len(cookies) != 1 {
		t.Fatalf("answered %d %v", entered.StatusCode, entered.Header)
	}
	if c := cookies[0]; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Domain != "" || c.Path != "/" || c.MaxAge != 0 {
		t.Errorf("the cookie is %s", c)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
		if got := entered.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	for _, address := range []string{machine.ConsoleLink, machine.Console, machine.Console + "api/overview"} {
		response, _ := asked(t, browser, http.MethodGet, address, unchanged)
		if response.StatusCode != http.StatusOK || response.Request.URL.RawQuery != "" {
			t.Errorf("%s is answered %d, and its address is %s", address, response.StatusCode, response.Request.URL)
		}
	}
	if strings.Contains(log.String(), right) {
		t.Errorf("the token is in the log:\n%s", log)
	}
}

func TestAWrongLinkSetsNoCookie(t *testing.T) {
	dir := t.TempDir()
	machine, _ := start(t, dir, map[string]string{})
	defer stop(t, machine)
	right := token(t, dir)
	for _, test := range []struct{ name, method, query string }{
		{"empty", http.MethodGet, "?token="},
		{"another", http.MethodGet, "?token=" + strings.Repeat("A", len(right))},
		{"the first counts", http.MethodGet, "?token=x&token=" + right},
		{"posted", http.MethodPost, "?token=" + right},
		{"only asked about", http.MethodHead, "?token=" + right},
		{"for another path", http.MethodGet, "api/overview?token=" + right},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, body := asked(t, once(), test.method, machine.Console+test.query, unchanged)
			wantError(t, test.query, response, body, http.StatusUnauthorized)
			if len(response.Cookies()) > 0 {
				t.Errorf("set %v", response.Cookies())
			}
		})
	}
}

// A token that a page of another site found out is of no use to it.
func TestAnotherSitesPageIsRefusedAlsoWithTheToken(t *testing.T) {
	dir := t.TempDir()
	machine, _ := start(t, dir, map[string]string{})
	defer stop(t, machine)
	right := token(t, dir)
	for name, change := range map[string]func(*http.Request){
		"its Origin":          func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"its Host":            func(r *http.Request) { r.Host = "evil.example" },
		"its fetch":           func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"forwarded by one":    func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") },
		"another port's":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"forwarded, RFC 7239": func(r *http.Request) { r.Header.Set("Forwarded", "for=192.0.2.1") },
	} {
		t.Run(name, func(t *testing.T) {
			response, body := asked(t, once(), http.MethodGet, machine.ConsoleLink, change)
			wantError(t, "the link", response, body, http.StatusForbidden)
			response, body = asked(t, once(), http.MethodGet, machine.Console+"api/overview", func(r *http.Request) {
				r.Header.Set("Authorization", "Bearer "+right)
				change(r)
			})
			wantError(t, "the API", response, body, http.StatusForbidden)
		})
	}
}

// nginx with "location / { proxy_pass http://127.0.0.1:3000; }" and no more asks under the upstream's own Host and adds nothing.
func plainProxy(t *testing.T, upstream string) string {
	t.Helper()
	target, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}}
	go func() { _ = server.Serve(listener) }() // until it is closed
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + listener.Addr().String()
}

// forwarder hands on what comes byte by byte, as socat or a load balancer does.
func forwarder(t *testing.T, upstream string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	host := strings.TrimPrefix(upstream, "http://")
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", host)
			if err != nil {
				_ = from.Close()
				continue
			}
			go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
			go func() { _, _ = io.Copy(from, to); _ = from.Close() }()
		}
	}()
	return "http://" + listener.Addr().String()
}

// The console and its API answered the Internet: no list of headers tells a proxy from a program of this machine.
func TestAProxyOrAForwarderReachesTheWebhookAlone(t *testing.T) {
	dir := t.TempDir()
	machine, _ := start(t, dir, map[string]string{"WEBHOOK_SECRETS": "s"})
	defer stop(t, machine)
	base := strings.TrimSuffix(machine.URL, "/webhooks/revento")
	right := token(t, dir)
	for name, way := range map[string]struct {
		base   string
		change func(*http.Request)
	}{
		"a plain proxy":                         {plainProxy(t, base), unchanged},
		"a forwarder, under the name localhost": {forwarder(t, base), func(r *http.Request) { r.Host = "localhost" }},
		"nothing between":                       {base, unchanged},
		"also with the token":                   {plainProxy(t, base), func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+right) }},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range append(operatorPaths, "/?token="+right) {
				for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
					response, body := asked(t, once(), method, way.base+path, way.change)
					if response.StatusCode != http.StatusNotFound || !json.Valid([]byte(body)) || len(response.Cookies()) > 0 {
						t.Errorf("%s %s is answered %d %s", method, path, response.StatusCode, body)
					}
				}
			}
			if response, body := asked(t, once(), http.MethodGet, way.base+"/webhooks/revento", way.change); response.StatusCode != 405 {
				t.Errorf("GET of the webhook is answered %d %s", response.StatusCode, body)
			}
		})
	}
}

func TestTheTokenIsKeptUntilItIsRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	tokens := []string{}
	for range 2 {
		machine, _ := start(t, dir, map[string]string{})
		stop(t, machine)
		tokens = append(tokens, token(t, dir))
	}
	path := filepath.Join(dir, access.TokenFile)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if decoded, err := base64.RawURLEncoding.DecodeString(tokens[0]); err != nil || len(decoded) != 32 || tokens[1] != tokens[0] {
		t.Errorf("the tokens are %q", tokens)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	machine, _ := start(t, dir, map[string]string{})
	defer stop(t, machine)
	if replaced := token(t, dir); replaced == tokens[0] {
		t.Error("the token that was removed is in force")
	}
	response, body := asked(t, once(), http.MethodGet, machine.Console+"api/overview", func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+tokens[0])
	})
	wantError(t, "the token that was removed", response, body, http.StatusUnauthorized)
}

// What another user of the machine, a restored backup or a power cut could leave under the name is neither used nor replaced.
func TestFilesThatAreNotWholeOrNotOursAreRefusedWithNameAndRemedy(t *testing.T) {
	whole := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	tests := []struct {
		name, file, content string
		mode                os.FileMode
		says                string
	}{
		{"an empty token", access.TokenFile, "", 0o600, "remove it and start serve again"},
		{"half a token", access.TokenFile, whole[:20], 0o600, "remove it and start serve again"},
		{"a token of another form", access.TokenFile, strings.Repeat("!", 43), 0o600, "remove it and start serve again"},
		{"a token that others read", access.TokenFile, whole, 0o644, "chmod 600"},
		{"an empty secret", serve.SecretFile, "", 0o600, "write the secret that Revento has into it"},
		{"a secret of a line break", serve.SecretFile, "\n", 0o600, "write the secret that Revento has into it"},
		{"a secret that others read", serve.SecretFile, "whsec_1\n", 0o640, "chmod 600"},
		{"an address that others write", "address", "http://127.0.0.1:1", 0o622, "chmod 600"},
		{"an operator's address that others write", "operator-address", "http://127.0.0.1:1", 0o666, "chmod 600"},
		{"a journal that others read", "recorder.jsonl", "", 0o644, "chmod 600"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, test.file)
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			wantRefusal(t, dir, path, test.says)
			if content, err := os.ReadFile(path); err != nil || string(content) != test.content {
				t.Errorf("the file holds %q, %v", content, err)
			}
		})
		t.Run(test.name+", a symbolic link", func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, test.file)
			if err := os.Symlink(filepath.Join(t.TempDir(), "planted"), path); err != nil {
				t.Fatal(err)
			}
			wantRefusal(t, dir, path, "symbolic link")
		})
	}
}

// wantRefusal wants a start to fail that names a file and the remedy.
func wantRefusal(t *testing.T, dir, path, says string) {
	t.Helper()
	machine, err := serve.Start(t.Context(), serve.Options{
		Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: dir, Source: variables(nil), Log: io.Discard,
	})
	if err == nil {
		stop(t, machine)
	}
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), says) {
		t.Errorf("error = %v, want one that names %s and says %q", err, path, says)
	}
}

func TestTheOperatorsSideStaysOnThisMachine(t *testing.T) {
	tests := []struct {
		name, listen, operator string
		says                   []string
	}{
		{"every address", "127.0.0.1:0", "0.0.0.0:4711", []string{"--operator", "0.0.0.0:4711", "ssh -L 4711:127.0.0.1:4711"}},
		{"every address, unsaid", "127.0.0.1:0", ":0", []string{"--operator", "ssh -L 3001:127.0.0.1:3001"}},
		{"every address of IPv6", "127.0.0.1:0", "[::]:4711", []string{"--operator", "ssh -L"}},
		{"another machine's reach", "127.0.0.1:0", "192.0.2.1:4711", []string{"--operator", "ssh -L"}},
		{"nothing", "127.0.0.1:0", "", []string{"--operator", "127.0.0.1:3001"}},
		{"no port", "127.0.0.1:0", "127.0.0.1", []string{"--operator", "127.0.0.1:3001"}},
		{"no public port", "127.0.0.1", "127.0.0.1:0", []string{"--listen", "127.0.0.1:3000"}},
		{"the public side's", "127.0.0.1:4711", "127.0.0.1:4711", []string{"--operator", "--listen", "two ports"}},
		{"the public side's, by name", "127.0.0.1:4711", "localhost:4711", []string{"two ports"}},
		{"within the public side's", ":4711", "127.0.0.1:4711", []string{"two ports"}},
		{"within the public side's, IPv4", "0.0.0.0:4711", "127.0.0.1:4711", []string{"two ports"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			machine, err := serve.Start(t.Context(), serve.Options{
				Listen: test.listen, Operator: test.operator, DataDir: dir, Source: variables(nil), Log: io.Discard,
			})
			if err == nil {
				stop(t, machine)
				t.Fatal("started")
			}
			for _, said := range test.says {
				if !strings.Contains(err.Error(), said) {
					t.Errorf("error = %v, want it to say %q", err, said)
				}
			}
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the data folder was made: %v", err)
			}
		})
	}
}

func TestTheOperatorsSideByAnotherNameOfThisMachine(t *testing.T) {
	for _, operator := range []string{"localhost:0", "127.0.0.1:0", "[::1]:0"} {
		t.Run(operator, func(t *testing.T) {
			if operator == "[::1]:0" && !hasIPv6() {
				t.Skip("this machine has no IPv6")
			}
			dir := t.TempDir()
			machine, err := serve.Start(t.Context(), serve.Options{
				Listen: "127.0.0.1:0", Operator: operator, DataDir: dir, Source: variables(nil), Log: io.Discard,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer stop(t, machine)
			wantOperated(t, dir, machine)
		})
	}
}

func hasIPv6() bool {
	listener, err := net.Listen("tcp6", "[::1]:0")
	return err == nil && listener.Close() == nil
}

// wantOperated wants a command to find the machine whose folder this is.
func wantOperated(t *testing.T, dir string, machine *serve.Machine) {
	t.Helper()
	operator, err := serve.Operate(t.Context(), dir, variables(nil), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	var overview api.Overview
	if err := operator.Get(t.Context(), "overview", &overview); err != nil || overview.WebhookURL != machine.URL {
		t.Errorf("the overview names %q, want %s: %v", overview.WebhookURL, machine.URL, err)
	}
}

// Every command was refused where serve listens on more than the loopback.
func TestWhateverThePublicSideListensOnTheCommandsWork(t *testing.T) {
	listens := []string{":0", "0.0.0.0:0", "[::]:0", "localhost:0"}
	if address := otherAddress(t); address != "" {
		listens = append(listens, net.JoinHostPort(address, "0"))
	}
	for _, listen := range listens {
		t.Run(listen, func(t *testing.T) {
			dir := t.TempDir()
			machine, err := serve.Start(t.Context(), serve.Options{
				Listen: listen, Operator: "127.0.0.1:0", DataDir: dir, Source: variables(map[string]string{"WEBHOOK_SECRETS": "s"}), Log: io.Discard,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer stop(t, machine)
			wantOperated(t, dir, machine)
			base, err := serve.ReadAddress(dir)
			if err != nil || base+"/webhooks/revento" != machine.URL {
				t.Errorf("the address is %q, %v; deliveries go to %s", base, err, machine.URL)
			}
			if response, _ := asked(t, once(), http.MethodGet, machine.URL, unchanged); response.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("the webhook is answered %d", response.StatusCode)
			}
			if everywhere := slices.Contains([]string{":0", "0.0.0.0:0", "[::]:0"}, listen); machine.Everywhere != everywhere {
				t.Errorf("everywhere: %v", machine.Everywhere)
			}
		})
	}
}

// otherAddress is an address of this machine that is not the loopback's, or "".
func otherAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && !network.IP.IsLoopback() && network.IP.To4() != nil {
			return network.IP.String()
		}
	}
	return ""
}

// The token file is all that lets a command in: who cannot read it cannot ask.
func TestACommandWithoutTheTokenIsTurnedAway(t *testing.T) {
	dir := t.TempDir()
	machine, _ := start(t, dir, map[string]string{})
	defer stop(t, machine)
	path := filepath.Join(dir, access.TokenFile)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := serve.Operate(t.Context(), dir, variables(nil), io.Discard); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("without the file: %v", err)
	}
	other := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	if err := os.WriteFile(path, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	operator, err := serve.Operate(t.Context(), dir, variables(nil), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := operator.Get(t.Context(), "overview", new(api.Overview)); err == nil || !strings.Contains(err.Error(), "operator's token") {
		t.Errorf("with another: %v", err)
	}
}
