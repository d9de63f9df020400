package dynamodb

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"revento-alerts/shared/record"
)

// pageSize is how many records Query returns at the most. The service ends a page at 1 MB, too.
const pageSize = 100

// Query implements record.Purger in one request.
func (r *Records) Query(ctx context.Context, connection record.Connection, after string) ([]record.Record, error) {
	query := &sdk.QueryInput{
		TableName:                 &r.table,
		KeyConditionExpression:    aws.String("#partition = :partition"),
		ExpressionAttributeNames:  names(attrPartition),
		ExpressionAttributeValues: item{":partition": text(connection.Partition())},
		ConsistentRead:            aws.Bool(true),
		Limit:                     aws.Int32(pageSize),
	}
	if after != "" {
		query.ExclusiveStartKey = item{attrPartition: text(connection.Partition()), attrSort: text(after)}
	}
	page, err := r.client.Query(ctx, query)
	if err != nil {
		return nil, failure(ctx, "query the table "+r.table, err)
	}
	return decodeAll(connection, page.Items)
}

// Delete implements record.Purger in one request. If the answer was lost and the SDK sent the deletion again, it finds
// nothing and returns false: who counts deletions counts one too few then.
func (r *Records) Delete(ctx context.Context, key record.Key, cutoff time.Time) (bool, error) {
	err := patiently(ctx, func() error {
		_, err := r.client.DeleteItem(ctx, &sdk.DeleteItemInput{
			TableName:                 &r.table,
			Key:                       keyOf(key),
			ConditionExpression:       aws.String("attribute_exists(#partition) AND #occurred_at <= :cutoff"),
			ExpressionAttributeNames:  names(attrPartition, attrOccurredAt),
			ExpressionAttributeValues: item{":cutoff": moment(cutoff)},
		})
		return err
	})
	if _, refused := refusal(err); refused {
		return false, nil
	}
	if err != nil {
		return false, failure(ctx, "delete from the table "+r.table, err)
	}
	return true, nil
}

// List implements record.Lister. It reads the whole table, in requests of 1 MB: for the deletions table, which is small.
func (r *Records) List(ctx context.Context, kind record.Kind) ([]record.Record, error) {
	var found []item
	pages := sdk.NewScanPaginator(r.client, &sdk.ScanInput{
		TableName:                 &r.table,
		FilterExpression:          aws.String("begins_with(#sort, :kind)"),
		ExpressionAttributeNames:  names(attrSort),
		ExpressionAttributeValues: item{":kind": text(record.Key{Kind: kind}.Sort())},
		ConsistentRead:            aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failure(ctx, "scan the table "+r.table, err)
		}
		found = append(found, page.Items...)
	}
	return decodeAll(record.Connection{}, found)
}

// decodeAll returns the items as records of the connection, which the items do not name in a readable form.
func decodeAll(connection record.Connection, found []item) ([]record.Record, error) {
	var records []record.Record
	for _, stored := range found {
		r := reader{item: stored}
		key := record.Key{Connection: connection}
		key.Kind, key.ID = record.ParseSort(r.text(attrSort))
		if r.err != nil {
			return nil, r.err
		}
		rec, err := decode(key, stored)
		if err != nil {
			return nil, err
		}
		records = append(records, rec)
	}
	return records, nil
}
