//go:build emulators

package explore

import (
	"errors"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/dynamodb"
	"revento-alerts/shared/aws/sqs"
	"revento-alerts/shared/provider/recorder"
	"revento-alerts/test/emulators"
)

// visibilityOnEmulators is short, since the emulators' clock cannot be turned on.
const visibilityOnEmulators = time.Second

// TestEveryDeathOnEmulators has processes die before and after calls, and another go on with the same tables and queues.
func TestEveryDeathOnEmulators(t *testing.T) {
	strikeEverywhere(t, travelOnEmulators)
}

// travelOnEmulators plays a journey with a death at a call, 0 for none. It returns how many calls there were.
func travelOnEmulators(t *testing.T, number int, at int64, after bool) (calls int64) {
	t.Helper()
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	providers := recorder.New(now)
	server := httptest.NewServer(providers)
	defer server.Close()
	begun := time.Now().Add(-time.Minute).Truncate(time.Second)
	kept := engineOnEmulators(t)
	struck := &strike{at: at, after: after}
	left := journeys[number].deliveries
	process := func() error {
		slack, pager := providersOf(server.URL, struck.plan(), now)
		e := &errand{
			functions: functions{engine: kept, plan: struck.plan(), slack: slack, pager: pager, routes: routes(t, nil), now: now},
			begun:     begun, visibility: visibilityOnEmulators, pass: time.Sleep, struck: struck,
		}
		return e.run(t.Context(), left, func(delivery) { left = left[1:] })
	}
	err := process()
	calls = struck.calls.Load()
	if at > 0 && errors.Is(err, errDead) {
		ahead.Add(int64(forgotten))
		struck = &strike{}
		err = process()
	}
	if err != nil {
		t.Fatal(err)
	}
	holdJourney(t, journeys[number], providers, kept)
	if t.Failed() {
		t.Fatalf("died at call %d, after its effect: %t", at, after)
	}
	return calls
}

func engineOnEmulators(t *testing.T) engine {
	t.Helper()
	config, deletions := emulators.Patient(t), emulators.Deletions(t)
	return engine{
		dynamodb.NewLedger(config, emulators.Deliveries(t)),
		sqs.New(config, emulators.Queues(t, queue.MaxReceives, queues...)),
		dynamodb.NewRecords(config, emulators.Records(t), deletions),
		dynamodb.NewDeletions(config, deletions),
	}
}
