package dynamodb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"revento-alerts/shared/alerting/record"
)

var (
	_ record.Store  = (*Records)(nil)
	_ record.Purger = (*Records)(nil)
	_ record.Lister = (*Records)(nil)
)

// Records is the records table or the deletions table.
type Records struct {
	client *sdk.Client
	table  string
	// deletions is the table whose tombstones count; "" where none do.
	deletions string
}

// NewRecords returns the store of what is kept of connections, in whose way are the tombstones of the deletions table. It
// makes no call.
func NewRecords(config aws.Config, table, deletions string) *Records {
	return &Records{client: sdk.NewFromConfig(config), table: table, deletions: deletions}
}

// NewDeletions returns the store of deletions. It makes no call.
func NewDeletions(config aws.Config, table string) *Records {
	return &Records{client: sdk.NewFromConfig(config), table: table}
}

// occurredAtLayout has the same width for every moment of the years 0 to 9999, which are RFC 3339's.
const occurredAtLayout = "2006-01-02T15:04:05.000000000Z"

func moment(at time.Time) types.AttributeValue { return text(at.UTC().Format(occurredAtLayout)) }

func keyOf(key record.Key) item {
	return item{attrPartition: text(key.Connection.Partition()), attrSort: text(key.Sort())}
}

// Get implements record.Store.
func (r *Records) Get(ctx context.Context, key record.Key) (record.Record, error) {
	got, err := r.client.GetItem(ctx, &sdk.GetItemInput{TableName: &r.table, Key: keyOf(key), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return record.Record{}, failure(ctx, "read from the table "+r.table, err)
	}
	if len(got.Item) == 0 {
		return record.Record{}, record.ErrNotFound
	}
	return decode(key, got.Item)
}

// Put implements record.Store in one request: a creation that tombstones may be in the way of is a transaction, and so is a
// write of what is about a user. If the answer was lost and the SDK sent the write again, it is refused by its own first arrival,
// which it knows by its token.
func (r *Records) Put(ctx context.Context, rec record.Record) error {
	if rec.Remove || rec.User != "" || r.isGated(rec) {
		return r.PutAll(ctx, rec)
	}
	token := rand.Text()
	return r.written(ctx, func() error { return r.put(ctx, r.conditional(rec, token), token) })
}

// PutAll implements record.Store in one request, a transaction. If the answer was lost and the SDK sent it again, the service knows it
// by the token that the SDK gave it; should it not, what was stored is known as in Put.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-apis-txwriteitems
func (r *Records) PutAll(ctx context.Context, records ...record.Record) error {
	if err := record.Check(records...); err != nil || len(records) == 0 {
		return err
	}
	token := rand.Text()
	return r.written(ctx, func() error { return r.transact(ctx, records, token) })
}

// written makes a request that writes records, patiently.
func (r *Records) written(ctx context.Context, request func() error) error {
	err := patiently(ctx, request)
	if err == nil || errors.Is(err, record.ErrChanged) || errors.Is(err, record.ErrDeleted) {
		return err
	}
	return failure(ctx, "write to the table "+r.table, err)
}

// isGated says whether a tombstone may be in the record's way.
func (r *Records) isGated(rec record.Record) bool { return rec.Version == 0 && r.deletions != "" }

// conditional is the write on condition that the stored version, and its user, is the record's.
func (r *Records) conditional(rec record.Record, token string) *types.Put {
	condition, named, values := isStill(rec)
	return &types.Put{
		TableName:                           &r.table,
		Item:                                encode(rec, token),
		ConditionExpression:                 &condition,
		ExpressionAttributeNames:            named,
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// isStill is the condition that what is stored has the record's version, and its user.
func isStill(rec record.Record) (condition string, named map[string]string, values item) {
	if rec.Version == 0 {
		return "attribute_not_exists(#partition)", names(attrPartition), nil
	}
	sameUser := " AND attribute_not_exists(#user)"
	values = item{":version": number(rec.Version)}
	if rec.User != "" {
		sameUser = " AND #user = :user"
		values[":user"] = text(rec.User)
	}
	return "#version = :version" + sameUser, names(attrVersion, attrUser), values
}

func (r *Records) put(ctx context.Context, put *types.Put, token string) error {
	_, err := r.client.PutItem(ctx, &sdk.PutItemInput{
		TableName:                           put.TableName,
		Item:                                put.Item,
		ConditionExpression:                 put.ConditionExpression,
		ExpressionAttributeNames:            put.ExpressionAttributeNames,
		ExpressionAttributeValues:           put.ExpressionAttributeValues,
		ReturnValuesOnConditionCheckFailure: put.ReturnValuesOnConditionCheckFailure,
	})
	if standing, refused := refusal(err); refused {
		return changed(standing, token)
	}
	return err
}

// transact writes the records, each with the item by which its user finds it, on condition that no tombstone is in the way, too.
func (r *Records) transact(ctx context.Context, records []record.Record, token string) error {
	items := r.gate(records)
	gates := len(items)
	for _, rec := range records {
		items = append(items, r.action(rec, token))
	}
	for _, rec := range records {
		if rec.User != "" {
			items = append(items, r.actionOnWay(rec))
		}
	}
	_, err := r.client.TransactWriteItems(ctx, &sdk.TransactWriteItemsInput{TransactItems: items})
	reasons := cancellation(err)
	if len(reasons) != len(items) {
		return err
	}
	isOwn := func(reason types.CancellationReason) bool {
		return isRefused(reason) && changed(reason.Item, token) == nil
	}
	switch own := reasons[gates : gates+len(records)]; {
	case slices.ContainsFunc(own, isOwn):
		return nil
	case slices.ContainsFunc(reasons[:gates], isRefused):
		return record.ErrDeleted
	case slices.ContainsFunc(own, isRefused):
		return record.ErrChanged
	default:
		return err
	}
}

// action stores the record, or removes it.
func (r *Records) action(rec record.Record, token string) types.TransactWriteItem {
	put := r.conditional(rec, token)
	if !rec.Remove {
		return types.TransactWriteItem{Put: put}
	}
	return types.TransactWriteItem{Delete: &types.Delete{
		TableName:                 put.TableName,
		Key:                       keyOf(rec.Key),
		ConditionExpression:       put.ConditionExpression,
		ExpressionAttributeNames:  put.ExpressionAttributeNames,
		ExpressionAttributeValues: put.ExpressionAttributeValues,
	}}
}

// gate is the condition that no tombstone is in the way of those records that are created; none where none can be.
func (r *Records) gate(records []record.Record) []types.TransactWriteItem {
	created := slices.DeleteFunc(slices.Clone(records), func(rec record.Record) bool { return !r.isGated(rec) })
	if len(created) == 0 {
		return nil
	}
	oldest := slices.MinFunc(created, func(a, b record.Record) int { return a.OccurredAt.Compare(b.OccurredAt) })
	return []types.TransactWriteItem{{ConditionCheck: &types.ConditionCheck{
		TableName:                 &r.deletions,
		Key:                       keyOf(record.TombstoneKey(oldest.Key.Connection)),
		ConditionExpression:       aws.String("attribute_not_exists(#partition) OR #occurred_at < :occurred_at"),
		ExpressionAttributeNames:  names(attrPartition, attrOccurredAt),
		ExpressionAttributeValues: item{":occurred_at": moment(oldest.OccurredAt)},
	}}}
}

// changed is the result of a write that the standing item refused: none if that is its own.
func changed(standing item, token string) error {
	written := reader{item: standing}
	if written.text(attrWrite) == token {
		return nil
	}
	return record.ErrChanged
}

func encode(rec record.Record, token string) item {
	encoded := keyOf(rec.Key)
	encoded[attrVersion] = number(rec.Version + 1)
	encoded[attrOccurredAt] = moment(rec.OccurredAt)
	encoded[attrData] = text(string(rec.Data))
	encoded[attrWrite] = text(token)
	if !rec.Expires.IsZero() {
		encoded[attrExpires] = expiry(rec.Expires)
	}
	if rec.Pending != "" {
		encoded[attrPending] = text(rec.Pending)
	}
	if rec.User != "" {
		encoded[attrUser] = text(rec.User)
	}
	return encoded
}

func decode(key record.Key, stored item) (record.Record, error) {
	r := reader{item: stored}
	rec := record.Record{Key: key, Version: r.number(attrVersion), Data: []byte(r.text(attrData))}
	if _, ok := stored[attrExpires]; ok {
		rec.Expires = time.Unix(r.number(attrExpires), 0).UTC()
	}
	if _, ok := stored[attrPending]; ok {
		rec.Pending = r.text(attrPending)
	}
	if _, ok := stored[attrUser]; ok {
		rec.User = r.text(attrUser)
	}
	occurredAt := r.text(attrOccurredAt)
	if r.err != nil {
		return record.Record{}, r.err
	}
	var err error
	if rec.OccurredAt, err = time.Parse(occurredAtLayout, occurredAt); err != nil {
		return record.Record{}, fmt.Errorf("read the record's %s: %w", attrOccurredAt, err)
	}
	return rec, nil
}
