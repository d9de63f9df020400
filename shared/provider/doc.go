// Package provider is the wing of those who tell people: Slack and PagerDuty through their client libraries, and the recorder that
// takes their place where no credential is given, which inprocess lets the same clients call.
//
// Here belongs what knows a provider's API: its limits, its codes, how its messages look. What is to be told, to whom, and what follows
// from an answer belongs to alerting; this wing implements the interfaces that the rules own.
//
// Begin with slack/blocks.go, which draws an alert, and pagerduty/pagerduty.go.
package provider
