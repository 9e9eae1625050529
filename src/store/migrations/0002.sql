-- Codes by which somebody may be let in, until they are used. Kept for a while when they are over, to say so.
CREATE TABLE pairing (
    code TEXT PRIMARY KEY,
    kind TEXT NOT NULL,                     -- asked (by whoever wants in), invited (by the owner)
    user INTEGER,                           -- who stands behind it; nobody yet behind an invitation
    name TEXT,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX pairing_asked ON pairing (user) WHERE kind = 'asked';

CREATE TABLE wrong_code (
    at INTEGER NOT NULL,
    attempt TEXT NOT NULL                   -- pair (on the owner's terminal), claim (from outside)
) STRICT;

-- What a person allowed for a session: given to the agent again whenever it starts.
CREATE TABLE session_rule (
    session BLOB NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    rule TEXT NOT NULL,                     -- as `--allowedTools` takes it
    added INTEGER NOT NULL,
    added_by TEXT NOT NULL,
    PRIMARY KEY (session, rule)
) STRICT, WITHOUT ROWID;
