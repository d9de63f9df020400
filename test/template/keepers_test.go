//go:build template

package template

import (
	"slices"
	"strings"
	"testing"

	"revento-alerts/shared/connection/deletion"
)

// What keeps something is on the list of keepers, or no statement would name it.
func TestEveryTableQueueAndLogIsOnTheListOfKeepers(t *testing.T) {
	loaded := load(t)
	var listed []string
	for _, keeper := range deletion.OnAWS(deletion.Windows{}) {
		listed = append(listed, keeper.Place)
	}
	places := map[string]string{}
	for _, name := range loaded.named("AWS::DynamoDB::Table") {
		places[name] = "table " + map[string]string{"DeliveriesTable": "delivery", "RecordsTable": "record", "DeletionsTable": "deletion"}[name]
	}
	for _, name := range loaded.named("AWS::SQS::Queue") {
		queue, isDeadLetter := strings.CutSuffix(strings.ToLower(strings.TrimSuffix(name, "Queue")), "deadletter")
		places[name] = "queue " + queue
		if isDeadLetter {
			places[name] = "dead letters of " + queue
		}
	}
	for _, name := range loaded.named("AWS::Logs::LogGroup") {
		places[name] = "log"
	}
	if len(places) == 0 {
		t.Fatal("the template has no table, queue or log")
	}
	for name, place := range places {
		if !slices.Contains(listed, place) {
			t.Errorf("%s is not there: %s", name, place)
		}
	}
}
