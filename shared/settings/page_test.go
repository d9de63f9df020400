package settings_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"revento-alerts/shared/settings"
)

// The table of settings is what people go by: each row must be the code's, and none may be missing.
func TestThePageTellsTheSettings(t *testing.T) {
	page, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{} // by parameter
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, " | ")
		if parameter, found := strings.CutPrefix(cells[0], "| `"); found && len(cells) == 4 {
			rows[strings.TrimSuffix(parameter, "`")] = cells
		}
	}
	for _, setting := range settings.Table() {
		cells, told := rows[setting.Parameter]
		if !told {
			t.Errorf("docs/settings.md has no row for %s", setting.Parameter)
			continue
		}
		if want := fmt.Sprintf("`%s`", setting.Variable()); cells[1] != want {
			t.Errorf("the page's variable of %s is %s, want %s", setting.Parameter, cells[1], want)
		}
		if want := shownDefault(setting); cells[2] != want {
			t.Errorf("the page's default of %s is %s, want %s", setting.Parameter, cells[2], want)
		}
	}
}

func shownDefault(setting settings.Setting) string {
	switch {
	case setting.Required:
		return "none; serve: `C0SAMPLE01`"
	case setting.Default == "":
		return "empty"
	default:
		return "`" + setting.Default + "`"
	}
}
