-- A clock is wrong at times, and then set right. When visible_at was set says for how long it was meant to bar: not longer than
-- that, once the clock was set back. '' for what was stored before.
ALTER TABLE message ADD COLUMN set_at TEXT NOT NULL DEFAULT '';
ALTER TABLE schedule ADD COLUMN set_at TEXT NOT NULL DEFAULT ''; -- the same of at

-- For how long this program had run here, as of the last sweep, when the message's queue took it, in nanoseconds: its retention
-- counts that time, and no clock.
ALTER TABLE message ADD COLUMN kept_from INTEGER NOT NULL DEFAULT 0;
DROP INDEX message_sent;
CREATE INDEX message_kept ON message (kept_from);

CREATE TABLE clock (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    ran      INTEGER NOT NULL, -- for how long this program ran here, in nanoseconds
    believed TEXT NOT NULL,    -- the time by which expiries count; '' until the first look
    doubted  INTEGER NOT NULL  -- for how long, of ran, the clock has been further on than that
) STRICT;
INSERT INTO clock (id, ran, believed, doubted) VALUES (1, 0, '', 0);
