package upkeep

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
)

// watch is what is known of all connections together. It is written by what tells, which one does at a time.
type watch struct {
	// TickedAt is the last tick that was told of, Since from when on they came without a gap: the program's start.
	TickedAt time.Time `json:"ticked_at,omitzero"`
	Since    time.Time `json:"since,omitzero"`
	// LookedAt is when the list of what is open was read.
	LookedAt time.Time `json:"looked_at,omitzero"`
	// All is how many connections there are, counted at CountedAt.
	All       int            `json:"all,omitempty"`
	CountedAt time.Time      `json:"counted_at,omitzero"`
	Outage    health.Outage  `json:"outage"`
	Silence   health.Silence `json:"silence"`
	// Client is whether Revento takes the client's secret, Refused the connection whose refresh was refused last.
	Client  health.Client     `json:"client,omitzero"`
	Refused record.Connection `json:"refused,omitzero"`
	// Outbox is what is to be told of all, and may not be sent yet.
	Outbox []handoff.Own `json:"outbox,omitempty"`
}

type watchEntry = record.Entry[watch]

func (u *Upkeep) loadWatch(ctx context.Context) (watchEntry, error) {
	return record.Load[watch](ctx, u.Records, record.Key{Kind: record.Watch})
}

func (u *Upkeep) saveWatch(ctx context.Context, entry watchEntry) (watchEntry, error) {
	entry.OccurredAt = u.Now().UTC()
	return record.Save(ctx, u.Records, entry)
}

// since is from when on somebody could have looked at connections. While the client's secret is refused, that is known and told, and not
// that nobody looks.
func (w watch) since(now time.Time) time.Time {
	if w.TickedAt.IsZero() || now.Sub(w.TickedAt) > tickGap || w.Client.Refused {
		return now
	}
	return w.Since
}

// listLag is how long after a write a list may not show it.
const listLag = 10 * time.Second

// tell tells what is to be told. A message that was sent before the last look at all adds nothing: its connection was in that look, or is
// in the next one. So a thousand connections that turn bad together take a few looks and not a thousand.
func (u *Upkeep) tell(ctx context.Context, asked tellBody, line *telemetry.Line) (worker.Outcome, error) {
	known, err := u.loadWatch(ctx)
	if err != nil {
		return "", err
	}
	if asked.Client {
		return outcomeTold, u.refuse(ctx, known, asked)
	}
	if !asked.Tick && asked.At.Add(listLag).Before(known.Value.LookedAt) {
		return worker.Duplicate, nil
	}
	lookedAt := u.Now().UTC()
	open, err := u.open(ctx, asked)
	if err != nil {
		return "", err
	}
	if known, err = u.judge(ctx, known, asked, open, lookedAt); err != nil {
		return "", err
	}
	line.Measure(metricBroken, telemetry.Count, int64(broken(open)))
	line.Measure(metricUnreachable, telemetry.Count, map[bool]int64{true: 1}[known.Value.Outage.Open])
	told := 0
	for _, entry := range open {
		count, err := u.tellOf(ctx, entry.Value.connection(), known.Value.Outage)
		told += count
		if err != nil {
			return "", err
		}
	}
	line.Measure("connection_notices", telemetry.Count, int64(told))
	return outcomeTold, u.empty(ctx, known)
}

// The metrics of how connections do, which each tick writes: whoever looks at them sees what lasts, and not only what turned.
const (
	metricBroken      = "connections_broken"
	metricUnreachable = "revento_unreachable"
)

// broken counts those that do not work until somebody does something, or Revento does.
func broken(open []vitalsEntry) (count int) {
	for _, entry := range open {
		switch entry.Value.Health.Status {
		case health.Error, health.Revoked, health.NeedsConsent:
			count++
		}
	}
	return count
}

// refuse stores and tells that Revento does not take the client's secret.
func (u *Upkeep) refuse(ctx context.Context, known watchEntry, asked tellBody) error {
	next := known.Value
	next.Client = next.Client.Refuse(asked.At)
	if next.Client != known.Value.Client {
		next.Refused = record.Connection{EventID: asked.EventID, OrganizationID: asked.OrganizationID}
	}
	if next.Client.Number != known.Value.Client.Number {
		next.Outbox = append(next.Outbox, ofClient(next.Client))
	}
	known.Value = next
	known, err := u.saveWatch(ctx, known)
	if err != nil {
		return err
	}
	return u.empty(ctx, known)
}

// judgeClient looks whether the connection whose refresh was refused last was looked at since.
func (u *Upkeep) judgeClient(ctx context.Context, w watch) (health.Client, error) {
	if !w.Client.Refused {
		return w.Client, nil
	}
	s, err := u.Registry.Read(ctx, w.Refused)
	if err != nil {
		return w.Client, err
	}
	known, err := u.loadVitals(ctx, s)
	return w.Client.Judge(known.Value.Health.ObservedAt, isServed(s), u.Now()), err
}

// open are the connections of which something is open, and the one that was asked for, as it is now.
func (u *Upkeep) open(ctx context.Context, asked tellBody) ([]vitalsEntry, error) {
	listed, err := record.Collect(u.Records.Pending(ctx, listOpen))
	if err != nil {
		return nil, fmt.Errorf("list the connections of which something is to be told: %w", err)
	}
	var found []vitalsEntry
	changed := record.Connection{EventID: asked.EventID, OrganizationID: asked.OrganizationID}
	if !asked.Tick {
		entry, err := record.Load[vitals](ctx, u.Records, vitalsKey(changed))
		if err != nil {
			return nil, err
		}
		if entry.Known {
			found = append(found, entry)
		}
	}
	for _, stored := range listed {
		entry, err := record.Decode[vitals](stored)
		if err != nil {
			return nil, err
		}
		if asked.Tick || !entry.Value.connection().Equal(changed) {
			found = append(found, entry)
		}
	}
	return found, nil
}

// judge stores what the connections show together, before anything is told of one.
func (u *Upkeep) judge(
	ctx context.Context, known watchEntry, asked tellBody, open []vitalsEntry, lookedAt time.Time,
) (watchEntry, error) {
	before, now := known.Value, u.Now().UTC()
	next := before
	next.LookedAt = lookedAt
	if asked.Tick {
		next.Since, next.TickedAt = before.since(asked.At), asked.At
		next.Silence = before.Silence.Judge(asked.Silent, now)
	}
	var err error
	if next.Client, err = u.judgeClient(ctx, next); err != nil {
		return known, err
	}
	var ill []health.State
	for _, entry := range open {
		if entry.Value.Health.IsIll() {
			ill = append(ill, entry.Value.Health)
		}
	}
	if next.Outage.NeedsCount(ill, u.ProbeInterval) {
		if err := u.count(ctx, &next); err != nil {
			return known, err
		}
	}
	next.Outage = next.Outage.Judge(ill, next.All, u.ProbeInterval, now)
	if next.Silence != before.Silence {
		next.Outbox = append(next.Outbox, ofSilence(next.Silence))
	}
	if next.Client != before.Client {
		next.Outbox = append(next.Outbox, ofClient(next.Client))
	}
	if next.Outage != before.Outage {
		next.Outbox = append(next.Outbox, ofOutage(next.Outage))
	}
	known.Value = next
	return u.saveWatch(ctx, known)
}

// count counts the connections, at most once in a tick's interval: there may be many, and an outage is judged often.
func (u *Upkeep) count(ctx context.Context, w *watch) error {
	if w.All > 0 && u.Now().Sub(w.CountedAt) < TickInterval {
		return nil
	}
	w.All = 0
	for s, err := range u.Registry.All(ctx) {
		if err != nil {
			return fmt.Errorf("count the connections: %w", err)
		}
		if !s.IsEnded() && !s.IsStopped() {
			w.All++
		}
	}
	w.CountedAt = u.Now().UTC()
	return nil
}

// tellOf puts what is due of a connection into its outbox, and sends what is there. Of one that is stopped nothing is told. Where another
// writes on it, that one has it told.
func (u *Upkeep) tellOf(ctx context.Context, of record.Connection, outage health.Outage) (told int, err error) {
	s, err := u.Registry.Read(ctx, of)
	if err != nil {
		return 0, err
	}
	known, err := u.loadVitals(ctx, s)
	if err != nil {
		return 0, err
	}
	if !s.IsKnown() || s.IsStopped() || s.IsEnded() {
		return 0, nil
	}
	before := known.Value.Health
	known.Value.Health = before.Tell(outage, u.Now())
	if !same(before, known.Value.Health) {
		known, err = record.Save(ctx, u.Records, listed(known))
		if isTaken(err) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
	}
	for _, notice := range known.Value.Health.Outbox {
		if err := u.Outbox.Deliver(ctx, ofNotice(of, known, notice)); err != nil {
			return told, err
		}
		told++
		known.Value.Health = known.Value.Health.Sent(notice.Number)
	}
	if told == 0 {
		return 0, nil
	}
	if _, err := record.Save(ctx, u.Records, listed(known)); !isTaken(err) {
		return told, err
	}
	return told, nil
}

func isTaken(err error) bool {
	return errors.Is(err, record.ErrChanged) || errors.Is(err, record.ErrDeleted)
}

// empty sends what is to be told of all.
func (u *Upkeep) empty(ctx context.Context, known watchEntry) error {
	if len(known.Value.Outbox) == 0 {
		return nil
	}
	for _, own := range known.Value.Outbox {
		if err := u.Outbox.Deliver(ctx, own); err != nil {
			return err
		}
	}
	known.Value.Outbox = nil
	_, err := u.saveWatch(ctx, known)
	return err
}

// ofNotice is a notice as a delivery of our own. The incident is the event's, so that restored ends broken; that of a limit is its own.
func ofNotice(of record.Connection, known vitalsEntry, notice health.Notice) handoff.Own {
	own := handoff.Own{
		Type: revento.TypeConnectionBroken, Connection: of, Identity: []string{known.Value.Health.Life, strconv.FormatInt(notice.Number, 10)},
		ResourceID: of.EventID, Number: notice.Number, OccurredAt: notice.At, Consented: known.OccurredAt,
		Fields: map[string]string{"status": string(notice.Status)},
	}
	if notice.IsRestored() {
		own.Type = revento.TypeConnectionRestored
	}
	if notice.Reason != "" {
		own.Fields["reason"] = notice.Reason
	}
	if !notice.BadSince.IsZero() {
		own.Fields["bad_since_at"] = notice.BadSince.UTC().Format(time.RFC3339)
	}
	if warning := notice.Warning; warning != nil {
		ends := warning.Ends.UTC().Format(time.RFC3339)
		own.Type, own.ResourceID = revento.TypeConnectionExpiring, string(warning.Limit)
		// The limit's end is part of it: a refresh token's moves with each refresh.
		own.Identity = []string{warning.Grant, string(warning.Limit), ends, strconv.Itoa(warning.Days)}
		own.Fields = map[string]string{"limit": string(warning.Limit), "ends_at": ends, "days": strconv.Itoa(warning.Days)}
	}
	return own
}

// resourceReturn is the resource of a connection that is back.
const resourceReturn = "return"

// ofReturn tells that there was a consent after a deletion was required. It ends nothing, and so posts nothing by itself where its route is
// to resolve: whoever works on it sees that the connection is back, and announces that.
func ofReturn(s connection.Standing) handoff.Own {
	return handoff.Own{
		Type: revento.TypeConnectionRestored, Connection: s.Connection, Identity: []string{"return", s.Tombstone.Case()}, ResourceID: resourceReturn,
		OccurredAt: s.ConnectedAt, Consented: s.ConnectedAt, Fields: map[string]string{"status": "consented"},
	}
}

// The resources that what is told of all connections is about.
const (
	resourceRevento = "revento"
	resourceProbes  = "probes"
	resourceClient  = "client_secret"
)

func ofOutage(outage health.Outage) handoff.Own {
	round := strconv.FormatInt(outage.Round, 10)
	own := handoff.Own{
		Type: revento.TypeReventoUnreachable, Identity: []string{round}, ResourceID: resourceRevento,
		Number: 2*outage.Round - 1, OccurredAt: outage.BeganAt,
		Fields: map[string]string{
			"status": "unreachable", "connections": fmt.Sprintf("%d of %d", outage.Bad, outage.All), "since_at": outage.From.UTC().Format(time.RFC3339),
		},
	}
	if !outage.Open {
		own.Identity, own.Number, own.OccurredAt, own.Ends = []string{round, "ended"}, 2*outage.Round, outage.EndedAt, true
		own.Fields["status"] = "reachable"
	}
	return own
}

// ofSilence tells of all at once that nothing is known: it is no connection's fault, and belongs to none.
func ofSilence(silence health.Silence) handoff.Own {
	own := handoff.Own{
		Type: revento.TypeConnectionBroken, Identity: []string{"silence", strconv.FormatInt(silence.Number, 10)}, ResourceID: resourceProbes,
		Number: silence.Number, OccurredAt: silence.At,
		Fields: map[string]string{"status": "unknown", "reason": "nobody_looks", "connections": strconv.Itoa(silence.Silent)},
	}
	if !silence.Open {
		own.Type, own.Fields = revento.TypeConnectionRestored, map[string]string{"status": "known"}
	}
	return own
}

// ofClient tells of all at once that no token can be refreshed, and what mends it.
func ofClient(client health.Client) handoff.Own {
	own := handoff.Own{
		Type: revento.TypeConnectionBroken, Identity: []string{"client", strconv.FormatInt(client.Number, 10)}, ResourceID: resourceClient,
		Number: client.Number, OccurredAt: client.At,
		Fields: map[string]string{
			"status": "client_secret_refused", "reason": revento.CodeInvalidClient, "connections": "all",
			"what_to_do": "put the client secret that Revento's console shows in the place of the one that is set, beside the old one if both " +
				"are valid: docs/connections.md, \"Rotate the client secret\"",
		},
	}
	if !client.Refused {
		own.Type, own.Fields = revento.TypeConnectionRestored, map[string]string{"status": "client_secret_taken"}
	}
	return own
}
