package dynamodb

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"revento-alerts/shared/record"
)

var _ record.Index = (*Records)(nil)

// indexPending is the records table's index of what is pending: partition key pending, sort key sort, all attributes. An item
// without the attribute is not in it. Such an index cannot be read strongly consistently.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-indexes-general-sparse-indexes.html
const indexPending = "pending"

// Pending implements record.Index, in requests of 1 MB.
func (r *Records) Pending(ctx context.Context, list string, limit int) ([]record.Record, error) {
	pages := sdk.NewQueryPaginator(r.client, &sdk.QueryInput{
		TableName:                 &r.table,
		IndexName:                 aws.String(indexPending),
		KeyConditionExpression:    aws.String("#pending = :list"),
		ExpressionAttributeNames:  names(attrPending),
		ExpressionAttributeValues: item{":list": text(list)},
	})
	var found []item
	for pages.HasMorePages() && len(found) < limit {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failure(ctx, "query the table "+r.table, err)
		}
		found = append(found, page.Items...)
	}
	return decodeAll(record.Connection{}, found[:min(len(found), limit)])
}
