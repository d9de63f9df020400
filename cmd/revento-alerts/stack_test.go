package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/revento"
	"revento-alerts/test/golden"
)

// The answers are those of AWS' API references, with a stack of ours.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
const (
	stackAnswer = `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>
  <StackName>revento</StackName>
  <StackId>arn:aws:cloudformation:eu-west-1:123456789012:stack/revento/aaf549a0</StackId>
  <StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-24T12:00:00Z</CreationTime>
  <Parameters>
    <member><ParameterKey>SlackChannel</ParameterKey><ParameterValue>C0STACK</ParameterValue></member>
    <member><ParameterKey>EventUnpublishedRoute</ParameterKey><ParameterValue>slack</ParameterValue></member>
    <member><ParameterKey>OtherRoute</ParameterKey><ParameterValue>slack:C0OTHER</ParameterValue></member>
  </Parameters>
  <Outputs><member><OutputKey>WebhookUrl</OutputKey><OutputValue>%s</OutputValue></member></Outputs>
</member></Stacks></DescribeStacksResult></DescribeStacksResponse>`
	noStackAnswer = `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>
  <Code>ValidationError</Code><Message>Stack with id absent does not exist</Message></Error></ErrorResponse>`
	secretAnswer = `{"Name": "revento/webhook-secrets", "SecretString": "{\"secrets\": [\"whsec_new\", \"whsec_old\"]}"}`
)

// awsWith has CloudFormation and Secrets Manager answer for a stack whose webhook URL is url.
func awsWith(t *testing.T, url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, code := fmt.Sprintf(stackAnswer, url), http.StatusOK
		switch {
		case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager."):
			answer = secretAnswer
		case r.FormValue("StackName") != "revento":
			answer, code = noStackAnswer, http.StatusBadRequest
		}
		w.WriteHeader(code)
		if _, err := w.Write([]byte(answer)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
}

func TestRoutesOfAStackAreItsParameters(t *testing.T) {
	awsWith(t, "https://x.example/webhooks/revento")
	r := call(t, map[string]string{"OTHER_ROUTE": "the environment does not count"}, "routes", "--stack", "revento")
	if r.code != 0 || r.err != "" {
		t.Fatalf("%+v", r)
	}
	golden.Want(t, "routes-stack.txt", r.out)
}

func TestSendToAStackFindsItsURLAndSecret(t *testing.T) {
	server, got, body := receiver(t, http.StatusOK)
	awsWith(t, server.URL)
	if r := call(t, nil, "send", "application.approved", "--stack", "revento"); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	proof, err := revento.ParseProof(got.Header.Get(revento.HeaderTimestamp), got.Header.Get(revento.HeaderSignature))
	if err != nil || proof.MatchingSecret([]string{"whsec_new"}, *body) != 0 {
		t.Errorf("the signature is not the newest secret's: %v", err)
	}
}

func TestAStackThatIsNotThereIsNamed(t *testing.T) {
	awsWith(t, "https://x.example")
	r := call(t, nil, "routes", "--stack", "absent")
	if r.code != exitFailed || !strings.Contains(r.err, "absent") || !strings.Contains(r.err, "eu-west-1") {
		t.Errorf("%+v", r)
	}
}

// Whoever looks for the cause has only what is printed.
func TestWhatAWSRefusesIsToldInItsWordsWithTheRemedy(t *testing.T) {
	for _, test := range []struct{ code, message, remedy string }{
		{"ValidationError", "Stack with id revento does not exist", "look at the name, at the Region"},
		{"ExpiredToken", "The security token included in the request is expired", "sign in again"},
		{"InvalidClientTokenId", "The security token included in the request is invalid.", "AWS does not know the credentials"},
		{"AccessDenied", "User: arn:aws:iam::1:user/op is not authorized to perform: cloudformation:DescribeStacks", "give these credentials that permission"},
		{"SignatureDoesNotMatch", "Signature not yet current: 20261125T120000Z is still later than 20261125T110500Z", "set this machine's clock"},
		{"SignatureDoesNotMatch", "Signature expired: 20261125T120000Z is now earlier than 20261125T125500Z", "set this machine's clock"},
		{"SignatureDoesNotMatch", "The signature does not match. The Canonical String was 'CANARY'", "AWS does not know the credentials"},
		{"RequestExpired", "Request has expired", "set this machine's clock; where it is right, sign in again"},
		{"RequestTimeTooSkewed", "The difference is too large", "set this machine's clock"},
	} {
		t.Run(test.code+" "+test.remedy, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`,
					test.code, test.message)
			}))
			defer server.Close()
			t.Setenv("AWS_ENDPOINT_URL", server.URL)
			t.Setenv("AWS_REGION", "eu-west-1")
			t.Setenv("AWS_ACCESS_KEY_ID", "local")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
			r := call(t, nil, "check", "--stack", "revento")
			words, _, _ := strings.Cut(test.message, "The Canonical")
			for _, part := range []string{"revento", "eu-west-1", test.code, strings.TrimSpace(words), test.remedy} {
				if !strings.Contains(r.err, part) {
					t.Errorf("%q is not in %q", part, r.err)
				}
			}
			if r.code != exitFailed || strings.Contains(r.err, "CANARY") {
				t.Errorf("%+v", r)
			}
		})
	}
}

// refusing has CloudFormation answer for a whole stack, and every other service refuse who asks, in words of its own.
func refusing(t *testing.T, words string) {
	t.Helper()
	withOutputs(t, queue.There(false), "", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws#AccessDeniedException","message":%q}`, words)
	})
}

// withOutputs has CloudFormation answer for a stack with its tables and these queues, and other for every other service. parameters are
// more of the stack's, as CloudFormation writes them.
func withOutputs(t *testing.T, queues []queue.Name, parameters string, other http.HandlerFunc, more ...string) {
	t.Helper()
	outputs := append([]string{outputWebhookURL, outputDeliveries, outputRecords, outputDeletions}, more...)
	for _, name := range queues {
		outputs = append(outputs, queueOutput(name), queueOutput(name.DeadLetter()))
	}
	var members strings.Builder
	for _, output := range outputs {
		fmt.Fprintf(&members, "<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>", output, outputValue(output))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") == "" {
			whole := strings.NewReplacer("<Outputs>", "<Outputs>"+members.String(), "<Parameters>", "<Parameters>"+parameters)
			_, _ = whole.WriteString(w, fmt.Sprintf(stackAnswer, "https://x.example"))
			return
		}
		other(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
}

// outputValue is an output's value: of the pages an address without a path.
func outputValue(output string) string {
	if output == outputPublicURL {
		return "https://x.example"
	}
	return "https://x.example/" + output
}

// Not CloudFormation alone: the tables', the queues' and the secrets' words are told, too.
func TestWhatAnyServiceRefusesIsToldInItsWordsWithTheRemedy(t *testing.T) {
	const words = "User: arn:aws:iam::1:user/op is not authorized"
	refusing(t, words)
	for _, command := range []string{
		"check", "trace d-1", "trace --resource app_1", "deletions list", "deletions show 0123456789abcdef", "dead-letters list",
		"dead-letters redrive --all", "send event.unpublished",
	} {
		r := call(t, nil, append(strings.Fields(command), "--stack", "revento")...)
		if told := r.out + r.err; r.code != exitFailed || !strings.Contains(told, words) || !strings.Contains(told, "give these credentials that permission") {
			t.Errorf("%s: %+v", command, r)
		}
	}
	r := call(t, nil, "deletions", "show", "0123456789abcdef", "--table", "left")
	if r.code != exitFailed || !strings.Contains(r.err, words) {
		t.Errorf("of a table: %+v", r)
	}
	r = call(t, nil, "check", "--stack", "revento")
	for _, subject := range []string{"webhook secrets", "Slack bot token", "integration key", "table https", "queue slack", "dead letters of purge"} {
		i := strings.Index(r.out, "failed   "+subject)
		if i < 0 || !strings.Contains(strings.SplitN(r.out[i:], "\n", 2)[0], words) {
			t.Errorf("%s is not told in AWS' words: %s", subject, r.out)
		}
	}
}

func TestWhereAWSIsNotReachedTheRemedyIsTold(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	awsWith(t, "https://x.example")
	t.Setenv("AWS_ENDPOINT_URL", gone.URL)
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	r := call(t, nil, "check", "--stack", "revento")
	if r.code != exitFailed || !strings.Contains(r.err, "connection refused") || !strings.Contains(r.err, "does not reach AWS") {
		t.Errorf("%+v", r)
	}
}

func TestWithoutCredentialsTheRemedyIsToSignIn(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"} {
		t.Setenv(name, "")
	}
	r := call(t, nil, "check", "--stack", "revento")
	if r.code != exitFailed || !strings.Contains(r.err, "sign in") {
		t.Errorf("%+v", r)
	}
}

func TestAStackAndAURLExcludeEachOther(t *testing.T) {
	r := call(t, nil, "send", "application.approved", "--stack", "revento", "--url", "http://127.0.0.1:1")
	if r.code != exitUsage || !strings.Contains(r.err, "give one") {
		t.Errorf("%+v", r)
	}
}

func TestWithoutARegionTheVariableIsNamed(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", "/nowhere")
	r := call(t, nil, "routes", "--stack", "revento")
	if r.code != exitFailed || !strings.Contains(r.err, "AWS_REGION") {
		t.Errorf("%+v", r)
	}
}

// connected are the parameters of a stack whose connections are on.
const connected = `<member><ParameterKey>ReventoClientId</ParameterKey><ParameterValue>client_1</ParameterValue></member>
<member><ParameterKey>ReventoAuthUrl</ParameterKey><ParameterValue>https://auth.example</ParameterValue></member>
<member><ParameterKey>ReventoApiUrl</ParameterKey><ParameterValue>https://api.example/api/v1</ParameterValue></member>
<member><ParameterKey>PublicUrl</ParameterKey><ParameterValue></ParameterValue></member>`

// unasked fails for a service that is asked.
func unasked(t *testing.T) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.Header.Get("X-Amz-Target")) }
}

func TestAStackWithoutConnectionsSaysHowTheyAreTurnedOn(t *testing.T) {
	withOutputs(t, queue.There(false), "", unasked(t))
	for _, command := range []string{"connections show evt_1", "connections link evt_1", "connections probe evt_1", "connections disconnect evt_1 --yes"} {
		r := call(t, nil, append(strings.Fields(command), "--stack", "revento")...)
		if r.code != exitFailed || !strings.Contains(r.err, "ReventoClientId is not set") || !strings.Contains(r.err, "sam deploy") {
			t.Errorf("%s: %+v", command, r)
		}
	}
	for _, command := range []string{"keys list", "keys add"} {
		r := call(t, nil, append(strings.Fields(command), "--stack", "revento")...)
		if r.code != exitFailed || !strings.Contains(r.err, "no sealing keys") || !strings.Contains(r.err, "ReventoClientId") {
			t.Errorf("%s: %+v", command, r)
		}
	}
	if r := call(t, nil, "connections", "list", "--stack", "revento"); r.code != 0 || r.out != "no connections\n" {
		t.Errorf("%+v", r)
	}
}

// A stack that was deployed before its template knew of connections has their parameters as little as their outputs.
func TestWhatAConnectedStackLacksIsNamed(t *testing.T) {
	for _, missing := range []string{outputSealingKeys, outputPublicURL, queueOutput(queue.Sync)} {
		queues, more := queue.There(true), []string{outputSealingKeys, outputPublicURL}
		more = slices.DeleteFunc(more, func(output string) bool { return output == missing })
		if missing == queueOutput(queue.Sync) {
			queues = queue.There(false)
		}
		withOutputs(t, queues, connected, unasked(t), more...)
		r := call(t, nil, "connections", "list", "--stack", "revento")
		if r.code != exitFailed || !strings.Contains(r.err, missing) {
			t.Errorf("without %s: %+v", missing, r)
		}
	}
}

func TestALinkOfAStackLeadsToItsPages(t *testing.T) {
	withOutputs(t, queue.There(true), connected, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = fmt.Fprintf(w, `{"SecretString": %q}`, strings.Repeat("k", 43))
	}, outputSealingKeys, outputPublicURL)
	r := call(t, nil, "connections", "link", "evt_1", "--stack", "revento")
	if r.code != 0 || !strings.HasPrefix(r.out, "https://x.example/connect?event_id=evt_1&link=") {
		t.Errorf("%+v", r)
	}
}

func TestKeysOfAStackAreListedByTheirIDs(t *testing.T) {
	answer := fmt.Sprintf(`{"SecretString": %q}`, "{\"keys\": [\""+strings.Repeat("k", 43)+"\", \""+strings.Repeat("o", 43)+"\"]}")
	withOutputs(t, queue.There(true), connected, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = fmt.Fprint(w, answer)
	}, outputSealingKeys, outputPublicURL)
	r := call(t, nil, "keys", "list", "--stack", "revento")
	if r.code != 0 || len(strings.Fields(r.out)) != 2 || strings.Contains(r.out, "kkk") {
		t.Errorf("%+v", r)
	}
	r = call(t, nil, "keys", "list", "--stack", "revento", "--data", "x")
	if r.code == 0 || !strings.Contains(r.err, "give one") {
		t.Errorf("%+v", r)
	}
}

// Who brings the program up to date before the stack must still reach it.
func TestAStackOfBeforeTheMirrorIsReached(t *testing.T) {
	before := slices.DeleteFunc(queue.There(true), func(name queue.Name) bool { return name == queue.Mirror })
	withOutputs(t, before, connected, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = fmt.Fprintf(w, `{"SecretString": %q}`, strings.Repeat("k", 43))
	}, outputSealingKeys, outputPublicURL)
	if r := call(t, nil, "connections", "link", "evt_1", "--stack", "revento"); r.code != 0 {
		t.Errorf("%+v", r)
	}
}
