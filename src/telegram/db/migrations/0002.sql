-- What the host is asked for an update and cannot be asked twice, so that the update finds its own again after a crash.
CREATE TABLE begun (
    update_id INTEGER PRIMARY KEY,
    what TEXT NOT NULL,                     -- JSON
    at INTEGER NOT NULL
) STRICT;

-- Chats that Telegram wants nothing in for so long.
CREATE TABLE held (
    chat INTEGER PRIMARY KEY,
    seconds INTEGER NOT NULL,
    at INTEGER NOT NULL                     -- since when
) STRICT;
ALTER TABLE outgoing DROP COLUMN not_before;
ALTER TABLE shown_approval ADD COLUMN session BLOB;
ALTER TABLE outgoing DROP COLUMN attempts;
CREATE INDEX incoming_released ON incoming (chat, thread) WHERE state = 'new' AND released = 1;
