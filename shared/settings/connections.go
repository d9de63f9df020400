package settings

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/ground/schedule"
	"revento-alerts/shared/ground/written"
)

// The settings of connections. They are off where reventoClientID is empty.
var (
	reventoClientID = Setting{Parameter: "ReventoClientId", Form: "empty, or the client id that Revento gave"}
	reventoAuthURL  = Setting{Parameter: "ReventoAuthUrl", Form: "a URL; /oauth/authorize and /oauth/token are appended"}
	reventoAPIURL   = Setting{Parameter: "ReventoApiUrl", Form: "a URL up to and including /api/v1"}
	publicURL       = Setting{Parameter: "PublicUrl", Form: "an https URL without a path; http only on a loopback host"}
	connectScopes   = Setting{Parameter: "ConnectScopes", Default: "event.read participants.read program.read", Form: "scopes, separated by blanks"}
	openConnect     = Setting{Parameter: "OpenConnect", Default: "false", Form: "true or false"}
	probeInterval   = Setting{Parameter: "ProbeInterval", Default: "30m", Form: "a duration from 15m to 24h"}

	reconcileSchedule = Setting{Parameter: "ReconcileSchedule", Default: "cron(0 4 * * ? *)", Form: schedule.Forms + ", at most hourly"}
	reconcileTimeZone = Setting{Parameter: "ReconcileTimeZone", Default: "UTC", Form: "the IANA name of a time zone, such as Europe/Berlin"}
)

// OfConnections lists the settings of connections. Table has them, too.
func OfConnections() []Setting {
	return []Setting{
		reventoClientID, reventoAuthURL, reventoAPIURL, publicURL, connectScopes, openConnect, probeInterval, reconcileSchedule, reconcileTimeZone,
	}
}

// Revento wants a connection probed every 15 to 60 minutes at the most often. (guide: /patterns/)
const (
	minProbeInterval = 15 * time.Minute
	maxProbeInterval = 24 * time.Hour
)

// maxClientID is far longer than any client id that is known.
const maxClientID = 256

// Connections is the settings of what asks Revento.
type Connections struct {
	Common
	SecretMaxAge time.Duration
	// ClientID is empty where connections are off.
	ClientID string
	// AuthURL and APIURL have no slash at their end.
	AuthURL, APIURL string
	// PublicURL is where the pages are; the zero value where it is not set: one machine knows its own address.
	PublicURL consent.PublicURL
	Scopes    []string
	// Open lets anybody start a connection.
	Open          bool
	ProbeInterval time.Duration
	// Reconcile is when all that Revento knows of a connection's event is read. LoadSync and LoadAll read it: no page needs it.
	Reconcile schedule.Schedule
}

// On says whether anything asks Revento.
func (c Connections) On() bool { return c.ClientID != "" }

// LoadConnections reads them. Its error names every setting that is wrong.
func LoadConnections(source Source) (Connections, error) {
	r := &reader{source: source}
	loaded := r.asking()
	loaded.PublicURL = read(r, publicURL, optional(consent.ParsePublicURL))
	loaded.Scopes = read(r, connectScopes, scopes)
	loaded.Open = read(r, openConnect, boolean)
	return loaded, r.err()
}

// asking reads what all need who ask Revento.
func (r *reader) asking() Connections {
	loaded := Connections{
		Common:        r.common(),
		SecretMaxAge:  read(r, secretMaxAge, duration(minSecretMaxAge, maxSecretMaxAge)),
		ClientID:      read(r, reventoClientID, clientID),
		AuthURL:       read(r, reventoAuthURL, optional(pathURL)),
		APIURL:        read(r, reventoAPIURL, optional(pathURL)),
		ProbeInterval: r.probeInterval(),
	}
	r.needs(loaded.On(), reventoAuthURL)
	r.needs(loaded.On(), reventoAPIURL)
	return loaded
}

func (r *reader) probeInterval() time.Duration {
	return read(r, probeInterval, duration(minProbeInterval, maxProbeInterval))
}

// minReconcileGap is how far apart the moments are at which all is read: at Revento's limits a list of 5,000 takes a fifth of it.
const minReconcileGap = time.Hour

// LoadReconcile reads when all is read. The machine's time zones, or package time/tzdata, must be there.
func LoadReconcile(source Source) (schedule.Schedule, error) {
	r := &reader{source: source}
	return r.reconcile(), r.err()
}

func (r *reader) reconcile() schedule.Schedule {
	zone := read(r, reconcileTimeZone, schedule.Zone)
	return read(r, reconcileSchedule, func(text string) (schedule.Schedule, error) {
		parsed, err := schedule.Parse(text, zone)
		if err == nil && zone != nil && isOftener(parsed, minReconcileGap) {
			err = fmt.Errorf("its moments are less than %s apart: write one minute of the hour, as in cron(0 4 * * ? *), or rate(1 hour)", minReconcileGap)
		}
		return parsed, err
	})
}

// isOftener says whether two moments of a schedule are nearer to each other than least. Two minutes of one hour are, and so are the last
// of an hour and the first of the next: two days of moments show both.
func isOftener(s schedule.Schedule, least time.Duration) bool {
	const looked = 48
	last := s.Next(time.Time{})
	for range looked {
		next := s.Next(last)
		if next.IsZero() {
			return false
		}
		if next.Sub(last) < least {
			return true
		}
		last = next
	}
	return false
}

// Sync is the settings of the function sync.
type Sync struct {
	// Connections are without what only pages need.
	Connections
	// Tells is how deliveries of our own go: under the routes of their types, in the ledger for the window. The rest of it is not set.
	Tells Ingest
}

// LoadSync reads them. Its error names every setting that is wrong.
func LoadSync(source Source) (Sync, error) {
	r := &reader{source: source}
	loaded := Sync{Connections: r.asking()}
	loaded.Reconcile = r.reconcile()
	loaded.Tells = r.tells(loaded.Common, route.TriggersOfUpkeep())
	return loaded, r.err()
}

// tells reads how deliveries of our own go, by the routes of these triggers.
func (r *reader) tells(common Common, triggers []route.Trigger) Ingest {
	return Ingest{
		Common:       common,
		DedupeWindow: read(r, dedupeWindow, duration(minDedupeWindow, maxDedupeWindow)),
		Routes:       r.routes(triggers...),
	}
}

// Mirror is the settings of the function mirror.
type Mirror struct {
	Common
	SecretMaxAge time.Duration
	// Tells is how deliveries of our own go, as in Sync.
	Tells Ingest
}

// LoadMirror reads them. Its error names every setting that is wrong.
func LoadMirror(source Source) (Mirror, error) {
	r := &reader{source: source}
	loaded := Mirror{Common: r.common(), SecretMaxAge: read(r, secretMaxAge, duration(minSecretMaxAge, maxSecretMaxAge))}
	loaded.Tells = r.tells(loaded.Common, route.TriggersOfMirrors())
	return loaded, r.err()
}

// Tick is the settings of the function tick.
type Tick struct {
	Common
	ProbeInterval time.Duration
}

// LoadTick reads them. Its error names every setting that is wrong.
func LoadTick(source Source) (Tick, error) {
	r := &reader{source: source}
	return Tick{Common: r.common(), ProbeInterval: r.probeInterval()}, r.err()
}

// needs fails for a setting that is not set although a client id is.
func (r *reader) needs(on bool, setting Setting) {
	if text, _ := r.source(setting.Variable()); on && written.Value(text) == "" {
		r.fail("%s (%s) is not set, and %s is: set it to %s", setting.Parameter, setting.Variable(), reventoClientID.Parameter, setting.Form)
	}
}

func optional[T any](parse func(string) (T, error)) func(string) (T, error) {
	return func(text string) (T, error) {
		if text == "" {
			return *new(T), nil
		}
		return parse(text)
	}
}

func clientID(text string) (string, error) {
	if len(text) > maxClientID || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("write it as Revento gave it: at most %d characters without blanks", maxClientID)
	}
	return text, nil
}

// scopes reads a list whose members are separated by blanks, as in OAuth. https://www.rfc-editor.org/rfc/rfc6749#section-3.3
func scopes(text string) ([]string, error) {
	named := strings.Fields(text)
	if len(named) == 0 {
		return nil, errors.New("name at least one")
	}
	seen := map[string]bool{}
	for _, scope := range named {
		if strings.ContainsFunc(scope, func(r rune) bool { return r < '!' || r > '~' || r == '"' || r == '\\' || r == ',' }) {
			return nil, fmt.Errorf("%q is no scope: write names with blanks between them", scope)
		}
		if seen[scope] {
			return nil, fmt.Errorf("%q stands there twice", scope)
		}
		seen[scope] = true
	}
	return named, nil
}

// pathURL is a URL that paths are appended to, without the slash at its end.
func pathURL(text string) (string, error) {
	parsed, err := webURL(text)
	if err != nil {
		return "", err
	}
	if parsed.RawQuery != "" || parsed.Fragment != "" {
		return "", errors.New("remove what follows the path: paths are appended")
	}
	if parsed.Scheme == "http" && !consent.IsLoopback(parsed.Hostname()) {
		return "", errors.New("write https: tokens are sent there; http is for a loopback host alone")
	}
	return strings.TrimRight(parsed.String(), "/"), nil
}
