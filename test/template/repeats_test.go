//go:build template

package template

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/queue"
)

// shape is a resource as JSON, with what may differ from one of its kind to the next taken out.
func shape(t *testing.T, loaded template, id string, differs *regexp.Regexp, without ...string) string {
	t.Helper()
	properties := map[string]json.RawMessage{}
	if err := json.Unmarshal(loaded.Resources[id].Properties, &properties); err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	for _, property := range without {
		delete(properties, property)
	}
	text, err := json.MarshalIndent(properties, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return differs.ReplaceAllString(string(text), "its own")
}

// alike holds resources to the first of them, but for whose they are.
func alike(t *testing.T, loaded template, suffix string, prefixes []string, without ...string) {
	t.Helper()
	var first string
	for i, prefix := range prefixes {
		// The logical id, and the same in lower case: a folder, a log's name, a policy's.
		own := regexp.MustCompile(`\b(?i:` + prefix + `)(?:DeadLetterQueue|Queue|FunctionQueue|Function|LogGroup|Role)?\b`)
		got := shape(t, loaded, prefix+suffix, own, without...)
		if i == 0 {
			first = got
			continue
		}
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("%s and %s are not alike (-first +second):\n%s", prefixes[0]+suffix, prefix+suffix, diff)
		}
	}
}

// prefixes are of all functions' resources, workers of those that have a queue.
func prefixes() (all, workers, fifo, standard []string) {
	all = append(all, functionNames["ingest"])
	for _, name := range queue.There(false) {
		workers = append(workers, functionNames[string(name)])
		if name.IsFIFO() {
			fifo = append(fifo, functionNames[string(name)])
		} else {
			standard = append(standard, functionNames[string(name)])
		}
	}
	return append(all, workers...), workers, fifo, standard
}

// What has a reason to differ is left out here, and held by the test of that reason.
func TestWhatRepeatsRepeatsAlike(t *testing.T) {
	loaded := load(t)
	all, workers, fifo, standard := prefixes()
	alike(t, loaded, "LogGroup", all)
	alike(t, loaded, "Function", all, "Description", "Environment", "Timeout", "MemorySize")
	alike(t, loaded, "Role", all, "Policies")
	alike(t, loaded, "FunctionErrorAlarm", all)
	alike(t, loaded, "FunctionThrottleAlarm", all)
	alike(t, loaded, "FunctionQueue", workers, "ScalingConfig")
	alike(t, loaded, "DeadLetterAlarm", workers, "AlarmDescription")
	alike(t, loaded, "AgeAlarm", workers, "AlarmDescription", "Threshold")
	for _, kind := range [][]string{fifo, standard} {
		alike(t, loaded, "Queue", kind, "VisibilityTimeout")
		alike(t, loaded, "DeadLetterQueue", kind)
	}
	alike(t, loaded, "CredentialAlarm", fifo, "AlarmDescription")
}

// A function's role has one policy, named after it, which reads its queue first and writes its log and its traces last.
func TestRolesHaveTheSameShape(t *testing.T) {
	loaded := load(t)
	for name, prefix := range functionNames {
		r := properties[struct {
			Policies []struct {
				PolicyName     string
				PolicyDocument policyDocument
			}
			AssumeRolePolicyDocument policyDocument
		}](t, loaded, prefix+"Role", "AWS::IAM::Role")
		if len(r.Policies) != 1 || r.Policies[0].PolicyName != name {
			t.Fatalf("%s has the policies %+v, want one of its own name", name, r.Policies)
		}
		trust := r.AssumeRolePolicyDocument.Statement
		if len(trust) != 1 || trust[0].Action[0] != "sts:AssumeRole" || trust[0].Effect != "Allow" {
			t.Errorf("%s is taken by %+v", name, trust)
		}
		statements := r.Policies[0].PolicyDocument.Statement
		last, beforeLast := statements[len(statements)-1], statements[len(statements)-2]
		if last.Action[0] != "xray:PutTraceSegments" || beforeLast.Action[0] != "logs:CreateLogStream" {
			t.Errorf("%s ends with %v and %v", name, beforeLast.Action, last.Action)
		}
		if name != "ingest" && statements[0].Action[0] != "sqs:ReceiveMessage" {
			t.Errorf("%s begins with %v", name, statements[0].Action)
		}
	}
}
