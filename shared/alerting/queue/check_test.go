package queue

import (
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/ground/fault"
)

func TestCheckRefusesWhatSQSRefuses(t *testing.T) {
	ordered := Message{Body: "body", Group: "group", DeduplicationID: "id"}
	unordered := Message{Body: "body"}
	tests := []struct {
		name    string
		queue   Name
		message Message
		change  func(*Message)
		refused bool
	}{
		{name: "a message with group and deduplication id into a FIFO queue", queue: Slack, message: ordered},
		{name: "the same into a FIFO queue's dead-letter queue", queue: Slack.DeadLetter(), message: ordered},
		{name: "a plain message into a standard queue", queue: Digest, message: unordered},
		{name: "a queue that does not exist", queue: "slakc", message: unordered, refused: true},
		{name: "no body", queue: Digest, refused: true},
		{name: "no group", queue: Slack, message: ordered, change: func(m *Message) { m.Group = "" }, refused: true},
		{name: "no deduplication id", queue: Slack, message: ordered, change: func(m *Message) { m.DeduplicationID = "" }, refused: true},
		{name: "a group of 128 characters", queue: Slack, message: ordered, change: func(m *Message) { m.Group = strings.Repeat("g", 128) }},
		{name: "a group of 129 characters", queue: Slack, message: ordered, change: func(m *Message) { m.Group = strings.Repeat("g", 129) }, refused: true},
		{name: "a group with a space", queue: Slack, message: ordered, change: func(m *Message) { m.Group = "a b" }, refused: true},
		{name: "a delay in a FIFO queue", queue: Slack, message: ordered, change: func(m *Message) { m.Delay = time.Second }, refused: true},
		{name: "a group in a standard queue", queue: Digest, message: ordered, refused: true},
		{name: "a delay of 15 minutes", queue: Digest, message: unordered, change: func(m *Message) { m.Delay = 15 * time.Minute }},
		{name: "a longer delay", queue: Digest, message: unordered, change: func(m *Message) { m.Delay = 15*time.Minute + 1 }, refused: true},
		{name: "tab, line feed and characters of all planes", queue: Digest, message: Message{Body: "\t\r\n é 漢 \U0001F389"}},
		{name: "a control character", queue: Digest, message: Message{Body: "a\x00b"}, refused: true},
		{name: "U+FFFE, which is no character", queue: Digest, message: Message{Body: "a\uFFFEb"}, refused: true},
		{name: "bytes that are not UTF-8", queue: Digest, message: Message{Body: "a\xffb"}, refused: true},
		{name: "an attribute without a value", queue: Digest, message: Message{Body: "b", Attributes: map[string]string{"a": ""}}, refused: true},
		{name: "eleven attributes", queue: Digest, message: Message{Body: "b", Attributes: map[string]string{
			"a": "1", "b": "1", "c": "1", "d": "1", "e": "1", "f": "1", "g": "1", "h": "1", "i": "1", "j": "1", "k": "1"}}, refused: true},
		{name: "the largest message", queue: Digest, message: Message{Body: strings.Repeat("b", MaxMessageBytes)}},
		{name: "one byte more", queue: Digest, message: Message{Body: strings.Repeat("b", MaxMessageBytes+1)}, refused: true},
		{name: "an attribute's name, type and value that fill it up", queue: Digest, message: Message{
			Body: strings.Repeat("b", MaxMessageBytes-len("key")-len("String")-len("value")), Attributes: map[string]string{"key": "value"}}},
		{name: "an attribute that is one byte too long for it", queue: Digest, message: Message{
			Body: strings.Repeat("b", MaxMessageBytes-len("key")-len("String")-len("value")), Attributes: map[string]string{"key": "value+"}}, refused: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.change != nil {
				test.change(&test.message)
			}
			err := test.message.Check(test.queue)
			if refused := fault.Has(err, fault.Permanent); refused != test.refused {
				t.Errorf("Check returned %v; refused is %t, want %t", err, refused, test.refused)
			}
		})
	}
}

func TestCheckVisibility(t *testing.T) {
	for d, refused := range map[time.Duration]bool{
		0:                           false,
		time.Second:                 false,
		MaxVisibility:               false,
		MaxVisibility + time.Second: true,
		-time.Second:                true,
		time.Second / 2:             true,
	} {
		if err := CheckVisibility(d); fault.Has(err, fault.Permanent) != refused {
			t.Errorf("CheckVisibility(%s) returned %v, want refused %t", d, err, refused)
		}
	}
}
