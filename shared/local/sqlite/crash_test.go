package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/lease"
)

// childVariable makes the test binary the process that gets killed; its value is the data folder.
const childVariable = "SQLITE_TEST_CHILD_DATA"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		if err := writeForever(context.Background(), dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeForever writes from several goroutines and prints the id of each write that was acknowledged.
func writeForever(ctx context.Context, dir string) error {
	engine, err := Open(ctx, dir, time.Now)
	if err != nil {
		return err
	}
	failures := make(chan error)
	for writer := range 8 {
		go func() {
			for number := 0; ; number++ {
				id := fmt.Sprintf("%d-%d", writer, number)
				if err := writeAll(ctx, engine, id); err != nil {
					failures <- err
					return
				}
				fmt.Println(id)
			}
		}()
	}
	return <-failures
}

func writeAll(ctx context.Context, engine *Engine, id string) error {
	claim := crashClaim(id)
	if _, err := engine.Ledger.Claim(ctx, claim); err != nil {
		return err
	}
	if err := engine.Queues.Send(ctx, queue.Slack, queue.Message{Body: id, Group: id, DeduplicationID: id}); err != nil {
		return err
	}
	if err := engine.Records.Put(ctx, record.Record{Key: record.Key{ID: id}, Data: []byte(id)}); err != nil {
		return err
	}
	return engine.Ledger.MarkHandedOff(ctx, id, claim.Owner, claim.Now, claim.Expires)
}

func crashClaim(id string) ingest.Claim {
	now := time.Now()
	return ingest.Claim{DeliveryID: id, Lease: lease.Take("child", now, time.Hour), Identity: "event", Now: now, Expires: now.Add(time.Hour)}
}

func TestWhatWasAcknowledgedOutlivesAKilledProcess(t *testing.T) {
	dir := t.TempDir()
	acknowledged := killWhileWriting(t, dir, 200)

	engine := openTest(t, dir, time.Now)
	sent := map[string]bool{}
	for received := range drain(t, engine) {
		if sent[received] {
			t.Errorf("message %s is there twice", received)
		}
		sent[received] = true
	}
	for _, id := range acknowledged {
		standing, err := engine.Ledger.Claim(t.Context(), crashClaim(id))
		if err != nil {
			t.Fatal(err)
		}
		if standing == nil || standing.State != ingest.HandedOff {
			t.Errorf("delivery %s: the ledger has %+v, want it handed off", id, standing)
		}
		if stored, err := engine.Records.Get(t.Context(), record.Key{ID: id}); err != nil || string(stored.Data) != id {
			t.Errorf("record %s is %q, %v", id, stored.Data, err)
		}
		if !sent[id] {
			t.Errorf("message %s is lost", id)
		}
	}
}

// killWhileWriting starts a process that writes, checks that the folder is its own, kills it after so many
// acknowledgements at least, and returns them all.
func killWhileWriting(t *testing.T, dir string, atLeast int) (acknowledged []string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+dir)
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kill := sync.OnceFunc(func() {
		if err := child.Process.Kill(); err != nil {
			t.Errorf("kill: %v", err)
		}
	})
	defer kill()
	for lines := bufio.NewScanner(output); lines.Scan(); {
		acknowledged = append(acknowledged, lines.Text())
		switch len(acknowledged) {
		case 1:
			if _, err := Open(t.Context(), dir, time.Now); !errors.Is(err, ErrInUse) {
				t.Errorf("Open while another process writes: %v, want ErrInUse", err)
			}
		case atLeast:
			kill()
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Errorf("the process ended with %v, want it killed", err)
	}
	if len(acknowledged) < atLeast {
		t.Fatalf("the process acknowledged %d writes, want %d", len(acknowledged), atLeast)
	}
	return acknowledged
}

// drain yields the bodies of what can be received from the queue for Slack.
func drain(t *testing.T, engine *Engine) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for {
			received, ok, err := engine.Queues.Receive(t.Context(), queue.Slack, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if !ok || !yield(received.Body) {
				return
			}
		}
	}
}
