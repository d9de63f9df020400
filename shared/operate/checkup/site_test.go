package checkup_test

import (
	"os/exec"
	"strings"
	"testing"

	"revento-alerts/shared/operate/checkup"
)

// What check prints for a stack is pasted into a shell as it is.
func TestTheCommandThatFindsTheOldestMessagesAsksForEachQueue(t *testing.T) {
	_, command, _ := strings.Cut(checkup.OnStack("demo", "eu-west-1", "demo-SlackQueue-1A2B.fifo", "demo-DigestQueue-3C4D").Oldest, ": ")
	command, _, _ = strings.Cut(command, "; why")
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `aws() { printf '%s\n' "$*"; }; `+command).CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != 2 {
		t.Fatalf("%s, %v", out, err)
	}
	for i, name := range []string{"demo-SlackQueue-1A2B.fifo", "demo-DigestQueue-3C4D"} {
		if !strings.HasPrefix(lines[i], "cloudwatch get-metric-statistics --region eu-west-1 ") || !strings.Contains(lines[i], "Name=QueueName,Value="+name+" ") {
			t.Errorf("it asks %s", lines[i])
		}
	}
}

func TestOfAStackItIsToldWhereTheAgeOfMessagesAndTheNewestDeliveryAreFound(t *testing.T) {
	s := well()
	said := map[string]string{}
	for _, f := range s.Run(t.Context()) {
		said[f.Subject] = f.Says
	}
	for subject, parts := range map[string][]string{
		"oldest messages":     {"ApproximateAgeOfOldestMessage", "AWS/SQS", "/aws/lambda/demo-<queue>", "filter receives > 1"},
		"accepted deliveries": {"reply_accepted", "/aws/lambda/demo-ingest", `filter msg = "delivery" and status = "accepted"`},
	} {
		for _, part := range parts {
			if !strings.Contains(said[subject], part) {
				t.Errorf("%s: %q lacks %q", subject, said[subject], part)
			}
		}
	}
}
