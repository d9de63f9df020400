package grant

import (
	"context"
	"errors"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/revento"
)

// Call makes a call of Revento's API with the connection's access token, and once more where another token mends what it is refused for.
// Other refusals, such as a 403, are the caller's. A token that Revento says was revoked ends all work: the error is an *Inactive.
func (k *Keeper) Call(ctx context.Context, of record.Connection, call func(ctx context.Context, access Access) error) error {
	access, err := k.Token(ctx, of)
	if err != nil {
		return err
	}
	refusal := call(ctx, access)
	newer, err := k.answer(ctx, of, access, refusal)
	if err != nil || newer == nil {
		return err
	}
	refusal = call(ctx, *newer)
	if isOfTheToken(refusal) {
		return k.accept(ctx, of, *newer, refusal)
	}
	return refusal
}

func isOfTheToken(refusal error) bool {
	code := revento.CodeOf(refusal)
	return code == revento.CodeTokenExpired || code == revento.CodeInvalidToken || code == revento.CodeTokenRevoked
}

// answer returns the access with which the call is to be repeated, or nil and what the call came to.
func (k *Keeper) answer(ctx context.Context, of record.Connection, used Access, refusal error) (*Access, error) {
	if !isOfTheToken(refusal) {
		return nil, refusal
	}
	if revento.CodeOf(refusal) == revento.CodeTokenExpired { // a wrong clock
		newer, err := k.obtain(ctx, of, &used.held)
		return &newer, err
	}
	held, err := k.load(ctx, of)
	if err != nil {
		return nil, err
	}
	if held.Value.is(used.held) {
		return nil, k.accept(ctx, of, used, refusal)
	}
	newer, err := k.open(ctx, held)
	return &newer, err
}

// accept is what a refusal of a token means that no newer one mends.
func (k *Keeper) accept(ctx context.Context, of record.Connection, used Access, refusal error) error {
	switch revento.CodeOf(refusal) {
	case revento.CodeTokenRevoked:
		return k.revoked(ctx, of, used, refusal)
	case revento.CodeInvalidToken:
		return &fault.Error{Class: fault.Permanent, Op: opCall, Reason: revento.CodeInvalidToken, Err: errors.Join(ErrToken, refusal)}
	default:
		return &fault.Error{Class: fault.Transient, Op: opCall, Reason: reasonRefusedAgain, Err: refusal}
	}
}

const opCall = "call Revento"

// revoked writes down that a token was revoked, if it is of the newest grant and generation.
func (k *Keeper) revoked(ctx context.Context, of record.Connection, used Access, refusal error) error {
	about := entry{Record: record.Record{Key: keyOf(of)}, Value: used.held}
	concluded, err := k.conclude(ctx, about, k.Now().Add(reserve), func(s stored) (stored, bool) {
		canBe := s.State == connection.Active || s.State == connection.NeedsConsent
		return s.quiet("").as(connection.Revoked, connection.TakenBack), canBe
	})
	switch {
	case errors.Is(err, errAgain):
		return &fault.Error{Class: fault.Transient, Op: opCall, Reason: reasonRefusedAgain, Err: refusal}
	case err != nil:
		return err
	}
	return inactive(concluded)
}
