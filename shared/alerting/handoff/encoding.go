package handoff

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/queue"
)

// SchemaVersion is the version of the encoding that this program writes. It reads this one and older ones: version 1 knew alerts
// alone, version 2 put notices and digests into one union, and version 3 names the form.
//
// A message of a version to come is left in its queue for a quarter of an hour (queue.ErrNewer), until the program is up to date. A
// program of version 2 or 1 parks at once, as unreadable, what is of version 3, and a redrive under the newer one sends it. So that
// no update comes to that, the template brings the functions that read hand-offs up to date before those that write them.
const SchemaVersion = 3

// The names of the forms.
const (
	formAlert  = "alert"
	formNotice = "notice"
	formDigest = "digest"
)

// encoded is a message as JSON.
type encoded struct {
	Schema int `json:"schema"`
	Message
	// Form is the form's name; "" before version 3.
	Form   string  `json:"form,omitempty"`
	Notice *union  `json:"notice,omitempty"`
	Digest *Digest `json:"digest,omitempty"`
}

// union is a notice. In version 2 it is a digest where that is set.
type union struct {
	Notice
	Digest *alert.Digest `json:"digest,omitempty"`
}

// Errors of Decode that hold nothing of the message.
var (
	errForm    = errors.New("the message is not a hand-off: not JSON of the known form")
	errMissing = errors.New("the message is not a hand-off: a key or the body is missing")
)

// Encode makes the queue's message.
func (m Message) Encode() (queue.Message, error) {
	content := encoded{Schema: SchemaVersion, Message: m}
	m.Form.write(&content)
	body, err := json.Marshal(content)
	if err != nil {
		return queue.Message{}, fmt.Errorf("encode the message for %s: %w", m.Kind, err)
	}
	message := queue.Message{Body: ascii(string(body)), Attributes: map[string]string{AttributeDeliveryID: m.DeliveryID}}
	if m.Queue().IsFIFO() {
		message.Group, message.DeduplicationID = m.group(), m.deduplicationID()
	}
	return message, nil
}

// ascii writes what is not printable ASCII as JSON's escapes, in which it can stand only within texts: a digest holds text of
// strangers.
func ascii(encoded string) string {
	if !strings.ContainsFunc(encoded, isBeyond) {
		return encoded
	}
	var escaped strings.Builder
	for _, r := range encoded {
		if !isBeyond(r) {
			escaped.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&escaped, `\u%04x`, unit)
		}
	}
	return escaped.String()
}

func isBeyond(r rune) bool { return r > '~' }

// Decode reads a queue's message. Its errors hold nothing of the message: queue.ErrNewer, and one for what no version of this
// program wrote.
func Decode(body string) (Message, error) {
	var content encoded
	if err := json.Unmarshal([]byte(body), &content); err != nil {
		return Message{}, errForm
	}
	if err := queue.CheckSchema(content.Schema, SchemaVersion); err != nil {
		return Message{}, err
	}
	if content.AlertKey == "" || content.IncidentKey == "" || len(content.Body) == 0 {
		return Message{}, errMissing
	}
	form, err := content.form()
	if err != nil {
		return Message{}, err
	}
	message := content.Message
	message.Form = form
	return message, nil
}

// form is the form that the message names, or before version 3 the one that follows from what is set.
func (e encoded) form() (Form, error) {
	switch {
	case e.Schema < 3:
		return e.olderForm(), nil
	case e.Form == formAlert:
		return Alert{}, nil
	case e.Form == formNotice && e.Notice != nil:
		return e.Notice.Notice, nil
	case e.Form == formDigest && e.Digest != nil:
		return *e.Digest, nil
	default:
		return nil, errForm
	}
}

func (e encoded) olderForm() Form {
	switch {
	case e.Notice == nil:
		return Alert{}
	case e.Notice.Digest == nil:
		return e.Notice.Notice
	default:
		return olderDigest{title: e.Notice.Title, told: *e.Notice.Digest}
	}
}
