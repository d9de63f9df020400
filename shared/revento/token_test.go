package revento_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/revento"
)

func TestNothingPrintsAToken(t *testing.T) {
	hidden := secret.Hide("CANARY")
	access, tokens := revento.NewAccess("evt_1", hidden), revento.Tokens{Access: hidden, Refresh: hidden, EventID: "evt_1"}
	encoded, err := json.Marshal([]any{access, tokens})
	if err != nil {
		t.Fatal(err)
	}
	shown := string(encoded)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		shown += fmt.Sprintf(strings.Repeat(format, 4), access, tokens, &access, &tokens)
	}
	if strings.Contains(shown, "CANARY") || strings.Contains(shown, "43414e415259") {
		t.Errorf("a token is shown: %s", shown)
	}
	if access.EventID() != "evt_1" || access.Bearer().Show() != "CANARY" {
		t.Errorf("the access is %v", access)
	}
}
