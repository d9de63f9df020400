//go:build emulators

package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
)

// operator runs the built program with --stack, as a person would.
type operator struct {
	*stack
	environment []string
}

// operates has CloudFormation, of which there is no emulator here, tell of the stack.
func (s *stack) operates() *operator {
	s.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, s.description())
	}))
	s.Cleanup(server.Close)
	return &operator{s, append(os.Environ(), "AWS_ENDPOINT_URL_CLOUDFORMATION="+server.URL)}
}

// description is the answer to DescribeStacks.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
func (s *stack) description() string {
	var parameters, outputs strings.Builder
	given := map[string]string{
		"SlackChannel": "C0PIPELINE", "SlackApiUrl": s.providers + "/api/", "PagerdutyEventsUrl": s.providers, "Environment": "pipeline",
	}
	maps.Copy(given, s.parameters)
	for name, value := range given {
		fmt.Fprintf(&parameters, "<member><ParameterKey>%s</ParameterKey><ParameterValue>%s</ParameterValue></member>", name, value)
	}
	values := map[string]string{
		"WebhookUrl": "https://x.example/webhooks/revento", "DeliveriesTable": s.tables["DELIVERIES_TABLE"],
		"RecordsTable": s.tables["RECORDS_TABLE"], "DeletionsTable": s.tables["DELETIONS_TABLE"],
	}
	maps.Copy(values, s.outputs)
	for name, url := range s.urls {
		values[queueOutput(name)] = url
	}
	for name, value := range values {
		fmt.Fprintf(&outputs, "<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>", name, value)
	}
	return `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>` +
		`<StackName>` + s.name + `</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-24T12:00:00Z</CreationTime>` +
		`<Parameters>` + parameters.String() + `</Parameters><Outputs>` + outputs.String() + `</Outputs>` +
		`</member></Stacks></DescribeStacksResult></DescribeStacksResponse>`
}

func queueOutput(name queue.Name) string {
	var output strings.Builder
	for part := range strings.SplitSeq(string(name), "-") {
		output.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return output.String() + "QueueUrl"
}

// says runs a command and expects its exit code and what it prints.
func (o *operator) says(code int, arguments string, texts ...string) string {
	o.Helper()
	command := exec.CommandContext(o.Context(), filepath.Join(built(o.T), "revento-alerts"), append(strings.Fields(arguments), "--stack", o.name)...)
	command.Env = o.environment
	output, err := command.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		o.Fatal(err)
	}
	if got := command.ProcessState.ExitCode(); got != code {
		o.Errorf("%s ended with %d, want %d:\n%s", arguments, got, code, output)
	}
	for _, text := range texts {
		if !strings.Contains(string(output), text) {
			o.Errorf("%s does not say %q:\n%s", arguments, text, output)
		}
	}
	return string(output)
}

// letterID is a dead letter's id.
var letterID = regexp.MustCompile(`(?m)^[0-9a-f]{10}\b`)

// drops has a message that nobody can read parked, and deletes it for good.
func (o *operator) drops() {
	o.Helper()
	if err := o.queues.Send(o.Context(), queue.Purge, queue.Message{Body: "{}"}); err != nil {
		o.Fatal(err)
	}
	o.await(queue.Purge, o.purge)
	listed := o.says(0, "dead-letters list", "unreadable")
	id := letterID.FindString(listed)
	o.says(0, "dead-letters show "+id, "unreadable")
	o.says(0, "dead-letters drop --yes --id "+id, "dropped")
	o.says(0, "dead-letters list", "No dead letter")
}

func TestTheOperatorsCommandsOnAStack(t *testing.T) {
	s := running(t)
	o := s.operates()
	o.says(0, "check", "webhook secrets", "queue slack", "dead letters of slack")
	o.says(0, "check --send", "test page")
	o.says(0, "routes", "application.revision_requested")
	o.says(0, "deletions list", "No deletion was ever required")
	o.says(0, "dead-letters list", "No dead letter")

	ignored := made(t, "activity.updated", secret, sample.Change{})
	s.wants(ignored, http.StatusOK, "ignored")
	o.says(0, "trace "+ignored.Header.Get(revento.HeaderDeliveryID), "ActivityUpdatedRoute")

	flag := flagged(t, secret, sample.Change{})
	s.wants(flag, http.StatusOK, "accepted")
	s.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok":false,"error":"channel_not_found"}`))
	})
	s.await(queue.Slack, s.slack)
	s.answers(nil)
	s.await(queue.PagerDuty, s.pagerduty)
	id := flag.Header.Get(revento.HeaderDeliveryID)
	o.says(0, "dead-letters list", "channel_not_found", id)
	o.says(0, "trace "+id, "channel_not_found", "pagerduty: sent")
	o.says(0, "dead-letters redrive --reason channel_not_found", "redriven")
	s.await(queue.Slack, s.slack)
	o.says(0, "trace "+id, "slack C0PIPELINE: sent")
	o.says(0, "dead-letters list", "No dead letter")
	o.says(0, "trace --event evt_sample_1 --organization org_sample_1 --resource app_sample_1", id, "slack C0PIPELINE: sent")
	o.says(1, "trace nonsense", "no such delivery")
	o.drops()

	userNamed := sample.Sign(revento.TypeDeletionRequired, secret, "held-1", time.Now(), []byte(
		`{"type":"data.deletion_required","occurred_at":"2026-05-09T14:22:31Z","event_id":"evt_1","organization_id":"org_1","data":{"user_id":"u"}}`))
	s.wants(userNamed, http.StatusOK, "accepted")
	s.await(queue.Deletion, s.deletion)
	held := s.only().ID
	o.says(0, "deletions close "+held+" --note done", "is closed")
	o.says(0, "deletions show "+held, "closed", "done")

	s.wants(required(t, sample.Change{}), http.StatusOK, "accepted")
	s.await(queue.Deletion, s.deletion)
	o.says(0, "deletions list", "scheduled")
	deletion := s.newest().ID
	o.says(0, "deletions now "+deletion+" --yes", "is queued")
	s.await(queue.Purge, s.purge)
	o.says(0, "deletions show "+deletion, "finished", "point-in-time recovery")
}
