package dynamodb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/test/faultproxy"
)

// cancelled answers with a cancelled transaction, whose reasons are those of the check and of the put.
func cancelled(check, put string) faultproxy.Fault {
	return answer(func(*http.Request) string {
		return fmt.Sprintf(`{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "Message": "cancelled",
			"CancellationReasons": [%s, %s]}`, check, put)
	})
}

func answer(body func(*http.Request) string) faultproxy.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, body(r))
	}
}

// only is one such answer.
func only(check, put string) []faultproxy.Fault { return []faultproxy.Fault{cancelled(check, put)} }

func wantClass(t *testing.T, err error, want *fault.Error) {
	t.Helper()
	if failed := fault.Of(err); err == nil || failed.Class != want.Class || failed.Reason != want.Reason {
		t.Errorf("the error is %v, want %s: %s", err, want.Class, want.Reason)
	}
}

func reason(code string) string { return fmt.Sprintf(`{"Code": %q, "Message": "a text"}`, code) }

// refusedBy is the reason of a put that met an item with the token.
func refusedBy(token string) string {
	return fmt.Sprintf(`{"Code": "ConditionalCheckFailed", "Item": {"write": {"S": %q}}}`, token)
}

// refusedByItself answers as if the put had been made before, with check as the check's reason.
func refusedByItself(check string) faultproxy.Fault {
	return answer(func(r *http.Request) string {
		var sent struct {
			TransactItems []struct {
				Put struct {
					Item struct {
						Write struct{ S string } `json:"write"`
					}
				}
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil || len(sent.TransactItems) != 2 {
			return "no creation"
		}
		return fmt.Sprintf(`{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
			"CancellationReasons": [%s, %s]}`, check, refusedBy(sent.TransactItems[1].Put.Item.Write.S))
	})
}

// spoilt is a configuration whose service answers with the faults, and then with nothing.
func spoilt(t *testing.T, faults ...faultproxy.Fault) (aws.Config, *faultproxy.Proxy) {
	t.Helper()
	proxy := faultproxy.Before(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) }))
	proxy.Spoil(faults...)
	return aws.Config{
		Region:       "eu-west-1",
		Credentials:  credentials.NewStaticCredentialsProvider("key", "key", ""),
		BaseEndpoint: &proxy.URL,
	}, proxy
}

var (
	conflict = cancelled(reason(codeConflict), reason("None"))
	busy     = faultproxy.Refuse(http.StatusBadRequest, "TransactionConflictException", "a text")
)

func times(count int, spoilt faultproxy.Fault) []faultproxy.Fault {
	var faults []faultproxy.Fault
	for range count {
		faults = append(faults, spoilt)
	}
	return faults
}

func TestWhatCancelsACreation(t *testing.T) {
	none := reason("None")
	tests := map[string]struct {
		faults   []faultproxy.Fault
		requests int
		want     error
	}{
		"the tombstone":        {only(reason(codeRefused), none), 1, record.ErrDeleted},
		"another's record":     {only(none, refusedBy("another")), 1, record.ErrChanged},
		"a record of no token": {only(none, reason(codeRefused)), 1, record.ErrChanged},
		"the tombstone and another's record": {
			only(reason(codeRefused), refusedBy("another")), 1, record.ErrDeleted},
		"its own first arrival": {
			[]faultproxy.Fault{refusedByItself(none)}, 1, nil},
		"its own first arrival, and a tombstone that came after it": {
			[]faultproxy.Fault{refusedByItself(reason(codeRefused))}, 1, nil},
		"a conflict, once":            {only(reason(codeConflict), none), 2, nil},
		"a conflict of the put, once": {only(none, reason(codeConflict)), 2, nil},
		"a conflict, then a tombstone": {
			append(times(1, conflict), cancelled(reason(codeRefused), none)), 2, record.ErrDeleted},
		"a conflict, then its own": {
			append(times(1, conflict), refusedByItself(none)), 2, nil},
		"conflicts up to the last try": {times(conflictAttempts-1, conflict), conflictAttempts, nil},
		"conflicts without an end": {
			times(conflictAttempts, conflict), conflictAttempts, &fault.Error{Class: fault.Transient, Reason: codeConflict}},
		"throttling": {
			only(none, reason("ThrottlingError")), 1, &fault.Error{Class: fault.Throttled, Reason: "ThrottlingError"}},
		"a table over its throughput": {
			only(reason("ProvisionedThroughputExceeded"), none), 1,
			&fault.Error{Class: fault.Throttled, Reason: "ProvisionedThroughputExceeded"}},
		"an item over the size's limit": {
			only(none, reason("ValidationError")), 1, &fault.Error{Class: fault.Permanent, Reason: "ValidationError"}},
		"what nobody knows": {
			only(none, reason("New")), 1, &fault.Error{Class: fault.Transient, Reason: "TransactionCanceledException"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, proxy := spoilt(t, test.faults...)
			err := NewRecords(config, "records", "deletions").Put(t.Context(), record.Record{})
			if want, classified := test.want.(*fault.Error); classified {
				wantClass(t, err, want)
			} else if !errors.Is(err, test.want) {
				t.Errorf("the error is %v, want %v", err, test.want)
			}
			if got := proxy.Requests(); got != test.requests {
				t.Errorf("%d requests, want %d", got, test.requests)
			}
		})
	}
}

func TestWhatCancelsRecordsThatArePutTogether(t *testing.T) {
	none := reason("None")
	tests := map[string]struct {
		faults   []faultproxy.Fault
		requests int
		want     error
	}{
		"a removal that came too late": {only(reason(codeRefused), none), 1, record.ErrChanged},
		"another's record":             {only(none, refusedBy("another")), 1, record.ErrChanged},
		"its own first arrival":        {[]faultproxy.Fault{refusedByItself(reason(codeRefused))}, 1, nil},
		"a conflict, once":             {only(reason(codeConflict), none), 2, nil},
		"a conflict, then its own":     {append(times(1, conflict), refusedByItself(none)), 2, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, proxy := spoilt(t, test.faults...)
			removal := record.Record{Key: record.Key{ID: "old"}, Version: 1, Remove: true}
			err := NewDeletions(config, "deletions").PutAll(t.Context(), removal, record.Record{Key: record.Key{ID: "new"}})
			if !errors.Is(err, test.want) || proxy.Requests() != test.requests {
				t.Errorf("%v after %d requests; want %v after %d", err, proxy.Requests(), test.want, test.requests)
			}
		})
	}
}

func TestAWriteThatMeetsATransactionIsTriedAgain(t *testing.T) {
	for name, call := range map[string]func(context.Context, *Records) error{
		"update":        func(ctx context.Context, store *Records) error { return store.Put(ctx, record.Record{Version: 1}) },
		"set tombstone": func(ctx context.Context, store *Records) error { return store.Put(ctx, record.Record{}) },
		"delete": func(ctx context.Context, store *Records) error {
			_, err := store.Delete(ctx, record.Key{}, time.Unix(1, 0))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, proxy := spoilt(t, busy)
			if err := call(t.Context(), NewDeletions(config, "deletions")); err != nil || proxy.Requests() != 2 {
				t.Errorf("after one conflict: %v, %d requests; want 2", err, proxy.Requests())
			}
			proxy.Spoil(times(conflictAttempts, busy)...)
			err := call(t.Context(), NewDeletions(config, "deletions"))
			if !fault.Has(err, fault.Transient) || proxy.Requests() != conflictAttempts {
				t.Errorf("after conflicts without an end: %v, %d requests; want %d", err, proxy.Requests(), conflictAttempts)
			}
		})
	}
}

func TestTryingAgainEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), awssdk.MaxBackoff/4)
		defer cancel()
		requests, began := 0, time.Now()
		err := patiently(ctx, func() error {
			requests++
			return &types.TransactionConflictException{}
		})
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || requests != 1 || took != awssdk.MaxBackoff/4 {
			t.Errorf("%v after %s and %d requests; want one request, and the deadline", err, took, requests)
		}
		if got := fault.Of(failure(ctx, "write", err)); got.Reason != awssdk.ReasonOver || got.Class != fault.Transient {
			t.Errorf("the failure is %v, want %s", got, awssdk.ReasonOver)
		}
	})
}
