package deletion

import (
	"fmt"
	"time"

	"revento-alerts/shared/queue"
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
}

// String says where it is and until when.
func (r Residual) String() string {
	if r.Until.IsZero() {
		return r.Where
	}
	return r.Where + ", until " + day(r.Until)
}

// Elsewhere says what surrounds the tables.
type Elsewhere struct {
	// AWS says that everything runs there; otherwise on one machine.
	AWS bool
	// LogRetention is how long log lines are kept, on AWS.
	LogRetention time.Duration
}

// residual lists what remains once a purge has finished.
func (e Elsewhere) residual(c Case) []Residual {
	// A message that was queued before the tombstone stood waits in its queue and then in the dead-letter queue at most.
	queued := Residual{"messages of the connection in queues and dead-letter queues", c.RequestedAt.Add(2 * queue.Retention)}
	var list []Residual
	if queued.Until.After(c.FinishedAt) {
		list = append(list, queued)
	}
	if e.AWS {
		list = append(list,
			Residual{"backups of the tables (point-in-time recovery)", c.FinishedAt.Add(BackupRetention)},
			Residual{"logs: delivery ids and hashes, no personal data", c.FinishedAt.Add(e.LogRetention)},
			Residual{"traces: names of calls, no content", c.FinishedAt.Add(traceRetention)})
	} else {
		list = append(list, Residual{Where: "log lines and backups of the data folder, as long as you keep them"})
	}
	list = append(list, Residual{Where: "PagerDuty: the details of incidents, as long as your account keeps them"})
	if c.SlackLeft > 0 {
		list = append(list, Residual{Where: fmt.Sprintf("Slack: alerts that were posted (%d), until a person deletes them", c.SlackLeft)})
	}
	return append(list, Residual{Where: "Slack: replies that people wrote, and digests that mix connections, until a person deletes them"})
}
