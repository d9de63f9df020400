package deletion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/record"
)

// People is something that keeps what is of persons.
type People interface {
	// Forget deletes what it keeps of a person of a connection, counts it, and keeps it from coming back. It can be repeated.
	Forget(ctx context.Context, of record.Connection, userID string) (count int, err error)
}

// UserRecords are the records that name their user (record.Record.User), as sessions do.
type UserRecords struct {
	Records interface {
		record.Purger
		record.Users
	}
	Now func() time.Time
}

var _ People = UserRecords{}

// Forget implements People.
func (u UserRecords) Forget(ctx context.Context, of record.Connection, userID string) (int, error) {
	return record.DeleteUser(ctx, u.Records, of, record.UserKey(of, userID), u.Now())
}

// ErrPerson is returned where nobody can be forgotten; what wraps it names the remedy.
var ErrPerson = errors.New("no person can be forgotten")

// CloseForgetting ends a held request that names a person by deleting what is kept of that person, by the id that Revento gave to the user
// or the participant, which is not kept. What comes of the person later is not stored. It returns Close's errors and ErrPerson.
func (o *Operator) CloseForgetting(ctx context.Context, id, note, userID string) (Entry, error) {
	note, err := checkNote(note)
	if err != nil {
		return Entry{}, err
	}
	entry, err := o.findHeld(ctx, id)
	if err != nil {
		return entry, err
	}
	if err := o.canForget(entry.Value, userID); err != nil {
		return entry, err
	}
	for _, people := range o.People {
		count, err := people.Forget(ctx, entry.Key.Connection, userID)
		if err != nil {
			return entry, fmt.Errorf("delete what is kept of the person: %w", err)
		}
		entry.Value.PersonRecords += count
	}
	if !entry.Value.PersonForgotten && o.Backups != nil {
		entry.Value.Residual = append(entry.Value.Residual, o.Backups(o.Now().UTC()))
	}
	entry.Value.PersonForgotten = true
	if entry, err = save(ctx, o.Deletions, entry, o.RecordRetention); err != nil {
		return entry, err
	}
	return o.close(ctx, entry, note)
}

func (o *Operator) canForget(c Case, userID string) error {
	switch {
	case userID == "":
		return fmt.Errorf("%w: the id of the user is empty", ErrPerson)
	case c.Held != NamesPerson:
		return fmt.Errorf("%w for deletion %s: it is not held because it names a person", ErrPerson, c.ID)
	case c.EventID == "":
		return fmt.Errorf("%w for deletion %s: it names no event", ErrPerson, c.ID)
	case len(o.People) == 0:
		return fmt.Errorf("%w: connections are off, and no rows of people are kept; close the request with a note", ErrPerson)
	default:
		return nil
	}
}

// BackupsOnMachine is what is left of a person on one machine, and BackupsOnAWS on a stack.
func BackupsOnMachine(time.Time) Residual {
	return Residual{Where: "backups of the data folder hold the person's rows, as long as you keep them"}
}

// BackupsOnAWS is BackupsOnMachine of a stack.
func BackupsOnAWS(after time.Time) Residual {
	return Residual{Where: "backups of the tables (point-in-time recovery) hold the person's rows", Until: after.Add(BackupRetention)}
}
