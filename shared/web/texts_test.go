package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"revento-alerts/shared/connection/consent"
)

// Every outcome, and every reason of a failure, that package consent names has a text.
func TestEveryOutcomeHasItsText(t *testing.T) {
	for kind, values := range constants(t, "../connection/consent/outcome.go") {
		for _, value := range values {
			outcome := consent.Outcome{Kind: consent.Kind(value)}
			if kind == "Reason" {
				outcome = consent.Outcome{Kind: consent.Failed, Reason: consent.Reason(value)}
			}
			if outcome.Kind == consent.Asked || outcome.Kind == consent.Failed && outcome.Reason == "" {
				continue
			}
			if said := textOf(outcome); said.Heading == "" || said.Tone == "" || len(said.Says) == 0 {
				t.Errorf("%s %s: %+v", kind, value, said)
			}
		}
	}
}

// constants are the texts of a file's constants, by their type.
func constants(t *testing.T, path string) map[string][]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || spec.Type == nil || len(spec.Values) != 1 {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			kind := spec.Type.(*ast.Ident).Name
			found[kind] = append(found[kind], value)
		}
		return true
	})
	if len(found["Kind"]) < 10 || len(found["Reason"]) < 5 {
		t.Fatalf("only %v were found", found)
	}
	return found
}
