package serve

import (
	"fmt"
	"os"
	"testing"
)

// The sealing keys are in the user's configuration folder: the tests' own is as short-lived as they are.
func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "revento-alerts-configuration-")
	if err == nil {
		err = os.Setenv("XDG_CONFIG_HOME", folder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}
