// Package mirror_test has the sandbox, the client, the budget, passes, the mirror and its verdicts play together, on clocks that a test
// moves: how long a pass takes at Revento's limits, and whether the mirror ends equal to what it mirrors, whatever happens.
package mirror_test

import (
	"context"
	"encoding/json"

	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/budget"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/echo"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/connection/verdict"
	"revento-alerts/shared/ground/schedule"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/provider/inprocess"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/client"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/revento/sandbox"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
	"revento-alerts/shared/testkit/seeds"
)

const (
	event        = "evt_sandbox_1"
	redirectURI  = "http://127.0.0.1:3000/oauth/callback"
	clientSecret = "client-secret"
	webhookKey   = "whsec_1"
	probeEvery   = 30 * time.Minute
)

// store is where everything is kept.
type store interface {
	connection.Records
	record.Purger
}

// world is Revento and an installation of one connection.
type world struct {
	*testing.T
	*sandbox.Sandbox
	clock     time.Time
	records   store
	deletions record.Store
	queues    *memory.Queues
	of        record.Connection

	registry *connection.Registry
	keeper   *grant.Keeper
	budget   *budget.Budget
	client   *client.Client
	mirror   *mirror.Mirror
	passes   *pass.Passes
	upkeep   *upkeep.Upkeep
	sync     *worker.Worker
	echo     *worker.Worker
	// told are the deliveries of our own that were handed off, by their id, and inOrder the same in their order.
	told    map[string]handoff.Own
	inOrder []handoff.Own
	// plan lets calls go wrong.
	plan *mishap.Plan
	// calls counts those of the read API, and during happens before each of a pass.
	calls  int
	during func()
}

// options are what tests differ in.
type options struct {
	participants int
	schedule     string
	records      store
	deletions    record.Store
	plan         *mishap.Plan
}

var start = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, o options) *world {
	w := &world{T: t, clock: start, records: o.records, deletions: o.deletions, told: map[string]handoff.Own{}, plan: o.plan}
	if w.records == nil {
		kept := memory.NewRecords()
		w.records, w.deletions = kept, kept.Deletions
	}
	var err error
	w.Sandbox, err = sandbox.New(sandbox.Options{
		Now: w.now, WebhookSecret: webhookKey, Send: w.hear, Participants: o.participants,
		Clients: []sandbox.Client{{ID: "client_1", Name: "alerts", Secrets: []string{clientSecret}, RedirectURIs: []string{redirectURI}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	when, err := schedule.Parse(o.schedule, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	w.wire(when)
	w.consents()
	return w
}

func (w *world) now() time.Time { return w.clock }

// wire is what a process is made of.
func (w *world) wire(when schedule.Schedule) {
	secrets := secret.NewHolder(secret.Static(clientSecret), secret.ParseClient, time.Hour, w.now)
	w.client = client.New(client.Options{
		AuthURL: "http://revento.test", APIURL: "http://revento.test" + sandbox.APIPath, ClientID: "client_1", RedirectURI: redirectURI,
		Secrets: secrets, Now: w.now,
	}).Through(w)
	w.queues = memory.NewQueues(w.now)
	kept := mishap.Records{Store: w.records, Plan: w.plan}
	planned := plannedStore{w.records, kept}
	w.registry = &connection.Registry{Records: planned, Deletions: w.deletions}
	log := telemetry.New(io.Discard, telemetry.Options{Now: w.now})
	w.keeper = &grant.Keeper{
		Records: kept, Deletions: w.deletions, Secrets: secrets, Endpoint: w.client, Now: w.now, Log: log,
		Wait:  func(_ context.Context, d time.Duration) error { w.clock = w.clock.Add(d); return nil },
		Rings: ring,
	}
	w.budget = &budget.Budget{Records: kept, Now: w.now, Jitter: func(upTo time.Duration) time.Duration { return upTo / 2 }}
	w.mirror = &mirror.Mirror{Registry: w.registry, Records: planned, Seeds: new(seeds.Memory), Rings: ring, Now: w.now}
	queues := mishap.Queues{Queues: w.queues, Plan: w.plan}
	w.passes = &pass.Passes{
		Registry: w.registry, Records: kept, Mirror: w.mirror, Queues: queues, Schedule: when, Now: w.now,
		Lists: &pass.Calls{Tokens: w.keeper, Budget: w.budget, Read: w.page},
	}
	w.upkeep = &upkeep.Upkeep{
		Registry: w.registry, Records: planned, Queues: queues, Passer: w.passes, Outbox: w, ProbeInterval: probeEvery,
		Prober: &upkeep.EventProber{Tokens: w.keeper, Budget: w.budget, Event: w.event},
		Random: func() float64 { return 0.5 }, Now: w.now,
	}
	w.sync = &worker.Worker{Queue: queue.Sync, Unit: "sync", Chore: w.upkeep, Queues: queues, MaxAge: 96 * time.Hour, Log: log, Now: w.now}
	marks := &echo.Marks{Registry: w.registry, Records: planned, Now: w.now}
	w.echo = &worker.Worker{
		Queue: queue.Mirror, Unit: "mirror", Queues: queues, MaxAge: 96 * time.Hour, Log: log, Now: w.now,
		Chore: &echo.Echo{Mirror: w.mirror, Marks: marks, Now: w.now, Judge: &verdict.Verdicts{
			Registry: w.registry, Passes: w.passes, Mirror: w.mirror, Marks: marks, Outbox: w, Records: kept, Now: w.now,
		}},
	}
}

type rings struct{ ring seal.Ring }

func (r rings) Get(context.Context) (seal.Ring, error)           { return r.ring, nil }
func (r rings) Refresh(context.Context) (seal.Ring, bool, error) { return r.ring, false, nil }

var ring = rings{seal.Ring{}.Add()}

// plannedStore is a store whose reads and writes of single records can go wrong.
type plannedStore struct {
	store
	planned mishap.Records
}

func (s plannedStore) Get(ctx context.Context, key record.Key) (record.Record, error) {
	return s.planned.Get(ctx, key)
}
func (s plannedStore) Put(ctx context.Context, r record.Record) error { return s.planned.Put(ctx, r) }
func (s plannedStore) PutAll(ctx context.Context, r ...record.Record) error {
	return s.planned.PutAll(ctx, r...)
}

// RoundTrip implements http.RoundTripper: the sandbox is in this process. A connection that is cut is an error.
func (w *world) RoundTrip(request *http.Request) (response *http.Response, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			if reason != http.ErrAbortHandler {
				panic(reason)
			}
			response, err = nil, io.ErrUnexpectedEOF
		}
	}()
	return inprocess.Transport(w.Provider()).RoundTrip(request)
}

func (w *world) page(ctx context.Context, access revento.Access, list pass.List, cursor string) (pass.Page, revento.Allowance, error) {
	w.calls++
	if w.during != nil {
		w.during()
	}
	if list == "" {
		event, reply, err := w.client.Event(ctx, access)
		return pass.Page{Documents: []json.RawMessage{event.Document}, Date: reply.Date, Status: event.PublishStatus}, reply.Allowance, err
	}
	listed, reply, err := w.client.List(ctx, access, client.List(list), cursor)
	return pass.Page{Documents: listed.Rows, More: listed.More, Next: listed.Next, Date: reply.Date}, reply.Allowance, err
}

func (w *world) event(ctx context.Context, _ record.Connection, access revento.Access) (revento.Allowance, error) {
	w.calls++
	_, reply, err := w.client.Event(ctx, access)
	return reply.Allowance, err
}

// hear is the webhook: what it takes goes into the mirror's queue.
func (w *world) hear(ctx context.Context, sent sample.Delivery) (int, error) {
	envelope, err := revento.ParseEnvelope(sent.Body)
	if err != nil {
		return 0, err
	}
	message, err := handoff.Delivery{
		ID: sent.Header.Get(revento.HeaderDeliveryID), Envelope: envelope, SignedAt: w.clock, ReceivedAt: w.clock, Body: sent.Body,
	}.Mirror()
	if err != nil {
		return 0, err
	}
	if !revento.IsMirrored(envelope.Type) {
		return http.StatusOK, nil
	}
	return http.StatusOK, w.queues.Send(ctx, queue.Mirror, message)
}

// Deliver implements the outbox. What comes twice under one identity is one.
func (w *world) Deliver(_ context.Context, own handoff.Own) error {
	return w.plan.Do("deliver", func() error {
		if _, again := w.told[own.DeliveryID()]; !again {
			w.told[own.DeliveryID()] = own
			w.inOrder = append(w.inOrder, own)
		}
		return nil
	})
}

// consents does what an organizer, a browser and the callback do.
func (w *world) consents() {
	w.Helper()
	verifier := client.NewVerifier()
	scopes := []string{"event.read", "participants.read", "program.read"}
	location, err := w.Consent(w.client.AuthorizeURL(event, "state_1", verifier, scopes), sandbox.Decision{})
	if err != nil {
		w.Fatal(err)
	}
	back, err := url.Parse(location)
	if err != nil {
		w.Fatal(err)
	}
	tokens, err := w.client.Exchange(w.Context(), back.Query().Get("code"), verifier)
	if err != nil {
		w.Fatal(err)
	}
	w.of = record.Connection{EventID: tokens.EventID, OrganizationID: tokens.OrganizationID}
	given := consent.Given{EventID: tokens.EventID, OrganizationID: tokens.OrganizationID, Scope: tokens.Scope, At: w.clock}
	lives := &life.Lives{
		Registry: &connection.Registry{Records: w.records, Deletions: w.deletions}, Tokens: w.keeper, Client: "client_1", Now: w.now,
	}
	if err := lives.Connect(w.Context(), given, tokens); err != nil {
		w.Fatal(err)
	}
}

// works works on what is in the queues. A worker that dies leaves its message there.
func (w *world) works() {
	w.Helper()
	for range 10_000 {
		if !w.receives(w.echo) && !w.receives(w.sync) {
			return
		}
	}
	w.Fatal("the queues are never empty")
}

// receives works on one message, and says whether there was one.
func (w *world) receives(by *worker.Worker) bool {
	w.Helper()
	received, ok, err := w.queues.Receive(w.Context(), by.Queue, by.Queue.Entry().Visibility())
	if err != nil {
		w.Fatal(err)
	}
	if !ok {
		return false
	}
	done := false
	mishap.Died(func() { done = by.Handle(w.Context(), received) })
	if done {
		if err := w.queues.Delete(w.Context(), by.Queue, received.Handle); err != nil {
			w.Fatal(err)
		}
	}
	return true
}

// goes lets time go by, with a tick every five minutes, until something is so.
func (w *world) goes(most, step time.Duration, until func() bool) {
	w.Helper()
	ticked := w.clock
	for end := w.clock.Add(most); w.clock.Before(end); {
		w.works()
		if until() {
			return
		}
		w.clock = w.clock.Add(step)
		_ = w.Flush(w.Context())
		if w.clock.Sub(ticked) >= upkeep.TickInterval {
			ticked = w.clock
			mishap.Died(func() { _, _ = w.upkeep.Tick(w.Context()) })
		}
	}
	w.works()
}

func (w *world) stands() pass.Standing {
	w.Helper()
	standing, err := (&pass.Passes{Registry: &connection.Registry{Records: w.records, Deletions: w.deletions}, Records: w.records, Now: w.now}).Load(w.Context(), w.of)
	if err != nil {
		w.Fatal(err)
	}
	return standing
}
