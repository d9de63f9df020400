// Package webhook wires the function ingest, which takes deliveries in.
package webhook

import (
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
)

// Queues are those that the function reaches.
func Queues(s settings.Ingest) []queue.Name {
	queues := []queue.Name{queue.Slack, queue.PagerDuty, queue.Digest, queue.Deletion}
	if s.Connected {
		queues = append(queues, queue.Mirror)
	}
	return queues
}

// New wires it.
func New(engine wiring.Engine, s settings.Ingest, secrets ingest.Secrets) *ingest.Ingest {
	return &ingest.Ingest{
		Stack:        s.Stack,
		Tolerance:    s.SignatureTolerance,
		BodyLimit:    s.BodyLimit,
		DedupeWindow: s.DedupeWindow,
		Routes:       s.Routes,
		Secrets:      secrets,
		Ledger:       engine.Ledger,
		Queues:       engine.Queues,
		Mirrors:      s.Connected,
		Replays:      ingest.NewReplays(),
		Skews:        new(ingest.Skews),
		Log:          engine.Log,
		Now:          engine.Now,
	}
}

// Outbox takes in deliveries of our own. It verifies nothing, and so needs no secret.
func Outbox(engine wiring.Engine, s settings.Ingest) *ingest.Ingest {
	return &ingest.Ingest{
		Stack: s.Stack, DedupeWindow: s.DedupeWindow, Routes: s.Routes, Ledger: engine.Ledger, Queues: engine.Queues, Log: engine.Log, Now: engine.Now,
	}
}
