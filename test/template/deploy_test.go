//go:build template

package template

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// firstDeployment is the whole of what a person types.
const firstDeployment = "sam build && sam deploy --stack-name revento-alerts --resolve-s3 --capabilities CAPABILITY_IAM " +
	"--parameter-overrides SlackChannel=C0123456789"

// samOptions is samconfig.toml beside what sam knows; samoptions.py writes it.
type samOptions struct {
	Text string
	// Environments are samconfig.toml's tables, by environment and command; global is for whichever command knows it.
	Environments map[string]map[string]struct{ Parameters map[string]any }
	// Options are each command's, by the names that samconfig.toml uses, in the forms that sam's --help lists.
	Options map[string]map[string][]string
}

func loadSAM(t *testing.T) samOptions {
	t.Helper()
	text, err := os.ReadFile("../../build/samoptions.json")
	if err != nil {
		t.Fatalf("run test/template/run: %v", err)
	}
	var loaded samOptions
	if err := json.Unmarshal(text, &loaded); err != nil {
		t.Fatal(err)
	}
	return loaded
}

// knows says whether a command has an option in a form such as --guided.
func (s samOptions) knows(command, form string) bool {
	for _, forms := range s.Options[command] {
		if slices.Contains(forms, form) {
			return true
		}
	}
	return false
}

// What nobody must be asked for has a default; a second parameter without one would make the first deployment fail.
func TestExactlyOneParameterHasNoDefault(t *testing.T) {
	var without []string
	loaded := loadWith(t, true)
	for _, name := range keys(loaded.Parameters) {
		if loaded.Parameters[name].Default == nil {
			without = append(without, name)
		}
	}
	if !slices.Equal(without, []string{"SlackChannel"}) {
		t.Errorf("without a default are %v, want SlackChannel alone", without)
	}
}

func TestTheFirstDeploymentIsOneLineThatSAMKnows(t *testing.T) {
	sam := loadSAM(t)
	if !strings.Contains(sam.Text, "#   "+firstDeployment+"\n") {
		t.Errorf("samconfig.toml does not say %s", firstDeployment)
	}
	for command := range strings.SplitSeq(firstDeployment, " && ") {
		words := strings.Fields(command)
		if words[0] != "sam" || sam.Options[words[1]] == nil {
			t.Fatalf("sam has no command %q", command)
		}
		for _, word := range words[2:] {
			if strings.HasPrefix(word, "--") && !sam.knows(words[1], word) {
				t.Errorf("sam %s has no option %s", words[1], word)
			}
		}
	}
	_, override, _ := strings.Cut(firstDeployment, "--parameter-overrides ")
	checkOverride(t, load(t), "the first deployment", override)
	if !sam.knows("deploy", "--guided") {
		t.Error("sam deploy has no --guided any more, which samconfig.toml names")
	}
}

// checkOverride holds "Name=value" to the template's parameters.
func checkOverride(t *testing.T, loaded template, where, override string) {
	t.Helper()
	name, value, _ := strings.Cut(override, "=")
	if p, found := loaded.Parameters[name]; !found || !p.allows(t, value) {
		t.Errorf("%s sets %s, which the template does not allow", where, override)
	}
}

func TestSamconfigSetsWhatSAMAndTheTemplateKnow(t *testing.T) {
	sam, loaded := loadSAM(t), load(t)
	for environment, commands := range sam.Environments {
		for command, table := range commands {
			for name := range table.Parameters {
				if _, known := sam.Options[command][name]; !known && command != "global" {
					t.Errorf("[%s.%s.parameters] sets %s, which sam does not know", environment, command, name)
				}
			}
			overrides, _ := table.Parameters["parameter_overrides"].([]any)
			for _, override := range overrides {
				checkOverride(t, loaded, environment, override.(string))
			}
		}
	}
}

// With samconfig.toml sam deploy needs nothing but the channel, and what the one line made is what it updates.
func TestSamconfigHoldsAllElse(t *testing.T) {
	stacks := map[any]string{}
	for environment, commands := range loadSAM(t).Environments {
		deploy, deployed := commands["deploy"]
		if !deployed {
			continue
		}
		if deploy.Parameters["capabilities"] != "CAPABILITY_IAM" || deploy.Parameters["resolve_s3"] != true {
			t.Errorf("%s: sam deploy asks for more than the channel: %v", environment, deploy.Parameters)
		}
		stack := commands["global"].Parameters["stack_name"]
		if other, taken := stacks[stack]; taken || stack == nil {
			t.Errorf("%s has the stack %v, as has %q", environment, stack, other)
		}
		stacks[stack] = environment
	}
	made := regexp.MustCompile(`--stack-name (\S+)`).FindStringSubmatch(firstDeployment)[1]
	if stacks[made] != "default" {
		t.Errorf("the first deployment makes the stack %s, which sam deploy without more does not update: %v", made, stacks)
	}
}
