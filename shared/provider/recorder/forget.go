package recorder

import (
	"encoding/json"
	"slices"
)

// Forget removes what was recorded of alerts and incidents, by the alert keys in the messages' metadata and the incidents' dedup
// keys, and counts it. What is kept on disk is written anew without it, and without what messages showed before they were deleted.
func (r *Recorder) Forget(alertKeys, dedupKeys map[string]bool) (forgotten int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.messages) + len(r.incidents)
	hadDeleted := slices.ContainsFunc(r.messages, func(m *Message) bool { return m.Deleted })
	r.messages = slices.DeleteFunc(r.messages, func(m *Message) bool { return alertKeys[alertKeyOf(m.Metadata)] })
	r.incidents = slices.DeleteFunc(r.incidents, func(i *Incident) bool { return dedupKeys[i.DedupKey] })
	forgotten = before - len(r.messages) - len(r.incidents)
	if forgotten == 0 && !hadDeleted {
		return 0, nil
	}
	close(r.changed)
	r.changed = make(chan struct{})
	if r.journal == nil {
		return forgotten, nil
	}
	r.orderAnew()
	return forgotten, r.compact()
}

// alertKeyOf is the alert key in a message's metadata, or "".
func alertKeyOf(metadata json.RawMessage) string {
	var posted struct {
		Payload struct {
			AlertKey string `json:"alert_key"`
		} `json:"event_payload"`
	}
	if json.Unmarshal(metadata, &posted) != nil {
		return ""
	}
	return posted.Payload.AlertKey
}

// orderAnew drops from the order what is not shown any more, and numbers the incidents anew, since their numbers have no gaps.
func (r *Recorder) orderAnew() {
	isShown := func(e *entry) bool {
		return slices.Contains(r.messages, e.Message) || slices.Contains(r.incidents, e.Incident)
	}
	r.order = slices.DeleteFunc(r.order, func(e *entry) bool {
		if isShown(e) {
			return false
		}
		delete(r.noted, e.subject())
		r.size -= e.size
		return true
	})
	r.gone = 0
	number := 0
	for _, e := range r.order {
		if e.Incident != nil {
			e.Number = number
			number++
		}
	}
}
