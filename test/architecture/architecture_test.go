// Package architecture holds the imports to the design: rules import no technology, and a Lambda binary links only what it uses.
package architecture

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"revento-alerts/shared/alerting/queue"
)

const module = "revento-alerts/"

// foreign is what each Lambda binary must not link, beside what only one machine uses.
var foreign = map[string][]string{
	"functions/ingest": {
		"github.com/slack-go", "github.com/PagerDuty", "net/http/httptest", schedules, consents, pages, zones,
		module + "shared/connection/echo", module + "shared/connection/grant", module + "shared/revento/client",
	},
	"functions/slack":     {"github.com/PagerDuty", schedules, consents, pages, zones},
	"functions/pagerduty": {"github.com/slack-go", schedules, consents, pages, zones},
	"functions/deletion":  {"github.com/slack-go", "github.com/PagerDuty", consents, pages, zones},
	"functions/purge":     {"github.com/PagerDuty", schedules, consents, pages, zones},
	"functions/digest":    {"github.com/slack-go", "github.com/PagerDuty", schedules, consents, pages, zones},
	"functions/web":       {"github.com/slack-go", "github.com/PagerDuty", schedules, zones},
	"functions/tick":      {"github.com/slack-go", "github.com/PagerDuty", schedules, consents, pages, zones},
	"functions/mirror":    {"github.com/slack-go", "github.com/PagerDuty", schedules, consents, pages, zones},
	"functions/sync":      {"github.com/slack-go", "github.com/PagerDuty", schedules, pages},
}

const (
	// consents is what only who asks Revento links.
	consents = "golang.org/x/oauth2"
	// pages is what only who shows pages links.
	pages = "html/template"
	// zones is what only who keeps a schedule of one's own links.
	zones = "time/tzdata"
)

// notOfAQueue are the functions that work on no queue.
var notOfAQueue = []string{"ingest", "web", "tick"}

// schedules is what only the functions that make schedules link.
const schedules = "github.com/aws/aws-sdk-go-v2/service/scheduler"

var oneMachine = []string{
	"modernc.org/", "github.com/spf13/", module + "shared/local/sqlite", module + "shared/testkit/memory", module + "shared/provider/recorder",
	module + "shared/local/serve", module + "shared/local/sink", module + "shared/revento/sandbox",
	module + "shared/operate/terminal", module + "shared/operate/console", module + "shared/operate/api", module + "shared/ground/private",
	module + "shared/provider/inprocess", module + "shared/testkit/conformance", module + "events", "testing",
	"github.com/aws/aws-sdk-go-v2/config",
}

// buildTags are those that functions/lambda.mk builds with.
const buildTags = "lambda.norpc"

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T, patterns ...string) []goPackage {
	t.Helper()
	command := exec.Command("go", append([]string{"list", "-tags", buildTags, "-json=ImportPath,Imports,Deps"}, patterns...)...)
	command.Dir = "../.."
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	decoder := json.NewDecoder(strings.NewReader(string(output)))
	for {
		var p goPackage
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages
		case err != nil:
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
}

// A queue's entry, its worker's wiring and the function that works on it bear one name.
func TestEveryQueueHasItsWorkerAndItsFunction(t *testing.T) {
	var want []string
	for _, name := range notOfAQueue {
		want = append(want, module+"functions/"+name)
	}
	for _, entry := range queue.Table {
		name := entry.Name
		function, worker := module+"functions/"+string(name), module+"shared/wiring/"+string(name)+"worker"
		want = append(want, function)
		if p := list(t, "./"+strings.TrimPrefix(function, module)); !slices.Contains(p[0].Imports, worker) {
			t.Errorf("%s does not import %s", function, worker)
		}
	}
	var got []string
	for _, p := range list(t, "./functions/...") {
		got = append(got, p.ImportPath)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the functions are %v, want one for each queue, and %v: %v", got, notOfAQueue, want)
	}
}

func TestLambdaBinariesLinkOnlyWhatTheyUse(t *testing.T) {
	functions := list(t, "./functions/...")
	if len(functions) != len(foreign) {
		t.Fatalf("there are %d functions, %d are listed here", len(functions), len(foreign))
	}
	for _, function := range functions {
		unwanted, listed := foreign[strings.TrimPrefix(function.ImportPath, module)]
		if !listed {
			t.Errorf("%s is not listed here", function.ImportPath)
		}
		for _, dependency := range function.Deps {
			for _, prefix := range slices.Concat(oneMachine, unwanted) {
				if strings.HasPrefix(dependency, prefix) {
					t.Errorf("%s links %s", function.ImportPath, dependency)
				}
			}
		}
	}
}
