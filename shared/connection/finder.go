package connection

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/revento"
)

// finder is what a record on which the registry finds a connection holds.
type finder struct {
	EventID        string `json:"event_id"`
	OrganizationID string `json:"organization_id"`
}

func (f finder) connection() record.Connection {
	return record.Connection{EventID: f.EventID, OrganizationID: f.OrganizationID}
}

// Shards is how many lists there are of what is due, so that no list has to take all that changes.
const Shards = 16

// The lists in which finders are. Ids stand in them as hashes, and so they fit whatever Revento gives for one.
const listAll = "connection"

func listOfEvent(eventID string) string { return "event/" + revento.Hash(eventID) }
func listOfOrganization(organizationID string) string {
	return "organization/" + revento.Hash(organizationID)
}
func listOfDue(shard int) string { return fmt.Sprintf("due/%02d", shard) }

// shardOf is the shard of a connection: the first hex digit of its partition key, a hash.
func shardOf(connection record.Connection) int {
	shard, _ := strconv.ParseInt(connection.Partition()[:1], 16, 0)
	return int(shard)
}

// idDue is what the ids of the finders by due time begin with; the time follows, so that their list is in its order.
const idDue = "due/"

const dueLayout = "2006-01-02T15:04:05.000000000Z"

// dueAt is when what a finder finds is due; zero where it is no finder by due time.
func dueAt(found record.Record) time.Time {
	at, _ := time.Parse(dueLayout, strings.TrimPrefix(found.Key.ID, idDue))
	return at
}

// finders are the ways on which a connection is found, not stored yet.
func (i Info) finders() ([]record.Record, error) {
	lists := map[string]string{"all": listAll, "event": listOfEvent(i.EventID), "organization": listOfOrganization(i.OrganizationID)}
	if !i.Due.IsZero() {
		lists[idDue+i.Due.UTC().Format(dueLayout)] = listOfDue(shardOf(i.connection()))
	}
	var records []record.Record
	for id, list := range lists {
		key := record.Key{Connection: i.connection(), Kind: record.Finder, ID: id}
		encoded, err := record.Encode(record.Entry[finder]{
			Record: record.Record{Key: key, OccurredAt: i.ConnectedAt, Pending: list},
			Value:  finder{EventID: i.EventID, OrganizationID: i.OrganizationID},
		})
		if err != nil {
			return nil, err
		}
		records = append(records, encoded)
	}
	return records, nil
}

// rewritten is what is to be written so that these finders stand in place of those that do. A standing one that is older than the
// consent is written anew, or the purge would take it.
func rewritten(standing, wanted []record.Record) []record.Record {
	old := map[string]record.Record{}
	for _, rec := range standing {
		old[rec.Key.ID] = rec
	}
	var changes []record.Record
	for _, rec := range wanted {
		former, isThere := old[rec.Key.ID]
		delete(old, rec.Key.ID)
		if isThere && former.OccurredAt.Equal(rec.OccurredAt) {
			continue
		}
		rec.Version = former.Version
		changes = append(changes, rec)
	}
	for _, rec := range old {
		rec.Remove = true
		changes = append(changes, rec)
	}
	return changes
}
