package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/testkit/memory"
)

var hexDigits = regexp.MustCompile(`^[0-9a-f]{64}$`)

func TestPartitionsAreDistinctAndHoldNoID(t *testing.T) {
	long := strings.Repeat("é", 1000)
	connections := []record.Connection{
		{},
		{EventID: "evt_1"},
		{OrganizationID: "evt_1"},
		{EventID: "evt_1", OrganizationID: "org_1"},
		{EventID: "evt_1org_1"},
		{EventID: "evt_1/org_1"},
		{EventID: "evt_", OrganizationID: "1org_1"},
		{EventID: long},
		{EventID: long, OrganizationID: "org_1"},
		{EventID: long + "x"},
	}
	seen := map[string]record.Connection{}
	for _, connection := range connections {
		partition := connection.Partition()
		if other, taken := seen[partition]; taken {
			t.Errorf("%+v and %+v share %q", connection, other, partition)
		}
		seen[partition] = connection
		if !hexDigits.MatchString(partition) {
			t.Errorf("%+v has the partition %q, want 64 hex digits", connection, partition)
		}
	}
}

// A partition that changed would lose everything that is stored under it.
func TestAPartitionStaysTheSame(t *testing.T) {
	const want = "c734c2758b0477fa159e645b7bd70dcdf52773e0e00a03aa7417a70cbd07b643"
	if got := (record.Connection{EventID: "evt_1", OrganizationID: "org_1"}).Partition(); got != want {
		t.Errorf("the partition is %s, want %s", got, want)
	}
}

type note struct {
	Text string `json:"text"`
}

var key = record.Key{Connection: record.Connection{EventID: "evt_1"}, Kind: record.Alert, ID: "a"}

func TestSaveAndLoad(t *testing.T) {
	store, ctx := memory.NewRecords(), t.Context()
	entry, err := record.Load[note](ctx, store, key)
	if err != nil || entry.Version != 0 || entry.Key != key {
		t.Fatalf("a new record: %+v, %v", entry, err)
	}
	for i, text := range []string{"one", "two"} {
		entry.Value.Text = text
		if entry, err = record.Save(ctx, store, entry); err != nil {
			t.Fatal(err)
		}
		if want := int64(i + 1); entry.Version != want {
			t.Errorf("version %d, want %d", entry.Version, want)
		}
	}
	loaded, err := record.Load[note](ctx, store, key)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(entry, loaded); diff != "" {
		t.Error(diff)
	}
}

func TestAWriteDecidedOnAnOldVersionIsRefusedAndTransient(t *testing.T) {
	store, ctx := memory.NewRecords(), t.Context()
	mine, err := record.Load[note](ctx, store, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := record.Save(ctx, store, mine); err != nil {
		t.Fatal(err)
	}
	_, err = record.Save(ctx, store, mine)
	if !errors.Is(err, record.ErrChanged) || !fault.Has(err, fault.Transient) {
		t.Errorf("the second writer: %v", err)
	}
}

func TestLoadRefusesWhatItCannotRead(t *testing.T) {
	for name, data := range map[string]string{
		"not JSON":         "CANARY",
		"another form":     `{"schema":1,"value":"CANARY"}`,
		"a schema to come": `{"schema":2,"value":{"text":"CANARY"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			store := memory.NewRecords()
			if err := store.Put(t.Context(), record.Record{Key: key, Data: []byte(data)}); err != nil {
				t.Fatal(err)
			}
			if _, err := record.Load[note](t.Context(), store, key); err == nil || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("Load: %v", err)
			}
		})
	}
}

func TestContentCarriesItsSchemaVersion(t *testing.T) {
	store := memory.NewRecords()
	if _, err := record.Save(t.Context(), store, record.Entry[note]{Record: record.Record{Key: key}}); err != nil {
		t.Fatal(err)
	}
	stored, err := store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	var content struct{ Schema int }
	if err := json.Unmarshal(stored.Data, &content); err != nil || content.Schema != record.SchemaVersion {
		t.Errorf("%s: %v", stored.Data, err)
	}
}

func TestStorageErrorsAreWrappedWithWhatWasDone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := record.Load[note](ctx, memory.NewRecords(), key)
	if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "read the alert record: ") {
		t.Errorf("Load: %v", err)
	}
	_, err = record.Save(ctx, memory.NewRecords(), record.Entry[note]{Record: record.Record{Key: key}})
	if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "write the alert record: ") {
		t.Errorf("Save: %v", err)
	}
}

// What is of the cutoff itself is about to be deleted, as what is of before it.
func TestWhatIsOfTheCutoffOrBeforeCountsAsNotKnown(t *testing.T) {
	store := memory.NewRecords()
	key := record.Key{Connection: record.Connection{EventID: "evt_1"}, Kind: record.Alert, ID: "one"}
	at := time.Date(2026, 5, 9, 12, 0, 0, 700_000_000, time.UTC)
	saved, err := record.Save(t.Context(), store, record.Entry[string]{Record: record.Record{Key: key, OccurredAt: at}, Value: "told"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		cutoff time.Time
		known  bool
	}{
		{"no cutoff", time.Time{}, true},
		{"a nanosecond before it", at.Add(-1), true},
		{"its moment", at, false},
		{"its moment in another zone", at.In(time.FixedZone("", 7200)), false},
		{"a nanosecond after it", at.Add(1), false},
	} {
		entry, err := record.LoadAfter[string](t.Context(), store, key, tt.cutoff)
		if err != nil || entry.Known != tt.known || (entry.Value == "told") != tt.known || entry.Version != saved.Version {
			t.Errorf("%s: %+v, %v", tt.name, entry, err)
		}
	}
}

func TestAUsersKeyIsAHashOfItsConnection(t *testing.T) {
	first := record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
	seen := map[string]bool{}
	for _, connection := range []record.Connection{first, {EventID: "evt_2", OrganizationID: "org_1"}} {
		for _, user := range []string{"", "usr_1", "usr_2"} {
			key := record.UserKey(connection, user)
			if !hexDigits.MatchString(key) || seen[key] {
				t.Errorf("the key of %q at %+v is %q", user, connection, key)
			}
			seen[key] = true
		}
	}
	if record.UserKey(first, "usr_1") != record.UserKey(record.ConnectionOfPartition(first.Partition()), "usr_1") {
		t.Error("a connection that is known by its partition has other users")
	}
}
