package health

import "time"

// clientQuiet is how long no refresh is refused for the client's secret until that is over where nothing shows it: whoever is refused asks
// again every few minutes.
const clientQuiet = 15 * time.Minute

// Client is what is known of whether Revento takes the client's secret, with which every token is refreshed. It is told once for all
// connections, since it is no connection's fault, and since one secret mends it for all.
//
//	taken --a refresh is refused for it--> refused, told
//	refused --the connection that was refused last is looked at again--> taken, told
type Client struct {
	// Number rises with each change.
	Number int64 `json:"number"`
	// Refused says that Revento does not take it, since At; RefusedAt is the last time that was seen.
	Refused   bool      `json:"refused,omitempty"`
	At        time.Time `json:"at,omitzero"`
	RefusedAt time.Time `json:"refused_at,omitzero"`
}

// Refuse takes in that a refresh was refused. One of before the end of what was told is part of that.
func (c Client) Refuse(at time.Time) Client {
	at = at.UTC()
	switch {
	case !c.Refused && !at.After(c.At):
		return c
	case !c.Refused:
		return Client{Number: c.Number + 1, Refused: true, At: at, RefusedAt: at}
	case at.After(c.RefusedAt):
		c.RefusedAt = at
	}
	return c
}

// Judge returns what is known where the connection that was refused last was looked at then. It had no token left when it was refused, so
// that a look since means that Revento took the secret. served is false where nobody looks at that connection any more.
func (c Client) Judge(observedAt time.Time, served bool, now time.Time) Client {
	isOver := observedAt.After(c.RefusedAt) || !served && now.Sub(c.RefusedAt) >= clientQuiet
	if !c.Refused || !isOver {
		return c
	}
	return Client{Number: c.Number + 1, At: now.UTC(), RefusedAt: c.RefusedAt}
}
