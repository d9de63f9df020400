//go:build template

package template

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// What is paid for while nothing happens is counted from the template.
func TestThePageOfCostsCountsWhatIsThere(t *testing.T) {
	page, err := os.ReadFile("../../docs/costs.md")
	if err != nil {
		t.Fatal(err)
	}
	loaded := load(t)
	for form, resourceType := range map[string]string{
		"| CloudWatch alarms | %d at ":                         "AWS::CloudWatch::Alarm",
		"| Secrets Manager | %d secrets at ":                   "AWS::SecretsManager::Secret",
		"| SQS, polling | %d queues x 5 pollers x 3 requests ": "AWS::Lambda::EventSourceMapping",
	} {
		if row := fmt.Sprintf(form, len(loaded.named(resourceType))); !strings.Contains(string(page), row) {
			t.Errorf("docs/costs.md has no row that begins with %q", row)
		}
	}
	on := loadWith(t, true)
	for form, resourceType := range map[string]string{
		"| CloudWatch alarms, with connections | %d more at ":                         "AWS::CloudWatch::Alarm",
		"| Secrets Manager, with connections | %d secrets more at ":                   "AWS::SecretsManager::Secret",
		"| SQS, polling, with connections | %d queues more x 5 pollers x 3 requests ": "AWS::Lambda::EventSourceMapping",
	} {
		more := len(on.named(resourceType)) - len(loaded.named(resourceType))
		if row := fmt.Sprintf(form, more); !strings.Contains(string(page), row) {
			t.Errorf("docs/costs.md has no row that begins with %q", row)
		}
	}
}
