package explore

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/provider/recorder"
)

// orders are what a child process is to do. It is this test, run again.
type orders struct {
	Folder    string        // the data folder
	Journey   int           // of journeys
	Taken     int           // how many of its deliveries were acknowledged
	Begun     time.Time     // second 0
	Ahead     time.Duration // how far its clock is ahead
	At        int64         // the call at which it kills itself
	After     bool
	Providers string // the recorder's URL
}

// variableOrders holds a child's orders.
const variableOrders = "EXPLORE_ORDERS"

// forgotten is how far the clock is turned on after a kill: by then nobody counts on who died.
const forgotten = 30 * time.Second

// TestEveryKillOnOneMachine has processes kill themselves with SIGKILL before and after calls, and another go on in their data
// folder.
func TestEveryKillOnOneMachine(t *testing.T) {
	if text := os.Getenv(variableOrders); text != "" {
		obey(t, text)
		return
	}
	strikeEverywhere(t, travel)
}

// travel plays a journey with a kill at a call, 0 for none. It returns how many calls there were.
func travel(t *testing.T, number int, at int64, after bool) (calls int64) {
	t.Helper()
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	providers := recorder.New(now)
	server := httptest.NewServer(providers)
	defer server.Close()
	o := orders{
		Folder: t.TempDir(), Journey: number, Begun: time.Now().Add(-time.Minute).Truncate(time.Second), At: at, After: after, Providers: server.URL,
	}
	calls, killed := command(t, &o)
	if killed != (at > 0) {
		t.Fatalf("at call %d: killed is %t", at, killed)
	}
	if killed {
		ahead.Add(int64(forgotten))
		o.Ahead, o.At = forgotten, 0
		if _, killed := command(t, &o); killed {
			t.Fatal("the second process was killed too")
		}
	}
	holdOnOneMachine(t, number, providers, o)
	if t.Failed() {
		t.Fatalf("killed at call %d, after its effect: %t", at, after)
	}
	return calls
}

// command runs a child process, and takes down what it acknowledged: Revento does not send that again.
func command(t *testing.T, o *orders) (calls int64, killed bool) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestEveryKillOnOneMachine$")
	child.Env = append(os.Environ(), variableOrders+"="+string(text))
	output, err := child.Output()
	calls = -1
	for line := range strings.Lines(string(output)) {
		if strings.HasPrefix(line, "acknowledged") {
			o.Taken++
		}
		_, _ = fmt.Sscanf(line, "calls %d", &calls) // a line of another kind is none
	}
	ended, isExit := errors.AsType[*exec.ExitError](err)
	killed = isExit && ended.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	if !killed && calls < 0 {
		t.Fatalf("the child process ended with %v:\n%s", err, output)
	}
	return calls, killed
}

// obey is the child process, which ends here: with 0 where nothing is left to do.
func obey(t *testing.T, text string) {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	var passed time.Duration
	now := func() time.Time { return time.Now().Add(o.Ahead + passed) }
	kept, err := sqlite.Open(t.Context(), o.Folder, now)
	if err != nil {
		t.Fatal(err)
	}
	struck := &strike{at: o.At, after: o.After, kill: killMyself}
	slack, pager := providersOf(o.Providers, struck.plan(), now)
	e := &errand{
		functions: functions{
			engine: engineOf(kept), plan: struck.plan(), slack: slack, pager: pager, scheduler: kept.Scheduler, routes: routes(t, nil), now: now,
		},
		begun: o.Begun, visibility: time.Minute, pass: func(d time.Duration) { passed += d }, struck: struck,
	}
	err = e.run(t.Context(), journeys[o.Journey].deliveries[o.Taken:], func(d delivery) { fmt.Println("acknowledged", d.id) })
	if err := errors.Join(err, kept.Close()); err != nil {
		t.Fatal(err)
	}
	fmt.Println("calls", struck.calls.Load())
}

// killMyself ends the process as a loss of power would. It does not return.
func killMyself() error {
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		return err
	}
	select {}
}

func engineOf(kept *sqlite.Engine) engine {
	return engine{kept.Ledger, kept.Queues, kept.Records, kept.Deletions}
}

// holdOnOneMachine opens what the processes left and holds it to the promises.
func holdOnOneMachine(t *testing.T, number int, providers *recorder.Recorder, o orders) {
	t.Helper()
	kept, err := sqlite.Open(t.Context(), o.Folder, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	holdJourney(t, journeys[number], providers, engineOf(kept))
	if err := kept.Close(); err != nil {
		t.Error(err)
	}
}
