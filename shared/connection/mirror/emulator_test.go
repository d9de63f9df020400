//go:build emulators

package mirror_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"revento-alerts/shared/aws/dynamodb"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/test/emulators"
)

func init() {
	engines["DynamoDB"] = func(t *testing.T) *bench {
		config, deletions := emulators.Patient(t), emulators.Deletions(t)
		return newBenchOn(t, dynamodb.NewRecords(config, emulators.Records(t), deletions), dynamodb.NewDeletions(config, deletions))
	}
	installations["a stack"] = onStack
}

// onStack has its data in tables that are backed up, and its seeds in one that is not.
func onStack(t *testing.T) *installed {
	config := emulators.Patient(t)
	records, deletions, seeds := emulators.Records(t), emulators.Deletions(t), emulators.Seeds(t)
	ring := seal.Ring{}.Add()
	open := func(records, deletions string) *installed {
		return &installed{
			records: dynamodb.NewRecords(config, records, deletions), deletions: dynamodb.NewDeletions(config, deletions),
			seeds: dynamodb.NewSeeds(config, seeds), rings: &rings{ring: ring},
		}
	}
	running := open(records, deletions)
	recordsCopy, deletionsCopy := emulators.Records(t), emulators.Deletions(t)
	running.backup = func() {
		copyTable(t, config, records, recordsCopy)
		copyTable(t, config, deletions, deletionsCopy)
	}
	running.restored = func() *installed { return open(recordsCopy, deletionsCopy) }
	return running
}

func copyTable(t *testing.T, config aws.Config, from, to string) {
	t.Helper()
	client := sdk.NewFromConfig(config)
	pages := sdk.NewScanPaginator(client, &sdk.ScanInput{TableName: &from, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			if _, err := client.PutItem(t.Context(), &sdk.PutItemInput{TableName: &to, Item: item}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
