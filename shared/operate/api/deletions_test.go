package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/testkit/memory"
)

var noon = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)

// bench is the API on the engine in memory.
type bench struct {
	*testing.T
	backend   api.Backend
	deletions *memory.Records
	queues    *memory.Queues
}

func newBench(t *testing.T) *bench {
	now := func() time.Time { return noon }
	b := &bench{T: t, deletions: memory.NewRecords().Deletions, queues: memory.NewQueues(now)}
	b.backend = api.Backend{Stack: "prod", Deletions: &deletion.Operator{
		Records:   memory.NewRecords(),
		Deletions: b.deletions, Queues: b.queues, Now: now, RecordRetention: 24 * time.Hour, Installation: new(installation.Name),
		Notifier: &deletion.Notifier{Stack: "prod", Routes: route.NewTable(nil, route.Channels{}), Queues: b.queues, Now: now},
	}}
	return b
}

// has stores a deletion.
func (b *bench) has(c deletion.Case) {
	b.Helper()
	key := record.Key{Connection: c.Connection(), Kind: record.Deletion, ID: c.ID}
	if _, err := record.Save(b.Context(), b.deletions, deletion.Entry{Record: record.Record{Key: key}, Value: c}); err != nil {
		b.Fatal(err)
	}
}

// asks makes a request and returns the status and the body.
func (b *bench) asks(method, path, body string) (int, string) {
	answer := httptest.NewRecorder()
	api.Handler(b.backend).ServeHTTP(answer, httptest.NewRequest(method, path, strings.NewReader(body)))
	if kind := answer.Header().Get("Content-Type"); kind != "application/json" {
		b.Errorf("%s %s is answered as %q", method, path, kind)
	}
	return answer.Code, answer.Body.String()
}

var (
	scheduled = deletion.Case{
		ID: "aaaa000000000001", EventID: "evt_1", OrganizationID: "org_1", State: deletion.Scheduled, Cutoff: noon.Add(-time.Hour),
		RequestedAt: noon.Add(-time.Hour), Due: noon.Add(time.Hour),
	}
	heldCase = deletion.Case{
		ID: "aaaa000000000002", State: deletion.Held, Held: deletion.NoEvent, Cutoff: noon, RequestedAt: noon,
	}
)

func TestDeletionsAreListedTheLatestFirst(t *testing.T) {
	b := newBench(t)
	b.has(scheduled)
	b.has(heldCase)
	code, body := b.asks(http.MethodGet, "/api/deletions", "")
	var got api.Deletions
	if err := json.Unmarshal([]byte(body), &got); err != nil || code != http.StatusOK {
		t.Fatalf("%d %s: %v", code, body, err)
	}
	if diff := cmp.Diff([]deletion.Case{heldCase, scheduled}, got.Deletions); diff != "" {
		t.Error(diff)
	}
}

func TestADeletionIsShownWithItsStatement(t *testing.T) {
	b := newBench(t)
	b.has(scheduled)
	var got api.Deletion
	if err := api.Within(b.backend).Get(t.Context(), "deletions/aaaa000000000001", &got); err != nil {
		t.Fatal(err)
	}
	if got.ID != scheduled.ID || !strings.Contains(got.Statement, "Statement of data deletion aaaa000000000001 (prod)") {
		t.Errorf("got %+v", got)
	}
}

func TestWhatAnOperatorDoesToADeletion(t *testing.T) {
	tests := []struct {
		name, path, body string
		code             int
		says             string
	}{
		{"done now", "aaaa000000000001/now", "{}", http.StatusOK, `"brought_forward_at":"`},
		{"a held one cannot be done now", "aaaa000000000002/now", "{}", http.StatusConflict, "only one that is"},
		{"an unknown one", "ffff/now", "{}", http.StatusNotFound, "deletions list"},
		{"two that begin so", "aaaa0000/now", "{}", http.StatusNotFound, "names 2"},
		{"one of a few letters", "aaaa/now", "{}", http.StatusNotFound, "at least its first 8"},
		{"closed", "aaaa000000000002/close", `{"note":"done by hand"}`, http.StatusOK, `"note":"done by hand"`},
		{"closed without a note", "aaaa000000000002/close", `{"note":" "}`, http.StatusBadRequest, "say in 1 to"},
		{"closed with rubbish", "aaaa000000000002/close", `note`, http.StatusBadRequest, "not JSON"},
		{"a pending one cannot be closed", "aaaa000000000001/close", `{"note":"x"}`, http.StatusConflict, "only a held one"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.has(scheduled)
			b.has(heldCase)
			code, body := b.asks(http.MethodPost, "/api/deletions/"+test.path, test.body)
			if code != test.code || !strings.Contains(body, test.says) {
				t.Errorf("answered %d %s, want %d and %q", code, body, test.code, test.says)
			}
			_, purges, err := b.queues.Receive(t.Context(), queue.Purge, time.Minute)
			if err != nil || purges != (test.name == "done now") {
				t.Errorf("a purge is queued: %v, %v", purges, err)
			}
		})
	}
}

func TestWhatIsNotThere(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"/api/", "/api/nothing", "/api/deletions/a/b"} {
		if code, body := b.asks(http.MethodGet, path, ""); code != http.StatusNotFound || !strings.Contains(body, "error") {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
}

func TestTheClientReturnsTheReason(t *testing.T) {
	b := newBench(t)
	server := httptest.NewServer(api.Handler(b.backend))
	defer server.Close()
	for name, client := range map[string]*api.Client{"over the network": api.NewClient(server.URL, "", installation.Name{}), "in this process": api.Within(b.backend)} {
		err := client.Get(t.Context(), "deletions/ffff", new(api.Deletion))
		if err == nil || !strings.Contains(err.Error(), "no such deletion") {
			t.Errorf("%s: %v", name, err)
		}
	}
	server.Close()
	if err := api.NewClient(server.URL, "", installation.Name{}).Get(t.Context(), "deletions", new(api.Deletions)); err == nil {
		t.Error("an API that is gone answered")
	}
}

func TestWhatDeletingNowWouldDo(t *testing.T) {
	b := newBench(t)
	b.has(scheduled)
	b.has(heldCase)
	records := memory.NewRecords()
	b.backend.Deletions.Records = records
	for id, at := range map[string]time.Time{"old": scheduled.Cutoff, "later": scheduled.Cutoff.Add(1)} {
		key := record.Key{Connection: scheduled.Connection(), Kind: record.Alert, ID: id}
		if err := records.Put(t.Context(), record.Record{Key: key, OccurredAt: at}); err != nil {
			t.Fatal(err)
		}
	}
	var got api.DeletionPreview
	if err := api.Within(b.backend).Get(t.Context(), "deletions/"+scheduled.ID+"/now", &got); err != nil {
		t.Fatal(err)
	}
	if got.ID != scheduled.ID || got.Records != 1 {
		t.Errorf("got %+v", got)
	}
	if code, body := b.asks(http.MethodGet, "/api/deletions/"+heldCase.ID+"/now", ""); code != http.StatusConflict {
		t.Errorf("of one that cannot be done now: %d %s", code, body)
	}
	if _, purges, err := b.queues.Receive(t.Context(), queue.Purge, time.Minute); err != nil || purges {
		t.Errorf("a purge is queued: %v, %v", purges, err)
	}
}
