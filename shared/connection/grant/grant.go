// Package grant keeps what Revento granted of a connection: it gives out the access token, refreshes it, and never loses the refresh
// token, which each refresh replaces. What must hold:
//
//   - A refresh token that Revento gave and that reached us is stored, whoever else refreshed, however slow we were: the write is on
//     condition of the generation that was redeemed, not of a lease.
//   - One that Revento refuses is not sent again.
//   - No token leaves but inside an Access, which is bound to the connection's event. None is in an error, a log, or a queue.
package grant

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
)

// What is left, and what is waited for.
const (
	// margin is how long an access token must last so that it is used as it is. (guide: /oauth/refresh-tokens/)
	margin = 5 * time.Minute
	// RefreshTime is what a refresh can take. One begins only where the caller has as much time left, and the caller waits for its end,
	// also past what it was asked for itself.
	RefreshTime = 38 * time.Second
	// leaseTime outlasts a refresh.
	leaseTime = 45 * time.Second
	// postWithin is how old a lease may be when the request is sent: later, another may be about to take over.
	postWithin = 5 * time.Second
	// postTime is what one request can take.
	postTime = 10 * time.Second
	// unreadWait is how long a reply that was not read may still be on its way into the store.
	unreadWait = 10 * time.Second
	// reserve is left at the end of a refresh.
	reserve = 5 * time.Second
	// StopTime is what a refresh under way has when the process is told to stop.
	StopTime = 6 * time.Second
	// pollTime is how often one looks whether another has refreshed.
	pollTime = 500 * time.Millisecond
	// callerReserve is what a caller keeps of its time when it waits for another's refresh.
	callerReserve = time.Second
)

// Endpoint redeems refresh tokens.
type Endpoint interface {
	// Refresh sends one request, once, without following a redirect. A failure is a *fault.Error: of the class Unknown where the token may
	// have been redeemed and the reply was not read, and with a *revento.Refusal in it where Revento refused. ctx bounds it.
	Refresh(ctx context.Context, clientSecret, refreshToken secret.Hidden) (revento.Tokens, error)
}

// Rings gives the ring of sealing keys, as secret.Holder does.
type Rings interface {
	Get(ctx context.Context) (seal.Ring, error)
	Refresh(ctx context.Context) (ring seal.Ring, fresh bool, err error)
}

// ClientSecrets gives the secrets of Revento's client, as secret.Holder does.
type ClientSecrets interface {
	Get(ctx context.Context) (secret.Client, error)
	Refresh(ctx context.Context) (secrets secret.Client, fresh bool, err error)
}

// Keeper keeps tokens. It is safe for concurrent use, as are several on one store.
type Keeper struct {
	Records record.Store
	// Deletions holds the tombstones: what is stopped is neither used nor refreshed.
	Deletions record.Store
	Rings     Rings
	Secrets   ClientSecrets
	Endpoint  Endpoint
	Now       func() time.Time
	// Wait waits, or returns why it cannot any longer: the context's error.
	Wait func(ctx context.Context, d time.Duration) error
	// Stopping is over when the process is told to stop: no refresh begins then, and one under way has StopTime. nil: never.
	Stopping context.Context
	Log      *telemetry.Logger

	mu sync.Mutex
	// unstored are replies that the store did not take in time, by partition: while the process lives they are not lost.
	unstored map[string]reply
}

// Wait waits by the machine's clock: it is what a Keeper waits by outside of tests.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Access is an access token, the grant and generation that it is of, and the time of the consent.
type Access struct {
	revento.Access

	held      stored // grant and generation alone
	consented time.Time
}

// Grant names the consent that the token came of, and when that was given.
func (a Access) Grant() (id string, consented time.Time) { return a.held.Grant, a.consented }

// The reasons of failures of this package's own.
const (
	reasonBusy         = "refresh_is_under_way"
	reasonNoTime       = "too_little_time_for_a_refresh"
	reasonStopped      = "connection_is_stopped"
	reasonNotConnected = "not_connected"
	reasonUnstored     = "store_did_not_take_the_tokens"
	reasonRefusedAgain = "token_refused_again"
	reasonNoRing       = "no_sealing_keys"
	reasonNoSecret     = "no_client_secret"
)

const op = "get an access token"

// The errors of who asks for a token, each inside a *fault.Error.
var (
	// ErrBusy is transient and never an alert: another refreshes, or there was too little time for it.
	ErrBusy = errors.New("the access token could not be refreshed in time")
	// ErrStopped is returned while a deletion is required, or may be.
	ErrStopped = errors.New("the connection is stopped by a request for its deletion")
	// ErrClient is transient: Revento does not take the client's secret, nor the other one. It is about all connections.
	ErrClient = errors.New("the client's secret is not taken by Revento")
	// ErrToken is permanent: Revento does not know the newest access token.
	ErrToken = errors.New("the access token is not known to Revento")
)

// Inactive is the error of a connection whose tokens cannot be used until somebody consents, inside a permanent *fault.Error.
type Inactive struct {
	// State is "" where nobody ever consented.
	State  connection.State
	Reason connection.Reason
}

// Error implements error.
func (i *Inactive) Error() string {
	switch {
	case i.State == "":
		return "nobody consented to the connection yet"
	case i.Reason == "":
		return "the connection is " + string(i.State)
	default:
		return "the connection is " + string(i.State) + ": " + string(i.Reason)
	}
}

func busy(reason string, wait time.Duration) error {
	return &fault.Error{Class: fault.Transient, Op: op, Reason: reason, RetryAfter: wait, Err: ErrBusy}
}

func inactive(of stored) error {
	reason := string(of.State)
	if reason == "" {
		reason = reasonNotConnected
	}
	return &fault.Error{Class: fault.Permanent, Op: op, Reason: reason, Err: &Inactive{of.State, of.Reason}}
}

// Token returns an access token that is good for a while, refreshed where it must be. It returns ErrBusy, ErrStopped, ErrClient, an
// *Inactive, or what a store or Revento failed with; all are classified.
func (k *Keeper) Token(ctx context.Context, connection record.Connection) (Access, error) {
	return k.obtain(ctx, connection, nil)
}

// obtain is Token; spent is what Revento says has expired, or nil.
func (k *Keeper) obtain(ctx context.Context, connection record.Connection, spent *stored) (Access, error) {
	begun, again := k.Now(), 0
	for {
		held, err := k.load(ctx, connection)
		if err != nil {
			return Access{}, err
		}
		isSpent := spent != nil && held.Value.is(*spent)
		if !isSpent && held.Value.isGood(k.Now()) {
			return k.open(ctx, held)
		}
		access, err := k.renew(ctx, held)
		switch {
		case err == nil:
			return access, nil
		case errors.Is(err, errAgain) && again < maxAgain:
			again++
			continue
		case errors.Is(err, errAgain):
			return Access{}, busy(reasonBusy, pollTime)
		case fault.Has(err, fault.Permanent):
			return Access{}, err
		case !isSpent && held.Value.serves(k.Now()):
			return k.open(ctx, held)
		case !errors.Is(err, errLeased):
			return Access{}, err
		}
		if err := k.awaitAnother(ctx, held.Value.Lease, begun); err != nil {
			return Access{}, err
		}
	}
}

// maxAgain is how often one begins anew because another changed the record: each time it was nearer to the end.
const maxAgain = 5

var (
	// errAgain says that the record is not what it was decided on.
	errAgain = errors.New("the tokens were changed by another")
	// errLeased says that another refreshes.
	errLeased = fmt.Errorf("another refreshes: %w", ErrBusy)
)

// renew refreshes unless something is in the way.
func (k *Keeper) renew(ctx context.Context, held entry) (Access, error) {
	now := k.Now()
	switch {
	case held.Value.Lease.IsHeld(now):
		return Access{}, &fault.Error{Class: fault.Transient, Op: op, Reason: reasonBusy, RetryAfter: pollTime, Err: errLeased}
	case now.Before(held.Value.NotBefore):
		return Access{}, &fault.Error{
			Class: fault.Transient, Op: op, Reason: held.Value.FailureReason, RetryAfter: held.Value.NotBefore.Sub(now),
		}
	case !k.hasTime(ctx):
		return Access{}, busy(reasonNoTime, 0)
	}
	return k.refresh(ctx, held)
}

// hasTime says whether a refresh may begin.
func (k *Keeper) hasTime(ctx context.Context) bool {
	if k.Stopping != nil && k.Stopping.Err() != nil {
		return false
	}
	deadline, has := ctx.Deadline()
	return !has || deadline.Sub(k.Now()) >= RefreshTime
}

// awaitAnother waits a moment for who has the lease. Who has waited a lease and a refresh long gives up.
func (k *Keeper) awaitAnother(ctx context.Context, held lease.Lease, begun time.Time) error {
	now := k.Now()
	wait := min(pollTime, held.Left(now))
	deadline, has := ctx.Deadline()
	if has && deadline.Sub(now) < wait+callerReserve || now.Sub(begun) > leaseTime+RefreshTime || k.Wait(ctx, wait) != nil {
		return busy(reasonBusy, pollTime)
	}
	return nil
}

// load reads the tokens of a connection, and returns why they cannot be used.
func (k *Keeper) load(ctx context.Context, of record.Connection) (entry, error) {
	if of.EventID == "" { // known by its partition alone, or of no event
		return entry{}, inactive(stored{})
	}
	if err := k.storeLate(ctx, of); err != nil {
		return entry{}, err
	}
	held, err := record.Load[stored](ctx, k.Records, keyOf(of))
	if err != nil {
		return entry{}, err
	}
	if held.Value.State != connection.Active {
		return entry{}, inactive(held.Value)
	}
	cutoff, err := record.Cutoff(ctx, k.Deletions, of)
	if err != nil {
		return entry{}, err
	}
	if !cutoff.IsZero() && !held.OccurredAt.After(cutoff) {
		return entry{}, &fault.Error{Class: fault.Permanent, Op: op, Reason: reasonStopped, Err: ErrStopped}
	}
	return held, nil
}

func (k *Keeper) open(ctx context.Context, held entry) (Access, error) {
	_, opened, err := k.unseal(ctx, held)
	if err != nil {
		return Access{}, err
	}
	return opened.access(held), nil
}

// unseal opens the tokens with the ring, read anew where it lacks the key: another copy may have sealed with one that was just added.
func (k *Keeper) unseal(ctx context.Context, held entry) (seal.Ring, pair, error) {
	ring, err := k.Rings.Get(ctx)
	if err != nil {
		return seal.Ring{}, pair{}, &fault.Error{Class: fault.Transient, Op: op, Reason: reasonNoRing, Err: err}
	}
	opened, err := open(ring, held)
	if errors.Is(err, seal.ErrNoKey) {
		if fresh, isFresh, lookErr := k.Rings.Refresh(ctx); lookErr == nil && isFresh {
			ring = fresh
			opened, err = open(ring, held)
		}
	}
	return ring, opened, err
}
