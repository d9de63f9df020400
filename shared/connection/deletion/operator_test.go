package deletion_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/testkit/mishap"
)

func TestAHeldRequestIsClosedWithANote(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, nil)
		b.requiresWith(ours, 10, `{"user_id":"CANARY"}`)
		b.run()
		id := b.onlyCase().Value.ID
		b.breaks(plan)
		b.tries(func() error {
			_, err := b.operator.Close(t.Context(), id[:deletion.MinPrefix], " Deleted by hand.\n")
			return err
		})
		b.run()
		c := b.onlyCase().Value
		if c.State != deletion.Closed || c.Note != "Deleted by hand." || c.ClosedAt.IsZero() {
			t.Errorf("the case: %+v", c)
		}
		wantLines(t, "Slack", b.slack.shows(), held, "  "+closed)
		wantLines(t, "open", b.pager.shows())
		b.requiresWith(ours, 10, `{"user_id":"CANARY"}`)
		b.run()
		wantLines(t, "after it came again", text(b.states()), "closed")
		wantNoCanary(b)
	})
}

// tries does what a person does again where it fails.
func (b *bench) tries(do func() error) {
	b.Helper()
	for range 5 {
		var err error
		if died := mishap.Died(func() { err = do() }); !died && err == nil {
			return
		}
	}
	b.Fatal("it never succeeds")
}

func TestADeletionIsBroughtForward(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, nil)
		b.happens(ours, "flag@1")
		b.requires(ours, 10)
		b.run()
		due := b.onlyCase().Value.Due
		b.breaks(plan)
		b.tries(func() error {
			_, err := b.operator.DeleteNow(t.Context(), b.onlyCase().Value.ID)
			return err
		})
		b.run()
		b.wantKept(ours, 10, 0, 0)
		finished := b.onlyCase()
		if c := finished.Value; c.State != deletion.Finished || !c.Due.Equal(due) || c.FinishedAt.Sub(c.BroughtForwardAt) > time.Hour {
			t.Errorf("the case: %+v", c)
		}
		b.graceEnds() // the schedule fires as well
		if b.onlyCase().Version != finished.Version {
			t.Errorf("the schedule changed it: %+v", b.onlyCase().Value)
		}
		wantTold(b, deleted, 1)
		wantLines(t, "open", b.pager.shows())
		b.wantNothingParked()
	})
}

func TestAScheduleThatFiresLongAfterTheEndTellsNothing(t *testing.T) {
	b := newBench(t, nil)
	b.task.Grace = 365 * oneDay
	b.requires(ours, 10)
	b.run()
	if _, err := b.operator.DeleteNow(t.Context(), b.onlyCase().Value.ID); err != nil {
		t.Fatal(err)
	}
	b.run()
	b.passes(36 * oneDay)
	b.passes(365 * oneDay) // what is known of alerts has expired by then
	b.log.Reset()
	b.run()
	wantOutcome(b, `"purge_duplicate":1`)
	if strings.Contains(b.log.String(), "alert_") {
		t.Errorf("it was told again: %s", b.log.String())
	}
}

func TestAStopThatNeverEndedIsMadeUpForWhereThePurgeIsBroughtForward(t *testing.T) {
	b := newBench(t, nil)
	b.happens(ours, "flag@1")
	b.run()
	b.breaks(mishap.At(6, mishap.DiesBefore)) // the case is filed by then
	b.requires(ours, 10)
	b.workOnceAndGiveUp()
	b.breaks(nil)
	if c := b.onlyCase().Value; c.State != deletion.Requested {
		t.Fatalf("the case: %+v", c)
	}
	if _, err := b.operator.DeleteNow(t.Context(), b.onlyCase().Value.ID); err != nil {
		t.Fatal(err)
	}
	b.run()
	b.wantKept(ours, 10, 0, 0)
	wantLines(t, "open", b.pager.shows())
	if c := b.onlyCase().Value; c.State != deletion.Finished || c.Resolved != 1 {
		t.Errorf("the case: %+v", c)
	}
}

func TestAFinishedDeletionIsRepeatedAfterABackupWasRestored(t *testing.T) {
	b := newBench(t, nil)
	b.happens(ours, "flag@1")
	b.run()
	backup, err := b.records.Query(t.Context(), ours, "")
	if err != nil {
		t.Fatal(err)
	}
	b.requires(ours, 10)
	b.run()
	b.graceEnds()
	b.run()
	first := b.onlyCase().Value
	restore(b, backup)
	if _, err := b.operator.DeleteNow(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	b.run()
	b.wantKept(ours, 10, 0, 0)
	second := b.onlyCase().Value
	if second.State != deletion.Finished || second.Repeats != 1 || !second.Due.Equal(first.Due) || second.RepeatedAt.Before(first.FinishedAt) || !second.FinishedAt.After(first.FinishedAt) {
		t.Errorf("the case: %+v", second)
	}
	for kind, count := range first.Found {
		if second.Found[kind] != 2*count {
			t.Errorf("%d %s records were deleted in all, want %d twice", second.Found[kind], kind, count)
		}
	}
	wantTold(b, deleted, 2)
}

// restore brings records back past the tombstone, as a restored table does.
func restore(b *bench, backup []record.Record) {
	b.Helper()
	deletions := b.records.Deletions
	b.records.Deletions = nil
	defer func() { b.records.Deletions = deletions }()
	for _, rec := range backup {
		rec.Version = 0
		if err := b.records.Put(b.Context(), rec); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWhatAnOperatorCannotDo(t *testing.T) {
	long := strings.Repeat("x", 1001)
	for _, tt := range []struct {
		name string
		set  func(b *bench)
		do   func(b *bench, id string) error
		want error
		says string
	}{
		{"delete a held one", requestHeld, now, deletion.ErrState, "is held"},
		{"delete none", requestHeld, nowOf(""), deletion.ErrNotFound, "deletions list"},
		{"delete an unknown one", requestHeld, nowOf("xyz"), deletion.ErrNotFound, `"xyz" is no id`},
		{"delete one by a beginning that is none's", requestHeld, nowOf("xyzxyzxyz"), deletion.ErrNotFound, `names 0 deletions`},
		{"delete one by a short beginning of it", requestScheduled, nowBeginning(1), deletion.ErrNotFound, "at least its first 8"},
		{"delete one by a beginning of it that is a letter too short", requestScheduled, nowBeginning(7), deletion.ErrNotFound, "at least its first 8"},
		{"close a scheduled one", requestScheduled, closeWith("done"), deletion.ErrState, "is scheduled"},
		{"close a finished one", requestFinished, closeWith("done"), deletion.ErrState, "is finished"},
		{"close without a note", requestHeld, closeWith(" \n"), deletion.ErrNote, "1 to 1000 bytes"},
		{"close with a long note", requestHeld, closeWith(long), deletion.ErrNote, "1 to 1000 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			tt.set(b)
			before := b.cases()
			err := tt.do(b, before[0].Value.ID)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the error: %v", err)
			}
			for i, after := range b.cases() {
				if after.Version != before[i].Version {
					t.Errorf("it changed %+v", after.Value)
				}
			}
		})
	}
}

func TestTheBeginningOfAnIDHasToNameOneDeletion(t *testing.T) {
	b := newBench(t, nil)
	for _, id := range []string{"aaaaaaaa00000001", "aaaaaaaa00000002", "aaaaaaaab0000003", "cccccccc"} {
		b.has(deletion.Case{ID: id, EventID: "evt_" + id, State: deletion.Scheduled, RequestedAt: b.clock})
	}
	for id, want := range map[string]string{
		"aaaaaaaa00000001": "aaaaaaaa00000001", "aaaaaaaab": "aaaaaaaab0000003", "cccccccc": "cccccccc",
		"aaaaaaaa": "", "aaaaaaaa0000000": "", "a": "", "": "", "ccccccc": "", "cccccccc0": "", "AAAAAAAAB": "",
	} {
		found, err := b.operator.Find(t.Context(), id)
		if found.Value.ID != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, deletion.ErrNotFound) {
			t.Errorf("%q names %q, want %q: %v", id, found.Value.ID, want, err)
		}
	}
}

// has stores a case.
func (b *bench) has(c deletion.Case) {
	b.Helper()
	key := record.Key{Connection: c.Connection(), Kind: record.Deletion, ID: c.ID}
	if _, err := record.Save(b.Context(), b.records.Deletions, deletion.Entry{Record: record.Record{Key: key}, Value: c}); err != nil {
		b.Fatal(err)
	}
}

func requestHeld(b *bench)      { b.requiresWith(ours, 10, `{"user_id":1}`); b.run() }
func requestScheduled(b *bench) { b.requires(ours, 10); b.run() }
func requestFinished(b *bench)  { requestScheduled(b); b.graceEnds() }

func now(b *bench, id string) error {
	_, err := b.operator.DeleteNow(b.Context(), id)
	return err
}

func nowOf(id string) func(*bench, string) error {
	return func(b *bench, _ string) error { return now(b, id) }
}

// nowBeginning asks for a deletion by the first letters of its id.
func nowBeginning(letters int) func(*bench, string) error {
	return func(b *bench, id string) error { return now(b, id[:letters]) }
}

func closeWith(note string) func(*bench, string) error {
	return func(b *bench, id string) error {
		_, err := b.operator.Close(b.Context(), id, note)
		return err
	}
}

// Where a table is all that is left, no command lists the ids.
func TestAnUnknownIDNamesTheCommandThatListsThemIfThereIsOne(t *testing.T) {
	b := newBench(t, nil)
	of := installation.OnMachine("/srv/alerts")
	for _, id := range []string{"f", "ffffffffffffffff"} {
		b.operator.Installation = &of
		if _, err := b.operator.Find(t.Context(), id); err == nil || !strings.Contains(err.Error(), "'revento-alerts deletions list --data /srv/alerts'") {
			t.Errorf("%s: %v", id, err)
		}
		b.operator.Installation = nil
		if _, err := b.operator.Find(t.Context(), id); err == nil || strings.Contains(err.Error(), "list") {
			t.Errorf("%s of a table: %v", id, err)
		}
	}
}
