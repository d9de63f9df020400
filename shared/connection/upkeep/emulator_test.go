//go:build emulators

package upkeep_test

import (
	"testing"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/aws/dynamodb"
	"revento-alerts/test/emulators"
)

func init() {
	engines["DynamoDB"] = func(t *testing.T) (store, record.Store) {
		config, table := emulators.Patient(t), emulators.Deletions(t)
		return dynamodb.NewRecords(config, emulators.Records(t), table), dynamodb.NewDeletions(config, table)
	}
}
