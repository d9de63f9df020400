// Package dynamodb keeps what the rules remember in Amazon DynamoDB tables: the ledger of deliveries, the records, and the
// deletions. Every write is one conditional request, and every read is strongly consistent.
//
// The deliveries table, partition key delivery_id, no sort key:
//
//	delivery_id    S  the partition key: the entry's key (ingest.Entry.Key)
//	state          S  claimed, handed_off, ignored
//	owner          S  the token of the claim that made the entry, absent from an ignored one
//	identity       S  the event's signed identity, a hash
//	lease_end      N  milliseconds since 1970, absent from an ignored entry
//	expires        N  seconds since 1970, rounded up: the table's TTL attribute
//	received_at    N  milliseconds since 1970
//	claimed_at     N  milliseconds since 1970, absent from an ignored entry
//	handed_off_at  N  milliseconds since 1970, absent until then
//	story          S  what it was and where it went, JSON (ingest.Story)
//
// Where other events came under a delivery id, an item of the key "ID *" names them, so that they are found by the id:
//
//	apart          SS the identities in their keys, ingest.ApartLimit at most
//	expires        N  as above
//
// The records table, partition key partition, sort key sort:
//
//	partition    S  the connection (record.Connection.Partition)
//	sort         S  kind and id (record.Key.Sort)
//	version      N  from 1
//	occurred_at  S  UTC with nanoseconds in a fixed width, so that text order is time order
//	expires      N  as above, absent where the record never expires: the table's TTL attribute
//	data         S  the kind's content, JSON
//	write        S  a token of the last write, by which a repeated request knows its own
//	user         S  the user whom the record is about (record.UserKey), absent in most
//	pending      S  the list of what is to be done that the record is in, absent in most: see indexPending
//
// Beside a record about a user lies an item of the partition by which it is found: its sort key is "~user#", the user and the
// record's sort key, it expires with the record, and each is written and deleted with the other in one transaction.
//
// The deletions table has the same keys and attributes. A tombstone's item is the one with the sort key "tombstone#", and its
// occurred_at is the cutoff.
//
// The sweep of what has expired comes late, days at times, so that no rule relies on it.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html
package dynamodb

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The attributes' names. Each reaches an expression as #name, since some of them are reserved words.
const (
	attrDeliveryID  = "delivery_id"
	attrState       = "state"
	attrOwner       = "owner"
	attrIdentity    = "identity"
	attrLeaseEnd    = "lease_end"
	attrExpires     = "expires"
	attrReceivedAt  = "received_at"
	attrClaimedAt   = "claimed_at"
	attrHandedOffAt = "handed_off_at"
	attrStory       = "story"
	attrApart       = "apart"

	attrPartition  = "partition"
	attrSort       = "sort"
	attrVersion    = "version"
	attrOccurredAt = "occurred_at"
	attrData       = "data"
	attrWrite      = "write"
	attrPending    = "pending"
	attrUser       = "user"
)

type item = map[string]types.AttributeValue

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

func number(value int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(value, 10)}
}

// names makes the ExpressionAttributeNames of the attributes.
func names(attributes ...string) map[string]string {
	named := make(map[string]string, len(attributes))
	for _, attribute := range attributes {
		named["#"+attribute] = attribute
	}
	return named
}

// expiry is a moment as TTL wants it, in whole seconds and never earlier.
func expiry(at time.Time) types.AttributeValue { return number(at.Add(time.Second - 1).Unix()) }

// refusal returns the item that failed a request's condition; ok is false for any other error.
func refusal(err error) (standing item, ok bool) {
	refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return nil, false
	}
	return refused.Item, true
}

// reader reads an item's attributes and keeps the first error.
type reader struct {
	item item
	err  error
}

func (r *reader) text(name string) string {
	value, ok := r.item[name].(*types.AttributeValueMemberS)
	if !ok {
		r.fail(name, "text")
		return ""
	}
	return value.Value
}

func (r *reader) number(name string) int64 {
	value, ok := r.item[name].(*types.AttributeValueMemberN)
	if !ok {
		r.fail(name, "a number")
		return 0
	}
	parsed, err := strconv.ParseInt(value.Value, 10, 64)
	if err != nil {
		r.fail(name, "a whole number")
	}
	return parsed
}

// texts is a set of texts; none where the attribute is absent or something else.
func (r *reader) texts(name string) []string {
	value, ok := r.item[name].(*types.AttributeValueMemberSS)
	if !ok {
		return nil
	}
	return value.Value
}

// moment is the moment of a number of milliseconds since 1970; zero where the attribute is absent.
func (r *reader) moment(name string) time.Time {
	if _, ok := r.item[name]; !ok {
		return time.Time{}
	}
	return time.UnixMilli(r.number(name)).UTC()
}

// optional is a text, or "" where the attribute is absent or something else.
func (r *reader) optional(name string) string {
	value, ok := r.item[name].(*types.AttributeValueMemberS)
	if !ok {
		return ""
	}
	return value.Value
}

func (r *reader) fail(name, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("the item's attribute %s is missing or not %s", name, want)
	}
}
