package deletion

import (
	"time"

	"revento-alerts/shared/ground/legible"
)

// BackupRetention is how far back the tables can be restored: the template's RecoveryPeriodInDays.
const BackupRetention = 7 * 24 * time.Hour

// traceRetention is how long AWS X-Ray keeps traces.
// https://docs.aws.amazon.com/xray/latest/devguide/aws-xray.html
const traceRetention = 30 * 24 * time.Hour

// Residual is something of the connection that remains outside of what the purge deletes.
type Residual struct {
	Where string `json:"where"`
	// Until is when it goes by itself; zero where nothing says when, but Where says who does.
	Until time.Time `json:"until,omitzero"`
	// Proviso is on what Until depends, or "".
	Proviso string `json:"proviso,omitempty"`
}

// What a date of one machine depends on, which may be off then.
const (
	afterNextStart = "or the next start of serve after that"
	whileServeRuns = "at the earliest, since only the time counts for which serve runs"
)

// String says where it is and until when.
func (r Residual) String() string {
	if r.Until.IsZero() {
		return r.Where
	}
	text := r.Where + ", until " + legible.Time(r.Until)
	if r.Proviso != "" {
		text += ", " + r.Proviso
	}
	return text
}
