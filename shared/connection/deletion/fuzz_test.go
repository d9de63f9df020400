package deletion_test

import (
	"strings"
	"testing"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection/deletion"
)

// Whatever stands in the queues of deletions is read or refused, and no refusal shows it.
func FuzzMessages(f *testing.F) {
	b := newBench(f, nil)
	requestScheduled(b)
	b.requires(ours, 20)
	received, _, err := b.queues.Receive(f.Context(), queue.Deletion, visibility)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(received.Body)
	f.Add(purgeOf(b.onlyCase()).Body)
	f.Add(deletion.SweepMessage().Body)
	f.Add(`{"schema":1,"returned":{"event_id":"ZXZ0","organization_id":"b3Jn","case":"x","occurred_at":"2026-05-09T12:00:00Z"}}`)
	f.Add(`{"schema":1,"purge":{"event_id":"CANARY!"}}`)
	f.Add(`{"schema":99,"alert_key":"CANARY"}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, chore := range []worker.Chore{b.task, b.purge} {
			job, err := chore.Open(queue.Message{Body: body}, b.line())
			if (err == nil) != (job.Do != nil) {
				t.Errorf("it is refused with %v and can be done: %v", err, job.Do != nil)
			}
			if err != nil && shows(err.Error(), body) {
				t.Errorf("the error shows the message: %v", err)
			}
		}
	})
}

// shows says whether text holds a piece of body that is too long for chance.
func shows(text, body string) bool {
	const piece = 24
	known := "the message is about no deletion: not JSON of the known form the message's schema version is, this program knows"
	for at := 0; at+piece <= len(body); at++ {
		if part := body[at : at+piece]; strings.Contains(text, part) && !strings.Contains(known, part) {
			return true
		}
	}
	return false
}

func TestAMessageThatIsRefusedIsNotShown(t *testing.T) {
	b := newBench(t, nil)
	for _, body := range []string{
		canary, `{"` + canary + `":1}`, `{"schema":1,"purge":"` + canary + `"}`, `{"schema":1,"returned":{"event_id":"` + canary + `"}}`,
		`{"schema":9,"purge":{"case":"` + canary + `"}}`, `{"schema":1,"alert_key":"` + canary + `","incident_key":"i","body":"bm9uZQ=="}`,
	} {
		b.send(queue.Deletion, queue.Message{Body: body})
		b.send(queue.Purge, queue.Message{Body: body})
	}
	b.run()
	wantNoCanary(b)
	for _, name := range []queue.Name{queue.Deletion, queue.Purge} {
		if reasons := b.parked(name); len(reasons) != 6 {
			t.Errorf("parked in %s: %q", name, reasons)
		}
	}
}

func TestAHandOffThatIsNoRequestIsParked(t *testing.T) {
	b := newBench(t, nil)
	message, err := handedOff(b, "flag@1").Encode()
	if err != nil {
		t.Fatal(err)
	}
	b.send(queue.Deletion, queue.Message{Body: message.Body})
	b.run()
	wantLines(t, "parked", b.parked(queue.Deletion), "unreadable")
	wantLines(t, "states", text(b.states()))
}
