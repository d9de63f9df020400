package ingest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
)

// change is what makes a good request another.
type change func(r *ingest.Request)

func request(body string, changes ...change) func() ingest.Request {
	return func() ingest.Request {
		r := signed(body)
		for _, c := range changes {
			c(&r)
		}
		return r
	}
}

func aged(d time.Duration) func() ingest.Request {
	return func() ingest.Request { return signedWith(webhookSecret, revision, time.Now().Add(-d)) }
}

// A body that is a byte too large, and one that just fits.
var (
	fits     = `{"type":"application.revision_requested","x":"` + strings.Repeat("x", bodyLimit-len(`{"type":"application.revision_requested","x":""}`)) + `"}`
	tooLarge = fits + " "
)

// What is refused costs no call but the look at the secret.
func TestRefusals(t *testing.T) {
	timestamp := func(text string) change { return func(r *ingest.Request) { r.Timestamp = text } }
	signature := func(text string) change { return func(r *ingest.Request) { r.Signature = text } }
	body := func(text string) change { return func(r *ingest.Request) { r.Body.Text = text } }
	id := func(text string) change { return func(r *ingest.Request) { r.DeliveryID = text } }
	tests := []struct {
		name    string
		request func() ingest.Request
		want    ingest.Status
		looks   bool // at the secret
	}{
		{"no timestamp", request(revision, timestamp("")), ingest.Unauthorized, false},
		{"a malformed timestamp", request(revision, timestamp("now")), ingest.Unauthorized, false},
		{"no signature", request(revision, signature("")), ingest.Unauthorized, false},
		{"a malformed signature", request(revision, signature("sha256=x")), ingest.Unauthorized, false},
		{"another body's signature", request(revision, body(unknown)), ingest.Unauthorized, true},
		{"another secret's signature", func() ingest.Request { return signedWith("forged", revision, time.Now()) }, ingest.Unauthorized, true},
		{"another moment's signature", request(revision, timestamp("946684801")), ingest.Unauthorized, true},
		{"marked as base64 and is not", request(revision, func(r *ingest.Request) { r.Body.Base64 = true }), ingest.Unauthorized, false},

		{"too old", aged(tolerance + time.Second), ingest.Stale, false},
		{"too new", aged(-tolerance - time.Second), ingest.Stale, false},

		{"a byte over the limit", request(tooLarge), ingest.TooLarge, false},
		{"a byte over the limit, in base64", func() ingest.Request { return encoded(signed(tooLarge)) }, ingest.TooLarge, false},

		{"signed, not JSON", request("x"), ingest.Malformed, true},
		{"signed, empty", request(""), ingest.Malformed, true},
		{"signed, a list", request("[]"), ingest.Malformed, true},
		{"signed, two objects", request(revision + revision), ingest.Malformed, true},
		{"signed, without type", request(`{"data":{}}`), ingest.Malformed, true},
		{"signed, an empty type", request(`{"type":""}`), ingest.Malformed, true},
		{"a delivery id with a space", request(revision, id("a b")), ingest.Malformed, true},
		{"a delivery id that is too long", request(revision, id(strings.Repeat("a", 129))), ingest.Malformed, true},
		{"a delivery id that is not ASCII", request(revision, id("é")), ingest.Malformed, true},

		{"of several faults: headers come before size", request(tooLarge, signature("")), ingest.Unauthorized, false},
		{"of several faults: size comes before age", request(tooLarge, timestamp("1")), ingest.TooLarge, false},
		{"of several faults: age comes before the signature", request(revision, timestamp("1")), ingest.Stale, false},
		{"of several faults: age comes before base64", request(revision, timestamp("1"), func(r *ingest.Request) { r.Body.Base64 = true }), ingest.Stale, false},
		{"of several faults: the signature comes before the content", request(revision, body("x")), ingest.Unauthorized, true},
		{"of several faults: the signature comes before the delivery id", request(revision, body("x"), id("a b")), ingest.Unauthorized, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test(t, func(b *bench) {
				r := tt.request()
				want := ingest.Reply{Status: tt.want, DeliveryID: r.DeliveryID}
				if r.DeliveryID != deliveryID {
					want.DeliveryID = "" // it is out of form
				}
				if diff := cmp.Diff(want, b.handle(r)); diff != "" {
					b.Error(diff)
				}
				var calls []string
				if tt.looks {
					calls = []string{"look"}
				}
				if diff := cmp.Diff(calls, b.calls); diff != "" {
					b.Error(diff)
				}
			})
		})
	}
}

func TestWhatIsJustWithinTheLimitsIsTaken(t *testing.T) {
	for name, request := range map[string]func() ingest.Request{
		"as old as the tolerance":          aged(tolerance),
		"as new as the tolerance":          aged(-tolerance),
		"as large as the limit":            request(fits),
		"as large as the limit, in base64": func() ingest.Request { return encoded(signed(fits)) },
		"the longest delivery id":          request(revision, func(r *ingest.Request) { r.DeliveryID = strings.Repeat("a", 128) }),
	} {
		t.Run(name, func(t *testing.T) {
			test(t, func(b *bench) {
				if reply := b.handle(request()); reply.Status != ingest.Accepted {
					b.Errorf("%+v", reply)
				}
			})
		})
	}
}

func TestAFloodOfForgeriesCostsOneLookAMinute(t *testing.T) {
	test(t, func(b *bench) {
		start := time.Now()
		for time.Since(start) < 10*time.Minute {
			if reply := b.handle(signedWith("forged", revision, time.Now())); reply.Status != ingest.Unauthorized {
				b.Fatalf("%+v", reply)
			}
			time.Sleep(500 * time.Millisecond)
		}
		if len(b.calls) != 10 {
			b.Errorf("%d calls in ten minutes: %v", len(b.calls), b.calls)
		}
	})
}

func TestStatusCodes(t *testing.T) {
	for status, want := range map[ingest.Status]int{
		ingest.Accepted:     http.StatusOK,
		ingest.Duplicate:    http.StatusOK,
		ingest.Ignored:      http.StatusOK,
		ingest.Busy:         http.StatusServiceUnavailable,
		ingest.Unavailable:  http.StatusServiceUnavailable,
		ingest.Unauthorized: http.StatusUnauthorized,
		ingest.Stale:        http.StatusUnauthorized,
		ingest.Malformed:    http.StatusBadRequest,
		ingest.TooLarge:     http.StatusRequestEntityTooLarge,

		ingest.NotFound:         http.StatusNotFound,
		ingest.MethodNotAllowed: http.StatusMethodNotAllowed,
		ingest.TimedOut:         http.StatusRequestTimeout,
		ingest.HeadersTooLarge:  http.StatusRequestHeaderFieldsTooLarge,
	} {
		if got := status.Code(); got != want {
			t.Errorf("%s is %d, want %d", status, got, want)
		}
	}
}
