package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"revento-alerts/shared/local/keyring"
	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/settings"
	"revento-alerts/test/documents"
	"revento-alerts/test/golden"
)

// What people type is what there is: each command, argument, flag and variable in README and docs, also in what only AWS can run.
func TestEveryCommandInTheDocumentsIsThere(t *testing.T) {
	for _, page := range documents.Pages(t, "../..") {
		for _, block := range page.Blocks() {
			if block.Language == "sh" {
				for _, words := range commandLines(block.Text) {
					lookAtCommand(t, page.Path, words)
				}
			}
		}
		for _, code := range page.Inline() {
			for _, words := range commandLines(code) {
				lookAtCommand(t, page.Path, words)
			}
		}
	}
}

var (
	continued    = regexp.MustCompile(`\\\n`)
	substitution = regexp.MustCompile(`\$\(([^()]*)\)`)
	separator    = regexp.MustCompile(`[|&;\n]+`)
	word         = regexp.MustCompile(`(?:"[^"]*"|'[^']*'|<[^>]*>|[^\s"'])+`)
	assignment   = regexp.MustCompile(`^([A-Z][A-Z0-9_]*)=`)
)

// commandLines are the commands of what is typed into a shell, in words. What stands for a command's output is a word.
func commandLines(text string) [][]string {
	var lines [][]string
	text = continued.ReplaceAllString(text, " ")
	for _, inner := range substitution.FindAllStringSubmatch(text, -1) {
		lines = append(lines, commandLines(inner[1])...)
	}
	for _, line := range separator.Split(substitution.ReplaceAllString(text, "X"), -1) {
		if words := word.FindAllString(line, -1); len(words) > 0 {
			lines = append(lines, words)
		}
	}
	return lines
}

// lookAtCommand looks at what sets a variable and at what is a command of this program, with its name before it or without.
func lookAtCommand(t *testing.T, page string, words []string) {
	t.Helper()
	for len(words) > 0 {
		set := assignment.FindStringSubmatch(words[0])
		if set == nil {
			break
		}
		if !slices.Contains(variables(), set[1]) {
			t.Errorf("%s sets %s, which nothing reads", page, set[1])
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return
	}
	root := newRoot(world{source: func(string) (string, bool) { return "", false }})
	isProgram := words[0] == "revento-alerts" || words[0] == "./revento-alerts"
	if isProgram {
		words = words[1:]
	} else if !slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool { return c.Name() == words[0] }) {
		return
	}
	command, rest, err := root.Find(words)
	if err == nil && command.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		t.Errorf("%s: %s has no %s", page, command.CommandPath(), rest[0])
	}
	if err == nil {
		err = command.ParseFlags(rest)
	}
	if err != nil {
		t.Errorf("%s: %q: %v", page, words, err)
	}
}

// variables are what programs of this tree read, and what the documents say of Go.
func variables() []string {
	names := []string{serve.VariableWebhookSecrets, serve.VariableSlackBotToken, serve.VariablePagerDutyRoutingKey, "GOTOOLCHAIN",
		serve.VariableReventoClientSecret, keyring.Variable}
	for _, setting := range settings.Table() {
		names = append(names, setting.Variable())
	}
	return names
}

// A look at the documents that finds nothing to look at holds nothing.
func TestCommandLinesAreTakenApart(t *testing.T) {
	got := commandLines("A=1 \\\nb --flag \"two words\" |\n  c $(d 'e f' | g) --yes &\n")
	want := [][]string{{"d", "'e f'"}, {"g"}, {"A=1", "b", "--flag", `"two words"`}, {"c", "X", "--yes"}}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What the README shows of the demo is what the demo shows, with lines left out.
func TestTheReadmeShowsTheDemo(t *testing.T) {
	shown := documents.Pages(t, "../..")[0].Blocks()[1]
	if shown.Language != "text" {
		t.Fatalf("the README's second block is %q, want what the demo prints", shown.Language)
	}
	printed := strings.Split(golden.Read(t, "demo.txt"), "\n")
	for _, line := range strings.Split(fixed(shown.Text), "\n") {
		at := slices.Index(printed, line)
		if at < 0 {
			t.Errorf("the demo does not print, in this place, %q", line)
			continue
		}
		printed = printed[at+1:]
	}
}
