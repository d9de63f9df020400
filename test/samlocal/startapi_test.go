//go:build samlocal

package samlocal

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/revento/sample"
)

// startAPI runs sam local start-api and returns where deliveries are posted.
func startAPI(t *testing.T) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	arguments := []string{"sam", "local", "start-api", "--config-env", "local", "--port", port, "--warm-containers", "LAZY"}
	if image := os.Getenv("INVOKE_IMAGE"); image != "" {
		arguments = append(arguments, "--skip-pull-image", "--invoke-image", image)
	}
	command := exec.Command("test/sam/with", arguments...)
	command.Dir = root
	log, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait() // it tells of the signal
	})
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if strings.Contains(lines.Text(), "Running on") {
			go func() { _, _ = io.Copy(io.Discard, log) }() // until it ends
			return "http://127.0.0.1:" + port + ingest.Path
		}
	}
	t.Fatal("sam local start-api does not run")
	return ""
}

// TestRealRequests posts signed deliveries over HTTP: what API Gateway hands over must be what was signed, to the byte.
func TestRealRequests(t *testing.T) {
	url := startAPI(t)
	body := func(name string) []byte {
		text, err := json.Marshal(map[string]any{
			"type": "event.unpublished", "occurred_at": time.Now().UTC().Format(time.RFC3339), "event_id": "evt_sample_1",
			"organization_id": "org_sample_1", "data": map[string]string{"id": "evt_sample_1", "name": name},
		})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	ascii := sample.Sign("event.unpublished", "whsec_sample", "start-api-ascii", time.Now(), body("plain"))
	for _, c := range []struct {
		name     string
		delivery sample.Delivery
		want     outcome
	}{
		{"ASCII", ascii, outcome{http.StatusOK, ingest.Accepted}},
		{"the same again", ascii, outcome{http.StatusOK, ingest.Duplicate}},
		{
			"beyond ASCII", sample.Sign("event.unpublished", "whsec_sample", "start-api-beyond", time.Now(), body("Größe 会場 🎪 \u0301 \u2028")),
			outcome{http.StatusOK, ingest.Accepted},
		},
		{
			"forged", sample.Sign("event.unpublished", "whsec_forged", "start-api-forged", time.Now(), body("plain")),
			outcome{http.StatusUnauthorized, ingest.Unauthorized},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, err := c.delivery.Post(t.Context(), http.DefaultClient, url)
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ Status ingest.Status }
			if err := json.Unmarshal(answer.Body, &got); err != nil || (outcome{answer.Code, got.Status}) != c.want {
				t.Errorf("it was answered %d %s, want %+v", answer.Code, answer.Body, c.want)
			}
		})
	}
	for _, deliveryID := range []string{"start-api-ascii", "start-api-beyond"} {
		if got := ledgerState(t, deliveryID); got != string(ingest.HandedOff) {
			t.Errorf("the state of %s in the ledger is %q", deliveryID, got)
		}
	}
}
