package mirror

import "time"

// Source is what a document came by.
type Source string

// The sources.
const (
	ByWebhook Source = "webhook"
	ByList    Source = "list"
)

// The margins within which a list may show what was before a webhook, or after: its page was asked of a copy that lagged, or asked by
// another clock than Revento's.
const (
	margin      = 2 * time.Minute
	marginLoose = 5 * time.Minute
)

// Stamp is what a document is worth against another of the same part.
type Stamp struct {
	// AsOf is the moment that the document is of: a webhook's occurred_at; a page's Date, or where the reply had none the moment that it
	// was asked for by our clock.
	AsOf time.Time `json:"as_of,omitzero"`
	// At is ours: when the webhook arrived, or the page was asked for.
	At     time.Time `json:"at,omitzero"`
	Source Source    `json:"source,omitempty"`
	// Pass is the number of the pass that the page is of; 0 in a webhook's.
	Pass int64 `json:"pass,omitempty"`
	// Loose says that AsOf is by our clock.
	Loose bool `json:"loose,omitempty"`
	// MarkedAt is since when it waits to be verified, by our clock; zero where it does not.
	MarkedAt time.Time `json:"marked_at,omitzero"`
}

// IsMarked says whether it waits to be verified.
func (s Stamp) IsMarked() bool { return !s.MarkedAt.IsZero() }

func (s Stamp) margin() time.Duration {
	if s.Loose {
		return marginLoose
	}
	return margin
}

// after returns the stamp that stands once next has come, and whether what next came with is taken. now is when a mark is made, if one is.
//
//	webhook over webhook: the later occurred_at; in the same second the later arrival, marked
//	webhook over list   : occurred_at >= the page's moment - margin; within the margin marked
//	list over webhook   : the page's moment - margin > occurred_at; a marked one gives way to each page that was asked for after the mark
//	list over list      : the later pass
//	a page without a Date: the margin is wider, and on both sides of the page's moment; where one loses to the other, what stands is marked
func (s Stamp) after(next Stamp, now time.Time) (standing Stamp, taken bool) {
	take, mark := s.decide(next)
	standing = s
	if take {
		standing = next
	}
	if mark && !standing.IsMarked() {
		standing.MarkedAt = now.UTC()
	}
	return standing, take
}

func (s Stamp) decide(next Stamp) (take, mark bool) {
	switch {
	case s.Source == "":
		return true, false
	case s.Source == ByList && next.Source == ByList:
		return next.isLaterPage(s), false
	case s.Source == ByWebhook && next.Source == ByWebhook:
		return webhookOverWebhook(s, next)
	case next.Source == ByWebhook:
		return webhookOverList(s, next)
	default:
		return listOverWebhook(s, next)
	}
}

// isLaterPage says whether a page is of a later pass than another or, of the same, was asked for later: a row may move between its pages.
func (s Stamp) isLaterPage(other Stamp) bool {
	return s.Pass > other.Pass || s.Pass == other.Pass && !s.At.Before(other.At)
}

func webhookOverWebhook(standing, next Stamp) (take, mark bool) {
	if isSameSecond(standing.AsOf, next.AsOf) {
		return !next.At.Before(standing.At), true
	}
	return next.AsOf.After(standing.AsOf), false
}

// isSameSecond says whether neither moment is known to be before the other: both are of one second, and one at least is given in whole
// seconds.
func isSameSecond(a, b time.Time) bool {
	isWhole := a.Nanosecond() == 0 || b.Nanosecond() == 0
	return a.Equal(b) || isWhole && a.Truncate(time.Second).Equal(b.Truncate(time.Second))
}

func webhookOverList(standing, next Stamp) (take, mark bool) {
	take = !next.AsOf.Before(standing.AsOf.Add(-standing.margin())) // at the edge too: there the list would not stand over it either
	if standing.Loose {                                             // our clock may be before Revento's as well
		return take, !take || !next.AsOf.After(standing.AsOf.Add(standing.margin()))
	}
	return take, take && !next.AsOf.After(standing.AsOf)
}

func listOverWebhook(standing, next Stamp) (take, mark bool) {
	if standing.IsMarked() && next.At.After(standing.MarkedAt) {
		return true, false
	}
	take = next.AsOf.Add(-next.margin()).After(standing.AsOf)
	return take, !take && next.Loose
}
