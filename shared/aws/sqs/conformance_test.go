//go:build emulators

package sqs

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/testkit/conformance"
	"revento-alerts/test/emulators"
)

func TestConformance(t *testing.T) {
	const maxReceives = 3
	conformance.Queues(t, func(t *testing.T) conformance.Engine {
		queues := New(emulators.Patient(t), emulators.Queues(t, maxReceives, queue.Names...))
		queues.receiveWait = 0 // the emulator is one server, which knows at once what it has
		return conformance.Engine{
			Queues:      queues,
			Now:         time.Now,
			Advance:     func(d time.Duration) { <-time.After(d) }, // the emulator's clock cannot be moved
			MaxReceives: maxReceives,
		}
	}, conformance.Exempt{
		"a deduplication id is remembered for five minutes from its sending": "takes five minutes of real time",
		"attributes count towards a message's size":                          "the emulator counts the body alone; SQS counts both",
		"a message of a FIFO queue keeps its group when it moves, and the next of its group comes": "the emulator's receipt that " +
			"moves a message gives nothing, the one after it the next of the group",
	})
}
