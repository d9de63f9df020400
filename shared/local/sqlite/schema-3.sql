-- The store of deletions, which outlives the records that it deletes: the tombstones, and the requests with their proof. It
-- has the columns of the table record.
CREATE TABLE deletion (
    connection  TEXT NOT NULL,
    sort        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    occurred_at TEXT NOT NULL, -- a tombstone's cutoff
    expires     TEXT, -- NULL means never
    data        BLOB NOT NULL,
    PRIMARY KEY (connection, sort)
) STRICT;
CREATE INDEX deletion_expires ON deletion (expires) WHERE expires IS NOT NULL;

-- What is due at a moment, in place of EventBridge Scheduler.
CREATE TABLE schedule (
    name TEXT PRIMARY KEY,
    at   TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX schedule_at ON schedule (at);
