package revento_test

import (
	"errors"
	"fmt"
	"testing"

	"revento-alerts/shared/revento"
)

func TestARefusalSaysWhatReventoAnswered(t *testing.T) {
	for want, refusal := range map[string]revento.Refusal{
		"Revento answered 401 token_expired to the request r-1": {Status: 401, Code: revento.CodeTokenExpired, RequestID: "r-1"},
		"Revento answered 404 to the request r-1":               {Status: 404, RequestID: "r-1"},
		"Revento answered 502":                                  {Status: 502},
	} {
		if got := refusal.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTheCodeIsFoundWithinAnError(t *testing.T) {
	within := fmt.Errorf("call: %w", &revento.Refusal{Status: 401, Code: revento.CodeTokenRevoked})
	if got := revento.CodeOf(within); got != revento.CodeTokenRevoked {
		t.Errorf("the code is %q", got)
	}
	for _, err := range []error{nil, errors.New("odd"), &revento.Refusal{Status: 502}} {
		if got := revento.CodeOf(err); got != "" {
			t.Errorf("%v has the code %q", err, got)
		}
	}
}
