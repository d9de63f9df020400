package documents_test

import (
	"strings"
	"testing"

	"revento-alerts/test/documents"
)

// A line of a recipe whose test is gone claims what nothing shows. That each test is there, TestEveryFileAndTestThatIsNamedIsThere holds.
func TestEachLineOfARecipeNamesATest(t *testing.T) {
	const page, header, fewest = "docs/recipes.md", "| the recipe's line |", 30
	lines := 0
	for _, p := range documents.Pages(t, root) {
		if p.Path != page {
			continue
		}
		for line := range strings.Lines(p.Text) {
			if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, header) {
				continue
			}
			if lines++; !strings.Contains(line, "`Test") {
				t.Errorf("no test shows: %s", line)
			}
		}
	}
	if lines < fewest {
		t.Errorf("%s has %d lines of recipes", page, lines)
	}
}
