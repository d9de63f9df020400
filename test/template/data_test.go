//go:build template

package template

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/connection/deletion"
)

type table struct {
	BillingMode      string
	KeySchema        []keyElement
	SSESpecification struct{ SSEEnabled bool }

	TimeToLiveSpecification struct {
		AttributeName string
		Enabled       bool
	}
	PointInTimeRecoverySpecification struct {
		PointInTimeRecoveryEnabled bool
		RecoveryPeriodInDays       int
	}
}

type keyElement struct{ AttributeName, KeyType string }

func TestTables(t *testing.T) {
	loaded := load(t)
	for name, key := range map[string][]keyElement{
		"DeliveriesTable": {{"delivery_id", "HASH"}},
		"RecordsTable":    {{"partition", "HASH"}, {"sort", "RANGE"}},
		"DeletionsTable":  {{"partition", "HASH"}, {"sort", "RANGE"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := properties[table](t, loaded, name, "AWS::DynamoDB::Table")
			if diff := cmp.Diff(key, got.KeySchema); diff != "" {
				t.Errorf("key (-want +got):\n%s", diff)
			}
			if ttl := got.TimeToLiveSpecification; ttl.AttributeName != "expires" || !ttl.Enabled {
				t.Errorf("its time to live is %+v", ttl)
			}
			if !got.SSESpecification.SSEEnabled {
				t.Error("it is not encrypted with a key of the account")
			}
			if got.BillingMode != "PAY_PER_REQUEST" {
				t.Errorf("its billing mode is %s", got.BillingMode)
			}
		})
	}
	if got := len(loaded.named("AWS::DynamoDB::Table")); got != 3 {
		t.Errorf("there are %d tables, the tests here know 3", got)
	}
}

// Only a record that is pending has the attribute, so that the index holds no others.
func TestRecordsHaveAnIndexOfWhatIsPending(t *testing.T) {
	type index struct {
		IndexName  string
		KeySchema  []keyElement
		Projection struct{ ProjectionType string }
	}
	records := properties[struct{ GlobalSecondaryIndexes []index }](t, load(t), "RecordsTable", "AWS::DynamoDB::Table")
	want := index{IndexName: "pending", KeySchema: []keyElement{{"pending", "HASH"}, {"sort", "RANGE"}}}
	want.Projection.ProjectionType = "ALL"
	if diff := cmp.Diff([]index{want}, records.GlobalSecondaryIndexes); diff != "" {
		t.Errorf("indexes (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeMadeAgainIsKept(t *testing.T) {
	loaded := load(t)
	for _, name := range []string{
		"RecordsTable", "DeletionsTable", "DeletionQueue", "DeletionDeadLetterQueue", "PurgeQueue", "PurgeDeadLetterQueue",
		"PurgeScheduleGroup", "PurgeScheduleRole",
	} {
		r := loaded.Resources[name]
		if r.DeletionPolicy != "RetainExceptOnCreate" || r.UpdateReplacePolicy != "Retain" {
			t.Errorf("%s goes with the stack: deletion policy %q, replacement policy %q", name, r.DeletionPolicy, r.UpdateReplacePolicy)
		}
	}
	for _, name := range []string{"RecordsTable", "DeletionsTable"} {
		recovery := properties[table](t, loaded, name, "AWS::DynamoDB::Table").PointInTimeRecoverySpecification
		if !recovery.PointInTimeRecoveryEnabled {
			t.Errorf("%s has no point-in-time recovery", name)
		}
		// What a deletion's record says of backups rests on it.
		if got := time.Duration(recovery.RecoveryPeriodInDays) * 24 * time.Hour; got != deletion.BackupRetention {
			t.Errorf("%s can be restored for %s, a deletion's record says %s", name, got, deletion.BackupRetention)
		}
	}
}

func TestNoSecretsValueIsInTheTemplate(t *testing.T) {
	loaded := load(t)
	for _, name := range loaded.named("AWS::SecretsManager::Secret") {
		got := properties[map[string]any](t, loaded, name, "AWS::SecretsManager::Secret")
		for _, property := range []string{"SecretString", "GenerateSecretString"} {
			if _, set := got[property]; set {
				t.Errorf("%s has a %s", name, property)
			}
		}
	}
}
