//go:build emulators

package dynamodb

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/test/emulators"
	"revento-alerts/test/faultproxy"
)

// through is the functions' configuration with the proxy before the emulator.
func through(t *testing.T) (aws.Config, *faultproxy.Proxy) {
	t.Helper()
	config := emulators.Hurried(t)
	proxy := faultproxy.New(t, os.Getenv("AWS_ENDPOINT_URL_DYNAMODB"))
	config.ConfigSources = nil
	config.BaseEndpoint = &proxy.URL
	return config, proxy
}

// outcomes are the faults of a call that fails, and what its caller sees of them.
var outcomes = map[string]struct {
	faults []faultproxy.Fault
	class  fault.Class
	reason string
	// stored says that the service did the work all the same.
	stored bool
}{
	"throttled": {
		faults: faultproxy.Twice(faultproxy.Refuse(400, "ThrottlingException", "")),
		class:  fault.Throttled, reason: "ThrottlingException",
	},
	"over the table's throughput": {
		faults: faultproxy.Twice(faultproxy.Refuse(400, "ProvisionedThroughputExceededException", "")),
		class:  fault.Throttled, reason: "ProvisionedThroughputExceededException",
	},
	"the service fails": {
		faults: faultproxy.Twice(faultproxy.Refuse(500, "InternalServerError", "")),
		class:  fault.Transient, reason: "InternalServerError",
	},
	"a permission is missing": {
		faults: faultproxy.Twice(faultproxy.Refuse(400, "AccessDeniedException", "")),
		class:  fault.Transient, reason: "AccessDeniedException",
	},
	"the connection breaks before the request": {
		faults: faultproxy.Twice(faultproxy.LoseRequest),
		class:  fault.Transient, reason: awssdk.ReasonConnection,
	},
	"the service hangs": {
		faults: faultproxy.Twice(faultproxy.Hang),
		class:  fault.Transient, reason: awssdk.ReasonTimeout,
	},
	"the answer breaks off": {
		faults: faultproxy.Twice(faultproxy.HalveAnswer),
		class:  fault.Transient, reason: awssdk.ReasonUnreadable,
		stored: true,
	},
	"the answer is lost, and the second request too": {
		faults: []faultproxy.Fault{faultproxy.LoseAnswer, faultproxy.LoseRequest},
		class:  fault.Transient, reason: awssdk.ReasonConnection,
		stored: true,
	},
}

func newClaim(owner string) ingest.Claim {
	now := time.Now().UTC().Truncate(time.Second)
	return ingest.Claim{
		DeliveryID: rand.Text(),
		Lease:      lease.Take(owner, now, ingest.Lease),
		Identity:   "an event",
		Now:        now,
		Expires:    now.Add(time.Hour),
	}
}

func TestClaimFailures(t *testing.T) {
	table := emulators.Deliveries(t)
	for name, outcome := range outcomes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, proxy := through(t)
			ledger := NewLedger(config, table)
			claim := newClaim("me")

			proxy.Spoil(outcome.faults...)
			_, err := ledger.Claim(t.Context(), claim)
			faultproxy.WantFailure(t, err, outcome.class, outcome.reason)

			// Ingest gives up by a release, after which nothing stands in a retry's way, whether the claim was stored or not.
			err = NewLedger(emulators.Patient(t), table).Release(t.Context(), claim.DeliveryID, claim.Owner)
			if stored := err == nil; stored != outcome.stored || (!stored && !errors.Is(err, lease.ErrNotOwner)) {
				t.Errorf("the release returned %v; the claim was stored: want %t", err, outcome.stored)
			}
			wantNothingStanding(t, table, claim)
		})
	}
}

func wantNothingStanding(t *testing.T, table string, claim ingest.Claim) {
	t.Helper()
	claim.Owner = "another"
	standing, err := NewLedger(emulators.Patient(t), table).Claim(t.Context(), claim)
	if err != nil || standing != nil {
		t.Errorf("the next claim meets %+v, %v; want nothing", standing, err)
	}
}

func TestAClaimWhoseAnswerIsLostFindsItself(t *testing.T) {
	config, proxy := through(t)
	ledger := NewLedger(config, emulators.Deliveries(t))
	claim := newClaim("me")
	proxy.Spoil(faultproxy.LoseAnswer)
	standing, err := ledger.Claim(t.Context(), claim)
	if err != nil {
		t.Fatal(err)
	}
	want := claim.Entry()
	if diff := cmp.Diff(&want, standing); diff != "" {
		t.Errorf("the standing entry (-want +got):\n%s", diff)
	}
}

func TestAMarkWhoseAnswerIsLostSucceeds(t *testing.T) {
	config, proxy := through(t)
	ledger := NewLedger(config, emulators.Deliveries(t))
	claim := newClaim("me")
	mustClaim(t, ledger, claim)
	proxy.Spoil(faultproxy.LoseAnswer)
	if err := ledger.MarkHandedOff(t.Context(), claim.DeliveryID, claim.Owner, claim.Now, claim.Expires); err != nil {
		t.Fatal(err)
	}
}

func TestAReleaseWhoseAnswerIsLostLeavesNothing(t *testing.T) {
	config, proxy := through(t)
	table := emulators.Deliveries(t)
	ledger := NewLedger(config, table)
	claim := newClaim("me")
	mustClaim(t, ledger, claim)
	proxy.Spoil(faultproxy.LoseAnswer)
	if err := ledger.Release(t.Context(), claim.DeliveryID, claim.Owner); !errors.Is(err, lease.ErrNotOwner) {
		t.Errorf("the release returned %v, want %v: the second attempt finds nothing", err, lease.ErrNotOwner)
	}
	wantNothingStanding(t, table, claim)
}

func mustClaim(t *testing.T, ledger *Ledger, claim ingest.Claim) {
	t.Helper()
	if standing, err := ledger.Claim(t.Context(), claim); err != nil || standing != nil {
		t.Fatalf("the claim met %+v, %v", standing, err)
	}
}

func TestLedgerKeepsTheDeadline(t *testing.T) {
	config, proxy := through(t)
	ledger := NewLedger(config, emulators.Deliveries(t))
	claim := newClaim("me")
	for name, call := range map[string]func(context.Context) error{
		"claim": func(ctx context.Context) error {
			_, err := ledger.Claim(ctx, claim)
			return err
		},
		"mark": func(ctx context.Context) error {
			return ledger.MarkHandedOff(ctx, claim.DeliveryID, claim.Owner, claim.Now, claim.Expires)
		},
		"release": func(ctx context.Context) error { return ledger.Release(ctx, claim.DeliveryID, claim.Owner) },
		"note":    func(ctx context.Context) error { return ledger.NoteIgnored(ctx, claim.Entry(), claim.Now) },
		"find": func(ctx context.Context) error {
			_, err := ledger.Find(ctx, claim.DeliveryID, claim.Now)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			proxy.Spoil(faultproxy.Hang)
			faultproxy.WantDeadline(t, awssdk.AttemptTimeout/4, awssdk.ReasonOver, call)
		})
	}
}

func newRecord(id string) record.Record {
	return record.Record{
		Key:        record.Key{Connection: record.Connection{EventID: "evt_" + rand.Text()}, Kind: record.Alert, ID: id},
		OccurredAt: time.Date(2026, 3, 1, 9, 30, 0, 1, time.UTC),
		Data:       []byte(`{}`),
	}
}

func TestPutFailures(t *testing.T) {
	table, tombstones := emulators.Records(t), emulators.Records(t)
	for name, outcome := range outcomes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, proxy := through(t)
			store := NewRecords(config, table, tombstones)
			rec := newRecord("one")

			proxy.Spoil(outcome.faults...)
			faultproxy.WantFailure(t, store.Put(t.Context(), rec), outcome.class, outcome.reason)

			got, err := NewRecords(emulators.Patient(t), table, tombstones).Get(t.Context(), rec.Key)
			if stored := err == nil; stored != outcome.stored || (!stored && !errors.Is(err, record.ErrNotFound)) {
				t.Errorf("get returned %+v, %v; the record was stored: want %t", got, err, outcome.stored)
			}
		})
	}
}

func TestAPutWhoseAnswerIsLostKnowsItsOwnWrite(t *testing.T) {
	config, proxy := through(t)
	store := NewRecords(config, emulators.Records(t), emulators.Records(t))
	rec := newRecord("one")
	for version, doing := range []string{"create", "update"} {
		rec.Version = int64(version)
		proxy.Spoil(faultproxy.LoseAnswer)
		if err := store.Put(t.Context(), rec); err != nil {
			t.Fatalf("%s: %v", doing, err)
		}
	}
	got, err := store.Get(t.Context(), rec.Key)
	if err != nil || got.Version != 2 {
		t.Errorf("the record is %+v, %v; want version 2", got, err)
	}
}

func TestRecordsPutTogetherWhoseAnswerIsLostKnowTheirOwnWrite(t *testing.T) {
	config, proxy := through(t)
	store := NewRecords(config, emulators.Records(t), emulators.Records(t))
	one, two := newRecord("one"), newRecord("two")
	two.Key.Connection = one.Key.Connection
	removal := func(rec record.Record) record.Record {
		rec.Version, rec.Remove = 1, true
		return rec
	}
	for _, step := range []struct {
		doing   string
		records []record.Record
	}{
		{"create one", []record.Record{one}},
		{"replace it by another", []record.Record{removal(one), two}},
		{"remove that", []record.Record{removal(two)}},
	} {
		proxy.Spoil(faultproxy.LoseAnswer)
		if err := store.PutAll(t.Context(), step.records...); err != nil {
			t.Fatalf("%s: %v", step.doing, err)
		}
	}
	left, err := store.Query(t.Context(), one.Key.Connection, "")
	if err != nil || len(left) > 0 {
		t.Errorf("what is left is %+v, %v; want nothing", left, err)
	}
}

func TestAnEqualWriteOfAnotherIsNotOnesOwn(t *testing.T) {
	store := NewRecords(emulators.Patient(t), emulators.Records(t), emulators.Records(t))
	rec := newRecord("one")
	if err := store.Put(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	if err := store.Put(t.Context(), rec); !errors.Is(err, record.ErrChanged) {
		t.Errorf("the second put returned %v, want %v", err, record.ErrChanged)
	}
}

func TestARecordOverTheItemLimitIsRefusedForGood(t *testing.T) {
	rec := newRecord("one")
	rec.Data = bytes.Repeat([]byte("a"), 400<<10)
	for name, store := range map[string]*Records{
		"kept":      NewRecords(emulators.Patient(t), emulators.Records(t), emulators.Records(t)),
		"deletions": NewDeletions(emulators.Patient(t), emulators.Records(t)),
	} {
		if err := store.Put(t.Context(), rec); !fault.Has(err, fault.Permanent) {
			t.Errorf("%s: the error is %v, want a permanent one", name, err)
		}
	}
}

func TestAGatedCreationWhoseAnswerIsLostIsRefused(t *testing.T) {
	config, proxy := through(t)
	tombstones := emulators.Records(t)
	rec := newRecord("one")
	tombstone := record.Record{Key: record.TombstoneKey(rec.Key.Connection), OccurredAt: rec.OccurredAt, Data: []byte(`{}`)}
	if err := NewDeletions(config, tombstones).Put(t.Context(), tombstone); err != nil {
		t.Fatal(err)
	}
	proxy.Spoil(faultproxy.LoseAnswer)
	if err := NewRecords(config, emulators.Records(t), tombstones).Put(t.Context(), rec); !errors.Is(err, record.ErrDeleted) {
		t.Errorf("the creation returned %v, want %v", err, record.ErrDeleted)
	}
}

func TestADeletionWhoseAnswerIsLostFindsNothing(t *testing.T) {
	config, proxy := through(t)
	store := NewRecords(config, emulators.Records(t), emulators.Records(t))
	rec := newRecord("one")
	if err := store.Put(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	proxy.Spoil(faultproxy.LoseAnswer)
	if deleted, err := store.Delete(t.Context(), rec.Key, rec.OccurredAt); deleted || err != nil {
		t.Errorf("the deletion returned %t, %v; want false, as the document says", deleted, err)
	}
	if _, err := store.Get(t.Context(), rec.Key); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("get returned %v, want %v", err, record.ErrNotFound)
	}
}

func TestPurgeFailures(t *testing.T) {
	store := func(config aws.Config) *Records { return NewRecords(config, "none", "none") }
	for doing, call := range map[string]func(context.Context, *Records) error{
		"query": func(ctx context.Context, store *Records) error {
			_, err := store.Query(ctx, record.Connection{}, "")
			return err
		},
		"delete": func(ctx context.Context, store *Records) error {
			_, err := store.Delete(ctx, newRecord("one").Key, time.Unix(1, 0))
			return err
		},
		"list": func(ctx context.Context, store *Records) error {
			_, err := store.List(ctx, record.Deletion)
			return err
		},
	} {
		t.Run(doing, func(t *testing.T) {
			for name, outcome := range outcomes {
				if outcome.stored {
					continue // the second answer is the service's own: there is no such table
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					config, proxy := through(t)
					proxy.Spoil(outcome.faults...)
					faultproxy.WantFailure(t, call(t.Context(), store(config)), outcome.class, outcome.reason)
				})
			}
			t.Run("the deadline passes", func(t *testing.T) {
				config, proxy := through(t)
				proxy.Spoil(faultproxy.Hang)
				faultproxy.WantDeadline(t, awssdk.AttemptTimeout/4, awssdk.ReasonOver, func(ctx context.Context) error { return call(ctx, store(config)) })
			})
		})
	}
}

func TestRecordsKeepTheDeadline(t *testing.T) {
	config, proxy := through(t)
	store := NewRecords(config, emulators.Records(t), emulators.Records(t))
	for name, call := range map[string]func(context.Context) error{
		"get": func(ctx context.Context) error {
			_, err := store.Get(ctx, newRecord("one").Key)
			return err
		},
		"put":          func(ctx context.Context) error { return store.Put(ctx, newRecord("one")) },
		"put together": func(ctx context.Context) error { return store.PutAll(ctx, newRecord("one")) },
	} {
		t.Run(name, func(t *testing.T) {
			proxy.Spoil(faultproxy.Hang)
			faultproxy.WantDeadline(t, awssdk.AttemptTimeout/4, awssdk.ReasonOver, call)
		})
	}
}
