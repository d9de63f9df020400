package sandbox

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"revento-alerts/shared/revento"
)

// APIPath is where the read API begins. (guide: /api/)
const APIPath = "/api/v1"

// Version is the media type that pins the API's version. (guide: /api/)
const Version = "application/vnd.revento.v1+json"

// endpoint is one of the read API's.
type endpoint struct {
	place Place
	path  string
	kind  Kind
	scope string
	// list says that the rows come in pages.
	list bool
	// find is called within the lock. A single resource is one row.
	find func(s *Sandbox, g *grant, e *event) rows
}

// rows are what an endpoint has to show. Each is made only when its page is, since a list can be long.
type rows struct {
	count int
	row   func(i int) object
}

func rowsOf[T any](entries []T, row func(T) object) rows {
	return rows{len(entries), func(i int) object { return row(entries[i]) }}
}

func (r rows) between(from, end int) []object {
	shown := make([]object, 0, end-from)
	for i := from; i < end; i++ {
		shown = append(shown, r.row(i))
	}
	return shown
}

func ofProgram(place Place, find func(*Sandbox, *grant, *event) rows) endpoint {
	return endpoint{place, "/events/{event}/" + string(place), Installation, "program.read", true, find}
}

// endpoints are all that the guide names. (guide: /scopes/, /api/endpoints/)
var endpoints = []endpoint{
	{PlaceEvent, "/events/{event}", Installation, "event.read", false, (*Sandbox).readEvent},
	{PlaceParticipants, "/events/{event}/participants", Installation, "participants.read", true, (*Sandbox).readParticipants},
	ofProgram(PlaceActivities, (*Sandbox).readActivities),
	ofProgram(PlaceProgram, func(_ *Sandbox, _ *grant, e *event) rows { return rowsOf(e.Program, slot.row) }),
	ofProgram(PlaceThreads, func(_ *Sandbox, _ *grant, e *event) rows { return rowsOf(e.Threads, named.row) }),
	ofProgram(PlaceLocations, func(_ *Sandbox, _ *grant, e *event) rows { return rowsOf(e.Locations, named.row) }),
	ofProgram(PlaceWaves, func(_ *Sandbox, _ *grant, e *event) rows { return rowsOf(e.Waves, named.row) }),
	{PlaceProfile, "/me/profile", User, "profile.read", false, (*Sandbox).readProfile},
	{PlaceApplication, "/me/application", User, "event.attendance", true, (*Sandbox).readApplication},
}

func (n named) row() object { return object{"id": n.ID, "name": n.Name} }

func (s slot) row() object {
	return object{
		"id": s.ID, "activity_id": s.ActivityID, "thread_id": s.ThreadID, "location_id": s.LocationID,
		"starts_at": s.StartsAt, "ends_at": s.EndsAt,
	}
}

func (s *Sandbox) readEvent(_ *grant, e *event) rows { return rowsOf([]*event{e}, s.eventRow) }

func (s *Sandbox) readParticipants(_ *grant, e *event) rows {
	shown := slices.DeleteFunc(slices.Clone(e.Participants), func(p *participant) bool { return p.Hidden })
	return rowsOf(shown, s.participantRow)
}

func (s *Sandbox) readActivities(_ *grant, e *event) rows {
	return rowsOf(e.Activities, (*activity).row)
}

func (s *Sandbox) readProfile(g *grant, e *event) rows { return rowsOf(e.ofUser(g.User), s.profileRow) }

func (s *Sandbox) readApplication(g *grant, e *event) rows {
	return rowsOf(e.ofUser(g.User), s.ownApplicationRow)
}

// routeAPI adds the read API to the provider's side.
func (s *Sandbox) routeAPI(mux *http.ServeMux) {
	for _, e := range endpoints {
		mux.HandleFunc(APIPath+e.path, func(w http.ResponseWriter, r *http.Request) { s.serveEndpoint(w, r, e) })
	}
	mux.HandleFunc(APIPath+"/", func(w http.ResponseWriter, r *http.Request) {
		id := requestID(r)
		s.write(w, notFound().reply(id), id, false)
	})
}

// serveEndpoint answers one call.
func (s *Sandbox) serveEndpoint(w http.ResponseWriter, r *http.Request, e endpoint) {
	call := Call{Place: e.place, EventID: r.PathValue("event"), Query: r.URL.RawQuery, RequestID: requestID(r)}
	caller, fault, answer, held := s.admit(r, e, &call)
	if caller != nil {
		defer s.leave(caller)
	}
	if held != nil {
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}
	if answer.status == 0 {
		s.work(r, e, caller, fault, answer, &call)
	}
	s.finish(w, r, call, fault, answer)
}

// admit looks at who calls. The answer's status is 0 where the work can begin; a caller that is not nil is in flight.
func (s *Sandbox) admit(r *http.Request, e endpoint, call *Call) (caller *grant, f Fault, answer *reply, held <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer = &reply{header: http.Header{}}
	secret, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	t, refusal := s.authenticate(secret)
	if t != nil && call.EventID == "" {
		call.EventID = t.grant.Event
	}
	call.At, f = s.now(), s.fault(e.place, call.EventID)
	if instead := f.instead(call.RequestID); instead != nil {
		return nil, f, instead, nil
	}
	if wrong := s.rules.wrongForm(r); wrong != nil {
		refusal = wrong
	}
	if refusal == nil {
		refusal = s.count(t, answer.header)
	}
	if refusal == nil {
		refusal = t.grant.mayRead(e, call.EventID)
	}
	if refusal != nil {
		call.Code = refusal.code
		refused := refusal.reply(call.RequestID)
		for name, values := range answer.header {
			refused.header[name] = values
		}
		return nil, f, refused, nil
	}
	t.grant.inFlight++
	return t.grant, f, answer, s.held
}

func (s *Sandbox) leave(g *grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.inFlight--
}

// wrongForm says what is wrong with a call whoever makes it.
func (r Rules) wrongForm(request *http.Request) *problem {
	accept := request.Header.Get("Accept")
	switch {
	case request.Method != http.MethodGet:
		return &problem{status: http.StatusMethodNotAllowed, code: codeMethod, message: "the API only reads"}
	case accept != Version && (r.VersionRequired || strings.Contains(accept, "vnd.revento.")):
		return &problem{status: http.StatusNotAcceptable, code: codeVersion, message: "send Accept: " + Version}
	case r.RequestIDRequired && request.Header.Get(RequestIDHeader) == "":
		return invalidRequest("send " + RequestIDHeader)
	}
	return nil
}

func tooMany(wait time.Duration) *problem {
	return &problem{status: http.StatusTooManyRequests, code: revento.CodeRateLimitExceeded, message: "too many calls", retryAfter: wait}
}

func crowded() *problem {
	return &problem{status: http.StatusTooManyRequests, code: revento.CodeConcurrentLimitExceeded, message: "too many calls at one time"}
}

// count takes the call from the token's budget, and tells in the header how it stands. (guide: /rate-limits/)
func (s *Sandbox) count(t *token, header http.Header) *problem {
	if t.grant.inFlight >= revento.InFlight {
		return crowded()
	}
	used := &t.grant.used
	if s.rules.LimitsEachAccessToken {
		used = &t.used
	}
	least, taken := used.take(budgets[t.grant.Kind], s.now(), s.rules.FixedWindows)
	header.Set("X-RateLimit-Limit", strconv.Itoa(least.limit))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(least.remaining))
	header.Set("X-RateLimit-Reset", strconv.FormatInt(least.reset.Unix(), 10))
	if !taken {
		return tooMany(least.wait)
	}
	return nil
}

// mayRead says why a token is not one for the endpoint. (guide: /api/errors/)
func (g *grant) mayRead(e endpoint, eventID string) *problem {
	switch {
	case g.Kind != e.kind:
		return forbidden(string(e.kind)+"_token_required", "this is for the other kind of token")
	case g.Event != eventID:
		return forbidden("event_not_authorized", "the token is another event's")
	case !g.has(e.scope):
		return forbidden(codeNoScope, "the token has no "+e.scope)
	}
	return nil
}

// work reads what was asked for.
func (s *Sandbox) work(r *http.Request, e endpoint, g *grant, f Fault, answer *reply, call *Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, refusal := s.read(r, e, g, f)
	done := newReply(http.StatusOK, body)
	if refusal != nil {
		call.Code = refusal.code
		done = refusal.reply(call.RequestID)
	}
	answer.status, answer.body = done.status, done.body
	answer.header.Set("Content-Type", done.header.Get("Content-Type"))
}

func (s *Sandbox) read(r *http.Request, e endpoint, g *grant, f Fault) (any, *problem) {
	of := s.event(g.Event)
	if of.frozen != nil {
		of = of.frozen
	}
	found := e.find(s, g, of)
	switch {
	case !e.list && found.count == 0:
		return nil, notFound()
	case !e.list:
		return found.row(0), nil
	}
	limit, refusal := s.rules.pageSize(r.URL.Query().Get("limit"))
	if refusal != nil {
		return nil, refusal
	}
	list := string(e.place) + " " + g.Event + " " + g.User
	asked := r.URL.Query().Get("cursor")
	from, ok := s.position(list, asked)
	if !ok {
		return nil, invalidRequest("the cursor is none of this list's")
	}
	if f.Kind == FaultEmpty {
		return page([]object{}, nil), nil
	}
	from = min(from, found.count)
	end := min(from+limit, found.count)
	var next any
	if end < found.count {
		next = s.cursor(list, end)
	}
	if f.Kind == FaultRepeatCursor {
		next = cmp.Or(asked, s.cursor(list, 0))
	}
	return page(found.between(from, end), next), nil
}

// page is the form of every list. (guide: /api/endpoints/)
func page(shown []object, next any) object {
	return object{"data": shown, "next_cursor": next, "has_more": next != nil}
}

func (r Rules) pageSize(text string) (int, *problem) {
	if text == "" {
		return DefaultPage, nil
	}
	size, err := strconv.Atoi(text)
	switch {
	case err != nil || size < 1:
		return 0, invalidRequest("limit is no number of rows")
	case size > MaxPage && r.PageOverMaxIsCut:
		return MaxPage, nil
	case size > MaxPage:
		return 0, invalidRequest("limit is at most " + strconv.Itoa(MaxPage))
	}
	return size, nil
}

// cursorBytes of the signature make a cursor opaque: nobody makes one up.
const cursorBytes = 12

// cursor is a row's place in a list, so that rows which move between pages meanwhile are shown twice, or not at all.
func (s *Sandbox) cursor(list string, position int) string {
	place := strconv.Itoa(position)
	mac := hmac.New(sha256.New, s.cursorKey)
	mac.Write([]byte(list + "\n" + place))
	return base64.RawURLEncoding.EncodeToString(append(mac.Sum(nil)[:cursorBytes], place...))
}

// position reads a cursor back; none is the beginning.
func (s *Sandbox) position(list, cursor string) (int, bool) {
	if cursor == "" {
		return 0, true
	}
	decoded, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(decoded) <= cursorBytes {
		return 0, false
	}
	position, err := strconv.Atoi(string(decoded[cursorBytes:]))
	return position, err == nil && hmac.Equal([]byte(s.cursor(list, position)), []byte(cursor))
}

// finish notes the call, and sends the answer as the fault would have it.
func (s *Sandbox) finish(w http.ResponseWriter, r *http.Request, call Call, f Fault, answer *reply) {
	gone := f.Kind == FaultDrop || f.Kind == FaultLoseReply
	if call.Fault = f.Kind; !gone {
		call.Status = answer.status
	}
	s.mu.Lock()
	s.calls = last(append(s.calls, call), maxCalls)
	s.mu.Unlock()
	if gone {
		abort()
	}
	if f.Kind == FaultSlow {
		pause(r.Context(), f.Delay)
	}
	if f.Kind == FaultCut {
		answer.body = answer.body[:len(answer.body)/2]
	}
	s.write(w, answer, call.RequestID, f.Kind == FaultNoDate)
}

// write sends an answer. Its Date is by Revento's clock.
func (s *Sandbox) write(w http.ResponseWriter, answer *reply, requestID string, noDate bool) {
	header := w.Header()
	for name, values := range answer.header {
		header[name] = values
	}
	header.Set(RequestIDHeader, requestID)
	header.Set("Cache-Control", "no-store")
	header.Set("Date", s.Now().Format(http.TimeFormat))
	if noDate {
		header["Date"] = nil // or the server adds its own
	}
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body) // who asked may be gone; there is nobody left to tell
}
