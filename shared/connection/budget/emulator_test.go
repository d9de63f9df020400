//go:build emulators

package budget_test

import (
	"testing"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/aws/dynamodb"
	"revento-alerts/test/emulators"
)

func init() {
	engines["DynamoDB"] = func(t *testing.T) record.Store {
		return dynamodb.NewRecords(emulators.Patient(t), emulators.Records(t), emulators.Deletions(t))
	}
}
