// Package record keeps what is known of a connection: alerts, incidents, threads. Everything of one connection lies in one
// partition, so that "all of it" is one strongly consistent query when its deletion is due. Writes are optimistic: each
// names the version that it was decided on.
package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/revento"
)

// Connection is what an organizer connects: one event of one organization. Both are empty for the integration's own events.
type Connection struct {
	EventID        string
	OrganizationID string

	// partition is set where nothing else is known.
	partition string
}

// ConnectionOfPartition names a connection of which only the partition key is known, as the ledger of deliveries does. It
// reads and deletes what is kept of the connection; its ids are empty.
func ConnectionOfPartition(partition string) Connection { return Connection{partition: partition} }

// Partition is the connection's partition key, 64 hex digits. It is a hash, so that the ledger of deliveries, which holds no
// ids of events and organizations, can name the connection by it; and so it fits a key whatever a stranger puts into an id.
func (c Connection) Partition() string {
	if c.partition != "" {
		return c.partition
	}
	return revento.Hash(c.EventID, c.OrganizationID)
}

// Equal says whether both name the same connection, by its ids or by its partition key.
func (c Connection) Equal(other Connection) bool { return c.Partition() == other.Partition() }

// Kind is what a record is about.
type Kind string

// The kinds.
const (
	Alert    Kind = "alert"    // id = alert key
	Incident Kind = "incident" // id = incident key
	Thread   Kind = "thread"   // id = incident key and channel
	Digest   Kind = "digest"   // id = alert key
	// DigestRun is what is known of a channel's digests, of no connection; id = channel.
	DigestRun Kind = "digest-run"
	// Registration is what the registry knows of a connection (package connection); without an id.
	Registration Kind = "connection"
	// Finder is a way on which the registry finds a connection. It tells of nothing by itself.
	Finder Kind = "finder"
	// Token is what Revento granted of the connection, without an id. Its OccurredAt is the consent's time.
	Token Kind = "token"
	// Budget is what may still be asked with a grant's tokens; id = grant. Its OccurredAt is the consent's time.
	Budget Kind = "budget"
	// Flow is what came of a callback that brought an organizer's consent; id = hash of its state. It lies in the partition of the
	// event without an organization.
	Flow Kind = "flow"
	// Health is how a connection does, and Upkeep that a message is out for it (package upkeep); both without an id.
	Health Kind = "health"
	Upkeep Kind = "upkeep"
	// Pass is how the passes stand that read all of a connection's event (package pass), without an id. Its OccurredAt is the consent's
	// time.
	Pass Kind = "pass"
	// Row is a thing of Revento's as the mirror knows it; id = kind of thing and hash of its id. Its OccurredAt is when its life began
	// (package mirror).
	Row Kind = "row"
	// Summary is what is known of a connection's rows together, without an id, and Forgotten that a person's rows are not to be kept;
	// id = hash of the user, the row, or the application. The OccurredAt of both is when their life began.
	Summary   Kind = "summary"
	Forgotten Kind = "forgotten"
	// Parked is that a message of the queue mirror was parked, and Lookup that a resource was looked up for a webhook (package echo); id =
	// hash of the message's body, of the resource's name.
	Parked Kind = "parked"
	Lookup Kind = "lookup"
	// Verdict is how far the judging of a connection's last complete pass came (package verdict), without an id. Its OccurredAt is the
	// consent's time.
	Verdict Kind = "verdict"
	// Watch is what is known of all connections together, of none; without an id.
	Watch Kind = "watch"
	// Meeting is what was told of a person at one destination by webhooks and by us (package meeting).
	Meeting Kind = "meeting"
	// CheckIn is that a participant came (package attendance); id = that of the participant's row. Its OccurredAt is when its life began.
	CheckIn Kind = "check-in"
	// Tombstone is the one of a connection whose deletion was required, without an id; only in the store of deletions. Its
	// OccurredAt is the cutoff.
	Tombstone Kind = "tombstone"
	// Deletion is a request for deletion; only in the store of deletions.
	Deletion Kind = "deletion"
)

// Key names a record.
type Key struct {
	Connection Connection
	Kind       Kind
	ID         string
}

// Sort is the key within the partition.
func (k Key) Sort() string { return k.Kind.Sort() + k.ID }

// Sort is what the sort keys of a kind's records begin with.
func (k Kind) Sort() string { return string(k) + sortSeparator }

const sortSeparator = "#"

// ParseSort is what Sort was made of.
func ParseSort(sort string) (Kind, string) {
	kind, id, _ := strings.Cut(sort, sortSeparator)
	return Kind(kind), id
}

// TombstoneKey names a connection's tombstone.
func TombstoneKey(connection Connection) Key { return Key{Connection: connection, Kind: Tombstone} }

// Record is a stored record.
type Record struct {
	Key Key
	// Version is 1 when created and rises by one with each update; 0 in a record that is not stored yet.
	Version int64
	// OccurredAt is the moment of the newest event that the record tells of. A deletion removes what is not newer than
	// its cutoff.
	OccurredAt time.Time
	// Expires is when the record may go; zero means never.
	Expires time.Time
	// User is the key of the user whom the record is about (UserKey), or "", as in most. It is set when the record is created, and
	// never changes: Put returns ErrChanged for another.
	User string
	// Pending is the list of what is to be done in which an Index finds the record; "" for none, as most are.
	Pending string
	// Data is the kind's own content, as JSON.
	Data []byte
	// Remove says that PutAll is to remove the record and not to store it, if it still has this version. No stored record has it.
	Remove bool
}

// Errors of a Store.
var (
	// ErrNotFound is returned by Get.
	ErrNotFound = errors.New("no such record")
	// ErrChanged is returned by Put where the stored version is not the one that the write was decided on: another copy
	// of the message came first, or the record was deleted meanwhile.
	ErrChanged = errors.New("the record was changed or deleted by another")
	// ErrDeleted is returned by Put for a record of what happened not later than its connection's cutoff.
	ErrDeleted = errors.New("the connection's data from before its cutoff is deleted")
)

// Store keeps records. There are two: what is kept of connections, and the deletions, which outlive what they delete and
// have no tombstone in their way.
type Store interface {
	// Get returns the newest version, strongly consistent. A record that has expired may still be returned.
	Get(ctx context.Context, key Key) (Record, error)
	// Put stores record if the stored version is still record.Version: 0 creates it, which needs that no record is there and
	// that no tombstone of the connection has a cutoff at or after record.OccurredAt. The stored version is then
	// record.Version+1. It returns ErrChanged and ErrDeleted; where both are due, either.
	Put(ctx context.Context, record Record) error
	// PutAll stores several records of one connection as Put stores one, and removes those with Remove: all of them or, where one
	// is refused, none. It returns Put's errors, and those of Check. Without records it does nothing.
	PutAll(ctx context.Context, records ...Record) error
}

// MaxTogether is how many records PutAll takes. DynamoDB takes 100 actions in a transaction, and 4 MB: a record is two at the most
// (itself, and the way on which its user finds it), and the look at the tombstone is one.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
const MaxTogether = 49

// Check returns a permanent error for records that cannot be put together: they are too many, of two connections, or one twice,
// or one is to be removed that nobody has read. That is a mistake of the caller's, whatever is stored.
func Check(records ...Record) error {
	refuse := func(reason string) error {
		return &fault.Error{Class: fault.Permanent, Op: "put records together", Reason: reason}
	}
	if len(records) > MaxTogether {
		return refuse("too_many")
	}
	seen := map[string]bool{}
	for _, rec := range records {
		switch sort := rec.Key.Sort(); {
		case !rec.Key.Connection.Equal(records[0].Key.Connection):
			return refuse("two_connections")
		case seen[sort]:
			return refuse("one_twice")
		case rec.Remove && rec.Version == 0:
			return refuse("removed_unread")
		default:
			seen[sort] = true
		}
	}
	return nil
}

// Purger deletes what is kept of a connection.
type Purger interface {
	// Query returns some records of the connection in the order of their sort keys, strongly consistent: those after the sort
	// key given, "" for the first. It returns none where there are no more.
	Query(ctx context.Context, connection Connection, after string) ([]Record, error)
	// QueryKind is Query for the records of one kind: what else is kept of the connection costs nothing. after is "" or the sort
	// key of a record of the kind.
	QueryKind(ctx context.Context, connection Connection, kind Kind, after string) ([]Record, error)
	// Delete removes a record unless it tells of something later than cutoff. It returns false where nothing was removed:
	// the record is newer, or gone already.
	Delete(ctx context.Context, key Key, cutoff time.Time) (bool, error)
}

// Users finds what is kept of one user of a connection, so that it can go alone.
type Users interface {
	// QueryUser is Query for the records about one user (Record.User), as strongly consistent. What is found by a user is written
	// and deleted together with the way to find it.
	QueryUser(ctx context.Context, connection Connection, user, after string) ([]Record, error)
}

// UserKey is the key of a user of a connection, 64 hex digits: a hash, so that no record's key, and no way to find it, names a
// person.
func UserKey(connection Connection, userID string) string {
	return revento.Hash("user", connection.Partition(), userID)
}

// DeleteUser deletes what is kept of one user of a connection and tells of nothing later than cutoff, and counts it. It can be
// repeated: what is deleted is the progress.
func DeleteUser(ctx context.Context, store interface {
	Purger
	Users
}, connection Connection, user string, cutoff time.Time) (deleted int, err error) {
	for after := ""; ; {
		page, err := store.QueryUser(ctx, connection, user, after)
		if err != nil || len(page) == 0 {
			return deleted, err
		}
		for _, stored := range page {
			gone, err := store.Delete(ctx, stored.Key, cutoff)
			if err != nil {
				return deleted, err
			}
			if gone {
				deleted++
			}
		}
		after = page[len(page)-1].Key.Sort()
	}
}

// Index finds records by what is to be done with them.
type Index interface {
	// Pending ranges over the records, whatever their connection, that are in the list named, in the order of their sort keys.
	// It holds a page of them at a time, and reads no further than the range goes; an error ends it. The keys are without the
	// connection. It is eventually consistent: a record may be missing that was put just now, and another may show a former
	// state. What matters is to be read again by Get.
	Pending(ctx context.Context, list string) iter.Seq2[Record, error]
}

// Collect returns all that an Index shows, or its error.
func Collect(pending iter.Seq2[Record, error]) ([]Record, error) {
	var found []Record
	for rec, err := range pending {
		if err != nil {
			return nil, err
		}
		found = append(found, rec)
	}
	return found, nil
}

// Lister lists the records of a kind, whatever their connection, in no order. The keys are without it.
type Lister interface {
	List(ctx context.Context, kind Kind) ([]Record, error)
}

// Cutoff is the moment up to which a connection's data is deleted, by its tombstone; zero where it has none.
func Cutoff(ctx context.Context, deletions Store, connection Connection) (time.Time, error) {
	stone, err := deletions.Get(ctx, TombstoneKey(connection))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return time.Time{}, fmt.Errorf("read the tombstone: %w", err)
	}
	return stone.OccurredAt, nil
}

// SchemaVersion is stored with each record's content, so that a later version can tell what it reads.
const SchemaVersion = 1

type content[T any] struct {
	Schema int `json:"schema"`
	Value  T   `json:"value"`
}

// Entry is a record with its content as a Go value.
type Entry[T any] struct {
	Record
	Value T
	// Known says that Value was stored; otherwise it is the zero value.
	Known bool
}

// Load returns the record under key, or a new one (version 0, zero value) where there is none.
func Load[T any](ctx context.Context, store Store, key Key) (Entry[T], error) {
	entry := Entry[T]{Record: Record{Key: key}}
	stored, err := store.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return entry, nil
	}
	if err != nil {
		return entry, fmt.Errorf("read the %s record: %w", key.Kind, err)
	}
	return Decode[T](stored)
}

// Decode reads a stored record's content.
func Decode[T any](stored Record) (Entry[T], error) {
	entry := Entry[T]{Record: stored}
	var data content[T]
	if err := json.Unmarshal(stored.Data, &data); err != nil {
		return entry, fmt.Errorf("decode the %s record: %w", stored.Key.Kind, err)
	}
	if data.Schema > SchemaVersion {
		return entry, fmt.Errorf("decode the %s record: its schema version is %d, this program knows up to %d",
			stored.Key.Kind, data.Schema, SchemaVersion)
	}
	entry.Value, entry.Known = data.Value, true
	return entry, nil
}

// LoadAfter is Load for a connection with a cutoff, or with none where it is zero: what is stored of before it counts as not
// known, since it is about to be deleted. Its record is there all the same, and saving the entry replaces it.
func LoadAfter[T any](ctx context.Context, store Store, key Key, cutoff time.Time) (Entry[T], error) {
	entry, err := Load[T](ctx, store, key)
	if err == nil && !cutoff.IsZero() && !entry.OccurredAt.After(cutoff) {
		entry.Value, entry.Known = *new(T), false
	}
	return entry, err
}

// Encode returns the entry's record with its value as the content, to be put together with others.
func Encode[T any](entry Entry[T]) (Record, error) {
	data, err := json.Marshal(content[T]{Schema: SchemaVersion, Value: entry.Value})
	if err != nil {
		return entry.Record, fmt.Errorf("encode the %s record: %w", entry.Key.Kind, err)
	}
	entry.Data = data
	return entry.Record, nil
}

// Save stores the entry's value and returns the entry with its new version.
func Save[T any](ctx context.Context, store Store, entry Entry[T]) (Entry[T], error) {
	encoded, err := Encode(entry)
	if err != nil {
		return entry, err
	}
	entry.Record = encoded
	if err := store.Put(ctx, entry.Record); err != nil {
		return entry, fmt.Errorf("write the %s record: %w", entry.Key.Kind, err)
	}
	entry.Version++
	entry.Known = true
	return entry, nil
}
