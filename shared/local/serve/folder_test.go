package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/checkup"
	"revento-alerts/shared/revento/sample"
)

// What is written to a folder that is gone is lost, and was answered 200 once.
func TestADataFolderThatIsGoneIsAnsweredAndToldByCheck(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	machine, log := start(t, dir, map[string]string{"WEBHOOK_SECRETS": "s"})
	operator, err := serve.Operate(t.Context(), dir, variables(nil), log)
	if err != nil {
		t.Fatal(err)
	}
	wantFolder := func(verdict checkup.Verdict, says string) {
		t.Helper()
		var found api.Findings
		if err := operator.Post(t.Context(), "check", struct{}{}, &found); err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(found.Findings, func(f checkup.Finding) bool { return f.Subject == "data folder" })
		if at < 0 || found.Findings[at].Verdict != verdict || !strings.Contains(found.Findings[at].Says, says) {
			t.Errorf("the findings: %+v", found.Findings)
		}
	}
	wantFolder(checkup.OK, "kept")
	if err := os.Rename(dir, dir+".moved"); err != nil {
		t.Fatal(err)
	}
	if code := deliver(t, machine, "application.approved", "s", sample.Change{}); code != http.StatusServiceUnavailable {
		t.Errorf("answered %d, want 503", code)
	}
	wantFolder(checkup.Failed, "removed, renamed")
	if err := machine.Close(); err == nil && !strings.Contains(log.String(), "removed, renamed") {
		t.Errorf("the log does not tell of it: %s", log)
	}
}
