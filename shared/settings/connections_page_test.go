package settings_test

import (
	"os"
	"strings"
	"testing"

	"revento-alerts/shared/settings"
)

// A setting of connections that its page does not tell is one that nobody sets.
func TestThePageOfConnectionsTellsTheirSettings(t *testing.T) {
	page, err := os.ReadFile("../../docs/connections.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range settings.OfConnections() {
		row := "| `" + setting.Variable() + "` | "
		_, rest, told := strings.Cut(string(page), row)
		if !told {
			t.Errorf("docs/connections.md has no row for %s", setting.Variable())
			continue
		}
		if cell, _, _ := strings.Cut(rest, " |"); setting.Default != "" && cell != "`"+setting.Default+"`" {
			t.Errorf("the default of %s is told as %s, and is %s", setting.Variable(), cell, setting.Default)
		}
	}
}
