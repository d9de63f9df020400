//go:build mutants

package mutants

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	short = flag.Bool("quick", false, "take out only what tests notice fast")
	times = flag.Int("times", 1, "how often each is tried: what is noticed by luck shows itself")
)

// TestEveryGuardIsMissedOnceItIsGone prints what caught each mutant. One waits for the linker while another is tried.
func TestEveryGuardIsMissedOnceItIsGone(t *testing.T) {
	for _, m := range mutants {
		if *short && m.slow || m.onEngines != (os.Getenv("AWS_ENDPOINT_URL_DYNAMODB") != "") {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			for range *times {
				m.isCaught(t)
			}
			t.Logf("%.1f s", time.Since(began).Seconds())
		})
	}
}

func (m mutant) isCaught(t *testing.T) {
	t.Helper()
	witnesses, err := m.try(t)
	switch {
	case err != nil:
		t.Errorf("STALE     %s: %v", m.name, err)
	case len(witnesses) == 0:
		t.Errorf("SURVIVED  %s", m.name)
	default:
		t.Logf("caught    %s: by %s", m.name, strings.Join(witnesses, ", "))
	}
}

var errCompile = errors.New("it does not compile")

// try runs the tests without the guard until one of a package fails, and returns those that did.
func (m mutant) try(t *testing.T) (witnesses []string, err error) {
	overlay, err := m.overlay(t)
	if err != nil {
		return nil, err
	}
	packages := m.packages
	if len(packages) == 0 {
		packages = []string{filepath.Dir(m.file)}
	}
	arguments := []string{"test", "-count=1", "-failfast", "-vet=off", "-timeout=2m", "-overlay=" + overlay}
	if m.onEngines {
		arguments = append(arguments, "-tags=emulators")
	}
	for _, name := range packages {
		arguments = append(arguments, "./"+name)
	}
	command := exec.Command("go", arguments...)
	command.Dir = root
	output, _ := command.CombinedOutput() // a failure is what is hoped for
	if strings.Contains(string(output), "[build failed]") || strings.Contains(string(output), "[setup failed]") {
		return nil, errors.Join(errCompile, errors.New(string(output)))
	}
	return failed(string(output)), nil
}

// overlay has go build the file without the guard, and leaves the file itself alone.
func (m mutant) overlay(t *testing.T) (path string, err error) {
	file, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		return "", err
	}
	without, err := m.without()
	if err != nil {
		return "", err
	}
	dir := t.TempDir()
	changed := filepath.Join(dir, "changed.go")
	if err := os.WriteFile(changed, []byte(without), 0o600); err != nil {
		return "", err
	}
	encoded, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, encoded, 0o600)
}

var failure = regexp.MustCompile(`(?m)^--- FAIL: (\w+)|^(panic: test timed out|fatal error: .*)`)

// failed names the tests that failed, the first few.
func failed(output string) []string {
	const shown = 3
	var names []string
	for _, match := range failure.FindAllStringSubmatch(output, shown) {
		names = append(names, match[1]+match[2])
	}
	return names
}
