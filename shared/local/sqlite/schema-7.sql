-- Messages by their queue, for its depth and a look through it.
CREATE INDEX message_queue ON message (queue, seq);
