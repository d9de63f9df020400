package dynamodb

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"revento-alerts/shared/awssdk"
	"revento-alerts/shared/record"
)

var _ record.Store = (*Records)(nil)

// Records is the records table.
type Records struct {
	client *sdk.Client
	table  string
}

// NewRecords returns the store. It makes no call.
func NewRecords(config aws.Config, table string) *Records {
	return &Records{client: sdk.NewFromConfig(config), table: table}
}

// occurredAtLayout has the same width for every moment of the years 0 to 9999, which are RFC 3339's.
const occurredAtLayout = "2006-01-02T15:04:05.000000000Z"

func keyOf(key record.Key) item {
	return item{attrPartition: text(key.Connection.Partition()), attrSort: text(key.Sort())}
}

// Get implements record.Store.
func (r *Records) Get(ctx context.Context, key record.Key) (record.Record, error) {
	got, err := r.client.GetItem(ctx, &sdk.GetItemInput{TableName: &r.table, Key: keyOf(key), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return record.Record{}, awssdk.Failure(ctx, "read from the records table", err)
	}
	if len(got.Item) == 0 {
		return record.Record{}, record.ErrNotFound
	}
	return decode(key, got.Item)
}

// Put implements record.Store in one request. If the answer was lost and the SDK sent the write again, it is refused by its
// own first arrival, which it knows by its token.
func (r *Records) Put(ctx context.Context, rec record.Record) error {
	token := rand.Text()
	put := &sdk.PutItemInput{
		TableName:                           &r.table,
		Item:                                encode(rec, token),
		ConditionExpression:                 aws.String("attribute_not_exists(#partition)"),
		ExpressionAttributeNames:            names(attrPartition),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if rec.Version > 0 {
		put.ConditionExpression = aws.String("#version = :version")
		put.ExpressionAttributeNames = names(attrVersion)
		put.ExpressionAttributeValues = item{":version": number(rec.Version)}
	}
	_, err := r.client.PutItem(ctx, put)
	if err == nil {
		return nil
	}
	if standing, refused := refusal(err); refused {
		written := reader{item: standing}
		if written.text(attrWrite) == token {
			return nil
		}
		return record.ErrChanged
	}
	return awssdk.Failure(ctx, "write to the records table", err)
}

func encode(rec record.Record, token string) item {
	encoded := keyOf(rec.Key)
	encoded[attrVersion] = number(rec.Version + 1)
	encoded[attrOccurredAt] = text(rec.OccurredAt.UTC().Format(occurredAtLayout))
	encoded[attrData] = text(string(rec.Data))
	encoded[attrWrite] = text(token)
	if !rec.Expires.IsZero() {
		encoded[attrExpires] = expiry(rec.Expires)
	}
	if rec.Pending != "" {
		encoded[attrPending] = text(rec.Pending)
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
