package sandbox_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/revento/sandbox"
)

func (w *world) breakOnce(kind sandbox.FaultKind, at sandbox.Place) {
	w.Helper()
	w.ok(w.Break(sandbox.Fault{Kind: kind, At: at, Times: 1}))
}

func (w *world) wantGone(r *http.Request) {
	w.Helper()
	if a, err := w.do(r); err == nil {
		w.Errorf("there is an answer: %d %s", a.status, a.body)
	} else if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		w.Errorf("the connection ended with %v", err)
	}
}

func TestAReplyThatIsLostAfterRedeeming(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	w.breakOnce(sandbox.FaultLoseReply, sandbox.PlaceToken)
	w.wantGone(w.formRequest(sandbox.TokenPath, refreshForm(tokens.RefreshToken)))
	w.wantCode(w.refresh(tokens.RefreshToken), 400, "invalid_grant")

	w.ok(w.SetRule("reuse", "same_pair"))
	w.refreshed(tokens.RefreshToken)
}

func TestAConnectionThatIsDroppedBeforeRedeeming(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	for _, kind := range []sandbox.FaultKind{sandbox.FaultDrop, sandbox.FaultFail, sandbox.FaultGateway, sandbox.FaultThrottle} {
		w.breakOnce(kind, sandbox.PlaceToken)
		if a, err := w.do(w.formRequest(sandbox.TokenPath, refreshForm(tokens.RefreshToken))); err == nil && a.status < 400 {
			t.Errorf("%s: %d", kind, a.status)
		}
	}
	w.refreshed(tokens.RefreshToken)
}

func TestRepliesOfTheTokenEndpointThatAreWrong(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	w.breakOnce(sandbox.FaultWrongEvent, sandbox.PlaceToken)
	if tokens = w.refreshed(tokens.RefreshToken); tokens.EventID == makersCamp || tokens.EventID == "" {
		t.Errorf("event %q", tokens.EventID)
	}
	w.breakOnce(sandbox.FaultWrongOrganization, sandbox.PlaceToken)
	if tokens = w.refreshed(tokens.RefreshToken); tokens.OrganizationID == "org_sandbox_1" || tokens.EventID != makersCamp {
		t.Errorf("organization %q", tokens.OrganizationID)
	}
	w.breakOnce(sandbox.FaultKeepRefresh, sandbox.PlaceToken)
	kept := w.refreshed(tokens.RefreshToken)
	if kept.RefreshToken != "" || kept.RefreshExpiresIn != 0 {
		t.Errorf("%+v", kept)
	}
	if got := w.get(kept.AccessToken, theEvent).status; got != http.StatusOK {
		t.Errorf("the access token that came alone: %d", got)
	}
	w.refreshed(tokens.RefreshToken)
}

func TestFaultsOfTheReadAPI(t *testing.T) {
	const path = theEvent + "/participants"
	tests := map[sandbox.FaultKind]func(*world, answer){
		sandbox.FaultFail:    func(w *world, a answer) { w.wantCode(a, 500, "server_error") },
		sandbox.FaultGateway: func(w *world, a answer) { wantPage(w, a) },
		sandbox.FaultCrowd:   func(w *world, a answer) { w.wantCode(a, 429, "concurrent_limit_exceeded") },
		sandbox.FaultThrottle: func(w *world, a answer) {
			w.wantCode(a, 429, "rate_limit_exceeded")
			if a.header.Get("Retry-After") != "1" {
				w.Errorf("headers %v", a.header)
			}
		},
		sandbox.FaultEmpty: func(w *world, a answer) {
			if a.status != 200 || a.body != `{"data":[],"has_more":false,"next_cursor":null}` {
				w.Errorf("%d %s", a.status, a.body)
			}
		},
		sandbox.FaultCut: func(w *world, a answer) {
			if a.status != 200 || a.json != nil || !strings.HasPrefix(a.body, `{"data"`) {
				w.Errorf("%d %s", a.status, a.body)
			}
		},
		sandbox.FaultNoDate: func(w *world, a answer) {
			if a.status != 200 || len(a.header.Values("Date")) > 0 {
				w.Errorf("%d %v", a.status, a.header)
			}
		},
		sandbox.FaultSlow: func(w *world, a answer) {
			if a.status != 200 {
				w.Errorf("%d", a.status)
			}
		},
		sandbox.FaultRepeatCursor: func(w *world, a answer) {
			again := w.get(w.connect(makersCamp).AccessToken, path+"?cursor="+a.json["next_cursor"].(string))
			if a.json["has_more"] != true || again.json["data"].([]any)[0].(map[string]any)["id"] != "ptp_sandbox_1_001" {
				w.Errorf("%v", again.body)
			}
		},
	}
	for kind, check := range tests {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			token := w.connect(makersCamp).AccessToken
			w.breakOnce(kind, sandbox.PlaceParticipants)
			if got := w.get(token, theEvent+"/activities").status; got != http.StatusOK {
				t.Errorf("another endpoint: %d", got)
			}
			check(w, w.get(token, path))
			if a := w.get(token, path); a.status != http.StatusOK || len(a.json["data"].([]any)) != sandbox.DefaultPage {
				t.Errorf("the call after it: %d", a.status)
			}
		})
	}
}

func wantPage(w *world, a answer) {
	w.Helper()
	if a.status != http.StatusBadGateway || a.json != nil || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		w.Errorf("%d %s", a.status, a.body)
	}
}

func TestAFaultIsForSomeCallsOfAnEvent(t *testing.T) {
	w := newWorld(t)
	camp, other := w.connect(makersCamp).AccessToken, w.connect(games).AccessToken
	w.ok(w.Break(sandbox.Fault{Kind: sandbox.FaultFail, At: sandbox.PlaceAPI, EventID: makersCamp, Skip: 1, Times: 2}))
	var got []int
	for range 4 {
		got = append(got, w.get(camp, theEvent).status)
		if status := w.get(other, "/events/"+games).status; status != http.StatusOK {
			t.Errorf("another event's: %d", status)
		}
	}
	if want := []int{200, 500, 500, 200}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	w.ok(w.Break(sandbox.Fault{Kind: sandbox.FaultDrop, At: sandbox.PlaceEvent}))
	for range 2 {
		w.wantGone(w.apiRequest(camp, theEvent))
	}
	w.Mend()
	if got := w.get(camp, theEvent).status; got != http.StatusOK || len(w.Faults()) != 0 {
		t.Errorf("mended: %d", got)
	}
}

func TestAFaultThatCouldNotHappenIsRefused(t *testing.T) {
	tests := map[string]sandbox.Fault{
		"no place":                         {Kind: sandbox.FaultFail},
		"no kind":                          {At: sandbox.PlaceToken},
		"an empty page of tokens":          {Kind: sandbox.FaultEmpty, At: sandbox.PlaceToken},
		"an empty page of what is no list": {Kind: sandbox.FaultEmpty, At: sandbox.PlaceEvent},
		"another event in a list":          {Kind: sandbox.FaultWrongEvent, At: sandbox.PlaceParticipants},
		"less than never":                  {Kind: sandbox.FaultFail, At: sandbox.PlaceToken, Times: -1},
		"a reply that is too late":         {Kind: sandbox.FaultSlow, At: sandbox.PlaceToken, Delay: time.Hour},
	}
	w := newWorld(t)
	for name, fault := range tests {
		if err := w.Break(fault); !errors.Is(err, sandbox.ErrFault) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range 100 {
		w.breakOnce(sandbox.FaultFail, sandbox.PlaceToken)
	}
	if err := w.Break(sandbox.Fault{Kind: sandbox.FaultFail, At: sandbox.PlaceToken}); !errors.Is(err, sandbox.ErrFault) {
		t.Errorf("one too many: %v", err)
	}
}

func TestARuleIsSetByItsName(t *testing.T) {
	w := newWorld(t)
	w.ok(w.SetRule("code_life", "30s"))
	w.ok(w.SetRule("reuse", "revoke"))
	if got := w.Rules(); got.CodeLife != 30*time.Second || got.Reuse != sandbox.ReuseRevoke {
		t.Errorf("%+v", got)
	}
	for name, value := range map[string]string{
		"reuse": "forgive", "code_life": "-1s", "precision": "0s", "webhook_retries": "x", "gravity": "1",
	} {
		if err := w.SetRule(name, value); err == nil {
			t.Errorf("%s = %s was taken", name, value)
		}
	}
	if got := w.Rules(); got.CodeLife != 30*time.Second || got.Reuse != sandbox.ReuseRevoke || got.Precision != time.Second {
		t.Errorf("what was refused changed the rules: %+v", got)
	}
}

// A row that moves to a page which was read already is seen by nobody in that pass.
func TestARowThatMovesBetweenPagesIsMissedOrSeenTwice(t *testing.T) {
	tests := map[string]struct {
		position, times int
	}{"up": {0, 0}, "down": {59, 1}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *sandbox.Options) { o.Participants = 60 })
			token := w.connect(makersCamp).AccessToken
			first := w.get(token, theEvent+"/participants?limit=30")
			w.ok(w.Move(makersCamp, "ptp_sandbox_1_040", test.position))
			second := w.get(token, theEvent+"/participants?limit=50&cursor="+first.json["next_cursor"].(string))
			if got := strings.Count(first.body+second.body, `"ptp_sandbox_1_040"`); got != test.times {
				t.Errorf("it was seen %d times", got)
			}
		})
	}
}
