// Package alerting is the wing of a delivery's way, from the webhook to the message that a person reads: ingest takes it in, route decides
// where it goes, queue and handoff carry it, worker works on it, thread, incident and digest tell it; meeting has a webhook and its
// stand-in told once; record remembers; subject says whom a request about data concerns.
//
// Here belong rules. No technology does: how Slack, DynamoDB or a file are spoken to is behind interfaces that the rules own, and the wings
// provider, aws and local implement them.
//
// Begin with ingest/ingest.go (when a delivery is new, a duplicate, or refused), then worker/worker.go.
package alerting
