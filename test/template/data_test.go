//go:build template

package template

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

type table struct {
	BillingMode      string
	KeySchema        []keyElement
	SSESpecification struct{ SSEEnabled bool }

	TimeToLiveSpecification struct {
		AttributeName string
		Enabled       bool
	}
	PointInTimeRecoverySpecification struct{ PointInTimeRecoveryEnabled bool }
}

type keyElement struct{ AttributeName, KeyType string }

func TestTables(t *testing.T) {
	loaded := load(t)
	for name, key := range map[string][]keyElement{
		"DeliveriesTable": {{"delivery_id", "HASH"}},
		"RecordsTable":    {{"partition", "HASH"}, {"sort", "RANGE"}},
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
	if got := len(loaded.named("AWS::DynamoDB::Table")); got != 2 {
		t.Errorf("there are %d tables, the tests here know 2", got)
	}
}

func TestWhatCannotBeMadeAgainIsKept(t *testing.T) {
	loaded := load(t)
	for _, name := range []string{
		"RecordsTable", "DeletionQueue", "DeletionDeadLetterQueue", "PurgeQueue", "PurgeDeadLetterQueue",
	} {
		r := loaded.Resources[name]
		if r.DeletionPolicy != "RetainExceptOnCreate" || r.UpdateReplacePolicy != "Retain" {
			t.Errorf("%s goes with the stack: deletion policy %q, replacement policy %q", name, r.DeletionPolicy, r.UpdateReplacePolicy)
		}
	}
	records := properties[table](t, loaded, "RecordsTable", "AWS::DynamoDB::Table")
	if !records.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled {
		t.Error("the records have no point-in-time recovery")
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
