package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Place is an endpoint that a fault can be at.
type Place string

// The places. PlaceAPI is every endpoint of the read API.
const (
	PlaceToken        Place = "token"
	PlaceAPI          Place = "api"
	PlaceEvent        Place = "event"
	PlaceParticipants Place = "participants"
	PlaceActivities   Place = "activities"
	PlaceProgram      Place = "program"
	PlaceThreads      Place = "threads"
	PlaceLocations    Place = "locations"
	PlaceWaves        Place = "registration-waves"
	PlaceProfile      Place = "profile"
	PlaceApplication  Place = "application"
)

var lists = []Place{
	PlaceParticipants, PlaceActivities, PlaceProgram, PlaceThreads, PlaceLocations, PlaceWaves, PlaceApplication,
}

var places = append([]Place{PlaceToken, PlaceAPI, PlaceEvent, PlaceProfile}, lists...)

// FaultKind is what goes wrong.
type FaultKind string

// The kinds of faults.
const (
	// FaultFail answers 500 and does nothing.
	FaultFail FaultKind = "fail"
	// FaultGateway answers 502 with a page, as a proxy would, and does nothing.
	FaultGateway FaultKind = "gateway"
	// FaultDrop cuts the connection and does nothing.
	FaultDrop FaultKind = "drop"
	// FaultLoseReply does what was asked, and cuts the connection instead of answering.
	FaultLoseReply FaultKind = "lose_reply"
	// FaultSlow does what was asked, and answers after Delay.
	FaultSlow FaultKind = "slow"
	// FaultCut answers with half of the body.
	FaultCut FaultKind = "cut"
	// FaultNoDate answers without a Date.
	FaultNoDate FaultKind = "no_date"
	// FaultThrottle answers 429 rate_limit_exceeded, to come again after Delay.
	FaultThrottle FaultKind = "throttle"
	// FaultCrowd answers 429 concurrent_limit_exceeded.
	FaultCrowd FaultKind = "crowd"
	// FaultEmpty answers a list with an empty page, as if there were nothing.
	FaultEmpty FaultKind = "empty"
	// FaultRepeatCursor answers a list with the cursor that was asked for, or else with one for the first page.
	FaultRepeatCursor FaultKind = "repeat_cursor"
	// FaultWrongEvent names another event, and FaultWrongOrganization another organization, in a token's reply.
	FaultWrongEvent        FaultKind = "wrong_event"
	FaultWrongOrganization FaultKind = "wrong_organization"
	// FaultKeepRefresh answers a refresh without a refresh token: the old one stays good.
	FaultKeepRefresh FaultKind = "keep_refresh"
)

var (
	anywhere   = []FaultKind{FaultFail, FaultGateway, FaultDrop, FaultLoseReply, FaultSlow, FaultCut, FaultNoDate, FaultThrottle}
	inTheAPI   = []FaultKind{FaultCrowd}
	inLists    = []FaultKind{FaultEmpty, FaultRepeatCursor}
	withTokens = []FaultKind{FaultWrongEvent, FaultWrongOrganization, FaultKeepRefresh}
	faultKinds = slices.Concat(anywhere, inTheAPI, inLists, withTokens)
)

// faultTexts say what comes of a call.
var faultTexts = map[FaultKind]string{
	FaultFail:              "500, nothing done",
	FaultGateway:           "502 of a proxy, nothing done",
	FaultDrop:              "no reply, nothing done",
	FaultLoseReply:         "no reply, all done",
	FaultSlow:              "a late reply",
	FaultCut:               "half of a reply",
	FaultNoDate:            "a reply without Date",
	FaultThrottle:          "429, too many calls",
	FaultCrowd:             "429, too many at one time",
	FaultEmpty:             "an empty list",
	FaultRepeatCursor:      "the same cursor again",
	FaultWrongEvent:        "tokens of another event",
	FaultWrongOrganization: "tokens of another organization",
	FaultKeepRefresh:       "no new refresh token",
}

// maxDelay of a slow reply, which holds a connection open.
const maxDelay = time.Minute

// Fault is something that goes wrong at an endpoint.
type Fault struct {
	Kind FaultKind `json:"kind"`
	At   Place     `json:"at"`
	// EventID is whose calls it is for; "": everybody's.
	EventID string `json:"event_id,omitempty"`
	// Skip is how many calls go well before it.
	Skip int `json:"skip,omitempty"`
	// Times is how often it happens; 0: until Mend.
	Times int `json:"times,omitempty"`
	// Delay is FaultSlow's, at most a minute, and FaultThrottle's.
	Delay time.Duration `json:"delay,omitempty"`

	happened int
}

// ErrFault is wrapped by what Break refuses.
var ErrFault = errors.New("switch a fault on")

// Break switches a fault on. It returns an error that wraps ErrFault for one that could not happen.
func (s *Sandbox) Break(f Fault) error {
	if err := f.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrFault, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == maxFaults {
		return fmt.Errorf("%w: %d are switched on: mend them first", ErrFault, maxFaults)
	}
	s.faults = append(s.faults, &f)
	return nil
}

func (f Fault) check() error {
	if !slices.Contains(places, f.At) {
		return fmt.Errorf("there is no %q, only %s", f.At, places)
	}
	possible := slices.Clone(anywhere)
	switch {
	case f.At == PlaceToken:
		possible = append(possible, withTokens...)
	case f.At == PlaceAPI, slices.Contains(lists, f.At):
		possible = slices.Concat(possible, inTheAPI, inLists)
	default:
		possible = append(possible, inTheAPI...)
	}
	switch {
	case !slices.Contains(possible, f.Kind):
		return fmt.Errorf("at %s there is no %q, only %s", f.At, f.Kind, possible)
	case f.Times < 0 || f.Skip < 0 || f.Delay < 0:
		return errors.New("how often and how long cannot be less than 0")
	case f.Kind == FaultSlow && f.Delay > maxDelay:
		return fmt.Errorf("a reply is at most %s late", maxDelay)
	}
	return nil
}

// Mend switches all faults off.
func (s *Sandbox) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.treatments = nil, nil
}

// Faults returns those that are switched on, with how often each has still to happen.
func (s *Sandbox) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	standing := make([]Fault, len(s.faults))
	for i, f := range s.faults {
		standing[i] = *f
		if f.Times > 0 {
			standing[i].Times -= f.happened
		}
	}
	return standing
}

// fault takes the next one that is for a call.
func (s *Sandbox) fault(at Place, eventID string) Fault {
	for i, f := range s.faults {
		here := f.At == at || f.At == PlaceAPI && at != PlaceToken
		fits := slices.Contains(lists, at) || !slices.Contains(inLists, f.Kind)
		if !here || !fits || f.EventID != "" && f.EventID != eventID {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		f.happened++
		if f.happened == f.Times {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return *f
	}
	return Fault{}
}

const gatewayPage = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"

// instead is the reply that a fault gives instead of any work, or nil.
func (f Fault) instead(requestID string) *reply {
	switch f.Kind {
	case FaultFail:
		return (&problem{status: http.StatusInternalServerError, code: codeServer, message: "something broke"}).reply(requestID)
	case FaultGateway:
		return &reply{http.StatusBadGateway, http.Header{"Content-Type": {"text/html"}}, []byte(gatewayPage)}
	case FaultThrottle:
		return tooMany(max(f.Delay, time.Second)).reply(requestID)
	case FaultCrowd:
		return crowded().reply(requestID)
	case FaultDrop:
		return newReply(http.StatusOK, nil) // which is never sent
	}
	return nil
}

// abort ends the connection without a reply, and says nothing of it.
func abort() { panic(http.ErrAbortHandler) }

// Hold has calls of the read API wait, each as one in flight, until release is called, or they are given up. Nothing is held
// at first, and release of an earlier Hold does nothing to a later one.
func (s *Sandbox) Hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := make(chan struct{})
	if s.held != nil {
		close(s.held)
	}
	s.held = held
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.held == held {
			close(held)
			s.held = nil
		}
	}
}

// pause waits, or until the caller has gone.
func pause(ctx context.Context, delay time.Duration) {
	if delay == 0 {
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
