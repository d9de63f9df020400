package queue

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"revento-alerts/shared/ground/fault"
)

// More limits of SQS, which refuses a message itself; the other engines call Check and CheckVisibility.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
const (
	maxDelay      = 15 * time.Minute
	maxIDLength   = 128 // characters of a group or a deduplication id
	maxAttributes = 10
	// attributeType is the type of all attributes that are sent; its length counts as part of the message.
	attributeType = "String"
)

// Reason codes of a refusal.
const (
	reasonMessage    = "message_refused"
	reasonVisibility = "visibility_refused"
)

// IsDeadLetter says whether the queue is another one's dead-letter queue.
func (n Name) IsDeadLetter() bool { return strings.HasSuffix(string(n), deadLetterSuffix) }

// Size is the message's size in bytes as SQS counts it: body, and each attribute's name, type and value.
func (m Message) Size() int {
	size := len(m.Body)
	for name, value := range m.Attributes {
		size += len(name) + len(attributeType) + len(value)
	}
	return size
}

// Check returns a fault.Permanent error for a message that SQS would refuse to take into the queue.
func (m Message) Check(name Name) error {
	if err := m.fault(name); err != nil {
		return &fault.Error{Class: fault.Permanent, Op: "send to " + string(name), Reason: reasonMessage, Err: err}
	}
	return nil
}

func (m Message) fault(name Name) error {
	if name.Entry().Name == "" {
		return errors.New("there is no such queue")
	}
	if size := m.Size(); size > MaxMessageBytes {
		return fmt.Errorf("it has %d bytes, %d is the most", size, MaxMessageBytes)
	}
	if m.Body == "" || !isText(m.Body) {
		return errors.New("its body is empty or holds characters that SQS refuses")
	}
	if err := m.attributesFault(); err != nil {
		return err
	}
	if name.IsFIFO() {
		return m.orderedFault()
	}
	return m.unorderedFault()
}

func (m Message) attributesFault() error {
	if len(m.Attributes) > maxAttributes {
		return fmt.Errorf("it has %d attributes, %d is the most", len(m.Attributes), maxAttributes)
	}
	for name, value := range m.Attributes {
		if name == "" || value == "" || !isText(value) {
			return errors.New("an attribute has no name, no value, or characters that SQS refuses")
		}
	}
	return nil
}

func (m Message) orderedFault() error {
	if !isID(m.Group) || !isID(m.DeduplicationID) {
		return fmt.Errorf("a FIFO queue needs a group and a deduplication id of 1 to %d visible ASCII characters", maxIDLength)
	}
	if m.Delay != 0 {
		return errors.New("a FIFO queue delays no single message")
	}
	return nil
}

func (m Message) unorderedFault() error {
	if m.Group != "" || m.DeduplicationID != "" {
		return errors.New("group and deduplication id are for FIFO queues")
	}
	if m.Delay < 0 || m.Delay > maxDelay {
		return fmt.Errorf("its delay is %s, 0 to %s is allowed", m.Delay, maxDelay)
	}
	return nil
}

// CheckVisibility returns a fault.Permanent error for a visibility that SQS would refuse.
func CheckVisibility(d time.Duration) error {
	if d < 0 || d > MaxVisibility || d%time.Second != 0 {
		err := fmt.Errorf("%s is not a number of whole seconds from 0 to %s", d, MaxVisibility)
		return &fault.Error{Class: fault.Permanent, Op: "hide a message", Reason: reasonVisibility, Err: err}
	}
	return nil
}

func isID(id string) bool {
	visible := func(r rune) bool { return r > ' ' && r <= '~' }
	return id != "" && len(id) <= maxIDLength && !strings.ContainsFunc(id, func(r rune) bool { return !visible(r) })
}

// isText says whether SQS takes the characters: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.
func isText(text string) bool {
	refused := func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	}
	return utf8.ValidString(text) && !strings.ContainsFunc(text, refused)
}
