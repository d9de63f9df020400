package pass_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/schedule"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
	"revento-alerts/shared/testkit/seeds"
)

var (
	of   = record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
	noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
)

const allScopes = "event.read participants.read program.read"

// bench is the passes of one connection, with the real registry and mirror. Revento's lists and the queue are its own.
type bench struct {
	*testing.T
	*pass.Passes
	registry *connection.Registry
	records  *memory.Records
	mirror   *mirror.Mirror
	clock    time.Time
	// pages are the lists, by name; the event is the list "". asked are the calls, as "participants c1".
	pages map[pass.List][]pass.Page
	asked []string
	// fails is what the next calls fail with.
	fails []error
	// during happens while a call is under way.
	during func(asked string)
	// markers are in the queue, each once.
	markers []queue.Message
	plan    *mishap.Plan
}

type rings struct{ ring seal.Ring }

func (r rings) Get(context.Context) (seal.Ring, error)           { return r.ring, nil }
func (r rings) Refresh(context.Context) (seal.Ring, bool, error) { return r.ring, false, nil }

var ring = rings{seal.Ring{}.Add()}

func newBench(t *testing.T, plan *mishap.Plan) *bench {
	daily, err := schedule.Parse("cron(0 4 * * ? *)", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, records: memory.NewRecords(), clock: noon, pages: map[pass.List][]pass.Page{}, plan: plan}
	now := func() time.Time { return b.clock }
	b.registry = &connection.Registry{Records: b.records, Deletions: b.records.Deletions}
	b.mirror = &mirror.Mirror{Registry: b.registry, Records: b.records, Seeds: new(seeds.Memory), Rings: ring, Now: now}
	b.Passes = &pass.Passes{
		Registry: b.registry, Records: mishap.Records{Store: b.records, Plan: plan}, Mirror: b, Lists: b, Queues: b, Schedule: daily, Now: now,
	}
	b.consents(allScopes)
	b.lists("", `{"id":"evt_1","name":"Summit","publish_status":"published"}`)
	b.lists("participants", `{"id":"ptp_1"}`, `{"id":"ptp_2"}`, `{"id":"ptp_3"}`)
	b.lists("activities", `{"id":"act_1"}`)
	b.lists("threads", `{"id":"thr_1"}`)
	b.lists("locations")
	b.lists("registration-waves", `{"id":"wav_1"}`)
	b.lists("program", `{"id":"slot_1"}`, `{"id":"slot_2"}`)
	return b
}

// lists gives a list its documents, two on a page. Their cursors are "c1" and so on.
func (b *bench) lists(list pass.List, documents ...string) {
	var pages []pass.Page
	for len(documents) > 0 || pages == nil {
		page := pass.Page{Status: "published"}
		for i := 0; i < 2 && len(documents) > 0; i++ {
			page.Documents = append(page.Documents, json.RawMessage(documents[0]))
			documents = documents[1:]
		}
		if page.More = len(documents) > 0; page.More {
			page.Next = fmt.Sprintf("c%d", len(pages)+1)
		}
		pages = append(pages, page)
	}
	b.pages[list] = pages
}

// consents has an organizer consent.
func (b *bench) consents(scope string) {
	b.Helper()
	_, err := b.registry.Change(b.Context(), of, func(s connection.Standing) (connection.Info, []record.Record, error) {
		next, err := s.Consented(connection.Consent{At: b.clock, Scope: scope})
		next.Due = b.clock
		return next, nil, err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// Page implements pass.Lists. Revento's clock is three seconds ahead.
func (b *bench) Page(_ context.Context, asked record.Connection, list pass.List, cursor string) (page pass.Page, err error) {
	err = b.plan.Do("page", func() error {
		name := strings.TrimSpace(string(list) + " " + cursor)
		b.asked = append(b.asked, name)
		if b.during != nil {
			b.during(name)
		}
		if len(b.fails) > 0 {
			failure := b.fails[0]
			if b.fails = b.fails[1:]; failure != nil {
				return failure
			}
		}
		index := 0
		_, _ = fmt.Sscanf(cursor, "c%d", &index)
		page = b.pages[list][index]
		page.Date = b.clock.Add(3 * time.Second).Truncate(time.Second)
		return nil
	})
	if !asked.Equal(of) {
		b.Errorf("it asks about %+v", asked)
	}
	return page, err
}

// Read implements pass.Mirror.
func (b *bench) Read(ctx context.Context, page mirror.Page) (counts mirror.PageCounts, err error) {
	err = b.plan.Do("mirror", func() error {
		counts, err = b.mirror.Read(ctx, page)
		return err
	})
	return counts, err
}

// Send implements queue.Sender.
func (b *bench) Send(_ context.Context, name queue.Name, message queue.Message) error {
	return b.plan.Do("send", func() error {
		if name != queue.Mirror || message.Group != of.Partition() {
			b.Errorf("sent to %s: %+v", name, message)
		}
		for _, sent := range b.markers {
			if sent.DeduplicationID == message.DeduplicationID {
				return nil
			}
		}
		b.markers = append(b.markers, message)
		return nil
	})
}

func (b *bench) standing() connection.Standing {
	b.Helper()
	s, err := b.registry.Read(b.Context(), of)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// goes goes on with what is due.
func (b *bench) goes() pass.Progress {
	b.Helper()
	progress, err := b.Go(b.Context(), b.standing())
	if err != nil {
		b.Fatal(err)
	}
	return progress
}

func (b *bench) stands() pass.Standing {
	b.Helper()
	standing, err := b.Load(b.Context(), of)
	if err != nil {
		b.Fatal(err)
	}
	return standing
}

func (b *bench) wants(number int64, state pass.State, reason string) {
	b.Helper()
	got := b.stands()
	if got.Number != number || got.State != state || got.Reason != reason {
		b.Errorf("pass %d is %s (%s), want %d %s (%s)", got.Number, got.State, got.Reason, number, state, reason)
	}
}

func (b *bench) wantsDue(want time.Time) {
	b.Helper()
	due, err := b.Due(b.Context(), b.standing())
	if err != nil || !due.Equal(want) {
		b.Errorf("due at %s, want %s: %v", due, want, err)
	}
}

// judges has a pass judged.
func (b *bench) judges(confirm bool, held *pass.Held) {
	b.Helper()
	if err := b.Judged(b.Context(), of, b.stands().Number, confirm, held); err != nil {
		b.Fatal(err)
	}
}

// rows are the ids of the rows of a thing, and the passes that saw them last.
func (b *bench) rows(thing mirror.Thing) map[string]int64 {
	b.Helper()
	found := map[string]int64{}
	for row, err := range b.mirror.Rows(b.Context(), of, thing) {
		if err != nil {
			b.Fatal(err)
		}
		found[row.ID] = row.LastSeen.Pass
	}
	return found
}

var errStore = errors.New("the store is down")
