-- Version 1. Times are UTC text of one width (see stamp in time.go): they sort as text, hold every year from 0 to 9999, and
-- people can read them.

-- The ledger: no ids of people, events or organizations.
CREATE TABLE delivery (
    id        TEXT PRIMARY KEY,
    state     TEXT NOT NULL,
    owner     TEXT NOT NULL,
    identity  TEXT NOT NULL,
    lease_end TEXT NOT NULL,
    expires   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_expires ON delivery (expires);

CREATE TABLE record (
    connection  TEXT NOT NULL, -- the partition: everything of a connection is one query
    sort        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    occurred_at TEXT NOT NULL,
    expires     TEXT, -- NULL means never
    data        BLOB NOT NULL,
    PRIMARY KEY (connection, sort)
) STRICT;
CREATE INDEX record_expires ON record (expires) WHERE expires IS NOT NULL;

CREATE TABLE message (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT, -- the message's id, never used again, and the order of sending
    queue            TEXT NOT NULL,
    group_id         TEXT NOT NULL, -- '' in a standard queue
    head             INTEGER NOT NULL, -- 1 for the first message of a group and for all of a standard queue: may be received
    receives         INTEGER NOT NULL,
    deferred         INTEGER NOT NULL, -- 1 if its visibility was changed since the receipt: it waits, nobody works on it
    visible_at       TEXT NOT NULL,
    sent_at          TEXT NOT NULL,
    deduplication_id TEXT NOT NULL,
    attributes       TEXT NOT NULL, -- a JSON object
    body             TEXT NOT NULL
) STRICT;
CREATE INDEX message_next ON message (queue, visible_at, seq) WHERE head = 1;
CREATE INDEX message_group ON message (queue, group_id, seq) WHERE group_id <> '';
CREATE INDEX message_sent ON message (sent_at);

-- Deduplication ids outlive their messages.
CREATE TABLE deduplication (
    queue   TEXT NOT NULL,
    id      TEXT NOT NULL,
    expires TEXT NOT NULL,
    PRIMARY KEY (queue, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deduplication_expires ON deduplication (expires);
