//go:build template

package template

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func readSource(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	heading   = regexp.MustCompile(`^  # ---- (.+) ----$`)
	logicalID = regexp.MustCompile(`^  (\w+):`)
)

// section is a heading of template.yaml's resources, and the logical ids under it, in their order.
type section struct {
	title string
	ids   []string
}

func sections(t *testing.T) []section {
	t.Helper()
	_, text, _ := strings.Cut(readSource(t), "\nResources:\n")
	text, _, _ = strings.Cut(text, "\nOutputs:\n")
	var found []section
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if match := heading.FindStringSubmatch(line); match != nil {
			found = append(found, section{title: match[1]})
		}
		if match := logicalID.FindStringSubmatch(line); match != nil {
			last := &found[len(found)-1]
			last.ids = append(last.ids, match[1])
		}
	}
	return found
}

// The order is that of a delivery's way. The prefixes are of the logical ids of the section's function.
var wayOfADelivery = []struct{ title, prefix string }{
	{"Webhook: from Revento to the queues", "Ingest"},
	{"Slack", "Slack"},
	{"PagerDuty", "Pagerduty"},
	{"Digest", "Digest"},
	{"Deletion of data: the stop", "Deletion"},
	{"Deletion of data: the purge", "Purge"},
	{"Connections: the pages", ""},
	{"Connections: what is due", ""},
	{"Connections: the work", ""},
	{"Connections: what Revento knows of them", ""},
	{"What several functions share", ""},
	{"Where alarms go, and the dashboard", ""},
}

// ofItsFunction are the suffixes of what each function has; a worker has a queue besides.
var (
	ofItsFunction = []string{"Function", "LogGroup", "Role", "FunctionErrorAlarm", "FunctionThrottleAlarm"}
	ofItsQueue    = []string{"DeadLetterQueue", "Queue", "DeadLetterAlarm", "AgeAlarm"}
)

func TestSectionsFollowADeliverysWay(t *testing.T) {
	found := sections(t)
	var titles, want []string
	for _, s := range found {
		titles = append(titles, s.title)
	}
	for _, s := range wayOfADelivery {
		want = append(want, s.title)
	}
	if diff := cmp.Diff(want, titles); diff != "" {
		t.Fatalf("sections (-want +got):\n%s", diff)
	}
	var prefixes []string
	for i, s := range found {
		prefix := wayOfADelivery[i].prefix
		if prefix == "" {
			continue
		}
		prefixes = append(prefixes, prefix)
		var got []string
		for _, id := range s.ids {
			suffix, own := strings.CutPrefix(id, prefix)
			if own && slices.Contains(slices.Concat(ofItsQueue, ofItsFunction), suffix) {
				got = append(got, suffix)
			}
		}
		want := slices.Clone(ofItsFunction)
		if prefix != functionNames["ingest"] {
			want = append(want, ofItsQueue...)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-what such a section has +what it has):\n%s", s.title, diff)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Values(functionNames)), slices.Sorted(slices.Values(prefixes))); diff != "" {
		t.Errorf("sections of functions (-functions +sections):\n%s", diff)
	}
}

// SAM writes each function's id into its Metadata: of a shared one all would have the last function's.
func TestNoFunctionSharesItsMetadata(t *testing.T) {
	if found := regexp.MustCompile(`(?m)^\s+Metadata: [*&].*$`).FindString(readSource(t)); found != "" {
		t.Errorf("shared: %s", found)
	}
}

// What is written at its first place and filled in nowhere is no more than a riddle.
func TestWhatIsWrittenOnceIsUsedAgain(t *testing.T) {
	source := readSource(t)
	anchors := regexp.MustCompile(`[:-] &(\w+)`).FindAllStringSubmatch(source, -1)
	if len(anchors) == 0 {
		t.Fatal("nothing is written once")
	}
	for _, anchor := range anchors {
		if !regexp.MustCompile(`[:-] \*` + anchor[1] + `\b`).MatchString(source) {
			t.Errorf("nothing takes over &%s", anchor[1])
		}
	}
}
