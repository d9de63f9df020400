package settings

import (
	"fmt"
	"log/slog"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/ground/schedule"
	"revento-alerts/shared/revento"
)

// The ranges. What they keep apart is told beside them.
const (
	minTolerance = 30 * time.Second
	maxTolerance = 24 * time.Hour
	// advisedTolerance is the guide's: more is the receiver's risk. (guide: /webhooks/signatures/)
	advisedTolerance = 300 * time.Second

	minBodyLimit = 1 << 10
	// maxBodyLimit is the largest body that fits into an SQS message of 1,048,576 bytes, in base64 and with its keys.
	maxBodyLimit = 700 << 10

	minDedupeWindow = 24 * time.Hour
	maxDedupeWindow = 8760 * time.Hour
	minSecretMaxAge = time.Minute
	maxSecretMaxAge = 24 * time.Hour
	minMaxAlertAge  = time.Minute
	// longestAlertAge leaves a message ten of the fourteen days that a queue keeps it.
	longestAlertAge = 96 * time.Hour

	maxGraceDays = 365
	// minRecordDays is longer than a message can wait in a queue and then in a dead-letter queue: a tombstone outlives it.
	minRecordDays = 30
	maxRecordDays = 3650
	maxLogDays    = 3653

	oneDay = 24 * time.Hour
)

// Common is what every function reads.
type Common struct {
	Environment string
	Stack       string
	LogLevel    slog.Level
}

func (r *reader) common() Common {
	return Common{
		Environment: read(r, environment, environmentName),
		Stack:       read(r, stack, nonEmpty),
		LogLevel:    read(r, logLevel, level),
	}
}

// Ingest is the settings of the ingest function.
type Ingest struct {
	Common
	SignatureTolerance time.Duration
	BodyLimit          int
	DedupeWindow       time.Duration
	SecretMaxAge       time.Duration
	Routes             route.Table
	// Connected says that connections are on, whose mirror hears of what comes.
	Connected bool
}

// LoadIngest reads them. Its error names every setting that is wrong.
func LoadIngest(source Source) (Ingest, error) {
	r := &reader{source: source}
	loaded := Ingest{
		Common:             r.common(),
		SignatureTolerance: read(r, signatureTolerance, duration(minTolerance, maxTolerance)),
		BodyLimit:          read(r, bodyLimit, integer(minBodyLimit, maxBodyLimit)),
		DedupeWindow:       read(r, dedupeWindow, duration(minDedupeWindow, maxDedupeWindow)),
		SecretMaxAge:       read(r, secretMaxAge, duration(minSecretMaxAge, maxSecretMaxAge)),
		Routes:             r.routes(route.TriggersOfWebhooks()...),
		Connected:          r.connected(),
	}
	if r.err() == nil && loaded.DedupeWindow <= 2*loaded.SignatureTolerance {
		r.fail("%s is %s and %s is %s: a replay could outlive the memory of its delivery id: make the window more than twice the tolerance",
			dedupeWindow.Parameter, loaded.DedupeWindow, signatureTolerance.Parameter, loaded.SignatureTolerance)
	}
	return loaded, r.err()
}

// Warnings tells what is allowed and unwise.
func (i Ingest) Warnings() []string {
	if i.SignatureTolerance <= advisedTolerance {
		return nil
	}
	return []string{fmt.Sprintf("%s is %s: a captured request can be replayed for that long; Revento advises at most %s",
		signatureTolerance.Parameter, i.SignatureTolerance, advisedTolerance)}
}

func (r *reader) routes(triggers ...route.Trigger) route.Table {
	routes := map[string]route.Route{}
	for _, trigger := range triggers {
		routes[trigger.Pattern] = read(r, routeSetting(trigger), route.Parse)
	}
	return route.NewTable(routes, route.Channels{
		Default: read(r, slackChannel, channelID),
		ByEvent: read(r, eventChannels, route.ParseEventChannels),
	})
}

// LoadRoutes reads only the routes and channels.
func LoadRoutes(source Source) (route.Table, error) {
	r := &reader{source: source}
	return r.routes(route.Triggers...), r.err()
}

// Worker is the settings of every function that works on a queue.
type Worker struct {
	Common
	MaxAlertAge  time.Duration
	SecretMaxAge time.Duration
	Display      alert.Display
	// Connected says that connections are on, so that it may be known what events are called.
	Connected bool
}

func (r *reader) worker() Worker {
	common := r.common()
	return Worker{
		Common:       common,
		MaxAlertAge:  read(r, maxAlertAge, duration(minMaxAlertAge, longestAlertAge)),
		SecretMaxAge: read(r, secretMaxAge, duration(minSecretMaxAge, maxSecretMaxAge)),
		Connected:    r.connected(),
		Display: alert.Display{
			Environment: common.Environment,
			Fields:      read(r, alertFields, fieldFilter),
			Link:        read(r, linkTemplate, link),
		},
	}
}

// connected says whether connections are on.
func (r *reader) connected() bool { return read(r, reventoClientID, clientID) != "" }

// Slack is the settings of the slack function.
type Slack struct {
	Worker
	APIURL       string
	PostInterval time.Duration
}

// LoadSlack reads them. Its error names every setting that is wrong.
func LoadSlack(source Source) (Slack, error) {
	r := &reader{source: source}
	loaded := Slack{
		Worker:       r.worker(),
		APIURL:       read(r, slackAPIURL, baseURL),
		PostInterval: read(r, slackPostInterval, duration(0, thread.MaxPostInterval)),
	}
	return loaded, r.err()
}

// PagerDuty is the settings of the pagerduty function.
type PagerDuty struct {
	Worker
	EventsURL string
}

// LoadPagerDuty reads them. Its error names every setting that is wrong.
func LoadPagerDuty(source Source) (PagerDuty, error) {
	r := &reader{source: source}
	loaded := PagerDuty{
		Worker:    r.worker(),
		EventsURL: read(r, pagerDutyEventsURL, originURL),
	}
	return loaded, r.err()
}

// Deletion is the settings of the deletion function.
type Deletion struct {
	Common
	// Routes holds the route of the notices about deletions and no other.
	Routes          route.Table
	Grace           time.Duration
	RecordRetention time.Duration
	// Fields are the keys of a deletion request's data that are about the connection.
	Fields alert.FieldFilter
	// Connected says that connections are on, whose tokens a deletion erases at once.
	Connected bool
}

// LoadDeletion reads them. Its error names every setting that is wrong.
func LoadDeletion(source Source) (Deletion, error) {
	r := &reader{source: source}
	loaded := r.deletion()
	loaded.Connected = r.connected()
	return loaded, r.err()
}

func (r *reader) deletion() Deletion {
	return Deletion{
		Common:          r.common(),
		Routes:          r.routes(route.TriggerOf(revento.TypeDeletionRequired)),
		Grace:           read(r, deletionGraceDays, days(0, maxGraceDays)),
		RecordRetention: read(r, deletionRecordDays, days(minRecordDays, maxRecordDays)),
		Fields:          read(r, deletionFields, deletionFieldFilter),
	}
}

// Purge is the settings of the purge function.
type Purge struct {
	Deletion
	SecretMaxAge        time.Duration
	APIURL              string
	DeleteSlackMessages bool
	// DedupeWindow is how long the ledger remembers a delivery, which a statement tells.
	DedupeWindow time.Duration
}

// LoadPurge reads them. Its error names every setting that is wrong.
func LoadPurge(source Source) (Purge, error) {
	r := &reader{source: source}
	loaded := Purge{
		Deletion:            r.deletion(),
		SecretMaxAge:        read(r, secretMaxAge, duration(minSecretMaxAge, maxSecretMaxAge)),
		APIURL:              read(r, slackAPIURL, baseURL),
		DeleteSlackMessages: read(r, deleteSlack, boolean),
		DedupeWindow:        read(r, dedupeWindow, duration(minDedupeWindow, maxDedupeWindow)),
	}
	return loaded, r.err()
}

// Digest is the settings of the digest function. Its schedule is the template's.
type Digest struct {
	Common
	// Connected says that connections are on, so that it is known who attends.
	Connected bool
}

// LoadDigest reads them. Its error names every setting that is wrong.
func LoadDigest(source Source) (Digest, error) {
	r := &reader{source: source}
	loaded := Digest{Common: r.common(), Connected: r.connected()}
	return loaded, r.err()
}

// LoadDigestSchedule reads when digests are told, for one machine: EventBridge Scheduler does it on AWS. The machine's time
// zones, or package time/tzdata, must be there.
func LoadDigestSchedule(source Source) (schedule.Schedule, error) {
	r := &reader{source: source}
	zone := read(r, digestTimeZone, schedule.Zone)
	loaded := read(r, digestSchedule, func(text string) (schedule.Schedule, error) { return schedule.Parse(text, zone) })
	return loaded, r.err()
}

// LogRetention reads how long CloudWatch keeps the logs. The template passes it to who states what remains of a deletion.
func LogRetention(source Source) (time.Duration, error) {
	const variable = "LOG_RETENTION_DAYS"
	text, err := Resource(source, variable)
	if err != nil {
		return 0, err
	}
	retention, err := days(1, maxLogDays)(text)
	if err != nil {
		return 0, fmt.Errorf("%s is %q: %w", variable, text, err)
	}
	return retention, nil
}

// All is the settings of every function.
type All struct {
	Ingest    Ingest
	Slack     Slack
	PagerDuty PagerDuty
	Purge     Purge // the deletion function's among them
	Digest    Digest
	// Connections is what asks Revento, off where no client id is set.
	Connections Connections
	// DigestSchedule is when digests are told, which on AWS EventBridge Scheduler knows.
	DigestSchedule schedule.Schedule
	// Routes are those of all types, our own among them.
	Routes route.Table
}

// LoadAll reads them. It returns an error for each setting that is wrong, once, although several functions read it; what is not
// wrong is loaded all the same.
func LoadAll(source Source) (All, []error) {
	var all All
	var failures [9]error
	all.Ingest, failures[0] = LoadIngest(source)
	all.Slack, failures[1] = LoadSlack(source)
	all.PagerDuty, failures[2] = LoadPagerDuty(source)
	all.Purge, failures[3] = LoadPurge(source)
	all.Digest, failures[4] = LoadDigest(source)
	all.DigestSchedule, failures[5] = LoadDigestSchedule(source)
	all.Routes, failures[6] = LoadRoutes(source)
	all.Connections, failures[7] = LoadConnections(source)
	all.Connections.Reconcile, failures[8] = LoadReconcile(source)
	all.Purge.Connected, all.Digest.Connected = all.Connections.On(), all.Connections.On()
	return all, distinct(failures[:])
}

// distinct takes joined errors apart and drops those that say the same.
func distinct(failures []error) []error {
	seen := map[string]bool{}
	var kept []error
	for _, failure := range failures {
		for _, single := range unjoin(failure) {
			if !seen[single.Error()] {
				seen[single.Error()] = true
				kept = append(kept, single)
			}
		}
	}
	return kept
}

func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return nil
}
