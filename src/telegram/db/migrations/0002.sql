-- What the host is asked for an update and cannot be asked twice, so that the update finds its own again after a crash.
CREATE TABLE begun (
    update_id INTEGER PRIMARY KEY,
    what TEXT NOT NULL,                     -- JSON
    at INTEGER NOT NULL
) STRICT;

ALTER TABLE outgoing DROP COLUMN attempts;
