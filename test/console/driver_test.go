//go:build browser

package console_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// patience is far more than anything on the page takes.
const patience = 20 * time.Second

// browser is a page in Debian's chromium, driven over WebDriver. https://www.w3.org/TR/webdriver2/
type browser struct {
	t       *testing.T
	session string
}

// arguments keep chromium from asking anybody but the test, and let it run as root.
var arguments = []string{
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--lang=en",
}

// newBrowser starts a driver and a browser with an empty profile; both end with the test.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	base := startDriver(t)
	var made struct {
		ID string `json:"sessionId"`
	}
	options := map[string]any{"args": append(arguments, "--user-data-dir="+t.TempDir())}
	request(t, http.MethodPost, base+"/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": options, "goog:loggingPrefs": map[string]string{"browser": "ALL"},
	}}}, &made)
	b := &browser{t: t, session: base + "/session/" + made.ID}
	t.Cleanup(func() { request(t, http.MethodDelete, b.session, nil, nil) })
	return b
}

// startDriver returns the address of a driver that listens on a port of its choice, which it prints.
func startDriver(t *testing.T) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	driver := exec.CommandContext(ctx, "chromedriver", "--port=0")
	output, err := driver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := driver.Start(); err != nil {
		t.Fatalf("start chromedriver: %v: on Debian it is the package chromium-driver", err)
	}
	t.Cleanup(func() {
		stop()
		_ = driver.Wait() // it was told to end
	})
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if _, port, found := strings.Cut(lines.Text(), "started successfully on port "); found {
			go func() { _, _ = io.Copy(io.Discard, output) }() // until the driver ends
			return "http://127.0.0.1:" + strings.TrimSuffix(port, ".")
		}
	}
	t.Fatal("chromedriver ended before it named its port")
	return ""
}

// request makes a WebDriver call.
func request(t *testing.T, method, address string, asked, value any) {
	t.Helper()
	var body bytes.Buffer
	if method == http.MethodPost {
		if err := json.NewEncoder(&body).Encode(asked); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, &body)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Value json.RawMessage `json:"value"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", method, address, answer.Value)
	}
	if value == nil {
		return
	}
	if err := json.Unmarshal(answer.Value, value); err != nil {
		t.Fatal(err)
	}
}

func (b *browser) open(address string) {
	b.t.Helper()
	request(b.t, http.MethodPost, b.session+"/url", map[string]string{"url": address}, nil)
}

// run runs a script in the page and reads what it returns.
func (b *browser) run(script string, value any, arguments ...any) {
	b.t.Helper()
	if arguments == nil {
		arguments = []any{}
	}
	request(b.t, http.MethodPost, b.session+"/execute/sync", map[string]any{"script": script, "args": arguments}, value)
}

// text is what a person reads in an element.
func (b *browser) text(selector string) string {
	b.t.Helper()
	var text string
	b.run("return document.querySelector(arguments[0])?.innerText ?? ''", &text, selector)
	return text
}

// waitFor waits until a condition, an expression of JavaScript, holds.
func (b *browser) waitFor(what, condition string, arguments ...any) {
	b.t.Helper()
	const between = 50 * time.Millisecond
	for until := time.Now().Add(patience); time.Now().Before(until); {
		var holds bool
		if b.run("return Boolean("+condition+")", &holds, arguments...); holds {
			return
		}
		<-time.After(between)
	}
	b.t.Fatalf("%s did not come; the page shows:\n%s", what, b.text("body"))
}

// waitForText waits until a person can read a text in an element.
func (b *browser) waitForText(selector, text string) {
	b.t.Helper()
	b.waitFor(fmt.Sprintf("%q in %s", text, selector), "document.querySelector(arguments[0])?.innerText.includes(arguments[1])", selector, text)
}

// click clicks on an element as a person does: it has to be in sight, with nothing above it.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.waitFor(selector, "document.querySelector(arguments[0])", selector)
	var found map[string]string
	request(b.t, http.MethodPost, b.session+"/element", map[string]string{"using": "css selector", "value": selector}, &found)
	for _, id := range found {
		request(b.t, http.MethodPost, b.session+"/element/"+id+"/click", map[string]any{}, nil)
	}
}

// keys types a text into what has the focus.
func (b *browser) keys(text string) {
	b.t.Helper()
	var found map[string]string
	request(b.t, http.MethodGet, b.session+"/element/active", nil, &found)
	for _, id := range found {
		request(b.t, http.MethodPost, b.session+"/element/"+id+"/value", map[string]string{"text": text}, nil)
	}
}

// devtools makes a call of the DevTools protocol. https://chromedevtools.github.io/devtools-protocol/
func (b *browser) devtools(command string, parameters map[string]any, value any) {
	b.t.Helper()
	request(b.t, http.MethodPost, b.session+"/goog/cdp/execute", map[string]any{"cmd": command, "params": parameters}, value)
}

// look sets the width of the window, in CSS pixels, and the colours that the reader prefers: "light" or "dark".
func (b *browser) look(width int, colours string) {
	b.t.Helper()
	b.devtools("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false,
	}, nil)
	b.devtools("Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": colours}},
	}, nil)
}

// picture is the window as it is seen, or the whole page, as a PNG.
func (b *browser) picture(whole bool) []byte {
	b.t.Helper()
	var shot struct {
		Data string `json:"data"`
	}
	b.devtools("Page.captureScreenshot", map[string]any{"captureBeyondViewport": whole}, &shot)
	decoded, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	return decoded
}

// complaints are the warnings and errors on the browser's console, breaches of the page's policy among them, since the last call.
func (b *browser) complaints() []string {
	b.t.Helper()
	var entries []struct {
		Level   string `json:"level"`
		Message string `json:"message"`
	}
	request(b.t, http.MethodPost, b.session+"/se/log", map[string]string{"type": "browser"}, &entries)
	var texts []string
	for _, entry := range entries {
		texts = append(texts, entry.Level+": "+entry.Message)
	}
	return texts
}
