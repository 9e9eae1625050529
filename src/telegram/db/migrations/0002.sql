-- Sessions that an update is about to make, so that it finds its own again after a crash.
CREATE TABLE making (
    update_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
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
