package queue

import (
	"slices"
	"testing"
	"time"
)

// longestAlertAge is the most that the setting MaxAlertAge takes.
const longestAlertAge = 96 * time.Hour

func TestTheTable(t *testing.T) {
	// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
	const longestTimeout = 15 * time.Minute
	seen := map[Name]bool{}
	for _, entry := range Table {
		if seen[entry.Name] || entry.Name == "" || entry.Name.IsDeadLetter() {
			t.Errorf("%q is there twice, or is no name of a queue", entry.Name)
		}
		seen[entry.Name] = true
		if entry.Timeout <= 0 || entry.Timeout > longestTimeout || entry.Visibility() > MaxVisibility {
			t.Errorf("%s: a time-out of %s and a visibility of %s", entry.Name, entry.Timeout, entry.Visibility())
		}
		if entry.Concurrency < 2 || entry.Concurrency > 1000 {
			t.Errorf("%s: a concurrency of %d; AWS allows 2 to 1000", entry.Name, entry.Concurrency)
		}
		// What a person is to see must stay in sight for days before the queue forgets it.
		if left := Retention - max(entry.MaxAge, longestAlertAge); left < 10*24*time.Hour {
			t.Errorf("%s: a message that is given up at last is in sight for %s", entry.Name, left)
		}
	}
}

func TestWhatADeadLetterQueueIsFollowsFromItsSource(t *testing.T) {
	for _, name := range Names {
		dead := name.DeadLetter()
		if dead.IsFIFO() != name.IsFIFO() || dead.Entry().Name != name || !dead.IsDeadLetter() || name.IsDeadLetter() {
			t.Errorf("%s is FIFO: %t, %s is FIFO: %t", name, name.IsFIFO(), dead, dead.IsFIFO())
		}
	}
	if unknown := Name("slakc"); unknown.IsFIFO() || unknown.Entry() != (Entry{}) {
		t.Errorf("there is no queue %s", unknown)
	}
}

func TestQueuesOfWhatAsksRevento(t *testing.T) {
	if without := There(false); slices.Contains(without, Sync) || !slices.Contains(without, Slack) || !slices.Contains(There(true), Sync) {
		t.Errorf("without connections there are %v", without)
	}
	for _, name := range Names {
		if name.Entry().Asks && !name.IsFIFO() {
			t.Errorf("%s: the work on a connection is done by one at a time", name)
		}
	}
}
