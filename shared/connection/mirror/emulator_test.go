//go:build emulators

package mirror_test

import (
	"testing"

	"revento-alerts/shared/aws/dynamodb"
	"revento-alerts/test/emulators"
)

func init() {
	engines["DynamoDB"] = func(t *testing.T) *bench {
		config, deletions := emulators.Patient(t), emulators.Deletions(t)
		return newBenchOn(t, dynamodb.NewRecords(config, emulators.Records(t), deletions), dynamodb.NewDeletions(config, deletions))
	}
}
