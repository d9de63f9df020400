-- When a message was received for the first time; NULL until then.
ALTER TABLE message ADD COLUMN first_received_at TEXT;
