package dynamodb

import (
	"context"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"revento-alerts/shared/alerting/record"
)

var _ record.Index = (*Records)(nil)

// indexPending is the records table's index of what is pending: partition key pending, sort key sort, all attributes. An item
// without the attribute is not in it. Such an index cannot be read strongly consistently.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-indexes-general-sparse-indexes.html
const indexPending = "pending"

// Pending implements record.Index, in pages of 1 MB.
func (r *Records) Pending(ctx context.Context, list string) iter.Seq2[record.Record, error] {
	pages := sdk.NewQueryPaginator(r.client, &sdk.QueryInput{
		TableName:                 &r.table,
		IndexName:                 aws.String(indexPending),
		KeyConditionExpression:    aws.String("#pending = :list"),
		ExpressionAttributeNames:  names(attrPending),
		ExpressionAttributeValues: item{":list": text(list)},
	})
	return func(yield func(record.Record, error) bool) {
		for pages.HasMorePages() {
			found, err := r.pendingPage(ctx, pages)
			if err != nil {
				yield(record.Record{}, err)
				return
			}
			for _, rec := range found {
				if !yield(rec, nil) {
					return
				}
			}
		}
	}
}

func (r *Records) pendingPage(ctx context.Context, pages *sdk.QueryPaginator) ([]record.Record, error) {
	page, err := pages.NextPage(ctx)
	if err != nil {
		return nil, failure(ctx, "query the table "+r.table, err)
	}
	return decodeAll(record.Connection{}, page.Items)
}
