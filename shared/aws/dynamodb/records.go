package dynamodb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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
	token := rand.Text()
	put := r.conditional(rec, token)
	isGated := rec.Version == 0 && r.deletions != ""
	err := patiently(ctx, func() error {
		if isGated || rec.User != "" {
			return r.transact(ctx, rec, put, isGated, token)
		}
		return r.put(ctx, put, token)
	})
	if err == nil || errors.Is(err, record.ErrChanged) || errors.Is(err, record.ErrDeleted) {
		return err
	}
	return failure(ctx, "write to the table "+r.table, err)
}

// conditional is the write on condition that the stored version, and its user, is the record's.
func (r *Records) conditional(rec record.Record, token string) *types.Put {
	put := &types.Put{
		TableName:                           &r.table,
		Item:                                encode(rec, token),
		ConditionExpression:                 aws.String("attribute_not_exists(#partition)"),
		ExpressionAttributeNames:            names(attrPartition),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if rec.Version == 0 {
		return put
	}
	sameUser := " AND attribute_not_exists(#user)"
	put.ExpressionAttributeValues = item{":version": number(rec.Version)}
	if rec.User != "" {
		sameUser = " AND #user = :user"
		put.ExpressionAttributeValues[":user"] = text(rec.User)
	}
	put.ConditionExpression = aws.String("#version = :version" + sameUser)
	put.ExpressionAttributeNames = names(attrVersion, attrUser)
	return put
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

// transact writes the record with the item by which its user finds it, on condition that no tombstone is in the way, too.
func (r *Records) transact(ctx context.Context, rec record.Record, put *types.Put, isGated bool, token string) error {
	var items []types.TransactWriteItem
	if isGated {
		items = append(items, types.TransactWriteItem{ConditionCheck: r.gate(rec)})
	}
	own := len(items)
	items = append(items, types.TransactWriteItem{Put: put})
	if rec.User != "" {
		items = append(items, types.TransactWriteItem{Put: &types.Put{TableName: &r.table, Item: wayTo(rec)}})
	}
	_, err := r.client.TransactWriteItems(ctx, &sdk.TransactWriteItemsInput{TransactItems: items})
	reasons := cancellation(err)
	if len(reasons) != len(items) {
		return err
	}
	switch {
	case isRefused(reasons[own]) && changed(reasons[own].Item, token) == nil:
		return nil
	case isGated && isRefused(reasons[0]):
		return record.ErrDeleted
	case isRefused(reasons[own]):
		return record.ErrChanged
	default:
		return err
	}
}

// gate is the condition that no tombstone is in a creation's way.
func (r *Records) gate(rec record.Record) *types.ConditionCheck {
	return &types.ConditionCheck{
		TableName:                 &r.deletions,
		Key:                       keyOf(record.TombstoneKey(rec.Key.Connection)),
		ConditionExpression:       aws.String("attribute_not_exists(#partition) OR #occurred_at < :occurred_at"),
		ExpressionAttributeNames:  names(attrPartition, attrOccurredAt),
		ExpressionAttributeValues: item{":occurred_at": moment(rec.OccurredAt)},
	}
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
