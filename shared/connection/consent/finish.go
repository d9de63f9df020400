package consent

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/revento"
)

// Callback is what Revento's consent page sends the browser back with.
type Callback struct {
	State, Code string
	// Error is set where there is no code, Description may say more of it.
	Error, Description string
}

// Finish does what a callback asks for, once for a state, and tells what came of it. cookie returns the value of a flow's cookie, or "".
func (c *Consent) Finish(ctx context.Context, callback Callback, cookie func(flowID string) string) Outcome {
	if !isState(callback.State) {
		return Outcome{Kind: OtherFlow}
	}
	sealed := cookie(flowID(callback.State))
	if sealed == "" {
		return Outcome{Kind: OtherFlow}
	}
	var f flow
	var failure error
	_, err := c.opening(ctx, func(ring seal.Ring) bool {
		f, failure = openFlow(ring, callback.State, sealed)
		return failure == nil
	})
	if err != nil {
		return Outcome{Kind: Unavailable, Err: fmt.Errorf("look up the key ring: %w", err)}
	}
	if failure != nil {
		return Outcome{Kind: OtherFlow, Err: failure}
	}
	outcome := c.finish(ctx, f, callback)
	outcome.EventID, outcome.Link = f.EventID, f.Link
	return outcome
}

// finish uses the state up before anything is done with the code, so that no code is sent twice, in whatever order callbacks come.
func (c *Consent) finish(ctx context.Context, f flow, callback Callback) Outcome {
	if !c.Now().Before(f.end()) {
		return c.late(ctx, f)
	}
	begun, isFirst, err := c.begin(ctx, f, rand.Text())
	if err != nil {
		return Outcome{Kind: Unavailable, Err: err}
	}
	if !isFirst {
		return c.outcomeOf(begun.Value)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	outcome := c.redeem(ctx, f, callback)
	if err := c.end(ctx, begun, outcome); err != nil {
		outcome.Err = errors.Join(outcome.Err, err)
	}
	return outcome
}

// maxCodeLength of what Revento's codes may be; RFC 6749 leaves it open.
const maxCodeLength = 2048

func isCode(text string) bool {
	return text != "" && len(text) <= maxCodeLength && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

func (c *Consent) redeem(ctx context.Context, f flow, callback Callback) Outcome {
	if callback.Error != "" {
		return ofError(callback.Error, callback.Description)
	}
	if !isCode(callback.Code) {
		return Outcome{Kind: Failed, Reason: NoCode}
	}
	tokens, err := c.Revento.Exchange(ctx, callback.Code, f.Verifier)
	if err != nil {
		return ofExchange(fmt.Errorf("redeem the code: %w", err))
	}
	return c.connect(ctx, f, tokens)
}

// Error codes of an authorization response. https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
const (
	errorAccessDenied = "access_denied"
	errorServer       = "server_error"
	errorBusy         = "temporarily_unavailable"
)

// otherErrors may stand in a log: any other text is a stranger's.
var otherErrors = []string{"invalid_request", "unauthorized_client", "unsupported_response_type", revento.CodeInvalidScope}

// ofError is what came of a callback that brings an error.
func ofError(code, description string) Outcome {
	switch {
	case code == errorAccessDenied:
		return Outcome{Kind: Declined}
	case code == errorServer, code == errorBusy:
		return Outcome{Kind: Unavailable, Err: errors.New("Revento's consent page answers " + code)}
	case !slices.Contains(otherErrors, code):
		code = "an error that is none of OAuth's"
	}
	return Outcome{Kind: Failed, Reason: RequestRefused, Said: description, Err: errors.New("Revento's consent page answers " + code)}
}

// ofExchange is what came of a code that gave no tokens. A client secret that is wrong can be mended by the operator, and the same
// organizer can try again then.
func ofExchange(err error) Outcome {
	switch code := revento.CodeOf(err); {
	case code == revento.CodeInvalidGrant:
		return Outcome{Kind: Failed, Reason: CodeRefused, Err: err}
	case fault.Has(err, fault.Permanent) && code != revento.CodeInvalidClient:
		return Outcome{Kind: Failed, Reason: RequestRefused, Err: err}
	default:
		return Outcome{Kind: Unavailable, Err: err}
	}
}

// connect looks whether the tokens are those that were asked for before anything is done with them.
func (c *Consent) connect(ctx context.Context, f flow, tokens revento.Tokens) Outcome {
	switch {
	case tokens.Access.Show() == "", tokens.Refresh.Show() == "", tokens.EventID == "", tokens.OrganizationID == "":
		return Outcome{Kind: Failed, Reason: Incomplete, Err: errors.New("the answer lacks a token, the event or the organization")}
	case tokens.EventID != f.EventID:
		return Outcome{Kind: OtherEvent, Err: errors.New("Revento gave tokens of another event than the one asked for")}
	}
	organization, err := c.Connections.Organization(ctx, f.EventID)
	switch {
	case err != nil:
		return Outcome{Kind: Unavailable, Err: fmt.Errorf("look up the connection: %w", err)}
	case organization != "" && organization != tokens.OrganizationID:
		return Outcome{Kind: OtherOrganization, Err: ErrOtherOrganization}
	}
	// An answer that names no scope granted what was asked for. https://www.rfc-editor.org/rfc/rfc6749#section-5.1
	given := Given{
		EventID: tokens.EventID, OrganizationID: tokens.OrganizationID, Scope: cmp.Or(tokens.Scope, strings.Join(c.Scopes, " ")),
		At: c.Now(), LinkedBy: linkID(f.Link),
	}
	if missing := lacking(c.Scopes, given.Scope); len(missing) > 0 {
		return c.declineScope(ctx, given, missing)
	}
	switch err := c.Connections.Connect(ctx, given, tokens); {
	case errors.Is(err, ErrOtherOrganization):
		return Outcome{Kind: OtherOrganization, Err: err}
	case err != nil:
		return Outcome{Kind: Unavailable, Err: fmt.Errorf("connect: %w", err)}
	}
	return Outcome{Kind: Connected}
}

// declineScope drops the tokens: nothing is kept that could do less than is needed.
func (c *Consent) declineScope(ctx context.Context, given Given, missing []string) Outcome {
	outcome := Outcome{Kind: LessScope, Missing: missing}
	if err := c.Connections.DeclineScope(ctx, given); err != nil {
		outcome.Err = fmt.Errorf("keep that less was granted: %w", err)
	}
	return outcome
}

// lacking are the scopes that were not granted.
func lacking(asked []string, granted string) (missing []string) {
	given := strings.Fields(granted)
	for _, scope := range asked {
		if !slices.Contains(given, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}
