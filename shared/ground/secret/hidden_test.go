package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"revento-alerts/shared/ground/secret"
)

func TestNothingPrintsWhatIsHidden(t *testing.T) {
	type inside struct {
		Shown  secret.Hidden
		hidden secret.Hidden
	}
	hidden := secret.Hide("CANARY")
	held := inside{hidden, hidden}
	values := []any{hidden, &hidden, held, &held, []secret.Hidden{hidden}, map[string]inside{"a": held}}
	var shown strings.Builder
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&shown, strings.Repeat(format+" ", len(values)), values...)
	}
	slog.New(slog.NewTextHandler(&shown, nil)).Info("text", "hidden", hidden, "held", held)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("json", "hidden", hidden, "held", held)
	encoded, err := json.Marshal([]any{hidden, held})
	if err != nil {
		t.Fatal(err)
	}
	all := shown.String() + string(encoded)
	for _, trace := range []string{"CANARY", "43414e415259", "43414E415259", "67 65 78 65 82 89", "0x43"} {
		if strings.Contains(all, trace) {
			t.Errorf("%q shows it: %s", trace, all)
		}
	}
	if hidden.Show() != "CANARY" || held.hidden.Show() != "CANARY" || (secret.Hidden{}).Show() != "" {
		t.Error("who asks for it does not get it")
	}
}
