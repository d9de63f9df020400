//go:build template

package template

import (
	"slices"
	"strings"
	"testing"
)

// readers are the functions that read hand-offs, by their queues.
var readers = map[string]string{
	"SlackQueue": "SlackFunction", "PagerdutyQueue": "PagerdutyFunction", "DigestQueue": "DigestFunction", "DeletionQueue": "DeletionFunction",
}

// writers are the functions that write hand-offs. What the others send to the deletion queue is none.
var writers = map[string]string{
	"ingest": "IngestFunction", "digest": "DigestFunction", "deletion": "DeletionFunction", "purge": "PurgeFunction",
}

// CloudFormation updates what a resource depends on before it: a hand-off of a newer form finds a reader that knows it.
func TestWhoReadsHandOffsIsBroughtUpToDateBeforeWhoWritesThem(t *testing.T) {
	loaded := load(t)
	for name, writer := range writers {
		for _, grant := range allowances[name] {
			queue, sends := strings.CutPrefix(grant, "Allow sqs:SendMessage on !GetAtt ")
			reader, isRead := readers[strings.TrimSuffix(queue, ".Arn")]
			if !sends || !isRead || reader == writer || name == "digest" && reader == "DeletionFunction" {
				continue
			}
			if !slices.Contains(loaded.Resources[writer].DependsOn, expression(reader)) {
				t.Errorf("%s may be updated before %s, which reads what it writes: it depends on %q", writer, reader, loaded.Resources[writer].DependsOn)
			}
		}
	}
}
