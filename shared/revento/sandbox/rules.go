package sandbox

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Pages of lists. (guide: /api/endpoints/)
const (
	DefaultPage = 25
	MaxPage     = 50
)

// Reuse is what a second redemption of a refresh token does. Revento's guide does not say; servers differ.
type Reuse string

// The ways of Reuse.
const (
	// ReuseRefuse answers invalid_grant, and what the first redemption gave stays good.
	ReuseRefuse Reuse = "refuse"
	// ReuseSamePair answers for the newest redeemed one, within the window, with what the first redemption gave.
	ReuseSamePair Reuse = "same_pair"
	// ReuseNewPair redeems the newest redeemed one again, within the window.
	ReuseNewPair Reuse = "new_pair"
	// ReuseRevoke answers invalid_grant and revokes all that came of the grant.
	ReuseRevoke Reuse = "revoke"
)

var reuses = []Reuse{ReuseRefuse, ReuseSamePair, ReuseNewPair, ReuseRevoke}

// MarshalText implements encoding.TextMarshaler.
func (r Reuse) MarshalText() ([]byte, error) { return []byte(r), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Reuse) UnmarshalText(text []byte) error {
	if !slices.Contains(reuses, Reuse(text)) {
		return fmt.Errorf("write one of %s", reuses)
	}
	*r = Reuse(text)
	return nil
}

// Rules are what Revento's guide leaves open. Each possibility can be tried; none is a claim about Revento. What each is
// about is said once, in switches.
type Rules struct {
	Reuse                   Reuse
	ReuseWindow             time.Duration
	RefreshEndsAccess       bool
	ConsentEndsEarlier      bool
	CodeLife                time.Duration
	CodeReuseRevokes        bool
	CodeNeedsClientID       bool
	CodeNeedsRedirectURI    bool
	RevokeEndpoint          bool
	TokenNamesUser          bool
	ProfileNamesUser        bool
	ApplicationNamesUser    bool
	EventHasTitle           bool
	RowsNameApplication     bool
	FixedWindows            bool
	LimitsEachAccessToken   bool
	VersionRequired         bool
	RequestIDRequired       bool
	PageOverMaxIsCut        bool
	Precision               time.Duration
	WebhookRetries          int
	WebhookRetryAfter       time.Duration
	RetriesKeepTheTimestamp bool
}

// DefaultRules are the strict ones where one is stricter, so that what passes here passes there.
func DefaultRules() Rules {
	return Rules{
		Reuse:                ReuseRefuse,
		ReuseWindow:          time.Minute,
		CodeLife:             10 * time.Minute,
		CodeNeedsClientID:    true,
		CodeNeedsRedirectURI: true,
		ApplicationNamesUser: true,
		VersionRequired:      true,
		RequestIDRequired:    true,
		Precision:            time.Second,
		WebhookRetries:       3,
		WebhookRetryAfter:    10 * time.Second,
	}
}

const reuseRule = "reuse"

// switches names every rule, says what is not known, and writes into rules.
func (r *Rules) switches() *flag.FlagSet {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	onOff := func(value *bool, name, what string) { set.BoolVar(value, name, *value, what) }
	span := func(value *time.Duration, name, what string) { set.DurationVar(value, name, *value, what) }
	set.TextVar(&r.Reuse, reuseRule, r.Reuse, "what a second redemption of a refresh token does")
	span(&r.ReuseWindow, "reuse_window", "how long after the first redemption same_pair and new_pair hold")
	onOff(&r.RefreshEndsAccess, "refresh_ends_access", "a refresh ends the access token before it")
	onOff(&r.ConsentEndsEarlier, "consent_ends_earlier", "consent given again ends the tokens of the earlier one")
	span(&r.CodeLife, "code_life", "how long an authorization code is good (RFC 6749: at most 10 minutes)")
	onOff(&r.CodeReuseRevokes, "code_reuse_revokes", "a code that comes twice ends the tokens that it gave (RFC 6749: should)")
	onOff(&r.CodeNeedsClientID, "code_needs_client_id", "the exchange of a code has to name the client")
	onOff(&r.CodeNeedsRedirectURI, "code_needs_redirect_uri", "the exchange of a code has to name the redirect URI")
	onOff(&r.RevokeEndpoint, "revoke_endpoint", "there is an /oauth/revoke, in the form of RFC 7009")
	onOff(&r.TokenNamesUser, "token_names_user", "the reply that brings a user token has a user_id")
	onOff(&r.ProfileNamesUser, "profile_names_user", "/me/profile has a user_id")
	onOff(&r.ApplicationNamesUser, "application_names_user", "/me/application has a user_id")
	onOff(&r.EventHasTitle, "event_has_title", "an event's name is its title (the guide says both)")
	onOff(&r.RowsNameApplication, "rows_name_application", "a participant's row has an application_id")
	onOff(&r.FixedWindows, "fixed_windows", "the limits' hour and minute end at once, instead of rolling (the guide says both)")
	onOff(&r.LimitsEachAccessToken, "limits_each_access_token", "a refreshed access token has a budget of its own")
	onOff(&r.VersionRequired, "version_required", "a call that does not pin the version is refused")
	onOff(&r.RequestIDRequired, "request_id_required", "a call without a request id is refused")
	onOff(&r.PageOverMaxIsCut, "page_over_max_is_cut", "a limit over the largest page is cut to it, instead of being refused")
	span(&r.Precision, "precision", "how exact the moments are that Revento writes")
	set.IntVar(&r.WebhookRetries, "webhook_retries", r.WebhookRetries, "how often a webhook is sent again that was not answered 200")
	span(&r.WebhookRetryAfter, "webhook_retry_after", "how long after")
	onOff(&r.RetriesKeepTheTimestamp, "retries_keep_the_timestamp", "a webhook that is sent again keeps its first timestamp")
	return set
}

// Rules returns the rules in force.
func (s *Sandbox) Rules() Rules {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rules
}

// SetRules puts other rules in force.
func (s *Sandbox) SetRules(change func(*Rules)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.rules)
}

// errRule is wrapped by what SetRule refuses.
var errRule = errors.New("set a rule")

// SetRule sets one rule by its name. It returns an error that names the rules, or says what is wrong with the value.
func (s *Sandbox) SetRule(name, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.rules
	set := changed.switches()
	if set.Lookup(name) == nil {
		var names []string
		set.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
		return fmt.Errorf("%w: there is no %q, only %s", errRule, name, strings.Join(names, ", "))
	}
	if err := set.Set(name, value); err != nil {
		return fmt.Errorf("%w: %s: %w", errRule, name, err)
	}
	if changed.CodeLife < 0 || changed.ReuseWindow < 0 || changed.WebhookRetries < 0 || changed.WebhookRetryAfter < 0 ||
		changed.Precision <= 0 {
		return fmt.Errorf("%w: %s cannot be %s", errRule, name, value)
	}
	s.rules = changed
	return nil
}
