package recorder

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

const enqueuePath = "/v2/enqueue"

// routingKeyLength is in characters. https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
const routingKeyLength = 32

var severities = []string{"critical", "error", "warning", "info"}

// event is what is looked at of an event.
type event struct {
	RoutingKey string `json:"routing_key"`
	Action     string `json:"event_action"`
	DedupKey   string `json:"dedup_key"`
	Payload    struct {
		Summary  string `json:"summary"`
		Source   string `json:"source"`
		Severity string `json:"severity"`
	} `json:"payload"`
}

// enqueue answers as the Events API v2 does.
func (r *Recorder) enqueue(request *http.Request) (code int, body object) {
	var whole map[string]json.RawMessage
	var e event
	if err := json.NewDecoder(request.Body).Decode(&whole); err != nil {
		return invalid("Event object is not valid JSON")
	}
	if err := reshape(whole, &e); err != nil {
		return invalid("Event object is not of the known form")
	}
	if wrong := e.faults(); len(wrong) > 0 {
		return invalid(wrong...)
	}
	delete(whole, "routing_key")
	shown, err := json.Marshal(whole)
	if err != nil {
		return failed()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.DedupKey == "" {
		e.DedupKey = fmt.Sprintf("recorded-%d", r.gone+len(r.incidents)+1)
	}
	if err := r.apply(e, shown); err != nil {
		return failed()
	}
	return http.StatusAccepted, object{"status": "success", "message": "Event processed", "dedup_key": e.DedupKey}
}

// reshape reads an object that was decoded without a form.
func reshape(whole map[string]json.RawMessage, into any) error {
	encoded, err := json.Marshal(whole)
	if err != nil {
		return err
	}
	return json.Unmarshal(encoded, into)
}

func invalid(reasons ...string) (int, object) {
	return http.StatusBadRequest, object{"status": "invalid event", "message": "Event object is invalid", "errors": reasons}
}

func failed() (int, object) {
	return http.StatusInternalServerError, object{"status": "error", "message": "The event was not recorded"}
}

// faults are the errors of an event in PagerDuty's words.
func (e event) faults() []string {
	var wrong []string
	blank := func(name, value string) {
		if value == "" {
			wrong = append(wrong, fmt.Sprintf("'%s' is missing or blank", name))
		}
	}
	if len(e.RoutingKey) != routingKeyLength {
		wrong = append(wrong, fmt.Sprintf("Length of 'routing_key' is incorrect (should be %d characters)", routingKeyLength))
	}
	switch e.Action {
	case "trigger":
		blank("payload.summary", e.Payload.Summary)
		blank("payload.source", e.Payload.Source)
		if !slices.Contains(severities, e.Payload.Severity) {
			wrong = append(wrong, "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')")
		}
	case "resolve":
		blank("dedup_key", e.DedupKey)
	default:
		wrong = append(wrong, "'event_action' is invalid (the recorder takes 'trigger' and 'resolve')")
	}
	return wrong
}

// apply opens, repeats or resolves an incident. PagerDuty drops a resolve without an open one.
func (r *Recorder) apply(e event, shown json.RawMessage) error {
	number := slices.IndexFunc(r.incidents, func(i *Incident) bool { return i.DedupKey == e.DedupKey && !i.Resolved })
	if e.Action == "resolve" && number < 0 {
		return nil
	}
	if number < 0 {
		number = len(r.incidents)
		r.incidents = append(r.incidents, &Incident{DedupKey: e.DedupKey})
	}
	incident := r.incidents[number]
	if e.Action == "resolve" {
		incident.Resolved, incident.Resolution = true, shown
	} else {
		incident.Triggers++
		incident.Event = shown
	}
	return r.keep(entry{Incident: incident, Number: r.gone + number})
}
