package deletion_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/testkit/mishap"
)

const aPerson = `{"user_id":"usr_` + canary + `"}`

// people keeps three rows of one person.
type people struct {
	plan   *mishap.Plan
	left   int
	asked  string
	repeat int
}

func (p *people) Forget(_ context.Context, of record.Connection, userID string) (int, error) {
	count := 0
	err := p.plan.Do("forget", func() error {
		if !of.Equal(ours) {
			return errors.New("another connection")
		}
		p.asked, count, p.left = userID, p.left, 0
		p.repeat++
		return nil
	})
	return count, err
}

func forgetting(b *bench) func() error {
	return func() error {
		_, err := b.operator.CloseForgetting(b.Context(), b.onlyCase().Value.ID, "their data is deleted", "usr_"+canary)
		return err
	}
}

// However often it fails or dies, the person is forgotten before the request counts as closed, and nothing keeps who it was.
func TestAHeldRequestThatNamesAPersonIsClosedByForgettingThem(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, nil)
		keeps := &people{left: 3}
		b.operator.People, b.operator.Backups = []deletion.People{keeps}, deletion.BackupsOnAWS
		b.requiresWith(ours, 10, aPerson)
		b.run()
		if c := b.onlyCase().Value; c.State != deletion.Held || c.Held != deletion.NamesPerson {
			t.Fatalf("%+v", c)
		}
		keeps.plan = plan
		b.breaks(plan)
		b.tries(forgetting(b))
		b.breaks(nil)
		keeps.plan = nil
		b.run()
		c := b.onlyCase().Value
		if c.State != deletion.Closed || !c.PersonForgotten || c.PersonRecords > 3 || keeps.left != 0 || keeps.asked != "usr_"+canary {
			t.Errorf("%+v; left: %d", c, keeps.left)
		}
		if want := (deletion.Residual{Where: deletion.BackupsOnAWS(c.ClosedAt).Where, Until: c.ClosedAt.Add(7 * oneDay)}); len(c.Residual) != 1 ||
			c.Residual[0].Where != want.Where || c.Residual[0].Until.Before(b.clock.Add(6*oneDay)) {
			t.Errorf("what remains: %+v", c.Residual)
		}
		wantTold(b, closed, 1)
		wantNoCanary(b)
	})
}

func TestTheStatementOfAForgottenPersonSaysWhatRemains(t *testing.T) {
	b := newBench(t, nil)
	b.operator.People, b.operator.Backups = []deletion.People{&people{left: 3}}, deletion.BackupsOnAWS
	b.requiresWith(ours, 10, aPerson)
	b.run()
	if err := forgetting(b)(); err != nil {
		t.Fatal(err)
	}
	b.run()
	wantFact(b, closed, "records of the person deleted", "3")
	var statement strings.Builder
	if err := deletion.WriteStatement(&statement, b.onlyCase().Value, stack); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"records of the person deleted  3", "hold the person's rows, until "} {
		if !strings.Contains(statement.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, statement.String())
		}
	}
}

func TestWhoCannotBeForgottenIsRefusedBeforeAnythingIsDone(t *testing.T) {
	for _, tt := range []struct {
		name, user string
		do         func(b *bench)
		want       error
		says       string
	}{
		{"nobody", "", func(b *bench) { b.requiresWith(ours, 10, aPerson) }, deletion.ErrPerson, "empty"},
		{"another reason", "usr_1", func(b *bench) { b.requiresWith(ours, 10, odd) }, deletion.ErrPerson, "not held because it names a person"},
		{"not held", "usr_1", func(b *bench) { b.requires(ours, 10) }, deletion.ErrState, "only a held one"},
		{"no event", "usr_1", func(b *bench) { b.requiresWith(record.Connection{}, 10, aPerson) }, deletion.ErrPerson, "deletion"},
		{"connections are off", "usr_1", func(b *bench) {
			b.requiresWith(ours, 10, aPerson)
			b.operator.People = nil
		}, deletion.ErrPerson, "connections are off"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			keeps := &people{left: 3}
			b.operator.People = []deletion.People{keeps}
			tt.do(b)
			b.run()
			entry, err := b.operator.CloseForgetting(t.Context(), b.onlyCase().Value.ID, "done", tt.user)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || keeps.left != 3 || entry.Value.State == deletion.Closed {
				t.Errorf("%v; left: %d", err, keeps.left)
			}
		})
	}
}

// What names its user, as a session does, goes with the person, and nothing of another's.
func TestRecordsThatNameTheirUserGoWithThem(t *testing.T) {
	b := newBench(t, nil)
	for id, user := range map[string]string{"1": "usr_1", "2": "usr_1", "3": "usr_2"} {
		rec := record.Record{
			Key: record.Key{Connection: ours, Kind: record.Alert, ID: id}, OccurredAt: noon, User: record.UserKey(ours, user), Data: []byte(`{}`),
		}
		if err := b.records.Put(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
	}
	users := deletion.UserRecords{Records: b.records, Now: func() time.Time { return b.clock }}
	if count, err := users.Forget(t.Context(), ours, "usr_1"); err != nil || count != 2 {
		t.Errorf("%d, %v", count, err)
	}
	if left, err := b.records.Query(t.Context(), ours, ""); err != nil || len(left) != 1 {
		t.Errorf("%d are left, %v", len(left), err)
	}
}
