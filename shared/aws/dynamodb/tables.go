package dynamodb

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"revento-alerts/shared/aws/awssdk"
)

// Tables looks at tables, for the operator's commands.
type Tables struct {
	client *sdk.Client
}

// NewTables returns them. It makes no call.
func NewTables(config aws.Config) *Tables { return &Tables{client: sdk.NewFromConfig(config)} }

// Describe implements checkup.Tables. A table can be used while it is being updated.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
func (t *Tables) Describe(ctx context.Context, table string) (usable bool, status string, err error) {
	described, err := t.client.DescribeTable(ctx, &sdk.DescribeTableInput{TableName: &table})
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
		return false, "", nil
	}
	if err != nil {
		return false, "", awssdk.Failure(ctx, "describe the table "+table, err)
	}
	if described.Table == nil {
		return false, "", nil
	}
	state := described.Table.TableStatus
	return state == types.TableStatusActive || state == types.TableStatusUpdating, string(state), nil
}
