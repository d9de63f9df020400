package route

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"revento-alerts/shared/ground/written"
	"revento-alerts/shared/revento"
)

// Trigger is a type of event, or a group of types, that has a route of its own.
type Trigger struct {
	// Parameter is the template's parameter; its variable is the same in capitals with underscores.
	Parameter string
	// Pattern is an event type, a family such as "activity.*", or "*" for all that nothing else names.
	Pattern string
	// Default is the route in force where none is set.
	Default string
}

const (
	familyWildcard = ".*"
	anyType        = "*"
)

// Triggers lists every trigger; a type's own pattern wins over its family's, and that over "*". The types are those
// that the guide names (guide: /patterns/, /webhooks/events/), and those of our own.
var Triggers = []Trigger{
	{"ApplicationSubmittedRoute", "application.submitted", "digest"},
	{"ApplicationApprovedRoute", "application.approved", "resolve"},
	{"ApplicationRejectedRoute", "application.rejected", "resolve"},
	{"ApplicationRevisionRequestedRoute", "application.revision_requested", "pagerduty:error,slack"},
	{"ParticipantRegisteredRoute", "participant.registered", "digest"},
	{"ParticipantProfileUpdatedRoute", "participant.profile_updated", Off},
	{"ActivityUpdatedRoute", "activity.updated", Off},
	{"ActivityCapacityStateChangedRoute", "activity.capacity_state_changed", Off},
	{"ActivityRoute", "activity.*", Off},
	{"ThreadRoute", "thread.*", Off},
	{"LocationRoute", "location.*", Off},
	{"EventUnpublishedRoute", "event.unpublished", "slack"},
	{"IntegrationSuspendedRoute", "integration.suspended", "pagerduty:critical,slack"},
	{"DataDeletionRequiredRoute", revento.TypeDeletionRequired, "pagerduty:warning,slack"},
	{"ParticipantCancelledRoute", revento.TypeParticipantCancelled, "digest"},
	{"ConnectionBrokenRoute", revento.TypeConnectionBroken, "pagerduty:error,slack"},
	{"ConnectionRestoredRoute", revento.TypeConnectionRestored, "resolve"},
	{"ConnectionExpiringRoute", revento.TypeConnectionExpiring, "slack"},
	{"SyncHeldRoute", revento.TypeSyncHeld, "slack"},
	{"ReventoUnreachableRoute", revento.TypeReventoUnreachable, "pagerduty:error,slack"},
	{"OtherRoute", anyType, Off},
}

// IsWildcard says whether the trigger stands for several types.
func (t Trigger) IsWildcard() bool { return strings.HasSuffix(t.Pattern, anyType) }

// IsOwn says whether the trigger is of a type of our own, which comes from no webhook.
func (t Trigger) IsOwn() bool { return revento.IsOwn(t.Pattern) }

// TriggersOfWebhooks lists those whose events Revento sends.
func TriggersOfWebhooks() []Trigger {
	return slices.DeleteFunc(slices.Clone(Triggers), Trigger.IsOwn)
}

// TriggersOfUpkeep lists those of what looking at connections tells: types of our own.
func TriggersOfUpkeep() []Trigger {
	return slices.DeleteFunc(slices.Clone(Triggers), func(t Trigger) bool { return !t.IsOwn() || slices.Contains(found, t.Pattern) })
}

// TriggersOfMirrors lists those of what the mirror of a connection tells: webhooks that never came, who is gone, and what a person has to
// look at.
func TriggersOfMirrors() []Trigger {
	return slices.DeleteFunc(slices.Clone(Triggers), func(t Trigger) bool { return !slices.Contains(found, t.Pattern) })
}

// MayBeMissed are the types of which a webhook can be found missing: what a participant's row shows too. (guide: /patterns/, /api/endpoints/)
var MayBeMissed = []string{
	"application.submitted", "application.approved", "application.rejected", "application.revision_requested", "participant.registered",
}

// found are the types of what a mirror finds.
var found = slices.Concat(MayBeMissed, []string{revento.TypeParticipantCancelled, revento.TypeSyncHeld})

// TriggerOf is the trigger that an event type belongs to.
func TriggerOf(eventType string) Trigger {
	family := revento.FamilyOf(eventType) + familyWildcard
	for _, pattern := range []string{eventType, family, anyType} {
		if i := slices.IndexFunc(Triggers, func(t Trigger) bool { return t.Pattern == pattern }); i >= 0 {
			return Triggers[i]
		}
	}
	panic("route: the list of triggers has lost its last resort")
}

// Channels tells which Slack channel an event's alerts go to where the route names none.
type Channels struct {
	// Default is the channel of events that ByEvent does not name.
	Default string
	// ByEvent gives single events a channel of their own.
	ByEvent map[string]string
}

// Of is the channel for an event.
func (c Channels) Of(eventID string) string {
	if channel, ok := c.ByEvent[eventID]; ok {
		return channel
	}
	return c.Default
}

// ParseEventChannels reads "evt_abc=C0111,evt_def=C0222"; empty text means no event has a channel of its own.
func ParseEventChannels(text string) (map[string]string, error) {
	channels := map[string]string{}
	if text == "" {
		return channels, nil
	}
	pairs, err := written.List(text)
	if err != nil {
		return nil, err
	}
	for _, pair := range pairs {
		event, channel, ok := strings.Cut(pair, "=")
		event, channel = written.Value(event), written.Value(channel)
		if !ok || event == "" || !IsChannelID(channel) {
			return nil, fmt.Errorf("%q is not an event id and a channel id: write evt_abc=C0123456789", pair)
		}
		if _, twice := channels[event]; twice {
			return nil, fmt.Errorf("the event %q is there twice: remove one", event)
		}
		channels[event] = channel
	}
	return channels, nil
}

// Table is the routes and channels in force.
type Table struct {
	routes   map[string]Route // by pattern
	channels Channels
}

// NewTable makes a table of routes by the triggers' patterns. A pattern that is missing is off.
func NewTable(routes map[string]Route, channels Channels) Table {
	return Table{routes: routes, channels: channels}
}

// Of is the route in force for a trigger.
func (t Table) Of(trigger Trigger) Route { return t.routes[trigger.Pattern] }

// OfWebhooks returns the table without the routes of our own types: those in force where there are no connections.
func (t Table) OfWebhooks() Table {
	routes := maps.Clone(t.routes)
	maps.DeleteFunc(routes, func(pattern string, _ Route) bool { return revento.IsOwn(pattern) })
	t.routes = routes
	return t
}

// Uses says whether a route has a target of one of the kinds.
func (t Table) Uses(kinds ...Kind) bool {
	return slices.ContainsFunc(Triggers, func(trigger Trigger) bool {
		return slices.ContainsFunc(t.Of(trigger), func(target Target) bool { return slices.Contains(kinds, target.Kind) })
	})
}

// Declared lists what to declare in the Revento manifest: the event types that the routes use, sorted, and the groups of types
// that they use and whose members the guide does not name. A deletion request is always declared: it must be met whatever the
// route of its notices. A type of our own never is.
func (t Table) Declared() (types, patterns []string) {
	for _, trigger := range TriggersOfWebhooks() {
		switch used := len(t.Of(trigger)) > 0; {
		case trigger.Pattern == revento.TypeDeletionRequired, used && !trigger.IsWildcard():
			types = append(types, trigger.Pattern)
		case used:
			patterns = append(patterns, trigger.Pattern)
		}
	}
	slices.Sort(types)
	return types, patterns
}

// SlackChannels lists every channel that an event can be told in, each once: those of the settings, where a route leaves the
// channel to them, and those that routes name.
func (t Table) SlackChannels() []string {
	var named []string
	open := false
	for _, trigger := range Triggers {
		for _, target := range t.Of(trigger) {
			switch {
			case target.Channel != "":
				named = append(named, target.Channel)
			case target.Kind == Slack, target.Kind == Digest:
				open = true
			}
		}
	}
	if !open {
		return once(named)
	}
	return once(slices.Concat([]string{t.channels.Default}, slices.Sorted(maps.Values(t.channels.ByEvent)), named))
}

// once drops the repetitions.
func once(values []string) []string {
	var kept []string
	for _, value := range values {
		if !slices.Contains(kept, value) {
			kept = append(kept, value)
		}
	}
	return kept
}

// Destination is one alert that an event gives rise to.
type Destination struct {
	// Kind is Slack, PagerDuty, Digest or Deletion.
	Kind Kind
	// Channel is the Slack channel's id, for Slack and Digest.
	Channel string
	// Severity is the event's severity: of its pagerduty target, or Info.
	Severity Severity
	// Resolves says that the event ends the incident, or the thread, of its resource.
	Resolves bool
	// Quiet says that nothing is posted where no thread is open: the destination comes from resolve alone.
	Quiet bool
}

// Destinations lists where an event goes, each place once: who is told of it, by its route, and who works on it.
func (t Table) Destinations(eventType, eventID string) []Destination {
	consumed, tells := consumption(eventType)
	if tells {
		return consumed
	}
	return append(t.routed(eventType, eventID), consumed...)
}

// Notices lists where the notices about a deletion go: Slack and PagerDuty destinations. A digest would tell of what is gone
// by then, so that a digest target gets the notice as a message; resolve says nothing here.
func (t Table) Notices(eventID string) []Destination {
	var notices places
	for _, destination := range t.routed(revento.TypeDeletionRequired, eventID) {
		if destination.Quiet || destination.Resolves && destination.Kind == PagerDuty {
			continue
		}
		if destination.Kind == Digest {
			destination.Kind = Slack
		}
		destination.Resolves = false
		notices.add(destination)
	}
	return notices
}

func (t Table) routed(eventType, eventID string) []Destination {
	route := t.Of(TriggerOf(eventType))
	severity, resolves := Info, false
	for _, target := range route {
		if target.Kind == PagerDuty {
			severity = target.Severity
		}
		resolves = resolves || target.Kind == Resolve
	}
	var places places
	for _, target := range route {
		switch target.Kind {
		case Resolve:
			places.add(Destination{Kind: PagerDuty, Severity: severity, Resolves: true})
		case PagerDuty:
			places.add(Destination{Kind: PagerDuty, Severity: severity})
		case Digest:
			places.add(Destination{Kind: Digest, Channel: t.channel(target, eventID), Severity: severity})
		case Slack:
			places.add(Destination{Kind: Slack, Channel: t.channel(target, eventID), Severity: severity, Resolves: resolves})
		}
	}
	if resolves {
		for _, channel := range t.familyChannels(revento.FamilyOf(eventType), eventID) {
			places.add(Destination{Kind: Slack, Channel: channel, Severity: severity, Resolves: true, Quiet: true})
		}
	}
	return places
}

func (t Table) channel(target Target, eventID string) string {
	if target.Channel != "" {
		return target.Channel
	}
	return t.channels.Of(eventID)
}

// familyChannels lists the channels that a family's routes post to: there an open thread may wait for its end.
func (t Table) familyChannels(family, eventID string) []string {
	var channels []string
	for _, trigger := range Triggers {
		if revento.FamilyOf(trigger.Pattern) != family {
			continue
		}
		for _, target := range t.Of(trigger) {
			if target.Kind == Slack {
				channels = append(channels, t.channel(target, eventID))
			}
		}
	}
	return channels
}

// places is a list of destinations in which each place stands once, the first to come staying.
type places []Destination

func (p *places) add(d Destination) {
	same := func(other Destination) bool { return other.Kind == d.Kind && other.Channel == d.Channel }
	if !slices.ContainsFunc(*p, same) {
		*p = append(*p, d)
	}
}
