// Package route decides where an event goes: one setting for each trigger type, written in a small grammar, parsed once.
package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"revento-alerts/shared/ground/written"
)

// Severity is PagerDuty's, and colours the Slack message.
// https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
type Severity string

// The severities.
const (
	Critical Severity = "critical"
	Error    Severity = "error"
	Warning  Severity = "warning"
	Info     Severity = "info"
)

var severities = []Severity{Critical, Error, Warning, Info}

// Kind is what a target does with an event.
type Kind string

// The kinds of target, as they are written in routes; Deletion is in no route, since no setting can drop a deletion.
const (
	Slack     Kind = "slack"
	Digest    Kind = "digest"
	PagerDuty Kind = "pagerduty"
	Resolve   Kind = "resolve"
	Deletion  Kind = "deletion"
)

// Off is the route that goes nowhere.
const Off = "off"

// Target is one element of a route.
type Target struct {
	Kind Kind
	// Channel is the Slack channel's id where the target names one (Slack, Digest), or "".
	Channel string
	// Severity is set for PagerDuty only.
	Severity Severity
}

// Route is where the events of one trigger go; empty means nowhere.
type Route []Target

// Grammar is the form of a route, for messages and documents.
const Grammar = "off, or a comma-separated list without repetition of slack, slack:<channel id>, digest, digest:<channel id>, " +
	"pagerduty:<critical|error|warning|info>, resolve; pagerduty and resolve exclude each other"

// MaxLength is the longest route, in characters: all routes together must fit into a function's environment of 4,096 bytes.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const MaxLength = 100

var channelID = regexp.MustCompile(`^[CGD][A-Z0-9]{2,24}$`)

// IsChannelID says whether text has the form of a Slack channel's id, such as C0123456789; a name such as #alerts has not.
func IsChannelID(text string) bool { return channelID.MatchString(text) }

// Parse reads a route. Its errors say what is wrong and what to write instead.
func Parse(text string) (Route, error) {
	if text == Off {
		return nil, nil
	}
	if text == "" {
		return nil, fmt.Errorf("a route is not empty: write %q to send these events nowhere", Off)
	}
	if len(text) > MaxLength {
		return nil, fmt.Errorf("a route has at most %d characters, this one has %d: keep fewer targets", MaxLength, len(text))
	}
	elements, err := written.List(text)
	if err != nil {
		return nil, err
	}
	var parsed Route
	for _, element := range elements {
		target, err := parseTarget(element)
		if err != nil {
			return nil, err
		}
		if err := parsed.admits(target, element); err != nil {
			return nil, err
		}
		parsed = append(parsed, target)
	}
	return parsed, nil
}

func parseTarget(element string) (Target, error) {
	if element == Off {
		return Target{}, fmt.Errorf("%q stands alone: remove it, or everything beside it", Off)
	}
	name, argument, hasArgument := strings.Cut(element, ":")
	target := Target{Kind: Kind(name)}
	switch target.Kind {
	case Slack, Digest:
		if hasArgument && !IsChannelID(argument) {
			return Target{}, fmt.Errorf("%q names no channel id: write it like %s:C0123456789 (Slack shows it at the end of the channel's details)", element, name)
		}
		target.Channel = argument
	case PagerDuty:
		target.Severity = Severity(argument)
		if !slices.Contains(severities, target.Severity) {
			return Target{}, fmt.Errorf("%q needs a severity: write pagerduty:critical, pagerduty:error, pagerduty:warning or pagerduty:info", element)
		}
	case Resolve:
		if hasArgument {
			return Target{}, fmt.Errorf("%q: resolve takes nothing behind it: write resolve", element)
		}
	default:
		return Target{}, fmt.Errorf("%q is not a target: write %s", element, Grammar)
	}
	return target, nil
}

// admits refuses a target that cannot stand beside those already in the route.
func (r Route) admits(target Target, element string) error {
	for _, other := range r {
		pages := func(k Kind) bool { return k == PagerDuty || k == Resolve }
		switch {
		case other == target:
			return fmt.Errorf("%q is there twice: remove one", element)
		case other.Kind == PagerDuty && target.Kind == PagerDuty:
			return fmt.Errorf("%q: one incident has one severity: keep one pagerduty target", element)
		case pages(other.Kind) && pages(target.Kind):
			return fmt.Errorf("%q: an event either opens an incident or resolves it: keep pagerduty or resolve", element)
		}
	}
	return nil
}

// String writes the route as Parse reads it.
func (r Route) String() string {
	if len(r) == 0 {
		return Off
	}
	elements := make([]string, len(r))
	for i, target := range r {
		elements[i] = target.String()
	}
	return strings.Join(elements, ",")
}

// String writes the target as Parse reads it.
func (t Target) String() string {
	switch {
	case t.Channel != "":
		return string(t.Kind) + ":" + t.Channel
	case t.Severity != "":
		return string(t.Kind) + ":" + string(t.Severity)
	default:
		return string(t.Kind)
	}
}
