//go:build emulators

package pipeline

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/aws/awslambda"
)

// An event once went to the process that had just been killed while it asked for one, and the test waited for its answer for ever.
func TestAnEventGoesToTheProcessThatRuns(t *testing.T) {
	f := startFunction(t, filepath.Join(built(t), "ingest"), ingest.FunctionTimeout, map[string]string{
		"STACK": "x", "ENVIRONMENT": "x", "SLACK_CHANNEL": "C0PIPELINE", "WEBHOOK_SECRETS_ID": "x", "DELIVERIES_TABLE": "x",
		"SLACK_QUEUE_URL": "x", "PAGERDUTY_QUEUE_URL": "x", "DIGEST_QUEUE_URL": "x", "DELETION_QUEUE_URL": "x",
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
	})
	const restarts = 500
	for range restarts {
		answer, err := f.invoke(t, awslambda.GatewayEvent(http.MethodGet, "/", nil, nil, "x", time.Now()))
		if err != nil || !strings.Contains(string(answer), "not_found") {
			t.Fatalf("answered %s: %v\n%s", answer, err, f.log.String())
		}
		<-f.now().asks // and does not live to see what it asks for
		f.kill()
		f.start(t)
	}
}
