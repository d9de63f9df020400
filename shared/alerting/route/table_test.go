package route_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
)

const defaultChannel = "C0DEFAULT"

// table is the default routes, with those of changed patterns replaced.
func table(t *testing.T, channels route.Channels, changed map[string]string) route.Table {
	t.Helper()
	texts := map[string]string{}
	for _, trigger := range route.Triggers {
		texts[trigger.Pattern] = trigger.Default
	}
	maps.Copy(texts, changed)
	routes := map[string]route.Route{}
	for pattern, text := range texts {
		parsed, err := route.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", pattern, err)
		}
		routes[pattern] = parsed
	}
	if channels.Default == "" {
		channels.Default = defaultChannel
	}
	return route.NewTable(routes, channels)
}

func TestTriggerOf(t *testing.T) {
	tests := []struct{ eventType, parameter string }{
		{"application.submitted", "ApplicationSubmittedRoute"},
		{"application.revision_requested", "ApplicationRevisionRequestedRoute"},
		{"activity.updated", "ActivityUpdatedRoute"},
		{"activity.deleted", "ActivityRoute"},
		{"activity.seat.taken", "ActivityRoute"},
		{"thread.created", "ThreadRoute"},
		{"location.moved", "LocationRoute"},
		{"data.deletion_required", "DataDeletionRequiredRoute"},
		{"application.withdrawn", "OtherRoute"},
		{"event.published", "OtherRoute"},
		{"activities.updated", "OtherRoute"},
		{"Application.Submitted", "OtherRoute"},
		{"activity", "ActivityRoute"},
		{"ping", "OtherRoute"},
		{"*", "OtherRoute"},
	}
	for _, test := range tests {
		if got := route.TriggerOf(test.eventType).Parameter; got != test.parameter {
			t.Errorf("TriggerOf(%q) = %s, want %s", test.eventType, got, test.parameter)
		}
	}
}

func TestTriggersAreDistinctAndTheirDefaultsParse(t *testing.T) {
	seen := map[string]bool{}
	for _, trigger := range route.Triggers {
		if seen[trigger.Pattern] || seen[trigger.Parameter] {
			t.Errorf("%s is there twice", trigger.Parameter)
		}
		seen[trigger.Pattern], seen[trigger.Parameter] = true, true
		if _, err := route.Parse(trigger.Default); err != nil {
			t.Errorf("%s: %v", trigger.Parameter, err)
		}
		if wildcard := strings.HasSuffix(trigger.Pattern, "*"); trigger.IsWildcard() != wildcard {
			t.Errorf("%s: IsWildcard = %v", trigger.Pattern, trigger.IsWildcard())
		}
	}
}

func TestDefaultDestinations(t *testing.T) {
	quietResolve := []route.Destination{
		{Kind: route.PagerDuty, Severity: route.Info, Resolves: true},
		{Kind: route.Slack, Channel: defaultChannel, Severity: route.Info, Resolves: true, Quiet: true},
	}
	tests := []struct {
		eventType string
		want      []route.Destination
	}{
		{"application.submitted", []route.Destination{{Kind: route.Digest, Channel: defaultChannel, Severity: route.Info}}},
		{"application.approved", quietResolve},
		{"application.rejected", quietResolve},
		{"application.revision_requested", []route.Destination{
			{Kind: route.PagerDuty, Severity: route.Error}, {Kind: route.Slack, Channel: defaultChannel, Severity: route.Error},
		}},
		{"participant.registered", []route.Destination{{Kind: route.Digest, Channel: defaultChannel, Severity: route.Info}}},
		{"participant.profile_updated", nil},
		{"activity.updated", nil},
		{"activity.capacity_state_changed", nil},
		{"activity.deleted", nil},
		{"thread.created", nil},
		{"location.moved", nil},
		{"event.unpublished", []route.Destination{{Kind: route.Slack, Channel: defaultChannel, Severity: route.Info}}},
		{"integration.suspended", []route.Destination{
			{Kind: route.PagerDuty, Severity: route.Critical}, {Kind: route.Slack, Channel: defaultChannel, Severity: route.Critical},
		}},
		{"data.deletion_required", []route.Destination{
			{Kind: route.Deletion, Severity: route.Info},
		}},
		{"data.export_required", []route.Destination{{Kind: route.Deletion, Severity: route.Info}}},
		{"Data.Deletion_required", []route.Destination{{Kind: route.Deletion, Severity: route.Info}}},
		{"data", nil},
		{"database.moved", nil},
		{"nobody.knew", nil},
	}
	defaults := table(t, route.Channels{}, nil)
	for _, test := range tests {
		t.Run(test.eventType, func(t *testing.T) {
			if diff := cmp.Diff(test.want, defaults.Destinations(test.eventType, "evt_1")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDestinations(t *testing.T) {
	const approved, revision, submitted = "application.approved", "application.revision_requested", "application.submitted"
	const deletion = revento.TypeDeletionRequired
	channels := route.Channels{ByEvent: map[string]string{"evt_own": "C0OWN"}}
	tests := []struct {
		name      string
		routes    map[string]string
		eventType string
		eventID   string
		want      []string // as show writes them
	}{
		{"off goes nowhere", map[string]string{approved: "off"}, approved, "", nil},
		{"an event's own channel", nil, revision, "evt_own", []string{"pagerduty error", "slack:C0OWN error"}},
		{"a route's explicit channel wins over the event's", map[string]string{revision: "slack:C0111"}, revision, "evt_own",
			[]string{"slack:C0111 info"}},
		{"a digest has the event's channel too", nil, submitted, "evt_own", []string{"digest:C0OWN info"}},
		{"default and the same explicit channel count once",
			map[string]string{revision: "slack,slack:" + defaultChannel}, revision, "", []string{"slack:C0DEFAULT info"}},
		{"the event's own channel, named explicitly, counts once",
			map[string]string{revision: "slack:C0OWN,slack"}, revision, "evt_own", []string{"slack:C0OWN info"}},
		{"slack and digest of one channel are two", map[string]string{revision: "slack,digest"}, revision, "",
			[]string{"slack:C0DEFAULT info", "digest:C0DEFAULT info"}},
		{"the page's severity colours Slack, wherever it stands", map[string]string{revision: "slack,pagerduty:critical"}, revision, "",
			[]string{"slack:C0DEFAULT critical", "pagerduty critical"}},
		{"resolve goes to every channel that the family posts to, in silence",
			map[string]string{submitted: "slack:C0111", revision: "slack,slack:C0222"}, approved, "evt_own",
			[]string{"pagerduty info resolves",
				"slack:C0111 info resolves quiet", "slack:C0OWN info resolves quiet", "slack:C0222 info resolves quiet"}},
		{"resolve leaves digests and other families alone",
			map[string]string{submitted: "digest:C0111", revision: "off", "participant.registered": "slack:C0222"}, approved, "",
			[]string{"pagerduty info resolves"}},
		{"slack,resolve speaks up in its own channel", map[string]string{approved: "slack,resolve"}, approved, "",
			[]string{"slack:C0DEFAULT info resolves", "pagerduty info resolves"}},
		{"resolve,slack does so too", map[string]string{approved: "resolve,slack"}, approved, "",
			[]string{"pagerduty info resolves", "slack:C0DEFAULT info resolves"}},
		{"slack:<another>,resolve speaks up there only", map[string]string{approved: "slack:C0111,resolve"}, approved, "",
			[]string{"slack:C0111 info resolves", "pagerduty info resolves", "slack:C0DEFAULT info resolves quiet"}},
		{"a family's wildcard has channels as well", map[string]string{"activity.updated": "resolve", "activity.*": "slack:C0111"},
			"activity.updated", "", []string{"pagerduty info resolves", "slack:C0111 info resolves quiet"}},
		{"types that nobody knew of", map[string]string{"*": "slack"}, "nobody.knew", "",
			[]string{"slack:C0DEFAULT info"}},
		{"a family's members that nobody knew of", map[string]string{"activity.*": "slack"}, "activity.deleted", "",
			[]string{"slack:C0DEFAULT info"}},
		{"a deletion request stays, its notices off", map[string]string{deletion: "off"}, deletion, "",
			[]string{"deletion info"}},
		{"a deletion request's route is its notices'", map[string]string{deletion: "digest,slack:C0111"}, deletion, "",
			[]string{"deletion info"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := table(t, channels, test.routes).Destinations(test.eventType, test.eventID)
			if diff := cmp.Diff(test.want, show(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoticesOfADeletion(t *testing.T) {
	tests := []struct {
		name    string
		route   string
		eventID string
		want    []string // as show writes them
	}{
		{"by default", "pagerduty:warning,slack", "", []string{"pagerduty warning", "slack:C0DEFAULT warning"}},
		{"none", "off", "", nil},
		{"to the event's own channel", "slack", "evt_own", []string{"slack:C0OWN info"}},
		{"a digest target gets a message", "digest:C0111", "", []string{"slack:C0111 info"}},
		{"a channel counts once", "slack,digest", "", []string{"slack:C0DEFAULT info"}},
		{"there is nothing to resolve", "resolve,slack", "", []string{"slack:C0DEFAULT info"}},
	}
	channels := route.Channels{ByEvent: map[string]string{"evt_own": "C0OWN"}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := table(t, channels, map[string]string{revento.TypeDeletionRequired: test.route}).Notices(test.eventID)
			if diff := cmp.Diff(test.want, show(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func show(destinations []route.Destination) []string {
	var shown []string
	for _, d := range destinations {
		text := string(d.Kind)
		if d.Channel != "" {
			text += ":" + d.Channel
		}
		text += " " + string(d.Severity)
		if d.Resolves {
			text += " resolves"
		}
		if d.Quiet {
			text += " quiet"
		}
		shown = append(shown, text)
	}
	return shown
}

func TestATableWithoutRoutesKeepsDeletionRequests(t *testing.T) {
	empty := route.NewTable(nil, route.Channels{})
	for _, trigger := range route.Triggers {
		var want []string
		if trigger.Pattern == revento.TypeDeletionRequired {
			want = []string{"deletion info"}
		}
		if diff := cmp.Diff(want, show(empty.Destinations(trigger.Pattern, ""))); diff != "" {
			t.Errorf("%s: %s", trigger.Pattern, diff)
		}
	}
}

func TestParseEventChannels(t *testing.T) {
	tests := []struct {
		name string
		text string
		want map[string]string
	}{
		{"none", "", map[string]string{}},
		{"one", "evt_abc=C0111", map[string]string{"evt_abc": "C0111"}},
		{"two that share a channel", "evt_abc=C0111,evt_def=C0111", map[string]string{"evt_abc": "C0111", "evt_def": "C0111"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := route.ParseEventChannels(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseEventChannelsRefuses(t *testing.T) {
	tests := []struct{ name, text, element, remedy string }{
		{"no channel", "evt_abc", `"evt_abc"`, "write evt_abc=C0123456789"},
		{"an empty channel", "evt_abc=", `"evt_abc="`, "write evt_abc=C0123456789"},
		{"no event", "=C0111", `"=C0111"`, "write evt_abc=C0123456789"},
		{"a channel's name", "evt_abc=#alerts", `"evt_abc=#alerts"`, "write evt_abc=C0123456789"},
		{"a comma too many", "evt_abc=C0111,", `""`, "write evt_abc=C0123456789"},
		{"a space", "evt_abc=C0111, evt_def=C0222,evt_ghi=C 1", `"evt_ghi=C 1"`, "write evt_abc=C0123456789"},
		{"an event twice", "evt_abc=C0111,evt_abc=C0222", `"evt_abc"`, "remove one"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := route.ParseEventChannels(test.text)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, part := range []string{test.element, test.remedy} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the refusal lacks %q: %v", part, err)
				}
			}
		})
	}
}

func TestSlackChannels(t *testing.T) {
	events := map[string]string{"evt_b": "C0BBB", "evt_a": "C0AAA", "evt_c": "C0AAA"}
	off := map[string]string{}
	for _, trigger := range route.Triggers {
		off[trigger.Pattern] = "off"
	}
	with := func(pattern, text string) map[string]string {
		changed := maps.Clone(off)
		changed[pattern] = text
		return changed
	}
	tests := map[string]struct {
		changed map[string]string
		want    []string
	}{
		"by default":                    {nil, []string{defaultChannel, "C0AAA", "C0BBB"}},
		"a route's own channel comes":   {map[string]string{"thread.*": "slack:C0OWN,digest:C0AAA"}, []string{defaultChannel, "C0AAA", "C0BBB", "C0OWN"}},
		"a digest alone":                {with("*", "digest"), []string{defaultChannel, "C0AAA", "C0BBB"}},
		"every route names its own":     {with("*", "slack:C0OWN"), []string{"C0OWN"}},
		"only pages":                    {with("*", "pagerduty:info"), nil},
		"an end posts only where begun": {with("application.approved", "resolve"), nil},
		"nothing":                       {off, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, table(t, route.Channels{ByEvent: events}, test.changed).SlackChannels()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoDestinationIsOutsideTheSlackChannels(t *testing.T) {
	routes := table(t, route.Channels{ByEvent: map[string]string{"evt_a": "C0AAA"}}, map[string]string{
		"activity.updated": "slack:C0OWN", "activity.*": "digest:C0DIGEST,resolve", "*": "slack,slack:C0OTHER",
	})
	known := routes.SlackChannels()
	for _, trigger := range route.Triggers {
		for _, event := range []string{"evt_a", "evt_b", ""} {
			for _, destination := range routes.Destinations(trigger.Pattern, event) {
				if destination.Channel != "" && !slices.Contains(known, destination.Channel) {
					t.Errorf("%s of %q goes to %s, which is not in %v", trigger.Pattern, event, destination.Channel, known)
				}
			}
		}
	}
}

func TestUses(t *testing.T) {
	routes := table(t, route.Channels{}, map[string]string{
		"application.submitted": "off", "participant.registered": "off", "application.approved": "off", "application.rejected": "off",
	}).OfWebhooks()
	for kind, want := range map[route.Kind]bool{route.Slack: true, route.PagerDuty: true, route.Digest: false, route.Resolve: false} {
		if got := routes.Uses(kind); got != want {
			t.Errorf("Uses(%s) = %v, want %v", kind, got, want)
		}
	}
	if !routes.Uses(route.Digest, route.Slack) || (route.Table{}).Uses(route.Slack) {
		t.Error("one of several kinds must count, and an empty table uses none")
	}
}

func TestADataRequestThatNobodyKnewOfIsToldByItsRouteAndWorkedOnWhateverThatIs(t *testing.T) {
	for text, want := range map[string][]route.Destination{
		"off":   {{Kind: route.Deletion, Severity: route.Info}},
		"slack": {{Kind: route.Slack, Channel: "C0111", Severity: route.Info}, {Kind: route.Deletion, Severity: route.Info}},
	} {
		got := table(t, route.Channels{Default: "C0111"}, map[string]string{"*": text}).Destinations("data.export_required", "evt_1")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("where OtherRoute is %s: %s", text, diff)
		}
	}
}

func TestOfWebhooksLeavesOutWhatIsOurOwn(t *testing.T) {
	all := table(t, route.Channels{Default: "C0111"}, nil)
	webhooks := all.OfWebhooks()
	for _, trigger := range route.Triggers {
		if got := len(webhooks.Of(trigger)) == len(all.Of(trigger)); got == trigger.IsOwn() {
			t.Errorf("%s: %v of %v", trigger.Pattern, webhooks.Of(trigger), all.Of(trigger))
		}
	}
}

// What is declared in the manifest is what Revento sends.
func TestATypeOfOurOwnIsNeverDeclared(t *testing.T) {
	types, patterns := table(t, route.Channels{}, nil).Declared()
	for _, declared := range slices.Concat(types, patterns) {
		if revento.IsOwn(declared) {
			t.Errorf("%s is declared", declared)
		}
	}
}

func TestEveryTypeOfOurOwnHasARouteOfItsOwn(t *testing.T) {
	for _, own := range revento.OwnTypes {
		if trigger := route.TriggerOf(own); trigger.Pattern != own || trigger.Default == route.Off {
			t.Errorf("%s is of %+v", own, trigger)
		}
	}
}

// The end of what is broken is told wherever it was told.
func TestRestoredEndsWhatIsBroken(t *testing.T) {
	routes := table(t, route.Channels{Default: "C0111"}, map[string]string{"connection.broken": "pagerduty:critical,slack:C0222"})
	var got []route.Destination
	got = append(got, routes.Destinations(revento.TypeConnectionRestored, "evt_a")...)
	want := []route.Destination{
		{Kind: route.PagerDuty, Severity: route.Info, Resolves: true},
		{Kind: route.Slack, Channel: "C0222", Severity: route.Info, Resolves: true, Quiet: true},
		{Kind: route.Slack, Channel: "C0111", Severity: route.Info, Resolves: true, Quiet: true},
	}
	if !slices.Equal(got, want) {
		t.Errorf("it goes to %+v", got)
	}
}
