package dynamodb

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"revento-alerts/shared/alerting/record"
)

var _ record.Users = (*Records)(nil)

// waysToUsers is what the sort keys of the items begin with by which users find their records. They come behind all records: no
// kind begins with a tilde.
const waysToUsers = "~user#"

func waysOf(user string) string { return waysToUsers + user + "#" }

// wayTo is the item by which the record's user finds it.
func wayTo(rec record.Record) item {
	way := keyOfWay(rec.Key, rec.User)
	if !rec.Expires.IsZero() {
		way[attrExpires] = expiry(rec.Expires)
	}
	return way
}

// actionOnWay writes the item by which the record's user finds it, or removes it.
func (r *Records) actionOnWay(rec record.Record) types.TransactWriteItem {
	if rec.Remove {
		return types.TransactWriteItem{Delete: &types.Delete{TableName: &r.table, Key: keyOfWay(rec.Key, rec.User)}}
	}
	return types.TransactWriteItem{Put: &types.Put{TableName: &r.table, Item: wayTo(rec)}}
}

func keyOfWay(key record.Key, user string) item {
	return item{attrPartition: text(key.Connection.Partition()), attrSort: text(waysOf(user) + key.Sort())}
}

// QueryUser implements record.Users: a request for the ways, and one for each record.
func (r *Records) QueryUser(ctx context.Context, connection record.Connection, user, after string) ([]record.Record, error) {
	for start := beginAfter(user, after); ; {
		ways, err := r.items(ctx, connection, beginsWithBound, waysOf(user), start)
		if err != nil || len(ways) == 0 {
			return nil, err
		}
		found, last, err := r.follow(ctx, connection, user, ways)
		if err != nil || len(found) > 0 {
			return found, err
		}
		start = last // all of them expired meanwhile
	}
}

func beginAfter(user, after string) string {
	if after == "" {
		return ""
	}
	return waysOf(user) + after
}

// follow reads the records that the ways lead to. Of those that have expired, one may be gone before the other.
func (r *Records) follow(ctx context.Context, connection record.Connection, user string, ways []item) (
	found []record.Record, last string, err error,
) {
	for _, way := range ways {
		read := reader{item: way}
		if last = read.text(attrSort); read.err != nil {
			return nil, "", read.err
		}
		key := record.Key{Connection: connection}
		key.Kind, key.ID = record.ParseSort(strings.TrimPrefix(last, waysOf(user)))
		stored, err := r.Get(ctx, key)
		switch {
		case errors.Is(err, record.ErrNotFound):
		case err != nil:
			return nil, "", err
		default:
			found = append(found, stored)
		}
	}
	return found, last, nil
}

// deleteWithWay deletes a record together with the item by which its user finds it.
func (r *Records) deleteWithWay(ctx context.Context, key record.Key, user string, cutoff time.Time) (deleted bool, err error) {
	items := []types.TransactWriteItem{
		{Delete: &types.Delete{
			TableName:                 &r.table,
			Key:                       keyOf(key),
			ConditionExpression:       aws.String(isOld),
			ExpressionAttributeNames:  names(attrPartition, attrOccurredAt),
			ExpressionAttributeValues: item{":cutoff": moment(cutoff)},
		}},
		{Delete: &types.Delete{TableName: &r.table, Key: keyOfWay(key, user)}},
	}
	err = patiently(ctx, func() error {
		_, err := r.client.TransactWriteItems(ctx, &sdk.TransactWriteItemsInput{TransactItems: items})
		return err
	})
	if reasons := cancellation(err); len(reasons) == len(items) && isRefused(reasons[0]) {
		return false, nil
	}
	return err == nil, err
}
