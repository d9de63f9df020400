package pagerduty_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/exchange"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/provider/pagerduty"
	"revento-alerts/test/faultproxy"
	"revento-alerts/test/golden"
)

// What no error may hold: the first has the form of a routing key, and of one of PagerDuty's words.
const (
	keyCanary     = "0123456789abcdef0123456789abcdef"
	contentCanary = "CANARY-content"
)

var happenedAt = time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC)

func flagged() incident.Page {
	return incident.Page{
		IncidentKey: strings.Repeat("a1", 32),
		Content: alert.Content{
			Type: "application.revision_requested", Title: "Application flagged for revision", Family: "application",
			Severity: route.Error, Environment: "production",
			EventID: "evt_abc123", OrganizationID: "org_xyz789", ResourceID: "app_xyz", HappenedAt: happenedAt,
			Fields:     []alert.Field{{Name: "status", Value: "revision_requested"}, {Name: "note", Value: contentCanary}},
			Link:       "https://revento.example/events/evt_abc123?application=app_xyz&tab=1",
			DeliveryID: "0a1b2c3d-0000-4000-8000-000000000001",
		},
	}
}

type keys struct {
	keys    secret.RoutingKeys
	err     error
	renewed secret.RoutingKeys // what a fresh look finds; the same without a default
	wait    time.Duration      // until one may look
}

func (k keys) Get(context.Context) (secret.RoutingKeys, error) { return k.keys, k.err }

func (k keys) Refresh(context.Context) (secret.RoutingKeys, bool, error) {
	if k.wait > 0 || k.renewed.Default == "" {
		return k.keys, k.wait == 0, nil
	}
	return k.renewed, true, nil
}

func (k keys) Wait(context.Context) time.Duration { return k.wait }

var oneKey = keys{keys: secret.RoutingKeys{Default: keyCanary}}

func against(t *testing.T, handler http.HandlerFunc) *pagerduty.Client {
	t.Helper()
	return pagerduty.New(faultproxy.Before(t, handler).URL, oneKey)
}

func answers(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func check(t *testing.T, err error, class fault.Class, reason string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if failure := fault.Of(err); failure.Class != class || failure.Reason != reason {
		t.Errorf("%s %q, want %s %q", failure.Class, failure.Reason, class, reason)
	}
	for _, canary := range []string{keyCanary, contentCanary} {
		if strings.Contains(err.Error(), canary) {
			t.Errorf("the error leaks: %v", err)
		}
	}
}

func TestHTTPStatuses(t *testing.T) {
	for status := http.StatusOK; status < 600; status++ {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			echo := fmt.Sprintf(`{"error":{"message":%q},"errors":[%q]}`, keyCanary, contentCanary)
			err := against(t, answers(status, echo, "Location", "/elsewhere", "Content-Type", "application/json")).Enqueue(t.Context(), flagged())
			reason := exchange.HTTPReason(status)
			switch {
			case status == http.StatusAccepted:
				if err != nil {
					t.Error(err)
				}
			case status == http.StatusTooManyRequests:
				check(t, err, fault.Throttled, reason)
			case status == http.StatusBadRequest:
				check(t, err, fault.Permanent, "invalid_event")
			case status == http.StatusRequestTimeout, status >= 500:
				check(t, err, fault.Transient, reason)
			default:
				check(t, err, fault.Permanent, reason)
			}
		})
	}
}

func TestAKeyThatWasReplacedIsTakenAtOnce(t *testing.T) {
	const refusal = `{"status":"invalid event","message":"Event object is invalid","errors":["Invalid routing key"]}`
	tests := []struct {
		name    string
		renewed string
		asked   int
		taken   bool
	}{
		{"replaced", "new-key", 2, true},
		{"still the old one", keyCanary, 1, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				body, _ := io.ReadAll(r.Body)
				if strings.Contains(string(body), "new-key") {
					answers(202, "")(w, r)
					return
				}
				answers(400, refusal)(w, r)
			}))
			defer server.Close()
			held := keys{keys: secret.RoutingKeys{Default: keyCanary}, renewed: secret.RoutingKeys{Default: test.renewed}}
			err := pagerduty.New(server.URL, held).Enqueue(t.Context(), flagged())
			if (err == nil) != test.taken || requests != test.asked {
				t.Errorf("asked %d times: %v", requests, err)
			}
			if err != nil && !fault.Of(err).Credential {
				t.Errorf("%v does not say that it is about the key", err)
			}
		})
	}
}

// It may have been replaced since it was read: the page comes again when the secret may be read again.
func TestAKeyThatIsRefusedWithinTheMinuteIsReadAgainLater(t *testing.T) {
	const refusal = `{"status":"invalid event","message":"Event object is invalid","errors":["Invalid routing key"]}`
	server := httptest.NewServer(answers(400, refusal))
	defer server.Close()
	for _, held := range []secret.RoutingKeys{{Default: keyCanary}, {}} { // a key that is refused, and none yet
		err := pagerduty.New(server.URL, keys{keys: held, wait: 20 * time.Second}).Enqueue(t.Context(), flagged())
		if failure := fault.Of(err); failure.Class != fault.Transient || failure.RetryAfter != 20*time.Second {
			t.Errorf("%v, to be tried again after %s", err, failure.RetryAfter)
		}
	}
}

func TestA202IsASuccessWhateverItsBody(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"PagerDuty's own": answers(202, `{"status":"success","message":"Event processed","dedup_key":"k"}`),
		"empty":           answers(202, ""),
		"not JSON":        answers(202, "accepted"),
		"cut":             faultproxy.Cut("HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{"),
		"endless":         answers(202, strings.Repeat(" ", exchange.MaxAnswerBytes+1)),
	} {
		t.Run(name, func(t *testing.T) {
			if err := against(t, handler).Enqueue(t.Context(), flagged()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestThrottling(t *testing.T) {
	const date = "Sat, 09 May 2026 14:00:00 GMT"
	for name, test := range map[string]struct {
		header []string
		want   time.Duration
	}{
		"seconds":             {[]string{"Retry-After", "60"}, time.Minute},
		"a date":              {[]string{"Date", date, "Retry-After", "Sat, 09 May 2026 14:02:00 GMT"}, 2 * time.Minute},
		"a date that is over": {[]string{"Date", date, "Retry-After", date}, 0},
		"not said":            {nil, 0},
		"unreadable":          {[]string{"Retry-After", "soon"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			err := against(t, answers(429, "", test.header...)).Enqueue(t.Context(), flagged())
			check(t, err, fault.Throttled, "http_429")
			if got := fault.Of(err).RetryAfter; got != test.want {
				t.Errorf("retry after %s, want %s", got, test.want)
			}
		})
	}
}

func TestARefusalNamesWhatIsWrong(t *testing.T) {
	refused := func(reasons ...string) string {
		encoded, err := json.Marshal(map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": reasons})
		if err != nil {
			t.Fatal(err)
		}
		return string(encoded)
	}
	for body, want := range map[string]string{
		refused("Length of 'routing_key' is incorrect (should be 32 characters)", "'payload.summary' is missing or blank"): "invalid_routing_key",
		refused("Invalid routing key"):                                 "invalid_routing_key",
		"Invalid Routing Key":                                          "invalid_routing_key",
		refused("'payload.severity' is invalid (must be one of: ...)"): "invalid_payload_severity",
		refused("'payload.summary' is missing or blank"):               "invalid_payload_summary",
		refused("'payload' is missing or blank"):                       "invalid_payload",
		refused("'event_action' is " + contentCanary):                  "invalid_event_action",
		refused(keyCanary, contentCanary):                              "invalid_event",
		`{"status":"invalid event","errors":"not a list"}`:             "invalid_event",
		"":                   "invalid_event",
		"<html>" + keyCanary: "invalid_event",
	} {
		check(t, against(t, answers(400, body)).Enqueue(t.Context(), flagged()), fault.Permanent, want)
	}
}

func TestLostAnswersAreTransientSinceAnEventMayBeRepeated(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"no answer":              faultproxy.Cut(""),
		"a status alone":         faultproxy.Cut("HTTP/1.1 202"),
		"a line that is no HTTP": faultproxy.Cut(keyCanary + contentCanary + "\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			check(t, against(t, handler).Enqueue(t.Context(), flagged()), fault.Transient, "connection_lost")
		})
	}
	t.Run("no answer in time", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		client := against(t, func(w http.ResponseWriter, r *http.Request) {
			cancel() // the time is over once the event is there, however long that took on a busy machine
			faultproxy.Hang(w, r, nil)
		})
		check(t, client.Enqueue(ctx, flagged()), fault.Transient, "timeout")
	})
}

func TestWhatNeverReachesPagerDutyIsTransient(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, base := range map[string]string{
		"a refused connection":         closed.URL,
		"a name that does not resolve": "http://pagerduty.invalid",
		"a handshake that hangs":       "https://" + silent.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			check(t, pagerduty.New(base, oneKey).Enqueue(ctx, flagged()), fault.Transient, "no_connection")
		})
	}
}

func TestARequestThatCannotBeMadeIsPermanent(t *testing.T) {
	check(t, pagerduty.New("http://[", oneKey).Enqueue(t.Context(), flagged()), fault.Permanent, "unmade")
}

// The client library would follow a 307 and send the routing key along.
func TestARedirectIsNotFollowed(t *testing.T) {
	followed := false
	client := against(t, func(w http.ResponseWriter, r *http.Request) {
		followed = followed || r.URL.Path == "/elsewhere"
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	check(t, client.Enqueue(t.Context(), flagged()), fault.Permanent, "http_307")
	if followed {
		t.Error("the routing key was handed on")
	}
}

// got returns the body that PagerDuty gets for a page.
func got(t *testing.T, keys keys, page incident.Page) []byte {
	t.Helper()
	var body []byte
	server := faultproxy.Before(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v2/enqueue" {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	if err := pagerduty.New(server.URL, keys).Enqueue(t.Context(), page); err != nil {
		t.Fatal(err)
	}
	return body
}

func TestWhatPagerDutyGets(t *testing.T) {
	late := flagged()
	late.Lateness = 3*time.Hour + 5*time.Minute
	found := flagged()
	found.Lateness, found.Content.FoundBy = 41*time.Minute, "reconcile"
	resolved := flagged()
	resolved.Content.Type, resolved.Content.Title = "application.approved", "Application approved"
	resolved.Content.Resolves, resolved.Content.Severity = true, route.Info
	bare := incident.Page{IncidentKey: "key", Content: alert.Content{
		Type: "integration.suspended", Title: "Integration suspended by Revento", Family: "integration",
		Severity: route.Critical, Environment: "staging", HappenedAt: happenedAt, DeliveryID: "d-1",
	}}
	named := flagged()
	named.Content.EventName = "Summit\n<2026>"
	clash := flagged()
	clash.Content.Fields = []alert.Field{{Name: "environment", Value: "theirs"}}
	for file, page := range map[string]incident.Page{
		"trigger.json":       flagged(),
		"trigger-late.json":  late,
		"trigger-found.json": found,
		"trigger-named.json": named,
		"trigger-bare.json":  bare,
		"trigger-clash.json": clash,
		"resolve.json":       resolved,
	} {
		t.Run(file, func(t *testing.T) {
			var indented bytes.Buffer
			if err := json.Indent(&indented, got(t, oneKey, page), "", "  "); err != nil {
				t.Fatal(err)
			}
			golden.Want(t, file, indented.String())
		})
	}
}

type sentEvent struct {
	RoutingKey string `json:"routing_key"`
	ClientURL  string `json:"client_url"`
	Payload    struct {
		Summary string            `json:"summary"`
		Source  string            `json:"source"`
		Details map[string]string `json:"custom_details"`
	} `json:"payload"`
}

func decode(t *testing.T, body []byte) (event sentEvent) {
	t.Helper()
	if err := json.Unmarshal(body, &event); err != nil {
		t.Fatal(err)
	}
	return event
}

// https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
const (
	summaryRunes = 1024
	eventBytes   = 512_000
)

func TestAnEventThatIsTooLargeGoesWithoutDetails(t *testing.T) {
	for _, test := range []struct {
		name  string
		bytes int
		whole bool
	}{
		{"just small enough", eventBytes - 2000, true},
		{"too large", eventBytes, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			page := flagged()
			page.Content.Fields = []alert.Field{{Name: "form", Value: strings.Repeat("x", test.bytes)}}
			body := got(t, oneKey, page)
			if len(body) > eventBytes {
				t.Errorf("%d bytes", len(body))
			}
			details := decode(t, body).Payload.Details
			if whole := details["form"] != ""; whole != test.whole || details["delivery_id"] == "" || !whole && details["note"] == "" {
				t.Errorf("the details are whole: %v: %.200v", whole, details)
			}
		})
	}
}

func TestTheAlertFitsHoweverLongItsPartsAre(t *testing.T) {
	for _, filler := range []string{"x", "<", "🙂", "\n", "\xff", `"`} {
		long := "a" + strings.Repeat(filler, 100_000)
		page := flagged()
		content := &page.Content
		content.Type, content.Title, content.Family, content.Environment = long, long, long, long
		content.EventID, content.OrganizationID, content.ResourceID, content.DeliveryID = long, long, long, long
		content.Link = "https://revento.example/" + long
		body := got(t, oneKey, page)
		event := decode(t, body)
		if size := utf8.RuneCountInString(event.Payload.Summary); size > summaryRunes {
			t.Errorf("a summary of %d runes", size)
		}
		if len(body) > eventBytes || event.Payload.Source == "" || event.ClientURL != "" {
			t.Errorf("%d bytes, source %q, client URL %.20q", len(body), event.Payload.Source, event.ClientURL)
		}
	}
}

func TestTheRoutingKeyIsTheEventsOwn(t *testing.T) {
	both := keys{keys: secret.RoutingKeys{Default: "default", Events: map[string]string{"evt_abc123": "own"}}}
	if key := decode(t, got(t, both, flagged())).RoutingKey; key != "own" {
		t.Errorf("an event with a key of its own: %q", key)
	}
	other := flagged()
	other.Content.EventID = "evt_other"
	if key := decode(t, got(t, both, other)).RoutingKey; key != "default" {
		t.Errorf("an event without: %q", key)
	}
	none := keys{keys: secret.RoutingKeys{Events: map[string]string{"evt_abc123": "own"}}}
	check(t, pagerduty.New("http://127.0.0.1:1", none).Enqueue(t.Context(), other), fault.Permanent, "no_routing_key")
}

func TestASecretThatCannotBeHadIsTransient(t *testing.T) {
	gone := keys{err: errors.New("secrets manager is down")}
	check(t, pagerduty.New("http://127.0.0.1:1", gone).Enqueue(t.Context(), flagged()), fault.Transient, "no_routing_key_secret")
}
