//go:build emulators

package pipeline

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	schedulersdk "github.com/aws/aws-sdk-go-v2/service/scheduler"
	secretsdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/uuid"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/aws/sqs"
	"revento-alerts/shared/provider/recorder"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/test/emulators"
)

const (
	secret  = "whsec_canary_pipeline"
	token   = "xoxb-canary-pipeline"
	routing = "canary0123456789abcdef0123456789"
)

// maxReceives is more than any test here needs: what is parked is parked by its worker.
const maxReceives = 1000

// stack is what the template makes, on emulators, with the functions as processes.
type stack struct {
	*testing.T
	aws       aws.Config
	name      string
	tables    map[string]string // by variable
	urls      map[queue.Name]string
	queues    *sqs.Queues
	recorder  *recorder.Recorder
	providers string                           // where Slack and PagerDuty are
	answer    atomic.Pointer[http.HandlerFunc] // what the providers answer instead of the recorder, unless nil
	ingest    *function
	slack     *function
	pagerduty *function
	deletion  *function
	purge     *function
	digest    *function
	mirror    *function // with connections only
	// parameters and outputs are what the stack has with connections more.
	parameters, outputs map[string]string
}

// deploy makes a stack; settings are variables beside those that every stack here has.
func deploy(t *testing.T, settings ...string) *stack {
	t.Helper()
	config := emulators.Patient(t)
	s := &stack{T: t, aws: config, name: "pipeline-" + rand.Text(), recorder: recorder.New(time.Now)}
	s.tables = map[string]string{
		"DELIVERIES_TABLE": emulators.Deliveries(t), "RECORDS_TABLE": emulators.Records(t), "DELETIONS_TABLE": emulators.Deletions(t),
	}
	s.urls = emulators.Queues(t, maxReceives, queue.There(false)...)
	s.queues = sqs.New(config, s.urls)
	s.makeSecret("webhook-secrets", "")
	s.makeSecret("slack-bot-token", token)
	s.makeSecret("pagerduty-routing-key", routing)
	s.makeScheduleGroup()
	s.startFunctions(settings)
	return s
}

func (s *stack) makeScheduleGroup() {
	s.Helper()
	if _, err := schedulersdk.NewFromConfig(s.aws).CreateScheduleGroup(s.Context(), &schedulersdk.CreateScheduleGroupInput{Name: &s.name}); err != nil {
		s.Fatal(err)
	}
}

// answers has the providers answer so; nil has the recorder answer again.
func (s *stack) answers(answer http.HandlerFunc) {
	if answer == nil {
		s.answer.Store(nil)
		return
	}
	s.answer.Store(&answer)
}

// makeSecret makes a secret, as the template does, and fills it unless the value is empty.
func (s *stack) makeSecret(name, value string) {
	s.Helper()
	full := s.name + "/" + name
	if _, err := secretsdk.NewFromConfig(s.aws).CreateSecret(s.Context(), &secretsdk.CreateSecretInput{Name: &full}); err != nil {
		s.Fatal(err)
	}
	if value != "" {
		s.fill(name, value)
	}
}

func (s *stack) fill(name, value string) {
	s.Helper()
	full := s.name + "/" + name
	input := &secretsdk.PutSecretValueInput{SecretId: &full, SecretString: &value}
	if _, err := secretsdk.NewFromConfig(s.aws).PutSecretValue(s.Context(), input); err != nil {
		s.Fatal(err)
	}
}

func (s *stack) startFunctions(settings []string) {
	s.Helper()
	providers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := s.answer.Load(); answer != nil {
			(*answer)(w, r)
			return
		}
		s.recorder.ServeHTTP(w, r)
	}))
	s.Cleanup(providers.Close)
	s.providers = providers.URL
	environment := map[string]string{
		"STACK": s.name, "ENVIRONMENT": "pipeline", "SLACK_CHANNEL": "C0PIPELINE", "SLACK_POST_INTERVAL": "0s",
		"SLACK_API_URL": providers.URL + "/api/", "PAGERDUTY_EVENTS_URL": providers.URL,
		"WEBHOOK_SECRETS_ID": s.name + "/webhook-secrets", "SLACK_BOT_TOKEN_ID": s.name + "/slack-bot-token",
		"PAGERDUTY_ROUTING_KEY_ID": s.name + "/pagerduty-routing-key",
		"SCHEDULE_GROUP":           s.name, "SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/schedules",
		"PURGE_QUEUE_ARN":             "arn:aws:sqs:eu-west-1:123456789012:purge",
		"PURGE_DEAD_LETTER_QUEUE_ARN": "arn:aws:sqs:eu-west-1:123456789012:purge-dead-letter",
		"LOG_RETENTION_DAYS":          "30",
	}
	s.give(environment)
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		environment[name] = value
	}
	folder := built(s.T)
	s.ingest = startFunction(s.T, filepath.Join(folder, "ingest"), ingest.FunctionTimeout, environment)
	s.slack = startFunction(s.T, filepath.Join(folder, "slack"), queue.Slack.Entry().Timeout, environment)
	s.pagerduty = startFunction(s.T, filepath.Join(folder, "pagerduty"), queue.PagerDuty.Entry().Timeout, environment)
	s.deletion = startFunction(s.T, filepath.Join(folder, "deletion"), queue.Deletion.Entry().Timeout, environment)
	s.digest = startFunction(s.T, filepath.Join(folder, "digest"), queue.Digest.Entry().Timeout, environment)
	s.purge = startFunction(s.T, filepath.Join(folder, "purge"), queue.Purge.Entry().Timeout, environment)
}

// give adds to a function's variables where the stack's tables and queues are, and where AWS is.
func (s *stack) give(environment map[string]string) {
	for variable, table := range s.tables {
		environment[variable] = table
	}
	for name, url := range s.urls {
		environment[variableOf(name)] = url
	}
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			environment[name] = value
		}
	}
}

// variableOf is the variable that names a queue.
func variableOf(name queue.Name) string {
	return strings.ReplaceAll(strings.ToUpper(string(name)), "-", "_") + "_QUEUE_URL"
}

// reach has the test itself reach the stack's queues, those of connections among them.
func (s *stack) reach() { s.queues = sqs.New(s.aws, s.urls) }

// binaries is the folder of the built functions, or the error of building them.
var binaries = sync.OnceValues(build)

func TestMain(m *testing.M) {
	code := m.Run()
	if folder, err := binaries(); err == nil {
		_ = os.RemoveAll(folder) // a temporary folder
	}
	os.Exit(code)
}

func built(t *testing.T) (folder string) {
	t.Helper()
	folder, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// build makes the binaries as functions/lambda.mk does, for this machine.
func build() (folder string, err error) {
	if folder, err = os.MkdirTemp("", "pipeline"); err != nil {
		return "", err
	}
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", folder+"/", "./functions/...", "./cmd/revento-alerts")
	command.Dir = "../.."
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the functions: %w\n%s", err, output)
	}
	return folder, nil
}

// post plays API Gateway.
func (s *stack) post(delivery sample.Delivery) (code int, status string) {
	s.Helper()
	event := awslambda.GatewayEvent(http.MethodPost, ingest.Path, delivery.Header, delivery.Body, uuid.NewString(), time.Now())
	answer, err := s.ingest.invoke(s.T, event)
	if err != nil {
		s.Fatal(err)
	}
	var response events.APIGatewayV2HTTPResponse
	var body struct{ Status string }
	if err := errors.Join(json.Unmarshal(answer, &response), json.Unmarshal([]byte(response.Body), &body)); err != nil {
		s.Fatalf("the answer is %s: %v", answer, err)
	}
	return response.StatusCode, body.Status
}

// visibility is short, so that a message whose function was killed comes again soon.
const visibility = 2 * time.Second

// work plays the event source mapping for one message of a queue; ok is false where there is none.
func (s *stack) work(name queue.Name, f *function) (received queue.Received, done, ok bool) {
	s.Helper()
	received, ok, err := s.queues.Receive(s.Context(), name, visibility)
	if err != nil {
		s.Fatal(err)
	}
	if !ok {
		return received, false, false
	}
	answer, err := f.invoke(s.T, awslambda.EventOf(received))
	if errors.Is(err, errEnded) {
		return received, false, true
	}
	var response events.SQSEventResponse
	if err := json.Unmarshal(answer, &response); err != nil {
		s.Fatalf("the answer is %s: %v", answer, err)
	}
	if len(response.BatchItemFailures) > 0 {
		return received, false, true
	}
	if err := s.queues.Delete(s.Context(), name, received.Handle); err != nil {
		s.Fatal(err)
	}
	return received, true, true
}

// drain works on what the two queues of alerts show.
func (s *stack) drain() {
	s.Helper()
	for name, f := range map[queue.Name]*function{queue.Slack: s.slack, queue.PagerDuty: s.pagerduty} {
		for {
			if _, _, ok := s.work(name, f); !ok {
				break
			}
		}
	}
}

// await works on a queue until a message is done. Receiving waits by itself.
func (s *stack) await(name queue.Name, f *function) queue.Received {
	s.Helper()
	const tries = 30 // each waits for a second at most
	for range tries {
		if received, done, ok := s.work(name, f); ok && done {
			return received
		}
	}
	s.Fatalf("no message of %s was done:\n%s", name, f.log.String())
	return queue.Received{}
}
