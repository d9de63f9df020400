package sqlite

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/testkit/conformance"
)

// connections are all that the engine has open: the writer, then the readers.
func connections(engine *Engine) []*session {
	all := []*session{engine.writer}
	for range cap(engine.readers) {
		reader := <-engine.readers
		all = append(all, reader)
		engine.readers <- reader
	}
	return all
}

// Each setting is what a promise rests on: synchronous, that a power cut loses nothing that was answered; secure_delete, that
// nothing stays of what was deleted.
func TestEachConnectionHasItsSettings(t *testing.T) {
	engine := openTest(t, t.TempDir(), time.Now)
	want := map[string]string{
		"journal_mode": "wal", "synchronous": "2", "fullfsync": "1", "secure_delete": "1", "temp_store": "2", "busy_timeout": "2000",
		"trusted_schema": "0", "cell_size_check": "1", "locking_mode": "normal", "auto_vacuum": "0", "query_only": "0",
		"max_page_count": "16777215", "page_size": "4096",
	}
	for number, s := range connections(engine) {
		for pragma, value := range want {
			var got string
			if err := s.row("PRAGMA "+pragma, nil, &got); err != nil || got != value {
				t.Errorf("connection %d: %s is %q, %v; want %q", number, pragma, got, err, value)
			}
		}
	}
}

func TestAReaderCannotWrite(t *testing.T) {
	engine := openTest(t, t.TempDir(), time.Now)
	readers := connections(engine)[1:]
	if len(readers) != readerCount || slices.Contains(readers, engine.writer) {
		t.Fatalf("there are %d readers, want %d", len(readers), readerCount)
	}
	for _, s := range readers {
		if _, err := s.exec("DELETE FROM message"); err == nil {
			t.Error("a reader deleted")
		}
	}
}

// busy has the working goroutine in the midst of a transaction that has changed something, until the result is called.
func busy(t *testing.T, engine *Engine) (release func()) {
	t.Helper()
	begun, wait, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		_, err := do(t.Context(), engine, func(s *session) (struct{}, error) {
			_, err := s.exec("DELETE FROM message")
			close(begun)
			<-wait
			return struct{}{}, err
		})
		ended <- err
	}()
	<-begun
	return func() {
		close(wait)
		if err := <-ended; err != nil {
			t.Errorf("the transaction: %v", err)
		}
	}
}

func TestReadsDoNotWaitForWhatIsBeingWritten(t *testing.T) {
	engine := openTest(t, t.TempDir(), conformance.NewClock().Now)
	mustSend(t, engine, queue.Slack, "one")
	rec := record.Record{Key: record.Key{Kind: record.Alert, ID: "one"}, Pending: "list", Data: []byte("{}")}
	if err := errors.Join(engine.Records.Put(t.Context(), rec), engine.Deletions.Put(t.Context(), rec)); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Ledger.Claim(t.Context(), crashClaim("one")); err != nil {
		t.Fatal(err)
	}
	release := busy(t, engine)
	defer release()

	waiting, _, err := engine.Queues.Depth(t.Context(), queue.Slack)
	if err != nil || waiting != 1 {
		t.Errorf("%d messages wait, %v; want 1: what is not committed does not count", waiting, err)
	}
	if err := engine.Queues.Wait(t.Context(), queue.Slack); err != nil {
		t.Errorf("wait: %v", err)
	}
	if _, err := engine.Records.Get(t.Context(), rec.Key); err != nil {
		t.Errorf("get: %v", err)
	}
	found, err := engine.Records.Query(t.Context(), rec.Key.Connection, "")
	if err != nil || len(found) != 1 {
		t.Errorf("query: %d records, %v", len(found), err)
	}
	found, err = record.Collect(engine.Records.Pending(t.Context(), "list"))
	if err != nil || len(found) != 1 {
		t.Errorf("pending: %d records, %v", len(found), err)
	}
	found, err = engine.Deletions.List(t.Context(), record.Alert)
	if err != nil || len(found) != 1 {
		t.Errorf("list: %d records, %v", len(found), err)
	}
	if _, err := engine.Ledger.Find(t.Context(), "one", crashClaim("one").Now); err != nil {
		t.Errorf("find: %v", err)
	}
	entries, _, err := engine.Ledger.Recent(t.Context(), crashClaim("one").Now, 1, "")
	if err != nil || len(entries) != 1 {
		t.Errorf("recent: %d entries, %v", len(entries), err)
	}
}

func TestMoreReadsThanReadersWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := openTest(t, t.TempDir(), time.Now)
		wait := make(chan struct{})
		results := make(chan error)
		for range 2 * readerCount {
			go func() {
				_, err := read(t.Context(), engine, func(*session) (struct{}, error) {
					<-wait
					return struct{}{}, nil
				})
				results <- err
			}()
		}
		synctest.Wait()
		close(wait)
		for range 2 * readerCount {
			if err := <-results; err != nil {
				t.Errorf("a read: %v", err)
			}
		}
	})
}

func TestCloseWaitsForWhoReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := openTest(t, t.TempDir(), time.Now)
		wait, results := make(chan struct{}), make(chan error)
		go func() {
			_, err := read(t.Context(), engine, func(s *session) (count int, err error) {
				<-wait
				err = s.row("SELECT count(*) FROM message", nil, &count)
				return count, err
			})
			results <- err
		}()
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- engine.Close() }()
		synctest.Wait()
		select {
		case err := <-closed:
			t.Fatalf("Close returned %v while somebody read", err)
		default:
		}
		close(wait)
		if err := errors.Join(<-results, <-closed); err != nil {
			t.Error(err)
		}
		if _, _, err := engine.Queues.Depth(t.Context(), queue.Slack); !errors.Is(err, ErrClosed) {
			t.Errorf("a read after Close: %v, want ErrClosed", err)
		}
	})
}

// Depth and Browse cost what their queue holds, however much the others hold.
func TestAQueueIsReadByItsIndex(t *testing.T) {
	engine := openTest(t, t.TempDir(), time.Now)
	for _, query := range []string{browse, depthOf} {
		var plan string
		_, err := read(t.Context(), engine, func(s *session) (struct{}, error) {
			var id, parent, unused int
			return struct{}{}, s.row("EXPLAIN QUERY PLAN "+query, []any{queue.Slack, queue.Slack, 1}, &id, &parent, &unused, &plan)
		})
		if err != nil || !strings.Contains(plan, "SEARCH message USING INDEX message_queue") {
			t.Errorf("the plan is %q, %v; want a search of the index", plan, err)
		}
	}
}
