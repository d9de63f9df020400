//go:build template

package template

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/telemetry"
)

// dashboardBody is CloudWatch's format.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
type dashboardBody struct {
	Widgets []struct {
		Type                string
		X, Y, Width, Height int
		Properties          struct {
			Title, Region, Stat string
			Metrics             [][]any
		}
	}
}

func loadDashboard(t *testing.T) dashboardBody {
	t.Helper()
	dashboard := properties[struct{ DashboardBody expression }](t, load(t), "Dashboard", "AWS::CloudWatch::Dashboard")
	text, isTemplate := strings.CutPrefix(string(dashboard.DashboardBody), "!Sub ")
	if !isTemplate {
		t.Fatalf("the dashboard's body is %s, want a text with the stack's names filled in", dashboard.DashboardBody)
	}
	var body dashboardBody
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatalf("the dashboard's body is no JSON: %v", err)
	}
	return body
}

// shown reads a metric of a widget, whose statistic is stat where it has none of its own.
func shown(t *testing.T, metric []any, stat string) (namespace, name, statistic string) {
	t.Helper()
	texts := make([]string, 0, len(metric))
	for _, element := range metric {
		switch element := element.(type) {
		case string:
			texts = append(texts, element)
		case map[string]any:
			if own, set := element["stat"].(string); set {
				stat = own
			}
		}
	}
	if len(texts) < 2 || len(texts)%2 != 0 {
		t.Fatalf("a metric is a namespace, a name and pairs of dimension and value, not %v", metric)
	}
	var dimensions []dimension
	for i := 2; i < len(texts); i += 2 {
		value := strings.ReplaceAll(texts[i+1], "${AWS::StackName}", string(ofStack.Value))
		dimensions = append(dimensions, dimension{expression(texts[i]), expression(value)})
	}
	return texts[0], named(texts[1], dimensions), stat
}

// A widget of a metric that nothing writes stays empty, and looks as if all were well.
func TestTheDashboardShowsWhatTheCodeEmits(t *testing.T) {
	emitted := emittedMetrics(t)
	queues := map[string]bool{}
	for _, name := range queue.There(false) {
		for metric, of := range map[string]queue.Name{
			"ApproximateAgeOfOldestMessage": name, "ApproximateNumberOfMessagesVisible": name.DeadLetter(),
		} {
			queues[named(metric, []dimension{{"QueueName", expression("${" + queueResource(of) + ".QueueName}")}})] = true
		}
	}
	known := map[string]map[string]bool{telemetry.Namespace: emitted, "AWS/SQS": queues}
	for _, widget := range loadDashboard(t).Widgets {
		if widget.Type != "metric" || widget.Properties.Region != "${AWS::Region}" || widget.Properties.Title == "" {
			t.Errorf("a widget is %+v", widget)
		}
		for _, metric := range widget.Properties.Metrics {
			if namespace, name, _ := shown(t, metric, ""); !known[namespace][name] {
				t.Errorf("%q shows %s of %s; there are %v", widget.Properties.Title, name, namespace, keys(known[namespace]))
			}
		}
	}
}

func TestTheDashboardIsComplete(t *testing.T) {
	var want []string
	for _, status := range []ingest.Status{
		ingest.Accepted, ingest.Duplicate, ingest.Ignored, ingest.Busy, ingest.Unavailable, ingest.Unauthorized, ingest.Stale,
		ingest.Malformed, ingest.TooLarge,
	} {
		want = append(want, "Sum of "+named(replyMetric(status), []dimension{ofStack}))
	}
	want = append(want, "Sum of "+named(ingest.MetricDeliveryIDConflict, []dimension{ofStack}))
	want = append(want, "Sum of "+named("matched_secret_1", []dimension{ofStack}), "Sum of "+named("matched_secret_2", []dimension{ofStack}))
	for _, to := range []queue.Name{queue.Slack, queue.PagerDuty} {
		for _, metric := range []string{"p50 of latency_from_receipt", "p99 of latency_from_receipt",
			"p50 of latency_from_occurred_at", "p99 of latency_from_occurred_at", "Sum of credential_rejected"} {
			want = append(want, named(metric, []dimension{ofStack, ofDestination(to)}))
		}
	}
	for _, name := range queue.There(false) {
		age, dead := queueResource(name), queueResource(name.DeadLetter())
		want = append(want,
			named("Maximum of ApproximateAgeOfOldestMessage", []dimension{{"QueueName", expression("${" + age + ".QueueName}")}}),
			named("Maximum of ApproximateNumberOfMessagesVisible", []dimension{{"QueueName", expression("${" + dead + ".QueueName}")}}))
	}
	got := map[string]bool{}
	for _, widget := range loadDashboard(t).Widgets {
		for _, metric := range widget.Properties.Metrics {
			_, name, stat := shown(t, metric, widget.Properties.Stat)
			got[stat+" of "+name] = true
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, keys(got)); diff != "" {
		t.Errorf("what it shows (-want +got):\n%s", diff)
	}
}

func TestWidgetsDoNotOverlap(t *testing.T) {
	const columns = 24
	taken := map[[2]int]string{}
	for _, widget := range loadDashboard(t).Widgets {
		if widget.X+widget.Width > columns {
			t.Errorf("%q reaches beyond the %d columns", widget.Properties.Title, columns)
		}
		for x := range widget.Width {
			for y := range widget.Height {
				place := [2]int{widget.X + x, widget.Y + y}
				if other, found := taken[place]; found {
					t.Fatalf("%q covers %q", widget.Properties.Title, other)
				}
				taken[place] = widget.Properties.Title
			}
		}
	}
}
