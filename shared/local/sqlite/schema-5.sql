-- Records by the user whom they are about; NULL for most. The tables of records have the same columns.
ALTER TABLE record ADD COLUMN user TEXT;
ALTER TABLE deletion ADD COLUMN user TEXT;
CREATE INDEX record_user ON record (connection, user, sort) WHERE user IS NOT NULL;
