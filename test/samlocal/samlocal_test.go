//go:build samlocal

// Package samlocal invokes every function under sam local with every event, against emulators. The script run here prepares
// all that it needs.
package samlocal

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	samples "revento-alerts/events"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/aws/sqs"
	"revento-alerts/shared/provider/recorder"
	"revento-alerts/shared/settings"
)

const (
	// providersAddress is where events/env.json has the functions find Slack and PagerDuty.
	providersAddress = "0.0.0.0:8002"
	webhookSecrets   = "WEBHOOK_SECRETS=whsec_sample"
	root             = "../.."
)

// invoke runs the line of docs/sam-local.md: sam local invoke FUNCTION --config-env local -e -
func invoke[Reply any](t *testing.T, function string, event []byte) Reply {
	t.Helper()
	arguments := []string{"sam", "local", "invoke", function, "--config-env", "local", "-e", "-"}
	if image := os.Getenv("INVOKE_IMAGE"); image != "" {
		arguments = append(arguments, "--skip-pull-image", "--invoke-image", image)
	}
	command := exec.CommandContext(t.Context(), "test/sam/with", arguments...)
	command.Dir = root
	command.Stdin = bytes.NewReader(event)
	var log bytes.Buffer
	command.Stderr = &log
	output, err := command.Output()
	if err != nil {
		t.Fatalf("sam local invoke %s: %v\n%s%s", function, err, output, log.String())
	}
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	var reply Reply
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &reply); err != nil {
		t.Fatalf("%s answered no JSON: %v\n%s%s", function, err, output, log.String())
	}
	t.Logf("%s%s", output, log.String())
	return reply
}

// signed runs the line of docs/sam-local.md: revento-alerts event TYPE
func signed(t *testing.T, eventType, deliveryID string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), "build/revento-alerts", "event", eventType, "--delivery-id", deliveryID)
	command.Dir = root
	command.Env = append(os.Environ(), webhookSecrets)
	command.Stderr = os.Stderr
	event, err := command.Output()
	if err != nil {
		t.Fatalf("sign a sample of %s: %v", eventType, err)
	}
	return event
}

func static(t *testing.T, file string) []byte {
	t.Helper()
	event, err := os.ReadFile(root + "/events/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return event
}

type outcome struct {
	Code   int
	Status ingest.Status
}

func ingested(t *testing.T, event []byte) outcome {
	t.Helper()
	reply := invoke[events.APIGatewayV2HTTPResponse](t, "IngestFunction", event)
	var body struct{ Status ingest.Status }
	if err := json.Unmarshal([]byte(reply.Body), &body); err != nil {
		t.Fatalf("the reply's body is %q: %v", reply.Body, err)
	}
	return outcome{reply.StatusCode, body.Status}
}

// emulators is the functions' configuration with the SDK's own patience.
func emulators(t *testing.T) aws.Config {
	t.Helper()
	config, err := awssdk.FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	config.HTTPClient = awshttp.NewBuildableClient()
	return config
}

func TestIngest(t *testing.T) {
	routes, err := settings.LoadRoutes(func(variable string) (string, bool) {
		return "C0SAMPLE01", variable == "SLACK_CHANNEL"
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[queue.Name][]string{} // types by queue
	t.Run("every type", func(t *testing.T) {
		for _, eventType := range samples.Types() {
			destinations := routes.Destinations(eventType, "evt_sample_1")
			for _, destination := range destinations {
				name := queue.Name(destination.Kind)
				want[name] = append(want[name], eventType)
			}
			t.Run(eventType, func(t *testing.T) {
				t.Parallel()
				checkIngested(t, eventType, destinations)
			})
		}
	})
	for name, types := range want {
		slices.Sort(types)
		if diff := cmp.Diff(types, queued(t, name)); diff != "" {
			t.Errorf("the types in the queue %s (-routed +found):\n%s", name, diff)
		}
	}
}

func checkIngested(t *testing.T, eventType string, destinations []route.Destination) {
	deliveryID := "sample-" + eventType
	want, state := outcome{http.StatusOK, ingest.Accepted}, string(ingest.HandedOff)
	if len(destinations) == 0 {
		want, state = outcome{http.StatusOK, ingest.Ignored}, string(ingest.StateIgnored)
	}
	if got := ingested(t, signed(t, eventType, deliveryID)); got != want {
		t.Errorf("it was answered %+v, want %+v", got, want)
	}
	if got := ledgerState(t, deliveryID); got != state {
		t.Errorf("its state in the ledger is %q, want %q", got, state)
	}
}

func TestARepetitionIsADuplicate(t *testing.T) {
	event := signed(t, "event.unpublished", "sample-repeated")
	for _, want := range []outcome{{http.StatusOK, ingest.Accepted}, {http.StatusOK, ingest.Duplicate}} {
		if got := ingested(t, event); got != want {
			t.Errorf("it was answered %+v, want %+v", got, want)
		}
	}
}

func TestAStaleSignatureIsRefused(t *testing.T) {
	if got, want := ingested(t, static(t, "stale.json")), (outcome{http.StatusUnauthorized, ingest.Stale}); got != want {
		t.Errorf("it was answered %+v, want %+v", got, want)
	}
}

func ledgerState(t *testing.T, deliveryID string) string {
	t.Helper()
	got, err := dynamodb.NewFromConfig(emulators(t)).GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName:      aws.String("DeliveriesTable"),
		Key:            map[string]types.AttributeValue{"delivery_id": &types.AttributeValueMemberS{Value: deliveryID}},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		t.Fatalf("read the ledger: %v", err)
	}
	state, _ := got.Item["state"].(*types.AttributeValueMemberS)
	if state == nil {
		return ""
	}
	return state.Value
}

// queued empties a queue and lists the types in it, sorted.
func queued(t *testing.T, name queue.Name) []string {
	t.Helper()
	id := strings.ToUpper(string(name[:1])) + string(name[1:]) + "Queue"
	if name.IsFIFO() {
		id += ".fifo"
	}
	queues := sqs.New(emulators(t), map[queue.Name]string{name: os.Getenv("AWS_ENDPOINT_URL_SQS") + "/000000000000/" + id})
	var types []string
	for {
		received, ok, err := queues.Receive(t.Context(), name, time.Minute)
		if err != nil {
			t.Fatalf("receive from %s: %v", name, err)
		}
		if !ok {
			slices.Sort(types)
			return types
		}
		message, err := handoff.Decode(received.Body)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := message.Open()
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, opened.Envelope.Type)
		if err := queues.Delete(t.Context(), name, received.Handle); err != nil {
			t.Fatalf("delete from %s: %v", name, err)
		}
	}
}

func TestWorkers(t *testing.T) {
	providers := recorder.New(time.Now)
	listener, err := net.Listen("tcp", providersAddress)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(providers)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)

	for _, c := range []struct {
		name, function, event string
		sent                  func() int
	}{
		{"slack posts one message", "SlackFunction", "slack.json", func() int { return len(providers.Messages()) }},
		{"pagerduty opens one incident", "PagerdutyFunction", "pagerduty.json", func() int { return len(providers.Incidents()) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, receipt := range []string{"first", "second"} {
				reply := invoke[events.SQSEventResponse](t, c.function, static(t, c.event))
				if len(reply.BatchItemFailures) > 0 {
					t.Errorf("the %s receipt failed: %+v", receipt, reply)
				}
				if got := c.sent(); got != 1 {
					t.Errorf("after the %s receipt %d are there, want 1", receipt, got)
				}
			}
		})
	}
	if got, want := recordKinds(t, "RecordsTable"), []string{"alert", "alert", "incident", "thread"}; !slices.Equal(got, want) {
		t.Errorf("the records are %v, want %v", got, want)
	}
	checkDigest(t)
	checkDeletion(t)
}

// checkDigest has an event gathered and told, which puts one message into the slack queue.
func checkDigest(t *testing.T) {
	t.Helper()
	for _, event := range []string{"digest.json", "run.json", "run.json"} {
		if reply := invoke[events.SQSEventResponse](t, "DigestFunction", static(t, event)); len(reply.BatchItemFailures) > 0 {
			t.Errorf("%s failed: %+v", event, reply)
		}
	}
	if got := queued(t, queue.Slack); !slices.Equal(slices.DeleteFunc(got, func(kind string) bool { return kind != "digest" }), []string{"digest"}) {
		t.Errorf("the slack queue has the digests %v, want one", got)
	}
}

// checkDeletion has the connection of the workers' events stopped, and what is kept of it deleted.
func checkDeletion(t *testing.T) {
	t.Helper()
	for _, step := range []struct {
		function, event string
		records         []string
	}{
		{"DeletionFunction", "deletion.json", []string{"alert", "alert", "digest", "digest-run", "incident", "thread"}},
		{"PurgeFunction", "purge.json", []string{"digest-run"}}, // of no connection
		{"PurgeFunction", "purge.json", []string{"digest-run"}},
	} {
		if reply := invoke[events.SQSEventResponse](t, step.function, static(t, step.event)); len(reply.BatchItemFailures) > 0 {
			t.Errorf("%s failed: %+v", step.function, reply)
		}
		if got := recordKinds(t, "RecordsTable"); !slices.Equal(got, step.records) {
			t.Errorf("after %s the records are %v, want %v", step.function, got, step.records)
		}
	}
	if got, want := recordKinds(t, "DeletionsTable"), []string{"deletion", "tombstone"}; !slices.Equal(got, want) {
		t.Errorf("the deletions are %v, want %v", got, want)
	}
}

// recordKinds lists the kinds of all records of a table, sorted.
func recordKinds(t *testing.T, table string) []string {
	t.Helper()
	got, err := dynamodb.NewFromConfig(emulators(t)).Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		t.Fatalf("read the records: %v", err)
	}
	var kinds []string
	for _, item := range got.Items {
		kind, _, _ := strings.Cut(item["sort"].(*types.AttributeValueMemberS).Value, "#")
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}
