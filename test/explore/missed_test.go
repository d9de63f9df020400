package explore

import (
	"sync"
	"time"

	"revento-alerts/shared/alerting/handoff"
)

// missed is the review of which a pass finds that no webhook told, whose participant is the sample's.
func missed(resource string) handoff.Own {
	return handoff.Own{
		Type: flagged, Connection: connection, Identity: []string{resource}, ResourceID: resource, FoundBy: handoff.Reconcile,
		Fields: map[string]string{"participant_id": participant},
	}
}

// participant is the participant of the samples' applications.
const participant = "ptp_sample_1"

// finds has a mirror's function hand off what a pass found, again until it is handed off. It happened in the same second as the revision.
func (w *world) finds(own handoff.Own) { w.findsAs(w.newProcess("mirror"), own) }

func (w *world) findsAs(p *process, own handoff.Own) {
	own.OccurredAt = w.begun.Add(time.Duration(revision.second) * time.Second)
	for !w.isOver() {
		if p.hands(own) == nil {
			return
		}
		time.Sleep(pauseOfSender)
		p = w.newProcess("mirror")
	}
}

func (p *process) hands(own handoff.Own) error {
	ctx, cancel := invocation(time.Minute)
	defer cancel()
	return p.functions().outbox().Deliver(ctx, own)
}

// findsThenHears has the original come when what stands in for it was worked on.
func findsThenHears(own handoff.Own) func(*world) {
	return func(w *world) {
		w.finds(own)
		w.settles()
		w.post(revision)
	}
}

func hearsThenFinds(own handoff.Own) func(*world) {
	return func(w *world) {
		w.post(revision)
		w.settles()
		w.finds(own)
	}
}

// findsAndHears has both come at the same time.
func findsAndHears(own handoff.Own) func(*world) {
	return func(w *world) {
		var wait sync.WaitGroup
		found, heard := w.newProcess("mirror"), w.newProcess("ingest")
		wait.Go(func() { w.findsAs(found, own) })
		wait.Go(func() { w.postTo(heard, revision) })
		wait.Wait()
	}
}

// Promise 8: a webhook that never came still alerts, once; the late original pages and posts nothing more.
var missedWebhooks = []scenario{
	{name: "a missed webhook, then its original", connected: true, happens: findsThenHears(missed("app_1")), want: [][]string{onceTold}},
	{name: "a webhook, then what stands in for it", connected: true, happens: hearsThenFinds(missed("app_1")), want: [][]string{onceTold}},
	{name: "a missed webhook and its original at once", connected: true, happens: findsAndHears(missed("app_1")), want: [][]string{onceTold}},
	{
		name: "a missed webhook of which no list names the application, then its original", connected: true,
		happens: findsThenHears(missed(participant)), want: [][]string{{flagTold + participant, paged + participant + ": open"}},
	},
	{
		name: "a missed webhook of which no list names the application, and its original at once", connected: true,
		happens: findsAndHears(missed(participant)),
		want: [][]string{
			onceTold, {flagTold + participant, paged + participant + ": open"},
			{flagTold + "app_1", paged + participant + ": open"}, {flagTold + participant, paged + "app_1: open"}, // one of them was first with each
		},
	},
	{
		name: "a missed webhook, its original and the approval", connected: true,
		happens: func(w *world) {
			findsThenHears(missed("app_1"))(w)
			w.settles()
			w.post(event(approved, "app_1", 2))
		},
		want: [][]string{{flagTold + "app_1", approval + "app_1", paged + "app_1: resolved"}},
	},
}
