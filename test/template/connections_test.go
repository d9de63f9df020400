//go:build template

package template

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/connection/budget"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring/mirrorworker"
	"revento-alerts/shared/wiring/syncworker"
)

// connectionsCondition is met where there is a client id.
const connectionsCondition = "Connections"

// decided is a part of a template with the condition decided: what is not there has no value.
func decided(node any, connected bool) any {
	switch node := node.(type) {
	case []any:
		kept := make([]any, 0, len(node))
		for _, element := range node {
			if value := decided(element, connected); value != nil {
				kept = append(kept, value)
			}
		}
		return kept
	case map[string]any:
		if node["Condition"] == connectionsCondition && !connected || node["Ref"] == "AWS::NoValue" {
			return nil
		}
		if choice, isIf := node["Fn::If"].([]any); isIf && choice[0] == connectionsCondition {
			return decided(choice[map[bool]int{true: 1, false: 2}[connected]], connected)
		}
		kept := map[string]any{}
		for key, value := range node {
			if value := decided(value, connected); value != nil {
				kept[key] = value
			}
		}
		return kept
	}
	return node
}

// forgetConnections leaves out the parameters that are of no use without a client id.
func (l *template) forgetConnections() {
	face := &l.Metadata.Interface
	face.ParameterGroups = slices.DeleteFunc(face.ParameterGroups, func(g parameterGroup) bool { return g.Label.Default == connectionsCondition })
	for name := range connectionParameters {
		delete(face.ParameterLabels, name)
		delete(l.Parameters, name)
	}
}

// connectionParameters are the defaults, by parameter.
var connectionParameters = map[string]string{
	"ReventoClientId": "",
	"ReventoAuthUrl":  "",
	"ReventoApiUrl":   "",
	"PublicUrl":       "",
	"ConnectScopes":   "event.read participants.read program.read",
	"OpenConnect":     "false",
	"ProbeInterval":   "30m",

	"ReconcileSchedule": "cron(0 4 * * ? *)",
	"ReconcileTimeZone": "UTC",

	"ParticipantCancelledRoute": "digest",
	"ConnectionBrokenRoute":     "pagerduty:error,slack",
	"ConnectionRestoredRoute":   "resolve",
	"ConnectionExpiringRoute":   "slack",
	"SyncHeldRoute":             "slack",
	"ReventoUnreachableRoute":   "pagerduty:error,slack",
}

// isOfConnections says whether a variable is of one of those parameters.
func isOfConnections(variable string) bool {
	for name := range connectionParameters {
		if (settings.Setting{Parameter: name}).Variable() == variable {
			return true
		}
	}
	return false
}

func TestParametersOfConnections(t *testing.T) {
	off, on, got := load(t), loadWith(t, true), map[string]string{}
	for name, p := range on.Parameters {
		if _, always := off.Parameters[name]; always {
			continue
		}
		got[name] = string(*p.Default)
		if p.Description == "" || on.Metadata.Interface.ParameterLabels[name] == nil {
			t.Errorf("%s is not explained", name)
		}
		if !p.allows(t, string(*p.Default)) {
			t.Errorf("%s does not allow its default %q", name, *p.Default)
		}
	}
	if diff := cmp.Diff(connectionParameters, got); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	groups := on.Metadata.Interface.ParameterGroups
	i := slices.IndexFunc(groups, func(g parameterGroup) bool { return g.Label.Default == connectionsCondition })
	if i < 0 || !slices.Equal(keys(connectionParameters), slices.Sorted(slices.Values(groups[i].Parameters))) {
		t.Errorf("the group of connections' parameters is not complete: %+v", groups)
	}
}

func TestValuesOfConnectionsParameters(t *testing.T) {
	on := loadWith(t, true)
	for name, values := range map[string]struct{ allowed, refused []string }{
		"ReventoClientId": {[]string{"", "client_0123"}, []string{"two words", strings.Repeat("x", 129)}},
		"ReventoAuthUrl":  {[]string{"", "https://auth.example.com", "https://example.com/base"}, []string{"http://example.com", "https://u:p@example.com"}},
		"ReventoApiUrl":   {[]string{"", "https://example.com/api/v1"}, []string{"example.com", "https://example.com/api?x"}},
		"PublicUrl":       {[]string{"", "https://alerts.example.com", "https://alerts.example.com/"}, []string{"http://alerts.example.com", "https://alerts.example.com/path"}},
		"ConnectScopes":   {[]string{"event.read", "event.read participants.read"}, []string{"", "event.read,program.read", "event.read  program.read"}},
		"OpenConnect":     {[]string{"true", "false"}, []string{"", "yes"}},
		"ProbeInterval":   {[]string{"15m", "24h"}, []string{"", "30"}},

		"ReconcileSchedule": {[]string{"cron(0 4 * * ? *)", "rate(6 hours)"}, []string{"", "every day"}},
		"ReconcileTimeZone": {[]string{"UTC", "Europe/Berlin"}, []string{"", "Europe Berlin"}},
	} {
		for _, value := range values.allowed {
			if !on.Parameters[name].allows(t, value) {
				t.Errorf("%s does not allow %q", name, value)
			}
		}
		for _, value := range values.refused {
			if on.Parameters[name].allows(t, value) {
				t.Errorf("%s allows %q", name, value)
			}
		}
	}
	for _, value := range []string{"https://alerts.example.com", "https://alerts.example.com/"} {
		if _, err := consent.ParsePublicURL(value); err != nil {
			t.Errorf("the code does not take the PublicUrl %q: %v", value, err)
		}
	}
}

// connectionResources are the resources that are there with connections only, by section of template.yaml.
func connectionResources(t *testing.T) (ids []string) {
	t.Helper()
	for _, s := range sections(t) {
		if strings.HasPrefix(s.title, "Connections: ") {
			ids = append(ids, s.ids...)
		}
	}
	if len(ids) == 0 {
		t.Fatal("template.yaml has no section of connections")
	}
	return ids
}

// Off means: nothing is there, nothing runs, nothing costs, and what is there does not know of it.
func TestWithoutAClientIDNothingIsOfConnections(t *testing.T) {
	off, on := load(t), loadWith(t, true)
	for _, id := range connectionResources(t) {
		if _, found := off.Resources[id]; found {
			t.Errorf("%s is there without a client id", id)
		}
		if _, found := on.Resources[id]; !found {
			t.Errorf("%s is not there with a client id", id)
		}
	}
	text, err := json.Marshal([]any{off.Resources, off.Outputs})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range slices.Concat(connectionResources(t), keys(connectionParameters)) {
		for _, reference := range []string{`"Ref":"` + id + `"`, `"Fn::GetAtt":["` + id + `"`, "${" + id + "}", "${" + id + ".", "!Ref " + id, "!GetAtt " + id + "."} {
			if strings.Contains(string(text), reference) {
				t.Errorf("without a client id something refers to %s: %s", id, reference)
			}
		}
	}
}

// The routes of the API are what connections change of what is always there, that a deletion erases tokens and a purge the seed, that the
// mirror hears of what comes, and that alerts name their event.
func TestConnectionsChangeNothingOfWhatAlertsWithout(t *testing.T) {
	off, on := load(t), loadWith(t, true)
	changed := map[string]bool{
		"WebhookApi": true, "IngestErrorAlarm": true, "IngestFunction": true, "IngestRole": true, "SlackFunction": true, "PagerdutyFunction": true, "DigestFunction": true,
		"DeletionFunction": true, "DeletionRole": true, "PurgeFunction": true, "PurgeRole": true,
	}
	for id, was := range off.Resources {
		if is := on.Resources[id]; !changed[id] && (string(is.Properties) != string(was.Properties) || !slices.Equal(is.DependsOn, was.DependsOn)) {
			t.Errorf("%s is another with connections", id)
		}
	}
}

func TestTheGatewayShowsThePages(t *testing.T) {
	api := properties[struct {
		Body struct {
			Paths map[string]map[string]struct {
				Integration struct {
					URI expression `json:"uri"`
				} `json:"x-amazon-apigateway-integration"`
			} `json:"paths"`
		}
	}](t, loadWith(t, true), "WebhookApi", "AWS::ApiGatewayV2::Api")
	got := map[string]string{}
	for path, methods := range api.Body.Paths {
		for method, route := range methods {
			_, function, _ := strings.Cut(string(route.Integration.URI), "functions/${")
			got[method+" "+path], _, _ = strings.Cut(function, ".")
		}
	}
	want := map[string]string{
		"x-amazon-apigateway-any-method " + ingest.Path: "IngestFunction",
		"get " + consent.ConnectPath:                    "WebFunction",
		"get " + consent.CallbackPath:                   "WebFunction",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
}

// The API names the web function; were the function to name the API, CloudFormation could make neither.
func TestThePublicURLMakesNoCycle(t *testing.T) {
	on := loadWith(t, true)
	for _, id := range []string{"WebFunction", "WebRole", "WebLogGroup", "SyncFunction"} {
		if strings.Contains(string(on.Resources[id].Properties), "WebhookApi") {
			t.Errorf("%s names the API, which names the web function", id)
		}
	}
	// sam local takes nothing but a map, whose values it knows, for a stage's variables: a condition there would fail every delivery.
	const own = "!Sub https://${WebhookApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
	for _, loaded := range []template{load(t), on} {
		stage := properties[struct{ StageVariables map[string]expression }](t, loaded, "WebhookApiApiGatewayDefaultStage", "AWS::ApiGatewayV2::Stage")
		if diff := cmp.Diff(map[string]expression{"public_url": own}, stage.StageVariables); diff != "" {
			t.Errorf("the stage's variables (-want +got):\n%s", diff)
		}
	}
	if got := connectionFunction(t, on, "Web").Environment.Variables["PUBLIC_URL"]; got != "!Ref PublicUrl" {
		t.Errorf("the web function's PUBLIC_URL is %s", got)
	}
}

func connectionFunction(t *testing.T, on template, prefix string) lambdaFunction {
	t.Helper()
	return properties[lambdaFunction](t, on, prefix+"Function", "AWS::Lambda::Function")
}

// connectionVariables are how each function finds its resources, beside what all do.
var connectionVariables = map[string][]string{
	"Web":  {"REVENTO_CLIENT_SECRET_ID", "SEALING_KEYS_ID", "RECORDS_TABLE", "DELETIONS_TABLE", "SYNC_QUEUE_URL"},
	"Tick": {"RECORDS_TABLE", "DELETIONS_TABLE", "SYNC_QUEUE_URL"},
	"Sync": {"REVENTO_CLIENT_SECRET_ID", "SEALING_KEYS_ID", "RECORDS_TABLE", "DELETIONS_TABLE", "DELIVERIES_TABLE", "SEEDS_TABLE"},

	"Mirror": {"SEALING_KEYS_ID", "RECORDS_TABLE", "DELETIONS_TABLE", "DELIVERIES_TABLE", "SEEDS_TABLE"},
}

// connectionLoaders are how they read what people set.
var connectionLoaders = map[string]func(settings.Source) error{
	"Web":  func(s settings.Source) error { _, err := settings.LoadConnections(s); return err },
	"Tick": func(s settings.Source) error { _, err := settings.LoadTick(s); return err },
	"Sync": func(s settings.Source) error { _, err := settings.LoadSync(s); return err },

	"Mirror": func(s settings.Source) error { _, err := settings.LoadMirror(s); return err },
}

// connectedValues have connections on.
var connectedValues = map[string]string{
	"REVENTO_CLIENT_ID": "client_1", "REVENTO_AUTH_URL": "https://auth.example.com", "REVENTO_API_URL": "https://api.example.com/api/v1",
	"SLACK_CHANNEL": "C0SAMPLE01",
}

// namedBy is the resource or parameter that a variable names: SYNC_QUEUE_URL is SyncQueue, REVENTO_CLIENT_ID ReventoClientId.
func namedBy(variable string) expression {
	words := strings.Split(strings.ToLower(variable), "_")
	if last := words[len(words)-1]; last == "url" && slices.Contains(words, "queue") || last == "id" && words[len(words)-2] != "client" {
		words = words[:len(words)-1]
	}
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return expression("!Ref " + strings.Join(words, ""))
}

// connectionQueues are those that the workers reach.
var connectionQueues = map[string][]queue.Name{"Sync": syncworker.Queues, "Mirror": mirrorworker.Queues}

func TestVariablesOfConnectionsFunctions(t *testing.T) {
	on := loadWith(t, true)
	for prefix, variables := range connectionVariables {
		want := maps.Clone(everywhere)
		if err := connectionLoaders[prefix](func(variable string) (string, bool) {
			variables = append(variables, variable)
			return connectedValues[variable], connectedValues[variable] != ""
		}); err != nil {
			t.Fatal(err)
		}
		longest := map[string]string{}
		for _, variable := range variables {
			want[variable] = namedBy(variable)
		}
		maps.Copy(want, queueVariables(connectionQueues[prefix]))
		want["STACK"] = "!Ref AWS::StackName"
		got := connectionFunction(t, on, prefix).Environment.Variables
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: variables (-want +got):\n%s", prefix, diff)
		}
		for variable, value := range got {
			longest[variable] = strings.Repeat("x", on.longest(t, value))
		}
		if text, err := json.Marshal(longest); err != nil || len(text) > maxEnvironment {
			t.Errorf("%s: its variables can take %d bytes, Lambda allows %d (%v)", prefix, len(text), maxEnvironment, err)
		}
	}
}

// connectionAllowances are what each may do, beside what all do. Only who asks Revento opens a token.
var connectionAllowances = map[string][]string{
	"Web": {
		"Allow dynamodb:DeleteItem on !GetAtt RecordsTable.Arn", "Allow dynamodb:Query on !GetAtt RecordsTable.Arn",
		"Allow secretsmanager:GetSecretValue on !Ref ReventoClientSecret", "Allow secretsmanager:GetSecretValue on !Ref SealingKeys",
		"Allow sqs:SendMessage on !GetAtt SyncQueue.Arn", "Allow dynamodb:Query on !Sub ${RecordsTable.Arn}/index/pending",
	},
	"Tick": {"Allow sqs:SendMessage on !GetAtt SyncQueue.Arn", "Allow dynamodb:Query on !Sub ${RecordsTable.Arn}/index/pending"},
	"Sync": append(queueAllowances(queue.Sync, syncworker.Queues),
		"Allow dynamodb:GetItem on !GetAtt SeedsTable.Arn", "Allow dynamodb:PutItem on !GetAtt SeedsTable.Arn",
		"Allow dynamodb:DeleteItem on !GetAtt RecordsTable.Arn", "Allow dynamodb:Query on !GetAtt RecordsTable.Arn",
		"Allow dynamodb:DeleteItem on !GetAtt DeliveriesTable.Arn", "Allow dynamodb:PutItem on !GetAtt DeliveriesTable.Arn",
		"Allow dynamodb:UpdateItem on !GetAtt DeliveriesTable.Arn",
		"Allow dynamodb:Query on !Sub ${RecordsTable.Arn}/index/pending",
		"Allow secretsmanager:GetSecretValue on !Ref ReventoClientSecret", "Allow secretsmanager:GetSecretValue on !Ref SealingKeys"),
	// It makes a seed, and never deletes one.
	"Mirror": append(queueAllowances(queue.Mirror, mirrorworker.Queues),
		"Allow dynamodb:DeleteItem on !GetAtt RecordsTable.Arn", "Allow dynamodb:Query on !GetAtt RecordsTable.Arn",
		"Allow dynamodb:GetItem on !GetAtt SeedsTable.Arn", "Allow dynamodb:PutItem on !GetAtt SeedsTable.Arn",
		"Allow dynamodb:DeleteItem on !GetAtt DeliveriesTable.Arn", "Allow dynamodb:PutItem on !GetAtt DeliveriesTable.Arn",
		"Allow dynamodb:UpdateItem on !GetAtt DeliveriesTable.Arn",
		"Allow secretsmanager:GetSecretValue on !Ref SealingKeys"),
}

func TestEachOfConnectionsFunctionsMayDoExactlyWhatItDoes(t *testing.T) {
	on := loadWith(t, true)
	for prefix, allowances := range connectionAllowances {
		want := slices.Clone(allowances)
		want = append(want, "Allow dynamodb:GetItem on !GetAtt RecordsTable.Arn", "Allow dynamodb:PutItem on !GetAtt RecordsTable.Arn",
			"Allow dynamodb:ConditionCheckItem on !GetAtt DeletionsTable.Arn", "Allow dynamodb:GetItem on !GetAtt DeletionsTable.Arn",
			"Allow logs:CreateLogStream on !GetAtt "+prefix+"LogGroup.Arn", "Allow logs:PutLogEvents on !GetAtt "+prefix+"LogGroup.Arn",
			"Allow xray:PutTelemetryRecords on *", "Allow xray:PutTraceSegments on *")
		slices.Sort(want)
		checkRole(t, on, prefix+"Role", "lambda.amazonaws.com", want)
		if got := connectionFunction(t, on, prefix).Role; got != expression("!GetAtt "+prefix+"Role.Arn") {
			t.Errorf("%s takes the role %s", prefix, got)
		}
	}
}

func TestOnlyTheTicksScheduleCallsTheTick(t *testing.T) {
	checkRole(t, loadWith(t, true), "TickScheduleRole", "scheduler.amazonaws.com", []string{"Allow lambda:InvokeFunction on !GetAtt TickFunction.Arn"})
}

// What the deletion function may do more is to erase tokens.
func TestADeletionMayEraseTokensWhereThereAreAny(t *testing.T) {
	whole := slices.Concat(allowances["deletion"], queueAllowances(queue.Deletion, reached["deletion"]), []string{
		"Allow dynamodb:ConditionCheckItem on !GetAtt DeletionsTable.Arn", "Allow dynamodb:DeleteItem on !GetAtt RecordsTable.Arn",
		"Allow dynamodb:GetItem on !GetAtt RecordsTable.Arn", "Allow dynamodb:PutItem on !GetAtt RecordsTable.Arn",
	})
	slices.Sort(whole)
	checkRole(t, loadWith(t, true), "DeletionRole", "lambda.amazonaws.com", whole)
	for connected, want := range map[bool]expression{false: "", true: "!Ref ReventoClientId"} {
		if got := function(t, loadWith(t, connected), "deletion").Environment.Variables["REVENTO_CLIENT_ID"]; got != want {
			t.Errorf("connected %t, the deletion function's client id is %q, want %q", connected, got, want)
		}
	}
}

// Who attends is known where connections are on, in records that the digest function may read in any case.
func TestADigestKnowsWhetherConnectionsAreOn(t *testing.T) {
	for connected, want := range map[bool]expression{false: "", true: "!Ref ReventoClientId"} {
		if got := function(t, loadWith(t, connected), "digest").Environment.Variables["REVENTO_CLIENT_ID"]; got != want {
			t.Errorf("connected %t, the digest function's client id is %q, want %q", connected, got, want)
		}
	}
}

// A webhook that comes goes to the mirror too, and an alert's event is called by its name, where there are connections.
func TestWhatAlertsKnowsOfConnectionsWhereThereAreAny(t *testing.T) {
	on, off := loadWith(t, true), load(t)
	for _, name := range []string{"ingest", "slack", "pagerduty"} {
		if got := function(t, on, name).Environment.Variables["REVENTO_CLIENT_ID"]; got != "!Ref ReventoClientId" {
			t.Errorf("%s: its client id is %q", name, got)
		}
	}
	ingest := slices.Concat(allowances["ingest"], queueAllowances("", reached["ingest"]), []string{"Allow sqs:SendMessage on !GetAtt MirrorQueue.Arn"})
	slices.Sort(ingest)
	checkRole(t, on, "IngestRole", "lambda.amazonaws.com", ingest)
	purge := slices.Concat(allowances["purge"], queueAllowances(queue.Purge, reached["purge"]),
		[]string{"Allow dynamodb:DeleteItem on !GetAtt SeedsTable.Arn", "Allow dynamodb:Query on !GetAtt SeedsTable.Arn"})
	slices.Sort(purge)
	checkRole(t, on, "PurgeRole", "lambda.amazonaws.com", purge)
	for function, variable := range map[string]string{"ingest": "MIRROR_QUEUE_URL", "purge": "SEEDS_TABLE"} {
		if got := functionOf(t, on, function, variable); got != namedBy(variable) {
			t.Errorf("%s: its %s is %q", function, variable, got)
		}
		if got := functionOf(t, off, function, variable); got != "" {
			t.Errorf("%s: without connections its %s is %q", function, variable, got)
		}
	}
}

func functionOf(t *testing.T, loaded template, name, variable string) expression {
	t.Helper()
	return function(t, loaded, name).Environment.Variables[variable]
}

// A backup of the seeds would open what is left of deleted rows in the backups of the records.
func TestThereIsNoBackupOfSeeds(t *testing.T) {
	table := properties[struct {
		PointInTimeRecoverySpecification struct{ PointInTimeRecoveryEnabled bool }
	}](t, loadWith(t, true), "SeedsTable", "AWS::DynamoDB::Table")
	if table.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled {
		t.Error("the table of seeds can be restored to a point in time")
	}
	if r := loadWith(t, true).Resources["SeedsTable"]; r.DeletionPolicy != "RetainExceptOnCreate" || r.UpdateReplacePolicy != "Retain" {
		t.Errorf("without it no row can be read, and it goes with the stack: %+v", r)
	}
}

func TestConnectionsRepeatAlike(t *testing.T) {
	on := loadWith(t, true)
	functions := []string{"Ingest", "Web", "Tick", "Sync", "Mirror"}
	alike(t, on, "LogGroup", functions)
	alike(t, on, "Function", functions, "Description", "Environment", "Timeout", "MemorySize")
	alike(t, on, "Role", functions, "Policies")
	alike(t, on, "FunctionErrorAlarm", functions)
	alike(t, on, "FunctionThrottleAlarm", functions)
	workers := []string{"Slack", "Sync", "Mirror"}
	alike(t, on, "FunctionQueue", workers, "ScalingConfig")
	alike(t, on, "Queue", workers, "VisibilityTimeout")
	alike(t, on, "DeadLetterQueue", workers)
	alike(t, on, "DeadLetterAlarm", workers, "AlarmDescription")
	alike(t, on, "AgeAlarm", workers, "AlarmDescription", "Threshold")
	if _, silent := on.Resources["TickSilenceAlarm"]; !silent {
		t.Error("nobody notices that nobody looks at the connections")
	}
	alike(t, on, "Alarm", []string{"OtherEvent", "OtherOrganization"}, "AlarmDescription", "MetricName")
}

// Tokens of another event or organization are never usual, and the code counts each consent that brought some.
func TestAConsentForWhatWasNotAskedForIsAnAlarm(t *testing.T) {
	on := loadWith(t, true)
	for name, kind := range map[string]consent.Kind{"OtherEventAlarm": consent.OtherEvent, "OtherOrganizationAlarm": consent.OtherOrganization} {
		a := properties[alarm](t, on, name, "AWS::CloudWatch::Alarm")
		want := signalOf(telemetry.Namespace, "page_"+string(kind), "Sum", ofStack)
		if diff := cmp.Diff(want, signalOf(a.Namespace, a.MetricName, a.Statistic, a.Dimensions...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if a.Threshold != 1 || a.ComparisonOperator != "GreaterThanOrEqualToThreshold" || a.TreatMissingData != "notBreaching" {
			t.Errorf("%s lets pass %+v", name, a)
		}
	}
}

// pageTime is the page's own: the design says 60 seconds, since a refresh that began is waited out.
const pageTime = 60 * time.Second

func TestTimeLimitsOfConnections(t *testing.T) {
	on := loadWith(t, true)
	timeout := func(prefix string) time.Duration { return connectionFunction(t, on, prefix).Timeout.duration() }
	visibility := properties[sqsQueue](t, on, "SyncQueue", "AWS::SQS::Queue").VisibilityTimeout.duration()
	const receives, calls = 100, 10 // of a message, and those that it waits for: design-connections.md, "API client"
	longestWork := receives * calls * budget.Installation.Every
	age := properties[alarm](t, on, "SyncAgeAlarm", "AWS::CloudWatch::Alarm")
	tick := properties[recurringSchedule](t, on, "TickSchedule", "AWS::Scheduler::Schedule")
	silence := properties[alarm](t, on, "TickSilenceAlarm", "AWS::CloudWatch::Alarm")
	for _, c := range []struct {
		rule string
		ok   bool
	}{
		{"web waits a refresh out", timeout("Web") == pageTime && timeout("Web") > grant.RefreshTime},
		{"sync has time for a refresh and calls after it", timeout("Sync") > grant.RefreshTime+budget.Installation.Every},
		{"six times the time limit of sync hide its message", visibility == 6*timeout("Sync") && visibility == queue.Sync.Entry().Visibility()},
		{"work that comes back as often as it may is no cause for alarm", time.Duration(age.Threshold)*time.Second > longestWork+visibility},
		{"the tick is every five minutes", tick.ScheduleExpression == "rate(5 minutes)" && upkeep.TickInterval == 5*time.Minute && tick.FlexibleTimeWindow.Mode == "OFF"},
		{"one tick ends before the next begins", timeout("Tick") < upkeep.TickInterval},
		{"a silent tick is noticed after three that did not come", silence.Threshold == 1 && silence.Period.duration() == 3*upkeep.TickInterval &&
			silence.ComparisonOperator == "LessThanThreshold" && silence.TreatMissingData == "breaching"},
	} {
		if !c.ok {
			t.Errorf("broken: %s", c.rule)
		}
	}
}

// An empty client id that was written by mistake must not make every stored token useless.
func TestSealingKeysOutliveConnections(t *testing.T) {
	on := loadWith(t, true)
	if r := on.Resources["SealingKeys"]; r.DeletionPolicy != "RetainExceptOnCreate" || r.UpdateReplacePolicy != "Retain" {
		t.Errorf("they go with the stack: %+v", r)
	}
	for _, id := range []string{"SealingKeys", "ReventoClientSecret"} {
		secret := properties[map[string]any](t, on, id, "AWS::SecretsManager::Secret")
		if secret["SecretString"] != nil || secret["GenerateSecretString"] != nil {
			t.Errorf("%s has its value in the template", id)
		}
	}
	if name := properties[struct{ Name expression }](t, on, "SealingKeys", "AWS::SecretsManager::Secret").Name; name != "" {
		t.Errorf("they are named %s: where they are kept, the next could not be made", name)
	}
}

// As for the others: a message of a newer form finds a reader that knows it.
func TestConnectionsReadersAreBroughtUpToDateFirst(t *testing.T) {
	on := loadWith(t, true)
	for prefix, allowances := range connectionAllowances {
		for _, grant := range allowances {
			name, sends := strings.CutPrefix(grant, "Allow sqs:SendMessage on !GetAtt ")
			reader := expression(strings.TrimSuffix(name, "Queue.Arn") + "Function")
			if prefix == "Mirror" && reader == "SyncFunction" { // which sends to it, and one of two has to be first
				continue
			}
			if sends && !strings.Contains(name, "DeadLetter") && !slices.Contains(on.Resources[prefix+"Function"].DependsOn, reader) {
				t.Errorf("%sFunction may be updated before %s: it depends on %q", prefix, reader, on.Resources[prefix+"Function"].DependsOn)
			}
		}
	}
}

func TestOutputsOfConnections(t *testing.T) {
	on := loadWith(t, true)
	for output, want := range map[string]string{
		"MirrorQueueUrl": "!Ref MirrorQueue", "MirrorDeadLetterQueueUrl": "!Ref MirrorDeadLetterQueue",
		"SyncQueueUrl": "!Ref SyncQueue", "SyncDeadLetterQueueUrl": "!Ref SyncDeadLetterQueue", "SealingKeysId": "!Ref SealingKeys", "SeedsTable": "!Ref SeedsTable",
		"Next5FillReventoClientSecret": " --secret-id ${AWS::StackName}/revento-client-secret ",
		"Next6FillSealingKeys":         " --secret-id ${SealingKeys} ",
	} {
		if got := string(on.Outputs[output].Value); !strings.Contains(got, want) {
			t.Errorf("the output %s is %q, want in it %q", output, got, want)
		}
	}
	if _, found := on.Outputs["PublicUrl"]; !found {
		t.Error("nobody is told where the pages are")
	}
}

// A new account runs ten executions at once. With connections on, its workers can take all of them.
func TestWorkersOfConnectionsAreAsFewAsAWSAllows(t *testing.T) {
	const least = 2
	if got := queue.Sync.Entry().Concurrency; got != least {
		t.Errorf("sync works on %d connections at once, want %d", got, least)
	}
}
