package dynamodb

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/record"
)

// A request is what an emulator cannot judge: it reads consistently whether asked to or not.
type request struct {
	operation  string
	consistent bool
}

// listening is a configuration whose service answers every request with nothing, and the requests that it gets.
func listening(t *testing.T) (aws.Config, *[]request) {
	t.Helper()
	var requests []request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		requests = append(requests, request{operation, strings.Contains(string(body), `"ConsistentRead":true`)})
		_, _ = io.WriteString(w, `{}`)
	}))
	t.Cleanup(server.Close)
	return aws.Config{
		Region:       "eu-west-1",
		Credentials:  credentials.NewStaticCredentialsProvider("key", "key", ""),
		BaseEndpoint: &server.URL,
	}, &requests
}

func TestEachCallIsOneRequest(t *testing.T) {
	config, requests := listening(t)
	ledger := NewLedger(config, "deliveries")
	store, deletions := NewRecords(config, "records", "deletions"), NewDeletions(config, "deletions")
	tests := map[string]struct {
		call func() error
		want request
	}{
		"claim": {
			call: func() error {
				_, err := ledger.Claim(t.Context(), ingest.Claim{DeliveryID: "one"})
				return err
			},
			want: request{operation: "PutItem"},
		},
		"mark": {
			call: func() error { return ledger.MarkHandedOff(t.Context(), "one", "me", time.Unix(1, 0), time.Unix(2, 0)) },
			want: request{operation: "UpdateItem"},
		},
		"release": {
			call: func() error { return ledger.Release(t.Context(), "one", "me") },
			want: request{operation: "DeleteItem"},
		},
		"note": {
			call: func() error { return ledger.NoteIgnored(t.Context(), ingest.Entry{DeliveryID: "one"}, time.Unix(1, 0)) },
			want: request{operation: "PutItem"},
		},
		"find, strongly consistent": {
			call: func() error {
				_, err := ledger.Find(t.Context(), "one", time.Unix(1, 0))
				if errors.Is(err, ingest.ErrNotFound) {
					return nil
				}
				return err
			},
			want: request{operation: "GetItem", consistent: true},
		},
		"find apart, strongly consistent": {
			call: func() error {
				_, err := ledger.FindApart(t.Context(), "one", time.Unix(1, 0))
				return err
			},
			want: request{operation: "GetItem", consistent: true},
		},
		"get, strongly consistent": {
			call: func() error {
				_, err := store.Get(t.Context(), record.Key{ID: "one"})
				if errors.Is(err, record.ErrNotFound) {
					return nil
				}
				return err
			},
			want: request{operation: "GetItem", consistent: true},
		},
		"create": {
			call: func() error { return store.Put(t.Context(), record.Record{}) },
			want: request{operation: "TransactWriteItems"},
		},
		"create in the store of deletions": {
			call: func() error { return deletions.Put(t.Context(), record.Record{}) },
			want: request{operation: "PutItem"},
		},
		"describe": {
			call: func() error {
				_, _, err := NewTables(config).Describe(t.Context(), "records")
				return err
			},
			want: request{operation: "DescribeTable"},
		},
		"update": {
			call: func() error { return store.Put(t.Context(), record.Record{Version: 1}) },
			want: request{operation: "PutItem"},
		},
		"put together": {
			call: func() error {
				return store.PutAll(t.Context(), record.Record{}, record.Record{Key: record.Key{ID: "two"}, Version: 1, Remove: true})
			},
			want: request{operation: "TransactWriteItems"},
		},
		"query, strongly consistent": {
			call: func() error {
				_, err := store.Query(t.Context(), record.Connection{}, "alert#one")
				return err
			},
			want: request{operation: "Query", consistent: true},
		},
		"query of a kind, strongly consistent": {
			call: func() error {
				_, err := store.QueryKind(t.Context(), record.Connection{}, record.Incident, "incident#one")
				return err
			},
			want: request{operation: "Query", consistent: true},
		},
		"query of a user of whom nothing is kept, strongly consistent": {
			call: func() error {
				_, err := store.QueryUser(t.Context(), record.Connection{}, "a user", "alert#one")
				return err
			},
			want: request{operation: "Query", consistent: true},
		},
		"create about a user": {
			call: func() error { return store.Put(t.Context(), record.Record{User: "a user"}) },
			want: request{operation: "TransactWriteItems"},
		},
		"update about a user": {
			call: func() error { return store.Put(t.Context(), record.Record{User: "a user", Version: 1}) },
			want: request{operation: "TransactWriteItems"},
		},
		"pending": {
			call: func() error {
				_, err := record.Collect(store.Pending(t.Context(), "digest"))
				return err
			},
			want: request{operation: "Query"},
		},
		"delete": {
			call: func() error {
				_, err := store.Delete(t.Context(), record.Key{ID: "one"}, time.Unix(1, 0))
				return err
			},
			want: request{operation: "DeleteItem"},
		},
		"list, strongly consistent": {
			call: func() error {
				_, err := deletions.List(t.Context(), record.Deletion)
				return err
			},
			want: request{operation: "Scan", consistent: true},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			*requests = nil
			if err := test.call(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]request{test.want}, *requests, cmp.AllowUnexported(request{})); diff != "" {
				t.Errorf("the requests (-want +got):\n%s", diff)
			}
		})
	}
}
