package function_test

import (
	"testing"

	"revento-alerts/shared/aws/function"
	"revento-alerts/shared/settings"
)

// What a function tells people to type is about its own stack.
func TestAFunctionsHintsNameItsStack(t *testing.T) {
	stack := function.Stack{Source: func(name string) (string, bool) { return name, true }}
	engine, err := stack.Engine(settings.Common{Stack: "prod"})
	if got := engine.Installation.Command("deletions list"); err != nil || got != "revento-alerts deletions list --stack prod" {
		t.Errorf("%q, %v", got, err)
	}
}
