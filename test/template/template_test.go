//go:build template

// Package template holds template.yaml to what the code needs of AWS: time limits, permissions, queues, tables, variables and
// parameters. It reads the template as AWS SAM expands it; the script run here expands it first.
package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring/deletionworker"
	"revento-alerts/shared/wiring/digestworker"
	"revento-alerts/shared/wiring/pagerdutyworker"
	"revento-alerts/shared/wiring/purgeworker"
	"revento-alerts/shared/wiring/slackworker"
	"revento-alerts/shared/wiring/webhook"
)

const expandedPath = "../../build/template.expanded.json"

type template struct {
	Metadata struct {
		Interface struct {
			ParameterGroups []parameterGroup
			ParameterLabels map[string]any
		} `json:"AWS::CloudFormation::Interface"`
	}
	Parameters map[string]parameter
	Resources  map[string]resource
	Outputs    map[string]struct{ Value expression }
}

type parameterGroup struct {
	Label      struct{ Default string }
	Parameters []string
}

type resource struct {
	Type                string
	Condition           string
	DependsOn           oneOrMore
	DeletionPolicy      string
	UpdateReplacePolicy string
	Properties          json.RawMessage
}

// load reads the template as it is without connections.
func load(t *testing.T) template {
	t.Helper()
	return loadWith(t, false)
}

// loadWith reads the template with the condition Connections met or not: what is under it is there, or is not.
func loadWith(t *testing.T, connected bool) template {
	t.Helper()
	text, err := os.ReadFile(expandedPath)
	if err != nil {
		t.Fatalf("run test/template/run: %v", err)
	}
	var whole map[string]any
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	if text, err = json.Marshal(decided(whole, connected)); err != nil {
		t.Fatal(err)
	}
	var loaded template
	if err := json.Unmarshal(text, &loaded); err != nil {
		t.Fatal(err)
	}
	if !connected {
		loaded.forgetConnections()
	}
	return loaded
}

// properties returns a resource's properties and ends the test where there is no such resource.
func properties[T any](t *testing.T, loaded template, name, resourceType string) T {
	t.Helper()
	found := loaded.Resources[name]
	if found.Type != resourceType {
		t.Fatalf("the resource %s has the type %q, want %s", name, found.Type, resourceType)
	}
	var decoded T
	if found.Properties == nil {
		return decoded
	}
	if err := json.Unmarshal(found.Properties, &decoded); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return decoded
}

// named lists the resources of a type, sorted.
func (l template) named(resourceType string) []string {
	return slices.Sorted(func(yield func(string) bool) {
		for name, r := range l.Resources {
			if r.Type == resourceType && !yield(name) {
				return
			}
		}
	})
}

// expression is a property's value as template.yaml writes it: a literal, "!Ref X", "!GetAtt X.Arn" or "!Sub text".
type expression string

func (e *expression) UnmarshalJSON(text []byte) error {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	switch value := value.(type) {
	case map[string]any:
		for function, argument := range value {
			*e = expression(intrinsic(function, argument))
		}
	default:
		*e = expression(fmt.Sprint(value))
	}
	return nil
}

func intrinsic(function string, argument any) string {
	parts, several := argument.([]any)
	if !several {
		parts = []any{argument}
	}
	texts := make([]string, len(parts))
	for i, part := range parts {
		texts[i] = fmt.Sprint(part)
	}
	return "!" + strings.TrimPrefix(function, "Fn::") + " " + strings.Join(texts, ".")
}

// oneOrMore is a list that may be written as a single element.
type oneOrMore []expression

func (l *oneOrMore) UnmarshalJSON(text []byte) error {
	if text[0] == '[' {
		return json.Unmarshal(text, (*[]expression)(l))
	}
	*l = make(oneOrMore, 1)
	return json.Unmarshal(text, &(*l)[0])
}

// seconds is a duration that the template writes as a number.
type seconds int

func (s seconds) duration() time.Duration { return time.Duration(s) * time.Second }

type lambdaFunction struct {
	Runtime       string
	Handler       string
	Architectures []expression
	Role          expression
	Timeout       seconds
	TracingConfig struct{ Mode string }
	LoggingConfig struct{ LogGroup expression }
	Environment   struct{ Variables map[string]expression }
}

// functionNames lists the functions by the names of their folders, with the prefix of their resources: ingest, and that of each
// queue.
var functionNames = func() map[string]string {
	names := map[string]string{"ingest": "Ingest"}
	for _, name := range queue.There(false) {
		names[string(name)] = strings.TrimSuffix(queueResource(name), "Queue")
	}
	return names
}()

// reached are the queues that each function reaches, by its wiring.
var reached = map[string][]queue.Name{
	"ingest": webhook.Queues(settings.Ingest{}), "slack": slackworker.Queues, "pagerduty": pagerdutyworker.Queues, "digest": digestworker.Queues,
	"deletion": deletionworker.Queues, "purge": purgeworker.Queues,
}

func function(t *testing.T, loaded template, name string) lambdaFunction {
	t.Helper()
	return properties[lambdaFunction](t, loaded, functionNames[name]+"Function", "AWS::Lambda::Function")
}

func TestEveryFunctionIsHeldToTheCode(t *testing.T) {
	var want []string
	for _, prefix := range functionNames {
		want = append(want, prefix+"Function")
	}
	slices.Sort(want)
	if got := load(t).named("AWS::Lambda::Function"); !slices.Equal(got, want) {
		t.Errorf("the functions are %v, the tests here know %v", got, want)
	}
}

func TestFunctions(t *testing.T) {
	loaded := load(t)
	for name, prefix := range functionNames {
		t.Run(name, func(t *testing.T) {
			f := function(t, loaded, name)
			if f.Runtime != "provided.al2023" || f.Handler != "bootstrap" {
				t.Errorf("runtime %s, handler %s", f.Runtime, f.Handler)
			}
			if !slices.Equal(f.Architectures, []expression{"!Ref Architecture"}) {
				t.Errorf("its architectures are %v, want the parameter's", f.Architectures)
			}
			if f.TracingConfig.Mode != "Active" {
				t.Errorf("X-Ray's mode is %q, want Active", f.TracingConfig.Mode)
			}
			if want := expression("!Ref " + prefix + "LogGroup"); f.LoggingConfig.LogGroup != want {
				t.Errorf("it logs to %q, want %s, whose retention is ours", f.LoggingConfig.LogGroup, want)
			}
		})
	}
}

func TestEveryLogGroupForgets(t *testing.T) {
	loaded := load(t)
	for _, name := range loaded.named("AWS::Logs::LogGroup") {
		group := properties[struct{ RetentionInDays expression }](t, loaded, name, "AWS::Logs::LogGroup")
		if group.RetentionInDays != "!Ref LogRetentionDays" {
			t.Errorf("%s keeps its lines for %q, want the parameter's days", name, group.RetentionInDays)
		}
	}
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
