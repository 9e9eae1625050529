-- Times are microseconds since 1970 in UTC. Ids are the 16 bytes of a uuid (`hex(id)` shows them): they are in
-- every row and index, and their text would more than double those.
-- A session's rows all hang on `session` by `ON DELETE CASCADE`: deleting it leaves nothing behind.

CREATE TABLE session (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    agent TEXT NOT NULL,
    persona TEXT NOT NULL,
    dir TEXT NOT NULL,
    managed INTEGER NOT NULL,
    tags TEXT NOT NULL,                     -- a JSON list: always read and written whole
    pinned INTEGER NOT NULL,
    model TEXT,
    effort TEXT,
    permission_mode TEXT,
    created INTEGER NOT NULL,
    last_active INTEGER NOT NULL,
    cost_usd REAL NOT NULL,
    state TEXT NOT NULL,                    -- only what outlives a host
    conversation BLOB,
    hold TEXT,
    archive TEXT,
    cost_seen REAL NOT NULL DEFAULT 0,      -- the agent's last running total
    turns INTEGER NOT NULL DEFAULT 0        -- the last turn that is over
) STRICT;
-- An archived session does not keep its name from a new one.
CREATE UNIQUE INDEX session_name ON session (name) WHERE state <> 'archived';

CREATE TABLE conversation (
    session BLOB NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (session, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE channel (
    channel TEXT PRIMARY KEY,
    session BLOB NOT NULL REFERENCES session (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX channel_session ON channel (session);

CREATE TABLE event (
    feed INTEGER PRIMARY KEY AUTOINCREMENT, -- the global cursor: never used twice, even after a deletion
    session BLOB NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    prompt BLOB,
    detail TEXT,
    UNIQUE (session, seq)
) STRICT;

-- The index over what was said holds words only; the text itself is read from the log.
CREATE VIEW said_text AS SELECT feed, text FROM event WHERE kind IN ('prompt', 'reply');
CREATE VIRTUAL TABLE said USING fts5 (
    text, content = 'said_text', content_rowid = 'feed', tokenize = 'unicode61 remove_diacritics 2'
);
-- A deleted session's words leave the index at once, not at some later merge.
INSERT INTO said (said, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER event_said AFTER INSERT ON event WHEN new.kind IN ('prompt', 'reply') BEGIN
    INSERT INTO said (rowid, text) VALUES (new.feed, new.text);
END;
CREATE TRIGGER event_unsaid AFTER DELETE ON event WHEN old.kind IN ('prompt', 'reply') BEGIN
    INSERT INTO said (said, rowid, text) VALUES ('delete', old.feed, old.text);
END;

CREATE TABLE prompt (
    position INTEGER PRIMARY KEY,           -- the order of acceptance
    id BLOB NOT NULL UNIQUE,
    session BLOB NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    key TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    attachments TEXT NOT NULL,              -- a JSON list of paths
    delivery TEXT NOT NULL,
    status TEXT NOT NULL,
    seq INTEGER NOT NULL,                   -- of its event
    accepted INTEGER NOT NULL,
    sent INTEGER,
    started INTEGER,
    ended INTEGER,
    set_id BLOB,                            -- the first prompt of those that were written together
    set_member INTEGER,                     -- its place among them, from 0
    given_as BLOB                           -- what the agent knows it by, where that is not its id
) STRICT;
CREATE INDEX prompt_session ON prompt (session);
CREATE INDEX prompt_open ON prompt (session, position) WHERE status IN ('queued', 'sent', 'started');

CREATE TABLE turn (
    session BLOB NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    turn INTEGER NOT NULL,
    origin TEXT NOT NULL,
    outcome TEXT NOT NULL,
    cold INTEGER NOT NULL,
    written_us INTEGER,
    first_text_us INTEGER,
    result_us INTEGER,
    cost_usd REAL NOT NULL,
    usage TEXT NOT NULL,                    -- JSON, as the agent counts
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    PRIMARY KEY (session, turn)
) STRICT, WITHOUT ROWID;

CREATE TABLE approval (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session BLOB NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    body TEXT NOT NULL,                     -- the approval as JSON
    status TEXT NOT NULL,                   -- pending, answered, void
    decision TEXT,                          -- JSON, once answered
    answered_by TEXT,
    ended INTEGER
) STRICT;
CREATE INDEX approval_session ON approval (session);
CREATE INDEX approval_pending ON approval (session) WHERE status = 'pending';

CREATE TABLE child (
    session BLOB PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
    pid INTEGER NOT NULL,
    start INTEGER NOT NULL,
    conversation BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE access (
    kind TEXT NOT NULL,                     -- user, chat
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    added INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Names instead of references: the audit outlives what it speaks of.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL
) STRICT;
