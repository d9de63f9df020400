// Function digest gathers what need not be told at once, and tells of it on a schedule.
package main

import (
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/aws/function"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring/digestworker"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadDigest(stack.Source)
	if err != nil {
		return nil, err
	}
	engine, err := stack.Engine(s.Common, digestworker.Queues...)
	if err != nil {
		return nil, err
	}
	return awslambda.Worker(digestworker.New(engine, s)), nil
}
