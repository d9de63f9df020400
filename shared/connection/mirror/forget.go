package mirror

import (
	"context"
	"fmt"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/revento"
)

// The ids of the records that say whose rows are not kept begin with what they are hashes of.
const (
	forgottenUser        = "user/"
	forgottenRow         = "row/"
	forgottenApplication = "application/"
)

// forgotten is the content of a record that says so: its key says all.
type forgotten struct{}

// noted is a stored one of those records, and whether it is of this life.
type noted struct {
	version int64
	isOurs  bool
}

func (l *lifeOf) forgottenUser(id string) string {
	return forgottenUser + record.UserKey(l.of, id)
}

func (l *lifeOf) forgottenRow(id string) string {
	return forgottenRow + revento.Hash(rowID(l.of, Participant, id))
}

func (l *lifeOf) forgottenApplication(id string) string {
	return forgottenApplication + revento.Hash("application", l.of.Partition(), id)
}

// allForgotten reads who is forgotten. There are as many as a person has decided on: none, or a few.
func (m *Mirror) allForgotten(ctx context.Context, life *lifeOf) (map[string]noted, error) {
	found := map[string]noted{}
	for after := ""; ; {
		page, err := m.Records.QueryKind(ctx, life.of, record.Forgotten, after)
		if err != nil {
			return nil, fmt.Errorf("read whose rows are not kept: %w", err)
		}
		if len(page) == 0 {
			return found, nil
		}
		for _, rec := range page {
			found[rec.Key.ID] = noted{rec.Version, rec.OccurredAt.Equal(life.life.Began())}
		}
		after = page[len(page)-1].Key.Sort()
	}
}

// forgets says whether a document is a forgotten person's, by whichever id it has.
func (b *batch) forgets(of subject, fields Fields) bool {
	if of.thing != Participant || len(b.forgotten) == 0 {
		return false
	}
	application := idIn(fields, "application_id")
	if of.part == ApplicationPart {
		application = idIn(fields, "id")
	}
	l := b.life
	return b.forgotten[l.forgottenRow(of.id)].isOurs || b.forgotten[l.forgottenUser(idIn(fields, "user_id"))].isOurs ||
		b.forgotten[l.forgottenApplication(application)].isOurs
}

// Forget deletes a person's rows, by the id of the user or of the participant, and keeps later passes and webhooks from bringing them
// back. It counts the rows, and can be repeated. Nothing but hashes of ids is kept of the person, as long as the connection's life lasts.
func (m *Mirror) Forget(ctx context.Context, of record.Connection, id string) (count int, err error) {
	standing, err := m.Registry.Read(ctx, of)
	if err != nil || !standing.IsKnown() || standing.IsEnded() || id == "" { // what has ended goes with all
		return 0, err
	}
	life, err := m.open(ctx, standing) // whether stopped or not: what is kept of the person goes
	if err != nil {
		return 0, err
	}
	err = again(func() error { return m.note(ctx, life, life.forgottenUser(id), life.forgottenRow(id)) })
	if err != nil {
		return 0, err
	}
	m.each(ctx, life, Participant, "", func(row held, failure error) bool {
		if err = failure; err != nil || row.UserID != id && row.ID != id {
			return err == nil
		}
		if err = m.forgetWhole(ctx, life, row.ID); err == nil {
			count++
		}
		return err == nil
	})
	return count, err
}

// forgetWhole deletes a row with what is kept beside it, that the person came: before the row, by which it is found, and once more after
// it, where they came just then. Who checks somebody in looks whether there still is a row.
func (m *Mirror) forgetWhole(ctx context.Context, life *lifeOf, id string) error {
	checkIn := record.Key{Connection: life.of, Kind: record.CheckIn, ID: rowID(life.of, Participant, id)}
	if _, err := m.Records.Delete(ctx, checkIn, life.life.Began()); err != nil {
		return fmt.Errorf("forget a check-in: %w", err)
	}
	if err := again(func() error { return m.forget(ctx, life, id) }); err != nil {
		return err
	}
	if _, err := m.Records.Delete(ctx, checkIn, life.life.Began()); err != nil {
		return fmt.Errorf("forget a check-in: %w", err)
	}
	return nil
}

// note keeps who is forgotten. The summary has changed by it, so that what was decided without it is decided anew.
func (m *Mirror) note(ctx context.Context, life *lifeOf, ids ...string) error {
	b, err := m.batch(ctx, life)
	if err != nil {
		return err
	}
	b.summary.Value.Changes++
	if err := b.note(ids...); err != nil {
		return err
	}
	return b.commit(ctx)
}

func (b *batch) note(ids ...string) error {
	for _, id := range ids {
		standing := b.forgotten[id]
		if standing.isOurs {
			continue
		}
		encoded, err := record.Encode(record.Entry[forgotten]{
			Record: b.life.record(record.Key{Connection: b.life.of, Kind: record.Forgotten, ID: id}, standing.version),
		})
		if err != nil {
			return err
		}
		b.add(encoded)
	}
	return nil
}

// forget deletes a row, and keeps what else may name the person.
func (m *Mirror) forget(ctx context.Context, life *lifeOf, id string) error {
	b, err := m.batch(ctx, life)
	if err != nil {
		return err
	}
	row, err := m.load(ctx, life, Participant, id)
	if err != nil || !row.isKnown {
		return err
	}
	names := []string{life.forgottenRow(id)}
	if row.UserID != "" {
		names = append(names, life.forgottenUser(row.UserID))
	}
	if row.ApplicationID != "" {
		names = append(names, life.forgottenApplication(row.ApplicationID))
	}
	if err := b.note(names...); err != nil {
		return err
	}
	b.remove(row)
	return b.commit(ctx)
}
