// Package mutants takes guards out of the program, one at a time, and looks whether the tests notice. That the list names guards that are
// there is among the ordinary tests; taking them out takes the build tag mutants.
package mutants

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// mutant is a guard that is gone.
type mutant struct {
	name string
	file string
	// guard is the text that is taken out, which is there once; instead is what stands there then.
	guard, instead string
	// packages have the tests that are to notice; the file's own package where none are named.
	packages []string
	// slow says that the tests take more than a few seconds; onEngines that they need the emulators.
	slow, onEngines bool
}

// What is stale shows itself at once, and not only when its turn comes.
func TestEveryGuardStandsWhereTheListSays(t *testing.T) {
	for _, m := range mutants {
		if _, err := m.without(); err != nil {
			t.Errorf("STALE     %s: %v", m.name, err)
		}
	}
}

var errGuard = errors.New("the guard's text is not there exactly once")

// without is the file's text without the guard.
func (m mutant) without() (text string, err error) {
	source, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return "", err
	}
	if strings.Count(string(source), m.guard) != 1 {
		return "", errGuard
	}
	return strings.Replace(string(source), m.guard, m.instead, 1), nil
}
