//go:build emulators

package pipeline

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/revento/sandbox"
)

const (
	clientID     = "client_1"
	clientSecret = "client-secret-canary"
	asked        = "evt_sandbox_1"
)

// connected is a stack whose connections are on, with the sandbox as Revento.
type connected struct {
	*operator
	sandbox         *sandbox.Sandbox
	web, tick, sync *function
	organizer       http.Client
}

// connectsToTheSandbox starts the sandbox, whose webhooks go to the function ingest, and the functions of connections, with parameters
// beside those that every stack with connections has here, and plays API Gateway for the pages.
func connectsToTheSandbox(t *testing.T, parameters ...string) *connected {
	t.Helper()
	s := deploy(t, "REVENTO_CLIENT_ID="+clientID)
	c := new(connected)
	pages := httptest.NewServer(http.HandlerFunc(c.serveHTTP))
	t.Cleanup(pages.Close)
	var err error
	client := sandbox.Client{
		ID: clientID, Name: "revento-alerts", Secrets: []string{clientSecret}, RedirectURIs: []string{pages.URL + consent.CallbackPath},
	}
	c.sandbox, err = sandbox.New(sandbox.Options{
		Clients: []sandbox.Client{client}, WebhookSecret: secret,
		Send: func(_ context.Context, delivery sample.Delivery) (code int, err error) {
			code, _ = s.post(delivery)
			return code, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	revento := httptest.NewServer(c.sandbox.Provider())
	t.Cleanup(revento.Close)
	s.parameters = map[string]string{
		"ReventoClientId": clientID, "ReventoAuthUrl": revento.URL, "ReventoApiUrl": revento.URL + "/api/v1", "PublicUrl": pages.URL,
	}
	for _, parameter := range parameters {
		name, value, _ := strings.Cut(parameter, "=")
		s.parameters[name] = value
	}
	c.web, c.tick, c.sync = s.connect()
	s.outputs = map[string]string{"PublicUrl": pages.URL, "SealingKeysId": s.name + "/sealing-keys", "SeedsTable": s.tables["SEEDS_TABLE"]}
	s.reach()
	c.operator = s.operates()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.organizer.Jar = jar
	return c
}

// serveHTTP plays API Gateway: it calls the function web as a browser's request comes.
func (c *connected) serveHTTP(w http.ResponseWriter, r *http.Request) {
	header := r.Header.Clone()
	header.Del("Cookie")
	event := awslambda.GatewayEvent(r.Method, r.URL.Path, header, nil, uuid.NewString(), time.Now())
	event.RawQueryString, event.Cookies = r.URL.RawQuery, nil
	for _, cookie := range r.Cookies() {
		event.Cookies = append(event.Cookies, cookie.String())
	}
	answer, err := c.web.invoke(c.T, event)
	var response events.APIGatewayV2HTTPResponse
	if err == nil {
		err = json.Unmarshal(answer, &response)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for name, value := range response.Headers {
		w.Header().Set(name, value)
	}
	for _, cookie := range response.Cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	w.WriteHeader(response.StatusCode)
	_, _ = io.WriteString(w, response.Body)
}

var (
	ticket = regexp.MustCompile(`name="ticket" value="([^"]*)"`)
	// connectLink is the link in what is printed, beside which the AWS SDK may warn on stderr.
	connectLink = regexp.MustCompile(`http://\S+/connect\?\S+`)
	heading     = regexp.MustCompile(`<h1[^>]*>([^<]*)</h1>`)
)

// ownID is the id of a delivery of our own.
var ownID = regexp.MustCompile(`own-[0-9a-f]+`)

// consents opens the link that the operator's command makes, and allows what the sandbox asks for.
func (c *connected) consents() {
	c.Helper()
	link := connectLink.FindString(c.says(0, "connections link "+asked))
	page, shown := c.reads(c.organizer.Get(link))
	found := ticket.FindStringSubmatch(page)
	if found == nil {
		c.Fatalf("%s shows no consent page: %s\n%s", link, page, c.web.log.String())
	}
	page, _ = c.reads(c.organizer.PostForm(shown.String(), url.Values{"ticket": {found[1]}, "decision": {"allow"}}))
	if title := heading.FindStringSubmatch(page); title == nil || title[1] != "Your event is connected" {
		c.Fatalf("after the consent: %s\n%s", page, c.web.log.String())
	}
}

func (c *connected) reads(answer *http.Response, err error) (page string, from *url.URL) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.Fatal(err)
	}
	return string(text), answer.Request.URL
}

// probes has the connection looked at.
func (c *connected) probes(code int, texts ...string) {
	c.Helper()
	c.sees(code, "connections probe "+asked, texts...)
}

// sees has an operator's command wait while the functions sync and mirror work, and expects its exit code and what it prints.
func (c *connected) sees(code int, arguments string, texts ...string) {
	c.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.says(code, arguments, texts...)
	}()
	for {
		select {
		case <-done:
			c.syncs()
			return
		default:
			c.work(queue.Sync, c.sync)
			c.work(queue.Mirror, c.mirror)
		}
	}
}

// syncs works on what the queue sync shows, and then on the alerts that this makes.
func (c *connected) syncs() {
	c.Helper()
	for {
		if _, _, ok := c.work(queue.Sync, c.sync); !ok {
			break
		}
	}
	c.drain()
}

func (c *connected) does(action string) {
	c.Helper()
	c.happens(sandbox.Command{Action: action, EventID: asked})
}

// happens has something happen at Revento, one after the other, whose webhooks have been answered then.
func (c *connected) happens(commands ...sandbox.Command) {
	c.Helper()
	for _, command := range commands {
		if err := c.sandbox.Do(context.Background(), command); err != nil {
			c.Fatal(err)
		}
	}
}

func (c *connected) wantsIncidents(all, open int) {
	c.Helper()
	incidents, unresolved := c.recorder.Incidents(), 0
	for _, incident := range incidents {
		if !incident.Resolved {
			unresolved++
		}
	}
	if len(incidents) != all || unresolved != open {
		c.Errorf("%d incidents, %d open; want %d and %d\n%s", len(incidents), unresolved, all, open, c.sync.log.String())
	}
}

// The built functions, with the operator's program: an event is connected, looked at, its token refreshed, taken back, which pages once,
// connected again, which resolves that, and ended.
func TestTheBuiltFunctionsConnectRefreshProbeAndAlert(t *testing.T) {
	c := connectsToTheSandbox(t)
	c.says(0, "connections list", "no connections")
	c.says(1, "connections show "+asked, "nobody connected", "--stack "+c.name)
	c.consents()
	c.says(0, "connections list", asked, "active")
	c.probes(0, "active", "healthy")
	// With 1, since nobody filled in the webhook secret.
	c.sees(1, "check", "client_1; register", "/oauth/callback", "1 key; ", "1 connection, and it works", "Revento answered for "+asked)
	c.does("expire_access")
	c.probes(0, "active")
	if !strings.Contains(c.sync.log.String(), "refresh") {
		t.Errorf("no token was refreshed:\n%s", c.sync.log.String())
	}
	c.wantsIncidents(0, 0)

	c.does("revoke")
	c.probes(1, "revoked")
	c.wantsIncidents(1, 1)
	c.says(0, "dead-letters list", "No dead letter")
	c.says(1, "check", "1 of 1 do not work", "connections link "+asked+" --stack", "no connection works")
	told := c.says(0, "trace --event "+asked+" --organization org_sandbox_1 --resource "+asked, "connection.broken", "pagerduty: sent", "slack C0PIPELINE: sent")
	if id := ownID.FindString(told); id == "" {
		t.Errorf("it names no delivery: %s", told)
	} else {
		c.says(0, "trace "+id, "connection.broken", "pagerduty: sent")
	}
	c.consents()
	c.probes(0, "active")
	c.wantsIncidents(1, 0)

	c.says(0, "connections disconnect "+asked+" --yes", "ended (disconnected)")
	c.await(queue.Deletion, c.deletion)
	c.says(0, "deletions list", asked, "scheduled")
	c.says(1, "connections probe "+asked, "ended or stopped")
	before := strings.TrimSpace(c.says(0, "keys list"))
	c.says(0, "keys add", "seals what is sealed from now on")
	if after := c.says(0, "keys list"); !strings.HasSuffix(strings.TrimSpace(after), "\n"+before) {
		t.Errorf("the keys were %s and are %s", before, after)
	}
	for _, f := range []*function{c.web, c.tick, c.sync, c.deletion} {
		if found := regexp.MustCompile(`rev_(install|refresh|user)_[A-Za-z0-9_-]{8,}`).FindString(f.log.String()); found != "" {
			t.Errorf("a log holds the token %s", found)
		}
	}
}

// Work on a connection that cannot be done is seen, and tried again, as any other.
func TestWorkOnAConnectionThatWasParkedIsRedriven(t *testing.T) {
	c := connectsToTheSandbox(t)
	message := queue.Message{Body: `{"schema":1}`, Group: "group", DeduplicationID: "1"}
	if err := c.queues.Send(t.Context(), queue.Sync, message); err != nil {
		t.Fatal(err)
	}
	c.await(queue.Sync, c.sync)
	c.says(0, "dead-letters list", "sync")
	c.says(1, "check", "queue sync", "1 dead letter") // with 1, since nobody filled in the webhook secret
	c.says(0, "dead-letters redrive --queue sync", "redriven")
	c.await(queue.Sync, c.sync)
	c.says(0, "dead-letters drop --queue sync --yes", "dropped")
	c.says(0, "dead-letters list", "No dead letter")
}
