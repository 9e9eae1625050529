-- Sessions that an update is about to make, so that it finds its own again after a crash.
CREATE TABLE making (
    update_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX incoming_released ON incoming (chat, thread) WHERE state = 'new' AND released = 1;
