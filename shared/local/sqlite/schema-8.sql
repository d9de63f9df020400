-- What Probe writes: one row.
CREATE TABLE probe (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    data BLOB NOT NULL
) STRICT;
