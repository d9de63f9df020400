// Package client asks Revento: for consent, for tokens, and with them for what its read API knows. Each call is one request, bounded in
// time, that follows no redirect; none of its errors holds a token, a secret, or anything of a reply but codes.
//
// An access token is asked with about its own event only: revento.Access names the event, and no call takes an event's id beside it.
package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"revento-alerts/shared/ground/exchange"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/revento"
)

// The paths below the base URLs. (guide: /oauth/organizer-connect/, /api/endpoints/)
const (
	authorizePath = "/oauth/authorize"
	tokenPath     = "/oauth/token"
	eventsPath    = "/events/"
)

// The headers of the read API. (guide: /api/, /rate-limits/)
const (
	headerRequestID = "X-Revento-Request-Id"
	headerRemaining = "X-RateLimit-Remaining"
	headerReset     = "X-RateLimit-Reset"
	// version pins the API's version.
	version = "application/vnd.revento.v1+json"
)

// CallTime bounds each request.
const CallTime = 10 * time.Second

// The longest waits that are believed: the longer of Revento's windows, and a day.
const (
	maxReset      = time.Hour
	maxRetryAfter = 24 * time.Hour
)

// Secrets gives the client's secrets, as secret.Holder does.
type Secrets interface {
	Get(ctx context.Context) (secret.Client, error)
	Refresh(ctx context.Context) (secrets secret.Client, fresh bool, err error)
}

// Options are what a Client needs.
type Options struct {
	// AuthURL is the base of the consent page and the token endpoint, APIURL that of the read API up to its version: without a final slash.
	AuthURL, APIURL string
	ClientID        string
	// RedirectURI is the registered one, byte for byte. (guide: /oauth/organizer-connect/)
	RedirectURI string
	Secrets     Secrets
	Now         func() time.Time
}

// Client is Revento's client. It is safe for concurrent use.
type Client struct {
	options Options
	http    *exchange.Client
}

// New returns a Client. It holds nothing that must be closed.
func New(options Options) *Client { return &Client{options: options, http: exchange.NewClient()} }

// Through returns a client whose requests go through a transport of the caller's own, such as a handler of this process.
func (c *Client) Through(transport http.RoundTripper) *Client {
	through := *c
	through.http = c.http.Through(transport)
	return &through
}

// The reasons that are not Revento's own codes.
const (
	reasonUnreadable = "unreadable_answer"
	reasonNoSecret   = "no_client_secret"
	reasonNoEvent    = "token_of_no_event"
)

// Reply is what every reply tells beside what was asked for.
type Reply struct {
	// Date is when Revento answered, by its clock and in whole seconds; zero where the reply does not tell.
	Date      time.Time
	Allowance revento.Allowance
	RequestID string
}

// Event is an event as the read API shows it. (guide: /api/endpoints/, /patterns/)
type Event struct {
	// Name is its name, or its title: the guide says both. The dates are as Revento writes them.
	Name, StartDate, EndDate, PublishStatus string
	// Document is all of it.
	Document json.RawMessage
}

// Event reads the token's event.
func (c *Client) Event(ctx context.Context, access revento.Access) (Event, Reply, error) {
	var form struct {
		Name          string `json:"name"`
		Title         string `json:"title"`
		StartDate     string `json:"start_date"`
		EndDate       string `json:"end_date"`
		PublishStatus string `json:"publish_status"`
	}
	document, reply, err := c.get(ctx, "read the event", access, "", nil)
	if err != nil {
		return Event{}, reply, err
	}
	if json.Unmarshal(document, &form) != nil {
		return Event{}, reply, unreadable("read the event")
	}
	if form.Name == "" {
		form.Name = form.Title
	}
	return Event{form.Name, form.StartDate, form.EndDate, form.PublishStatus, document}, reply, nil
}

// List is a list of the read API.
type List string

// The lists of an event. (guide: /scopes/)
const (
	Participants      List = "participants"
	Program           List = "program"
	Activities        List = "activities"
	Threads           List = "threads"
	Locations         List = "locations"
	RegistrationWaves List = "registration-waves"
)

// MaxPage is how many rows a page has at the most, and is asked for. (guide: /api/endpoints/)
const MaxPage = 50

// Page is a page of a list.
type Page struct {
	Rows []json.RawMessage
	// More says that there is a page behind it, at the cursor Next.
	More bool
	Next string
}

// List reads a page of a list of the token's event: the one at the cursor, or the first. Whether there is more is what has_more says; a
// page that does not say it is unreadable, and so is one that says there is more and not where. (guide: /api/endpoints/)
func (c *Client) List(ctx context.Context, access revento.Access, list List, cursor string) (Page, Reply, error) {
	op := "list the " + string(list)
	query := url.Values{"limit": {strconv.Itoa(MaxPage)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	body, reply, err := c.get(ctx, op, access, "/"+string(list), query)
	if err != nil {
		return Page{}, reply, err
	}
	var form struct {
		Data    *[]json.RawMessage `json:"data"`
		HasMore *bool              `json:"has_more"`
		Next    string             `json:"next_cursor"`
	}
	if json.Unmarshal(body, &form) != nil || form.Data == nil || form.HasMore == nil || *form.HasMore && form.Next == "" {
		return Page{}, reply, unreadable(op)
	}
	if !*form.HasMore {
		form.Next = ""
	}
	return Page{Rows: *form.Data, More: *form.HasMore, Next: form.Next}, reply, nil
}

func unreadable(op string) error {
	return &fault.Error{Class: fault.Transient, Op: op, Reason: reasonUnreadable}
}

// get asks about the token's event.
func (c *Client) get(
	ctx context.Context, op string, access revento.Access, path string, query url.Values,
) (json.RawMessage, Reply, error) {
	event := access.EventID()
	if event == "" || event == "." || event == ".." { // a path that leads elsewhere
		return nil, Reply{}, &fault.Error{Class: fault.Permanent, Op: op, Reason: reasonNoEvent}
	}
	ctx, cancel := context.WithTimeout(ctx, CallTime)
	defer cancel()
	address := c.options.APIURL + eventsPath + url.PathEscape(event) + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil { // the settings' base URL; the error quotes the address
		return nil, Reply{}, &fault.Error{Class: fault.Permanent, Op: op, Reason: exchange.ReasonUnmade}
	}
	id := uuid.NewString()
	request.Header.Set("Authorization", "Bearer "+access.Bearer().Show())
	request.Header.Set("Accept", version)
	request.Header.Set(headerRequestID, id)
	made := c.http.Begin()
	_, _ = made.Do(request) // what came of it is in made
	reply := c.reply(made, id)
	if failure := read(made, id, fault.Transient); failure != nil {
		failure.Op = op
		return nil, reply, failure
	}
	return made.Body, reply, nil
}

func (c *Client) reply(made *exchange.Exchange, id string) Reply {
	date, _ := http.ParseTime(made.Header.Get("Date")) // zero where it is in no form of RFC 9110
	return Reply{Date: date, Allowance: c.allowance(made.Header, date), RequestID: id}
}

// allowance reads the headers. The reset is compared with the reply's own Date, so that our clock does not matter.
func (c *Client) allowance(header http.Header, date time.Time) revento.Allowance {
	remaining, err := strconv.Atoi(header.Get(headerRemaining))
	if err != nil {
		return revento.Allowance{}
	}
	if date.IsZero() {
		date = c.options.Now()
	}
	allowance := revento.Allowance{Known: true, Remaining: remaining, ResetIn: maxReset}
	if reset, err := strconv.ParseInt(header.Get(headerReset), 10, 64); err == nil {
		allowance.ResetIn = min(max(time.Unix(reset, 0).Sub(date), 0), maxReset)
	}
	return allowance
}

// Reach asks at a URL of Revento's with nothing that names anybody. It returns an error, classified (package fault), where nobody answers:
// any answer is one, since Revento owes no more to who has no token.
func (c *Client) Reach(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, CallTime)
	defer cancel()
	const op = "reach Revento"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil { // the settings' base URL; the error quotes the address
		return &fault.Error{Class: fault.Permanent, Op: op, Reason: exchange.ReasonUnmade}
	}
	made := c.http.Begin()
	_, _ = made.Do(request) // what came of it is in made
	if made.Status != 0 {
		return nil
	}
	failure := read(made, "", fault.Transient)
	failure.Op = op
	return failure
}
