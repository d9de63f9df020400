package exchange

import (
	"context"
	"time"

	"revento-alerts/shared/ground/fault"
)

// Credentials gives a provider's credential, as secret.Holder does. It is asked before each call, so that a rotated one serves
// without a restart.
type Credentials[T any] interface {
	Get(ctx context.Context) (T, error)
	Refresh(ctx context.Context) (value T, fresh bool, err error)
	// Wait is how long it takes until Refresh may look again.
	Wait(ctx context.Context) time.Duration
}

// Authorized makes a call with a credential, and once more at once with a newer one where the provider refuses it: for the old
// one it did nothing. A credential may have been rotated since it was read, so that only the refusal of one that was read after
// a refusal is final; until it may be read again the refusal is transient. Where no credential can be had, the failure is
// transient and has the reason none.
func Authorized[T any](
	ctx context.Context, credentials Credentials[T], of func(T) string, none string, call func(credential string) *fault.Error,
) *fault.Error {
	held, err := credentials.Get(ctx)
	if err != nil {
		return &fault.Error{Class: fault.Transient, Reason: none, Err: err}
	}
	refusal := call(of(held))
	if refusal == nil || !refusal.Credential {
		return refusal
	}
	read, fresh, err := credentials.Refresh(ctx)
	if err == nil && of(read) != of(held) {
		refusal = call(of(read))
	}
	if refusal != nil && refusal.Credential && !fresh {
		refusal.Class, refusal.RetryAfter = fault.Transient, credentials.Wait(ctx)
	}
	return refusal
}
