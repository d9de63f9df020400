-- Version 2: the ledger tells a delivery's story. What version 1 did not keep is the zero moment and an empty story.
ALTER TABLE delivery ADD COLUMN received_at TEXT NOT NULL DEFAULT '0001-01-01T00:00:00.000000000Z';
ALTER TABLE delivery ADD COLUMN claimed_at TEXT NOT NULL DEFAULT '0001-01-01T00:00:00.000000000Z';
ALTER TABLE delivery ADD COLUMN handed_off_at TEXT NOT NULL DEFAULT '0001-01-01T00:00:00.000000000Z';
ALTER TABLE delivery ADD COLUMN story TEXT NOT NULL DEFAULT ''; -- a JSON object (ingest.Story)
CREATE INDEX delivery_received ON delivery (received_at, id);

-- A connection was readable in version 1 and is a hash now, which SQL cannot make. Version 1 was never released, so that
-- nobody has records under the old names, and nothing would find them.
DELETE FROM record;
