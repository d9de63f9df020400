// Package sandbox stands in for Revento: it asks for consent, gives out tokens, answers the read API, and sends signed
// webhooks, by the rules and limits that Revento's guide states and with faults that can be switched on. What the guide
// leaves open is a field of Rules; what it does not name at all (an endpoint's rows beyond a few fields, most error codes)
// is made up here, and is no claim about Revento.
//
// Provider is what the product talks to, and what an organizer's or a participant's browser shows. Control changes the world
// behind it, as do the methods of Sandbox. A webhook that a change causes waits until Flush or Run sends it. All of it is
// kept in memory within limits: what is older than they allow is forgotten.
package sandbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"revento-alerts/shared/revento/sample"
)

// DefaultParticipants is how many participants each event has at first. Revento's own sandbox has 30 and more. (guide:
// /sandbox/)
const DefaultParticipants = 36

// The limits of what is kept.
const (
	// maxParticipants of an event, and what a test of large lists needs.
	maxParticipants = 100_000
	maxClients      = 100
	maxGrants       = 5000
	// maxTokens of one grant: those before are unknown tokens. One refresh makes two.
	maxTokens  = 100
	maxTickets = 1000
	maxCodes   = 1000
	maxFaults  = 100
	maxOutbox  = 10_000
	maxSent    = 200
	maxCalls   = 500
)

// Sender posts a webhook to the integration's address, and returns the reply's status, or an error where there was no reply.
type Sender func(ctx context.Context, delivery sample.Delivery) (status int, err error)

// Options are what a sandbox needs. The zero value is a world without clients and webhooks.
type Options struct {
	// Clients are the integrations that may ask; AddClient adds one later.
	Clients []Client
	// WebhookSecret signs the webhooks.
	WebhookSecret string
	// Send sends them; nil: they are lost.
	Send Sender
	// Now is the clock that Revento's own is set by; nil: time.Now.
	Now func() time.Time
	// Participants is how many each event has at first; 0: DefaultParticipants.
	Participants int
	// Saved is what Save returned or Keep was given last, to go on with; nil: the seeded world.
	Saved []byte
	// Keep is given what has to be kept, before a token's reply and a command's, one call at a time; nil: nothing is. Where
	// it fails, they do.
	Keep func(saved []byte) error
}

// Client is an integration as Revento knows it.
type Client struct {
	ID string
	// Name is what the consent page calls it.
	Name string
	// Secrets are all valid.
	Secrets []string
	// RedirectURIs are compared byte for byte. (guide: /oauth/organizer-connect/)
	RedirectURIs []string
	// Scopes are those that the manifest declares; none: all that there are.
	Scopes []string
	// Optional are those of them that a person can leave out.
	Optional []string
}

// Sandbox is a Revento of its own. It is safe for concurrent use.
type Sandbox struct {
	source func() time.Time
	secret string
	send   Sender
	// sending is held by who sends webhooks, so that they go out one after the other.
	sending chan struct{}
	// woken tells Run that there is something new to send.
	woken   chan struct{}
	keeper  func(saved []byte) error
	keeping sync.Mutex // before mu

	mu     sync.Mutex
	offset time.Duration
	// cursorKey signs cursors.
	cursorKey []byte
	rules     Rules
	clients   map[string]Client
	events    []*event
	// number counts what is added to the world, for its ids.
	number int

	grants     []*grant
	tokens     map[digest]*token
	tickets    []*ticket
	codes      []*code
	faults     []*Fault
	held       chan struct{}
	outbox     []*webhook
	heldBack   []*webhook
	treatments []treatment
	sent       []Sent
	calls      []Call
}

// New returns a sandbox with its seeded world. It returns an error for a client that could never be used.
func New(options Options) (*Sandbox, error) {
	s := &Sandbox{
		source:    options.Now,
		secret:    options.WebhookSecret,
		send:      options.Send,
		keeper:    options.Keep,
		sending:   make(chan struct{}, 1),
		woken:     make(chan struct{}, 1),
		cursorKey: random(),
		rules:     DefaultRules(),
		clients:   map[string]Client{},
		tokens:    map[digest]*token{},
	}
	if s.source == nil {
		s.source = time.Now
	}
	count := cmp.Or(options.Participants, DefaultParticipants)
	if count < 0 || count > maxParticipants {
		return nil, fmt.Errorf("%d participants: choose 1 to %d", count, maxParticipants)
	}
	for _, client := range options.Clients {
		if err := s.AddClient(client); err != nil {
			return nil, err
		}
	}
	if options.Saved != nil {
		return s, s.restore(options.Saved)
	}
	s.seed(count)
	return s, nil
}

// AddClient adds a client, or replaces the one of its id: its tokens stay. It returns an error for one that could never be
// used.
func (s *Sandbox) AddClient(client Client) error {
	if client.ID == "" || len(client.Secrets) == 0 || slices.Contains(client.Secrets, "") {
		return errors.New("add a client: it needs an id and a secret")
	}
	for _, uri := range client.RedirectURIs {
		if parsed, err := url.Parse(uri); err != nil || parsed.Host == "" || parsed.Fragment != "" {
			return fmt.Errorf("add the client %s: the redirect URI %q is not a whole URL without a fragment", client.ID, uri)
		}
	}
	for _, scope := range slices.Concat(client.Scopes, client.Optional) {
		if _, known := scopeKinds[scope]; !known {
			return fmt.Errorf("add the client %s: Revento has no scope %q", client.ID, scope)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.clients[client.ID]; !known && len(s.clients) == maxClients {
		return fmt.Errorf("add the client %s: %d are enough", client.ID, maxClients)
	}
	s.clients[client.ID] = client
	return nil
}

// Now is the time by Revento's clock, in UTC.
func (s *Sandbox) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// MoveClock sets Revento's clock forward, or with a negative duration back. Webhooks are signed by it, so that one that is
// more than five minutes off is refused as stale.
func (s *Sandbox) MoveClock(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += by
	s.wake()
}

func (s *Sandbox) now() time.Time { return s.source().Add(s.offset).UTC() }

// digest is what a token or code is kept as.
type digest string

func digestOf(secret string) digest {
	sum := sha256.Sum256([]byte(secret))
	return digest(base64.RawURLEncoding.EncodeToString(sum[:]))
}

// randomBytes make what nobody guesses.
const randomBytes = 32

func random() []byte {
	bytes := make([]byte, randomBytes)
	_, _ = rand.Read(bytes) // never fails: https://pkg.go.dev/crypto/rand#Read
	return bytes
}

func randomText() string { return base64.RawURLEncoding.EncodeToString(random()) }

// last returns at the most the limit's number of newest entries.
func last[T any](entries []T, limit int) []T {
	if excess := len(entries) - limit; excess > 0 {
		return slices.Delete(entries, 0, excess)
	}
	return entries
}
