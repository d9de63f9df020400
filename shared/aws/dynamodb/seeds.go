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
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/seal"
)

var _ mirror.Seeds = (*Seeds)(nil)

// Seeds is the table of the seeds of mirrors, of which there must be no backups. Partition key partition, sort key life:
//
//	partition  S  the connection (record.Connection.Partition)
//	life       S  the life of the connection (connection.Life)
//	seed       B  seal.SeedBytes random bytes
type Seeds struct {
	client *sdk.Client
	table  string
}

const (
	attrLife = "life"
	attrSeed = "seed"
)

// NewSeeds returns the store. It makes no call.
func NewSeeds(config aws.Config, table string) *Seeds {
	return &Seeds{client: sdk.NewFromConfig(config), table: table}
}

func seedKey(of record.Connection, life connection.Life) item {
	return item{attrPartition: text(of.Partition()), attrLife: text(string(life))}
}

// Get implements mirror.Seeds.
func (s *Seeds) Get(ctx context.Context, of record.Connection, life connection.Life) ([]byte, error) {
	got, err := s.client.GetItem(ctx, &sdk.GetItemInput{TableName: &s.table, Key: seedKey(of, life), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, failure(ctx, "read from the table "+s.table, err)
	}
	if len(got.Item) == 0 {
		return nil, mirror.ErrNoSeed
	}
	return seedIn(got.Item)
}

func seedIn(stored item) ([]byte, error) {
	seed, ok := stored[attrSeed].(*types.AttributeValueMemberB)
	if !ok || len(seed.Value) != seal.SeedBytes {
		return nil, fmt.Errorf("the item's attribute %s is missing or not %d bytes", attrSeed, seal.SeedBytes)
	}
	return seed.Value, nil
}

// Make implements mirror.Seeds: in one request where the seed is there, and else in two. Where the answer of the second was lost and the
// SDK sent it again, it is refused by its own first arrival, and returns what that stored.
func (s *Seeds) Make(ctx context.Context, of record.Connection, life connection.Life) ([]byte, error) {
	seed, err := s.Get(ctx, of, life)
	if !errors.Is(err, mirror.ErrNoSeed) {
		return seed, err
	}
	seed = make([]byte, seal.SeedBytes)
	_, _ = rand.Read(seed) // never fails: https://pkg.go.dev/crypto/rand#Read
	made := seedKey(of, life)
	made[attrSeed] = &types.AttributeValueMemberB{Value: seed}
	_, err = s.client.PutItem(ctx, &sdk.PutItemInput{
		TableName: &s.table, Item: made,
		ConditionExpression: aws.String("attribute_not_exists(#partition)"), ExpressionAttributeNames: names(attrPartition),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if standing, refused := refusal(err); refused {
		return seedIn(standing)
	}
	if err != nil {
		return nil, failure(ctx, "write to the table "+s.table, err)
	}
	return seed, nil
}

// Delete implements mirror.Seeds.
func (s *Seeds) Delete(ctx context.Context, of record.Connection, cutoff time.Time) (deleted int, err error) {
	lives, err := s.lives(ctx, of)
	if err != nil {
		return 0, err
	}
	for _, life := range lives {
		if !life.IsOver(cutoff) {
			continue
		}
		if _, err := s.client.DeleteItem(ctx, &sdk.DeleteItemInput{TableName: &s.table, Key: seedKey(of, life)}); err != nil {
			return deleted, failure(ctx, "delete from the table "+s.table, err)
		}
		deleted++
	}
	return deleted, nil
}

// lives are the connection's lives that have a seed: a page holds thousands.
func (s *Seeds) lives(ctx context.Context, of record.Connection) (lives []connection.Life, err error) {
	found, err := s.client.Query(ctx, &sdk.QueryInput{
		TableName: &s.table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression: aws.String("#partition = :partition"), ProjectionExpression: aws.String("#life"),
		ExpressionAttributeNames:  names(attrPartition, attrLife),
		ExpressionAttributeValues: item{":partition": text(of.Partition())},
	})
	if err != nil {
		return nil, failure(ctx, "query the table "+s.table, err)
	}
	for _, stored := range found.Items {
		from := reader{item: stored}
		lives = append(lives, connection.Life(from.text(attrLife)))
		if from.err != nil {
			return nil, from.err
		}
	}
	return lives, nil
}
