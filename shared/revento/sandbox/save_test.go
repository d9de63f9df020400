package sandbox_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/revento/sandbox"
)

// keeper is who keeps what a sandbox has to remember.
type keeper struct {
	saved []byte
	err   error
}

func (k *keeper) keep(saved []byte) error {
	if k.err == nil {
		k.saved = saved
	}
	return k.err
}

func newKept(t *testing.T, k *keeper) *world {
	t.Helper()
	return newWorld(t, func(o *sandbox.Options) { o.Keep, o.Saved = k.keep, k.saved })
}

func TestARestartGoesOnWithTokensAndTheWorld(t *testing.T) {
	k := &keeper{}
	w := newKept(t, k)
	first := w.connect(makersCamp)
	second := w.refreshed(first.RefreshToken)
	w.command(sandbox.Command{Action: "flag", EventID: makersCamp, ParticipantID: somebody})
	w.command(sandbox.Command{Action: "rule", Name: "event_has_title", Value: "true"})
	w.command(sandbox.Command{Action: "move_clock", For: "30m"})
	before := w.get(second.AccessToken, theEvent+"/participants")

	again := newKept(t, k)
	if a := again.get(second.AccessToken, theEvent); a.json["title"] != "Northwind Makers Camp" {
		t.Errorf("%d %s", a.status, a.body)
	}
	after := again.get(second.AccessToken, theEvent+"/participants?cursor="+before.json["next_cursor"].(string))
	if after.status != http.StatusOK || len(after.json["data"].([]any)) != sandbox.DefaultParticipants-sandbox.DefaultPage {
		t.Errorf("the next page: %d %s", after.status, after.body)
	}
	if got := again.get(second.AccessToken, theEvent+"/participants"); got.body != before.body {
		t.Errorf("the rows are others: %s", got.body)
	}
	again.wantCode(again.refresh(first.RefreshToken), 400, "invalid_grant")
	again.refreshed(second.RefreshToken)
	again.clock.advance(30 * time.Minute)
	again.wantCode(again.get(second.AccessToken, theEvent), 401, "token_expired")

	third := newKept(t, k)
	third.wantCode(third.refresh(second.RefreshToken), 400, "invalid_grant")
	if id, err := third.Apply(makersCamp); err != nil || id != "ptp_sandbox_1_037" {
		t.Errorf("the next participant is %s, %v", id, err)
	}
}

func TestWhatIsSavedHoldsNoToken(t *testing.T) {
	w := newKept(t, &keeper{})
	tokens := w.refreshed(w.connect(makersCamp).RefreshToken)
	saved, err := w.Save()
	w.ok(err)
	for _, secret := range []string{tokens.AccessToken, tokens.RefreshToken, clientSecret, "whsec"} {
		if strings.Contains(string(saved), secret) {
			t.Errorf("%s is saved", secret)
		}
	}
}

func TestWhatCannotBeKeptIsAReplyThatIsLost(t *testing.T) {
	k := &keeper{err: errors.New("the disk is full")}
	w := newKept(t, k)
	tokens := w.connect(makersCamp)
	w.wantCode(w.refresh(tokens.RefreshToken), 500, "server_error")
	if answer := w.command(sandbox.Command{Action: "suspend"}); answer.Code != http.StatusInternalServerError {
		t.Errorf("%d", answer.Code)
	}
}

func TestWhatIsNoSavedSandboxIsRefused(t *testing.T) {
	for _, saved := range []string{"no", "{}", `{"Events":[]}`} {
		if _, err := sandbox.New(sandbox.Options{Saved: []byte(saved)}); err == nil {
			t.Errorf("%s was taken", saved)
		}
	}
}
