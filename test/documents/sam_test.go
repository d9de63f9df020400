//go:build template

package documents_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"revento-alerts/test/documents"
)

var (
	samCommand = regexp.MustCompile(`(?m)(?:^|&& |\| |\|\n *)(sam [a-z].*?)(?: &&| \||$)`)
	samFlag    = regexp.MustCompile(`^--?[a-z][a-z-]*$`)
	samName    = regexp.MustCompile(`^[a-z][a-z-]*$`)
)

// What only AWS, or Docker, can run is at least what sam understands. It is to be found, as test/sam/with has it.
func TestEveryFlagOfSamIsThere(t *testing.T) {
	help := map[string]string{}
	looked := 0
	for _, page := range documents.Pages(t, root) {
		code := page.Inline()
		for _, block := range page.Blocks() {
			if block.Language == "sh" {
				code = append(code, block.Text)
			}
		}
		for _, text := range code {
			for _, found := range samCommand.FindAllStringSubmatch(text, -1) {
				looked++
				lookAtSam(t, page.Path, found[1], help)
			}
		}
	}
	if looked == 0 {
		t.Error("no document has a command of sam")
	}
}

// lookAtSam looks for the flags of a command in its help, which is kept by its name.
func lookAtSam(t *testing.T, page, line string, help map[string]string) {
	t.Helper()
	words := strings.Fields(line)
	end := 1
	for end < len(words) && samName.MatchString(words[end]) {
		end++
	}
	name := strings.Join(words[:end], " ")
	if _, known := help[name]; !known {
		printed, err := exec.CommandContext(t.Context(), "sam", append(words[1:end:end], "--help")...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %s --help: %v: %s", page, name, err, printed)
		}
		help[name] = string(printed)
	}
	for _, word := range words[end:] {
		if samFlag.MatchString(word) && !regexp.MustCompile(`(?m)[\s,/]`+word+`[\s,/]`).MatchString(help[name]) {
			t.Errorf("%s: %s has no %s", page, name, word)
		}
	}
}
