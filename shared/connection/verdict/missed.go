package verdict

import (
	"context"
	"encoding/json"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/meeting"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/revento"
)

// patience is how old a review is until its webhook counts as missed: Revento sends again what was not answered, on a schedule of its own.
const patience = 30 * time.Minute

// reviews are the types of the webhooks that tell of a review, by last_review_action. (guide: /api/endpoints/)
var reviews = map[string]string{
	"approved": "application.approved", "rejected": "application.rejected", "revision_requested": "application.revision_requested",
}

const (
	typeSubmitted  = "application.submitted"
	typeRegistered = "participant.registered"
)

// The statuses of a participant whose webhook may be missed. (guide: /sandbox/, /patterns/)
const (
	pending    = "pending"
	registered = "registered"
)

// missed is a webhook that never came: its type, and when what it was to tell happened or was first seen.
type missed struct {
	eventType string
	at        time.Time
}

// judgeMissed tells what webhooks should have told of a participant, each under the type that never came, and returns what was told.
func (j *judging) judgeMissed(ctx context.Context, row mirror.Row) (told map[string]time.Time, err error) {
	if row.Thing != mirror.Participant || row.LastSeen.Pass != j.pass.Number || j.blocks(row) {
		return nil, nil
	}
	for _, found := range j.missedOf(row) {
		if err := j.Outbox.Deliver(ctx, j.missedOwn(row, found)); err != nil {
			return nil, err
		}
		if told == nil {
			told = map[string]time.Time{}
		}
		told[found.eventType] = found.at.UTC()
	}
	return told, nil
}

// missedOf are the webhooks that never came of a participant, as far as the row shows.
func (j *judging) missedOf(row mirror.Row) []missed {
	var all []missed
	for _, look := range []func(mirror.Row) (missed, bool){j.missedReview, j.missedRegistration, j.missedApplication} {
		if found, is := look(row); is && found.at.After(row.Told[found.eventType].Add(meeting.Margin)) {
			all = append(all, found)
		}
	}
	return all
}

// missedReview is a review of after the first pass that is older than patience and that no webhook told, within the margin or later.
func (j *judging) missedReview(row mirror.Row) (missed, bool) {
	part := row.Parts[mirror.ParticipantPart]
	var fields mirror.Fields
	if json.Unmarshal(part.Document, &fields) != nil {
		return missed{}, false
	}
	at, err := time.Parse(time.RFC3339, fields.Text("last_reviewed_at"))
	eventType := reviews[fields.Text("last_review_action")]
	if err != nil || eventType == "" {
		return missed{}, false
	}
	// Revento's clock wrote it, and is as far ahead of ours as it was when the document came.
	now := part.AsOf.Add(j.Now().Sub(part.At))
	isMissed := at.After(j.entry.Value.PrimedAt) && now.Sub(at) > patience && !wasHeard(row, eventType, at)
	return missed{eventType, at}, isMissed
}

// missedRegistration is that a participant became registered since the first pass, which no webhook told. When is not known: it is told as
// of when a list showed it.
func (j *judging) missedRegistration(row mirror.Row) (missed, bool) {
	if row.Status() != registered {
		return missed{}, false
	}
	if row.Turned.To != registered { // it was from the first on
		return missed{typeRegistered, row.FirstSeen.At}, j.isNew(row) && row.Heard[typeRegistered].IsZero()
	}
	// A webhook of before the last pass told of another registration: in between it was none.
	isMissed := row.Turned.Stamp.Source == mirror.ByList && row.Turned.Stamp.Pass == j.pass.Number &&
		!wasHeard(row, typeRegistered, j.pass.Last.StartedAt) || row.Heard[typeRegistered].IsZero()
	return missed{typeRegistered, row.Turned.Stamp.AsOf}, isMissed
}

// missedApplication is an application that waits and was not there at the first pass, of which no webhook told.
func (j *judging) missedApplication(row mirror.Row) (missed, bool) {
	return missed{typeSubmitted, row.FirstSeen.At}, row.Status() == pending && j.isNew(row) && row.Heard[typeSubmitted].IsZero()
}

// isNew says whether the first pass did not see the row.
func (j *judging) isNew(row mirror.Row) bool { return row.FirstSeen.Pass > j.entry.Value.PrimedBy }

// wasHeard says whether a webhook of the type came that happened within the margin of a moment, or later.
func wasHeard(row mirror.Row, eventType string, at time.Time) bool {
	return !row.Heard[eventType].Before(at.Add(-meeting.Margin))
}

// missedOwn is the delivery that stands in for a webhook. Its resource is the application's id, from the row or an earlier webhook, so that
// it is the incident's that later webhooks end; where no document ever named it, the participant's.
func (j *judging) missedOwn(row mirror.Row, found missed) handoff.Own {
	own := handoff.Own{
		Type: found.eventType, Connection: j.Connection, Identity: []string{string(j.Life), row.ID, moment(found.at)},
		ResourceID: row.ID, OccurredAt: found.at, Consented: j.ConnectedAt, FoundBy: handoff.Reconcile,
		Fields: map[string]string{"participant_id": row.ID, "status": row.Status()},
	}
	if revento.FamilyOf(found.eventType) == "application" {
		own.Fields["status"] = row.Application
		if row.ApplicationID != "" {
			own.ResourceID = row.ApplicationID
		}
		if found.eventType != typeSubmitted {
			own.Fields["last_reviewed_at"] = moment(found.at)
		}
	}
	return own
}
