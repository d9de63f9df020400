package revento

import "time"

// The limits of the read API, for each token. (guide: /rate-limits/)
const (
	InstallationPerMinute = 30
	InstallationPerHour   = 500
	UserPerMinute         = 20
	UserPerHour           = 200
	// InFlight is how many calls there may be at one time.
	InFlight = 5
)

// Allowance is what a reply tells of how much may still be asked with its token. (guide: /rate-limits/)
type Allowance struct {
	// Known says that the reply told.
	Known bool
	// Remaining is how many calls are left until ResetIn has passed.
	Remaining int
	ResetIn   time.Duration
}

// IsUsedUp says whether nothing is left.
func (a Allowance) IsUsedUp() bool { return a.Known && a.Remaining <= 0 }
