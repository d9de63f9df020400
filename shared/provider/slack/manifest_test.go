package slack_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/provider/slack"
)

func TestTheManifestAsksForExactlyTheScopesUsed(t *testing.T) {
	manifest, err := os.ReadFile("../../../functions/slack/app-manifest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lists := regexp.MustCompile(`(?m)^    (bot|user):\n((?:      .*\n)*)`).FindAllStringSubmatch(string(manifest), -1)
	if len(lists) != 1 || lists[0][1] != "bot" {
		t.Fatalf("the lists of scopes: %q", lists)
	}
	var scopes []string
	for _, item := range regexp.MustCompile(`(?m)^      - (.*)$`).FindAllStringSubmatch(lists[0][2], -1) {
		scopes = append(scopes, item[1])
	}
	var used []string
	for _, scope := range slack.Scopes {
		used = append(used, scope.Name)
	}
	if diff := cmp.Diff(used, scopes); diff != "" {
		t.Error(diff)
	}
}
