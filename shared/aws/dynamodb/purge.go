package dynamodb

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"revento-alerts/shared/alerting/record"
)

// pageSize is how many records Query returns at the most. The service ends a page at 1 MB, too.
const pageSize = 100

// Query implements record.Purger in one request.
func (r *Records) Query(ctx context.Context, connection record.Connection, after string) ([]record.Record, error) {
	return r.query(ctx, connection, "#sort < :bound", waysToUsers, after)
}

// QueryKind implements record.Purger in one request.
func (r *Records) QueryKind(ctx context.Context, connection record.Connection, kind record.Kind, after string) ([]record.Record, error) {
	return r.query(ctx, connection, beginsWithBound, kind.Sort(), after)
}

const beginsWithBound = "begins_with(#sort, :bound)"

func (r *Records) query(ctx context.Context, connection record.Connection, condition, bound, after string) ([]record.Record, error) {
	found, err := r.items(ctx, connection, condition, bound, after)
	if err != nil {
		return nil, err
	}
	return decodeAll(connection, found)
}

// items reads a page of the partition.
func (r *Records) items(ctx context.Context, connection record.Connection, condition, bound, after string) ([]item, error) {
	query := &sdk.QueryInput{
		TableName:                 &r.table,
		KeyConditionExpression:    aws.String("#partition = :partition AND " + condition),
		ExpressionAttributeNames:  names(attrPartition, attrSort),
		ExpressionAttributeValues: item{":partition": text(connection.Partition()), ":bound": text(bound)},
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
	return page.Items, nil
}

// Delete implements record.Purger in one request, or two for what is about a user. If the answer was lost and the SDK sent the
// deletion again, it finds nothing and returns false: who counts deletions counts one too few then.
func (r *Records) Delete(ctx context.Context, key record.Key, cutoff time.Time) (bool, error) {
	standing, deleted, err := r.deleteAlone(ctx, key, cutoff)
	if user := (&reader{item: standing}).optional(attrUser); err == nil && user != "" {
		deleted, err = r.deleteWithWay(ctx, key, user, cutoff)
	}
	if err != nil {
		return false, failure(ctx, "delete from the table "+r.table, err)
	}
	return deleted, nil
}

// isOld is the condition under which a record may go.
const isOld = "attribute_exists(#partition) AND #occurred_at <= :cutoff"

// deleteAlone deletes a record that is about no user, and returns what stands in the way.
func (r *Records) deleteAlone(ctx context.Context, key record.Key, cutoff time.Time) (standing item, deleted bool, err error) {
	err = patiently(ctx, func() error {
		_, err := r.client.DeleteItem(ctx, &sdk.DeleteItemInput{
			TableName:                           &r.table,
			Key:                                 keyOf(key),
			ConditionExpression:                 aws.String(isOld + " AND attribute_not_exists(#user)"),
			ExpressionAttributeNames:            names(attrPartition, attrOccurredAt, attrUser),
			ExpressionAttributeValues:           item{":cutoff": moment(cutoff)},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return err
	})
	if standing, refused := refusal(err); refused {
		return standing, false, nil
	}
	return nil, err == nil, err
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
