package installation_test

import (
	"os/exec"
	"testing"

	"revento-alerts/shared/ground/installation"
)

func TestACommandNamesItsInstallation(t *testing.T) {
	for name, test := range map[string]struct {
		of   installation.Name
		want string
	}{
		"a data folder":             {installation.OnMachine("/srv/alerts"), "revento-alerts deletions list --data /srv/alerts"},
		"a stack":                   {installation.OnStack("revento-alerts"), "revento-alerts deletions list --stack revento-alerts"},
		"the default":               {installation.Name{}, "revento-alerts deletions list"},
		"a folder with a blank":     {installation.OnMachine("/srv/my alerts"), `revento-alerts deletions list --data "/srv/my alerts"`},
		"a folder without any name": {installation.OnMachine(""), `revento-alerts deletions list --data ""`},
	} {
		if got := test.of.Command("deletions list"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// What a person pastes must not be read as anything else.
func TestAShellReadsTheFolderAsItIs(t *testing.T) {
	for _, dir := range []string{"/srv/alerts", "/srv/my alerts", `/a"b\c$HOME/` + "`x`", "~", "/x;y&z", "/Ümlaut*", "/it's", "a\nb"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s' "+installation.OnMachine(dir).Flag()[len("--data "):]).Output()
		if err != nil || string(out) != dir {
			t.Errorf("%q is read as %q, %v", dir, out, err)
		}
	}
}
