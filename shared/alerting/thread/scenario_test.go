package thread_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/testkit/mishap"
)

// deletion is a step in which a person deletes every root in the channel.
const deletion = "somebody deletes the root"

const (
	sent       = worker.Sent
	duplicate  = worker.Duplicate
	superseded = worker.Superseded
	noted      = worker.Noted
)

// Each case is what becomes of events that come in this order.
var scenarios = []struct {
	name  string
	steps []string
	want  []worker.Outcome // of the events
	shows []string         // the channel at the end
	// dead says that Slack takes replies to a deleted root.
	dead bool
}{
	{name: "the first event opens a thread", steps: []string{"flag@1"},
		want: []worker.Outcome{sent}, shows: []string{"flag"}},
	{name: "an event that comes twice is told once", steps: []string{"flag@1", "flag@1"},
		want: []worker.Outcome{sent, duplicate}, shows: []string{"flag"}},
	{name: "news are a reply, and the root shows them", steps: []string{"flag@1", "submit@2"},
		want: []worker.Outcome{sent, sent}, shows: []string{"flag, shows submit after flag", "  submit"}},
	{name: "a reply that comes twice is told once", steps: []string{"flag@1", "submit@2", "submit@2"},
		want: []worker.Outcome{sent, sent, duplicate}, shows: []string{"flag, shows submit after flag", "  submit"}},
	{name: "a late event is a reply that changes nothing", steps: []string{"flag@2", "submit@1"},
		want: []worker.Outcome{sent, sent}, shows: []string{"flag", "  submit, late"}},
	{name: "a late event that comes twice", steps: []string{"flag@2", "submit@1", "submit@1"},
		want: []worker.Outcome{sent, sent, duplicate}, shows: []string{"flag", "  submit, late"}},
	{name: "a resolve ends the thread", steps: []string{"flag@1", "approve@2"},
		want: []worker.Outcome{sent, sent}, shows: []string{"flag, shows approve after flag", "  approve"}},
	{name: "a late resolve ends nothing", steps: []string{"flag@2", "approve@1", "submit@3"},
		want: []worker.Outcome{sent, sent, sent}, shows: []string{"flag, shows submit after flag", "  approve, late", "  submit"}},
	{name: "an older event after the end changes nothing", steps: []string{"flag@1", "approve@3", "submit@2"},
		want: []worker.Outcome{sent, sent, sent}, shows: []string{"flag, shows approve after flag", "  approve", "  submit, late"}},
	{name: "a second end is a reply", steps: []string{"flag@1", "approve@2", "reject@3"},
		want: []worker.Outcome{sent, sent, sent}, shows: []string{"flag, shows reject after flag", "  approve", "  reject"}},
	{name: "the next event after the end opens a new thread", steps: []string{"flag@1", "approve@2", "submit@3", "approve@4"},
		want:  []worker.Outcome{sent, sent, sent, sent},
		shows: []string{"flag, shows approve after flag", "  approve", "submit, shows approve after submit", "  approve"}},
	{name: "an old root's event that comes again does not bring the old thread back",
		steps: []string{"flag@1", "approve@2", "submit@3", "flag@1", "reject@4"},
		want:  []worker.Outcome{sent, sent, sent, duplicate, sent},
		shows: []string{"flag, shows approve after flag", "  approve", "submit, shows reject after submit", "  reject"}},
	{name: "an old reply that comes again does not touch the new thread",
		steps: []string{"flag@1", "approve@2", "submit@3", "approve@2"},
		want:  []worker.Outcome{sent, sent, sent, duplicate},
		shows: []string{"flag, shows approve after flag", "  approve", "submit"}},

	{name: "resolve without a thread tells nothing", steps: []string{"approve@1", "approve@1"},
		want: []worker.Outcome{noted, duplicate}},
	{name: "resolve without a thread supersedes what is older", steps: []string{"approve@2", "flag@1", "flag@1"},
		want: []worker.Outcome{noted, superseded, duplicate}},
	{name: "resolve without a thread, then news", steps: []string{"approve@1", "flag@2", "approve@3"},
		want: []worker.Outcome{noted, sent, sent}, shows: []string{"flag, shows approve after flag", "  approve"}},
	{name: "two resolves without a thread", steps: []string{"approve@2", "reject@1"},
		want: []worker.Outcome{noted, superseded}},
	{name: "slack,resolve without a thread speaks up", steps: []string{"reject@2", "flag@1"},
		want: []worker.Outcome{sent, sent}, shows: []string{"reject", "  flag, late"}},
	{name: "of one second the trigger wins: it comes first", steps: []string{"flag@1", "approve@1"},
		want: []worker.Outcome{sent, sent}, shows: []string{"flag", "  approve, late"}},
	{name: "of one second the trigger wins: it comes last", steps: []string{"approve@1", "flag@1"},
		want: []worker.Outcome{noted, sent}, shows: []string{"flag"}},
	{name: "of one second, in an open thread: the resolve comes first", steps: []string{"submit@1", "approve@2", "flag@2"},
		want: []worker.Outcome{sent, sent, sent}, shows: []string{"submit, shows approve after submit", "  approve", "flag"}},
	{name: "of one second, in an open thread: the trigger comes first", steps: []string{"submit@1", "flag@2", "approve@2"},
		want: []worker.Outcome{sent, sent, sent}, shows: []string{"submit, shows flag after submit", "  flag", "  approve, late"}},
	{name: "of one second, two resolves and a trigger between them", steps: []string{"approve@1", "flag@1", "reject@1"},
		want: []worker.Outcome{noted, sent, sent}, shows: []string{"flag", "  reject, late"}},
	{name: "of one second, and a resolve of the next", steps: []string{"approve@1", "flag@1", "reject@2"},
		want: []worker.Outcome{noted, sent, sent}, shows: []string{"flag, shows reject after flag", "  reject"}},

	{name: "a deleted root falls back to a new one", steps: []string{"flag@1", deletion, "submit@2", "approve@3"},
		want: []worker.Outcome{sent, sent, sent}, shows: []string{"submit, shows approve after submit", "  approve"}},
	{name: "a deleted root and a late event", steps: []string{"flag@2", deletion, "submit@1", "approve@3"},
		want: []worker.Outcome{sent, sent, sent}, shows: []string{"submit, late, shows approve after submit", "  approve"}},
	{name: "a deleted root's event that comes again", steps: []string{"flag@1", deletion, "submit@2", "flag@1", "approve@3"},
		want: []worker.Outcome{sent, sent, duplicate, sent}, shows: []string{"submit, shows approve after submit", "  approve"}},
	{name: "a deleted root that takes replies falls back to a new one", dead: true,
		steps: []string{"flag@1", deletion, "submit@2", "approve@3"},
		want:  []worker.Outcome{sent, sent, sent}, shows: []string{"submit, shows approve after submit", "  approve"}},
}

func TestScenarios(t *testing.T) {
	for _, tt := range scenarios {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.slack.takesDeadReplies = tt.dead
			var outcomes []worker.Outcome
			for _, step := range tt.steps {
				if step == deletion {
					b.slack.deleteRoots()
					continue
				}
				outcomes = append(outcomes, b.mustWork(step))
			}
			if diff := cmp.Diff(tt.want, outcomes); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.shows, b.slack.show()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever goes wrong at whichever call, the channel shows the same in the end, and each place holds an alert once.
func TestScenariosSurviveAMishapAtEveryCall(t *testing.T) {
	for _, tt := range scenarios {
		t.Run(tt.name, func(t *testing.T) {
			mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
				b := newBench(t, plan)
				b.slack.takesDeadReplies = tt.dead
				for _, step := range tt.steps {
					if step == deletion {
						b.slack.deleteRoots()
						continue
					}
					b.delivered(step)
				}
				if diff := cmp.Diff(tt.shows, b.slack.show()); diff != "" {
					t.Error(diff)
				}
				wantNoneRepeated(b)
			})
		})
	}
}

// wantNoneRepeated looks at deleted threads too.
func wantNoneRepeated(b *bench) {
	b.Helper()
	type place struct{ thread, alertKey string }
	seen := map[place]bool{}
	for _, m := range b.slack.messages {
		at := place{m.thread, m.opening.AlertKey}
		if seen[at] {
			b.Errorf("%s was posted twice", describe(m))
		}
		seen[at] = true
	}
}
