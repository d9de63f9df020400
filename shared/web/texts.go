package web

import (
	"fmt"
	"time"

	"revento-alerts/shared/connection/consent"
)

// texts are all that the pages say, in English. A translation is another table of the same shape.

// product is what the pages call who asks.
const product = "Revento alerts"

// tone is how a page looks at a glance. Its text says the same.
type tone string

const (
	toneGood  tone = "good"
	tonePlain tone = "plain"
	toneBad   tone = "bad"
)

// text is what a page says.
type text struct {
	Tone    tone
	Heading string
	Says    []string // a paragraph each
	// List stands above the scopes, where there are some.
	List string
}

// Labels that more than one page has.
const (
	labelEvent     = "Event"
	labelRetry     = "Try again"
	labelLookAgain = "Look again"
	labelSaid      = "Revento says"
	labelReplayed  = "This is what came of it the first time. Nothing was done again."
)

var (
	textNotFound = text{toneBad, "There is no such page", []string{"Open the whole link as it was sent to you."}, ""}
	textMethod   = text{toneBad, "This page can only be looked at", []string{"Open it in a browser."}, ""}
)

const (
	nothingConnected = "Nothing was connected."
	tellTheSender    = "If it happens again, tell whoever sent you the link."
	askForAnother    = "Ask whoever sent it to you for a new one."
)

var outcomeTexts = map[consent.Kind]text{
	consent.LinkWrong: {toneBad, "This link does not work",
		[]string{"It is incomplete, was changed, or is for another event. " + askForAnother}, ""},
	consent.LinkExpired: {toneBad, "This link is over",
		[]string{fmt.Sprintf("A link works for %d days. %s", consent.LinkLife/(24*time.Hour), askForAnother)}, ""},
	consent.EventMalformed: {toneBad, "Which event?",
		[]string{"The address names no event. Open the whole link as it was sent to you."}, ""},
	consent.Connected: {toneGood, "Your event is connected",
		[]string{"There is nothing left to do, and you can close this page. You can take your consent back in Revento at any time."},
		"What is read from now on"},
	consent.Declined: {tonePlain, "Not connected",
		[]string{"You declined, so nothing was connected.",
			"Your consent is needed so that " + product + " can ask Revento about your event and notice what no notification told of."},
		"What would be read"},
	consent.LessScope: {tonePlain, "Not everything was allowed",
		[]string{nothingConnected + " What is named below was not allowed, and without it your event cannot be watched."},
		"What was not allowed"},
	consent.Expired: {tonePlain, "That took too long",
		[]string{fmt.Sprintf("More than %d minutes went by before you came back from Revento. %s", consent.FlowLife/time.Minute, nothingConnected)}, ""},
	consent.OtherFlow: {toneBad, "This answer belongs to another browser",
		[]string{"It was begun in another browser, or too long ago. " + nothingConnected,
			"Open your link again, and stay in one browser from the beginning to the end."}, ""},
	consent.OtherEvent: {toneBad, "Revento answered for another event",
		[]string{nothingConnected + " Try again, and choose the event that is named below. " + tellTheSender}, ""},
	consent.OtherOrganization: {toneBad, "This event belongs to another organization",
		[]string{"Another organization connected it before. Nothing was changed.", "Tell whoever sent you the link."}, ""},
	consent.UnderWay: {tonePlain, "Still at work",
		[]string{"Your consent is being worked on. Look again in a few seconds."}, ""},
	consent.Unavailable: {toneBad, "Not available just now",
		[]string{"Something is out of order for the moment. " + nothingConnected + " Try again in a minute."}, ""},
}

var failureTexts = map[consent.Reason]text{
	consent.NoCode: {toneBad, "Revento sent no answer",
		[]string{"What you came back with from Revento holds neither a yes nor a no. " + nothingConnected}, ""},
	consent.CodeRefused: {toneBad, "Revento does not take this answer any more",
		[]string{"It was used before, or is too old. " + nothingConnected}, ""},
	consent.RequestRefused: {toneBad, "Revento refused to ask you",
		[]string{nothingConnected + " " + tellTheSender}, ""},
	consent.Incomplete: {toneBad, "Revento's answer was incomplete",
		[]string{nothingConnected + " " + tellTheSender}, ""},
	consent.Interrupted: {toneBad, "This was interrupted",
		[]string{"Nobody knows how it ended. Try again: to connect twice does no harm."}, ""},
}

func textOf(outcome consent.Outcome) text {
	if outcome.Kind == consent.Failed {
		return failureTexts[outcome.Reason]
	}
	return outcomeTexts[outcome.Kind]
}

// scope is what can be read, and what that is.
type scope struct{ Name, What string }

// scopeTexts say what a scope unlocks. (guide: /scopes/)
var scopeTexts = map[string]string{
	"event.read":        "The event: its name and dates",
	"participants.read": "The participants: their profiles, form answers, roles and application statuses",
	"program.read":      "The program: activities, threads, locations and registration waves",
}

func described(names []string) []scope {
	described := make([]scope, len(names))
	for i, name := range names {
		described[i] = scope{name, scopeTexts[name]}
	}
	return described
}
