package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
)

// Summary is what is known of a connection in a few figures, without personal data: it is not sealed. Pages and the dashboard read it and
// no row.
type Summary struct {
	Life connection.Life `json:"life"`
	// Name, StartDate, EndDate and PublishStatus are the event's, as Revento writes them; "" where not known.
	Name          string `json:"name,omitempty"`
	StartDate     string `json:"start_date,omitempty"`
	EndDate       string `json:"end_date,omitempty"`
	PublishStatus string `json:"publish_status,omitempty"`
	// Counts are of participants.
	Counts
	// CancelledOn is the newest day on which participants came to be cancelled.
	CancelledOn Day `json:"cancelled_on,omitzero"`
	// Changes rises by one with each change of what is counted, and with each person who is forgotten.
	Changes int64 `json:"changes"`
	// LastPass is the newest pass that brought a page, and Completed the last complete one, with when it was complete.
	LastPass    Pass      `json:"last_pass,omitzero"`
	Completed   Pass      `json:"completed,omitzero"`
	CompletedAt time.Time `json:"completed_at,omitzero"`
	// Freshness is as of when the newest page of each thing is.
	Freshness map[Thing]time.Time `json:"freshness,omitempty"`
	// OpenIncidents is how many incidents of the connection are open.
	OpenIncidents int `json:"open_incidents,omitempty"`
	// Deletion is the next deletion of the connection's data that has a date.
	Deletion DeletionDate `json:"deletion,omitzero"`
	// Unidentified counts webhooks and documents of lists that name no participant, or no other thing, and Unreadable rows that were
	// written anew since their seed is gone.
	Unidentified int64 `json:"unidentified,omitempty"`
	Unreadable   int64 `json:"unreadable,omitempty"`
}

// Day is how many participants came to be cancelled on a day, in UTC, without those who came back on it.
type Day struct {
	Date      string `json:"date,omitempty"`
	Cancelled int    `json:"cancelled,omitempty"`
}

// CancelledToday is how many participants came to be cancelled on the day of a moment, in UTC.
func (s Summary) CancelledToday(now time.Time) int {
	if s.CancelledOn.Date != dateOf(now) {
		return 0
	}
	return s.CancelledOn.Cancelled
}

func dateOf(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// DeletionDate is when data is to go, and how far its deletion has come.
type DeletionDate struct {
	At    time.Time `json:"at,omitzero"`
	State string    `json:"state,omitempty"`
}

// Counts are participants, counted.
type Counts struct {
	// ByStatus counts those who are there, missing once or not, by Row.Status; "" is a status that is not known.
	ByStatus map[string]int `json:"by_status,omitempty"`
	// Present, MissingOnce and Cancelled count by presence.
	Present     int `json:"present"`
	MissingOnce int `json:"missing_once"`
	Cancelled   int `json:"cancelled"`
}

// Total is how many are there, missing once or not.
func (c Counts) Total() int { return c.Present + c.MissingOnce }

// Add counts a row, if it is one of a participant.
func (c *Counts) Add(row Row) { c.add(tallyOf(row), 1) }

// tally is what a row counts as; the zero value counts as nothing.
type tally struct {
	presence Presence
	status   string
}

func tallyOf(row Row) tally {
	if row.Thing != Participant {
		return tally{}
	}
	return tally{row.Presence, row.Status()}
}

// maxStatuses is how many statuses are counted apart; what else comes counts as not known. Revento's are about five.
const maxStatuses = 30

func (c *Counts) add(of tally, n int) {
	switch of.presence {
	case Present:
		c.Present = max(c.Present+n, 0)
	case MissingOnce:
		c.MissingOnce = max(c.MissingOnce+n, 0)
	case Cancelled:
		c.Cancelled = max(c.Cancelled+n, 0)
		return
	default:
		return
	}
	if c.ByStatus == nil {
		c.ByStatus = map[string]int{}
	}
	if _, known := c.ByStatus[of.status]; !known && len(c.ByStatus) >= maxStatuses {
		of.status = ""
	}
	if c.ByStatus[of.status] = max(c.ByStatus[of.status]+n, 0); c.ByStatus[of.status] == 0 {
		delete(c.ByStatus, of.status)
	}
}

func (c Counts) clone() Counts {
	c.ByStatus = maps.Clone(c.ByStatus)
	return c
}

// move counts a row as another than it was.
func (s *Summary) move(from, to tally, now time.Time) {
	if from == to {
		return
	}
	s.turn(from, to, dateOf(now))
	s.Counts = s.clone()
	s.add(from, -1)
	s.add(to, 1)
	s.Changes++
}

// turn counts who came to be cancelled, or came back, on a day. Who is forgotten did neither.
func (s *Summary) turn(from, to tally, date string) {
	was, is := from.presence == Cancelled, to.presence == Cancelled
	switch {
	case is && !was && s.CancelledOn.Date == date:
		s.CancelledOn.Cancelled++
	case is && !was:
		s.CancelledOn = Day{Date: date, Cancelled: 1}
	case was && !is && to.presence != "" && s.CancelledOn.Date == date:
		s.CancelledOn.Cancelled = max(s.CancelledOn.Cancelled-1, 0)
	}
}

// fresh keeps as of when a thing was listed, and by which pass.
func (s *Summary) fresh(p Page) {
	if asOf := p.stamp().AsOf; asOf.After(s.Freshness[p.Thing]) {
		s.Freshness = maps.Clone(s.Freshness)
		if s.Freshness == nil {
			s.Freshness = map[Thing]time.Time{}
		}
		s.Freshness[p.Thing] = asOf
	}
	if p.Pass.Number > s.LastPass.Number {
		s.LastPass = p.Pass
	}
}

// describe keeps what the event's document says, if it is the one that stands. What it leaves out stays known.
func (s *Summary) describe(fields Fields) {
	keep(&s.Name, nameIn(fields))
	keep(&s.StartDate, lineIn(fields, "start_date"))
	keep(&s.EndDate, lineIn(fields, "end_date"))
	keep(&s.PublishStatus, lineIn(fields, "publish_status"))
}

func summaryKey(of record.Connection) record.Key {
	return record.Key{Connection: of, Kind: record.Summary}
}

type summaryEntry = record.Entry[Summary]

// summary reads the life's summary, or an empty one.
func (m *Mirror) summary(ctx context.Context, of record.Connection, life connection.Life) (summaryEntry, error) {
	entry, err := record.Load[Summary](ctx, m.Records, summaryKey(of))
	if err == nil && entry.Value.Life != life {
		entry.Value, entry.Known = Summary{Life: life}, false
	}
	entry.OccurredAt = life.Began()
	return entry, err
}

// Summary returns a connection's summary. It is the zero value where there is none of the connection's life.
func (m *Mirror) Summary(ctx context.Context, of record.Connection) (Summary, error) {
	standing, err := m.Registry.Read(ctx, of)
	if err != nil || !standing.IsKnown() {
		return Summary{}, err
	}
	entry, err := m.summary(ctx, of, standing.Life)
	return entry.Value, err
}

// Amend changes the summary where others write on it too. What the mirror counts is not for others to change. It returns ErrNotMirrored
// for a connection that nobody consented to.
func (m *Mirror) Amend(ctx context.Context, of record.Connection, change func(*Summary)) error {
	return again(func() error {
		standing, err := m.Registry.Read(ctx, of)
		if err != nil {
			return err
		}
		if !standing.IsKnown() {
			return ErrNotMirrored
		}
		entry, err := m.summary(ctx, of, standing.Life)
		if err != nil {
			return err
		}
		change(&entry.Value)
		_, err = record.Save(ctx, m.Records, entry)
		return notMirrored(err)
	})
}

// Count puts what was counted of all rows, if nothing that is counted has changed since the summary had this number of changes. It says
// false where something has.
func (m *Mirror) Count(ctx context.Context, of record.Connection, changes int64, counted Counts) (ok bool, err error) {
	err = m.Amend(ctx, of, func(s *Summary) {
		if ok = s.Changes == changes; ok {
			s.Counts = counted.clone()
		}
	})
	return ok && err == nil, err
}

// notMirrored is the error of a write, where it is that the life has ended meanwhile.
func notMirrored(err error) error {
	if errors.Is(err, record.ErrDeleted) {
		return fmt.Errorf("%w: %w", ErrNotMirrored, err)
	}
	return err
}
