-- Records by what is to be done with them; NULL for most. The tables of records have the same columns.
ALTER TABLE record ADD COLUMN pending TEXT;
ALTER TABLE deletion ADD COLUMN pending TEXT;
CREATE INDEX record_pending ON record (pending, sort) WHERE pending IS NOT NULL;
