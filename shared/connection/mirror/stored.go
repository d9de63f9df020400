package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/revento"
)

// stored is what is kept of a row. What a document could have brought is sealed; the rest is ours.
type stored struct {
	Life         connection.Life `json:"life"`
	Presence     Presence        `json:"presence"`
	FirstSeen    Seen            `json:"first_seen,omitzero"`
	LastSeen     Seen            `json:"last_seen,omitzero"`
	MissingSince Seen            `json:"missing_since,omitzero"`
	KnownSince   time.Time       `json:"known_since"`
	Sealed       seal.Sealed     `json:"sealed"`
}

// inside is what is sealed.
type inside struct {
	ID             string               `json:"id"`
	Parts          map[Part]Opened      `json:"parts,omitempty"`
	Application    string               `json:"application,omitempty"`
	Registration   string               `json:"registration,omitempty"`
	ApplicationOf  Stamp                `json:"application_of,omitzero"`
	RegistrationOf Stamp                `json:"registration_of,omitzero"`
	Turned         Turn                 `json:"turned,omitzero"`
	Heard          map[string]time.Time `json:"heard,omitempty"`
	HeardAt        time.Time            `json:"heard_at,omitzero"`
	Told           map[string]time.Time `json:"told,omitempty"`
	ApplicationID  string               `json:"application_id,omitempty"`
	UserID         string               `json:"user_id,omitempty"`
	Name           string               `json:"name,omitempty"`
}

// prefix is what the ids of the records of a thing's rows begin with.
func (t Thing) prefix() string { return string(t) + "/" }

// rowID is the id of a row's record. It holds no id of Revento's.
func rowID(of record.Connection, thing Thing, id string) string {
	return thing.prefix() + revento.Hash(of.Partition(), string(thing), id)
}

// about binds a sealed row to its life, its place, and the version of its record: neither another row's nor an older one opens in it.
func (l lifeOf) about(key record.Key, version int64) seal.About {
	return seal.About{Connection: l.of, Kind: record.Row, Grant: string(l.life), Generation: version, ID: key.ID}
}

// held is a row with what it was when it was read.
type held struct {
	Row
	// isKnown says that there is a row of this life, isUnreadable that there is and that what was sealed of it does not open: its seed is gone.
	isKnown, isUnreadable bool
	was                   tally
}

// load reads a row, or an empty one where there is none of this life.
func (m *Mirror) load(ctx context.Context, l *lifeOf, thing Thing, id string) (held, error) {
	rec, err := m.Records.Get(ctx, keyOf(l.of, thing, id))
	if errors.Is(err, record.ErrNotFound) {
		return held{Row: Row{Connection: l.of, Thing: thing, ID: id}}, nil
	}
	if err != nil {
		return held{}, fmt.Errorf("read a row: %w", err)
	}
	row, err := m.opened(ctx, l, thing, rec)
	row.ID = id
	return row, err
}

// opened is a stored row, opened. What is of another life is as if it were not there, and so is what was sealed where it does not open.
func (m *Mirror) opened(ctx context.Context, l *lifeOf, thing Thing, rec record.Record) (held, error) {
	row := held{Row: Row{Connection: l.of, Thing: thing, version: rec.Version}}
	entry, err := record.Decode[stored](rec)
	if err != nil || entry.Value.Life != l.life {
		return row, err
	}
	of := entry.Value
	row.isKnown, row.Presence, row.KnownSince = true, of.Presence, of.KnownSince
	row.FirstSeen, row.LastSeen, row.MissingSince = of.FirstSeen, of.LastSeen, of.MissingSince
	content, err := m.unseal(ctx, l, l.about(rec.Key, rec.Version), of.Sealed)
	switch {
	case errors.Is(err, seal.ErrNotSealed):
		row.isUnreadable = true
	case err != nil:
		return row, err
	default:
		row.fill(content)
	}
	row.was = tallyOf(row.Row)
	return row, nil
}

// unseal opens with the ring, read anew where it lacks the key: another copy may have sealed with one that was just added.
func (m *Mirror) unseal(ctx context.Context, l *lifeOf, about seal.About, sealed seal.Sealed) (content inside, err error) {
	plain, err := l.ring.Open(about, sealed)
	if errors.Is(err, seal.ErrNoKey) {
		if ring, fresh, lookErr := m.Rings.Refresh(ctx); lookErr == nil && fresh {
			if l.ring, err = ring.Seeded(l.seed); err == nil {
				plain, err = l.ring.Open(about, sealed)
			}
		}
	}
	if errors.Is(err, seal.ErrNoKey) {
		return inside{}, &fault.Error{Class: fault.Transient, Op: "open a row", Reason: "sealed_with_another_key", Err: err}
	}
	if err == nil && json.Unmarshal(plain, &content) != nil {
		err = seal.ErrNotSealed
	}
	return content, err
}

func (r *Row) fill(of inside) {
	r.ID, r.Parts, r.Application, r.Registration = of.ID, of.Parts, of.Application, of.Registration
	r.ApplicationOf, r.RegistrationOf, r.Turned = of.ApplicationOf, of.RegistrationOf, of.Turned
	r.Heard, r.HeardAt, r.Told = of.Heard, of.HeardAt, of.Told
	r.ApplicationID, r.UserID, r.Name = of.ApplicationID, of.UserID, of.Name
}

// encode is the row's record, to be put.
func (l *lifeOf) encode(row Row) (record.Record, error) {
	key := keyOf(l.of, row.Thing, row.ID)
	plain, err := json.Marshal(inside{
		ID: row.ID, Parts: row.Parts, Application: row.Application, Registration: row.Registration,
		ApplicationOf: row.ApplicationOf, RegistrationOf: row.RegistrationOf, Turned: row.Turned,
		Heard: row.Heard, HeardAt: row.HeardAt, Told: row.Told,
		ApplicationID: row.ApplicationID, UserID: row.UserID, Name: row.Name,
	})
	if err != nil {
		return record.Record{}, fmt.Errorf("encode a row: %w", err)
	}
	sealed, err := l.ring.Seal(l.about(key, row.version+1), plain)
	if err != nil {
		return record.Record{}, fmt.Errorf("seal a row: %w", err)
	}
	return record.Encode(record.Entry[stored]{
		Record: l.record(key, row.version),
		Value: stored{
			Life: l.life, Presence: row.Presence, FirstSeen: row.FirstSeen, LastSeen: row.LastSeen, MissingSince: row.MissingSince,
			KnownSince: row.KnownSince, Sealed: sealed,
		},
	})
}

// record is a record of the life. Its moment is when the life began, and not what it tells of: a deletion ends a life or does not, and
// takes with it all that is of it, however late it was written.
func (l *lifeOf) record(key record.Key, version int64) record.Record {
	return record.Record{Key: key, Version: version, OccurredAt: l.life.Began()}
}
