-- Conversations that are lent to an interactive `claude`, until its process is gone and they are taken back.
CREATE TABLE lease (
    session BLOB PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
    pid INTEGER NOT NULL,
    start INTEGER NOT NULL,                 -- tells it from a later process with the same pid
    since INTEGER NOT NULL,
    tty TEXT,
    conversation BLOB NOT NULL,             -- the one it began with
    bytes INTEGER NOT NULL                  -- how long that one's file was: what is behind came of the lease
) STRICT, WITHOUT ROWID;
