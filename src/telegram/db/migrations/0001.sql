-- Times are microseconds since 1970 in UTC. A thread of 0 is the chat itself. Ids of sessions and prompts are the
-- 16 bytes of the host's uuids. Everything here belongs to one bot: what another bot sent cannot be edited.

CREATE TABLE bot (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id INTEGER NOT NULL,
    next_update INTEGER,                    -- everything before it is stored
    last_update INTEGER                     -- when the last one came
) STRICT;

CREATE TABLE incoming (
    position INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of arrival: the ids may begin anew
    update_id INTEGER NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    chat INTEGER,
    thread INTEGER NOT NULL,
    state TEXT NOT NULL,                    -- new, kept, done, poisoned
    tries INTEGER NOT NULL DEFAULT 0,
    kept TEXT,                              -- what a person has to say before it goes on
    released INTEGER NOT NULL DEFAULT 0,    -- a person has said so
    error TEXT,
    raw TEXT NOT NULL                       -- JSON as it came; empty once done
) STRICT;
CREATE INDEX incoming_new ON incoming (position) WHERE state = 'new';
CREATE INDEX incoming_kept ON incoming (chat, thread) WHERE state = 'kept';

CREATE TABLE prompt (
    key TEXT PRIMARY KEY,
    updates TEXT NOT NULL,                  -- a JSON list of what it was put together from
    chat INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    user INTEGER NOT NULL,
    reply_to INTEGER NOT NULL,              -- the message that its reply answers
    session BLOB,
    prompt BLOB,                            -- the host's id, once it has accepted
    state TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX prompt_id ON prompt (prompt) WHERE prompt IS NOT NULL;
CREATE INDEX prompt_open ON prompt (at) WHERE state IN ('gathering', 'accepted');
CREATE INDEX prompt_session ON prompt (session, at) WHERE session IS NOT NULL;

CREATE TABLE button (
    token TEXT PRIMARY KEY,                 -- what Telegram gives back when it is pressed
    chat INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    user INTEGER,                           -- who may press it; NULL: whoever is allowed
    message INTEGER,                        -- what it is under, once that is known
    session BLOB,
    request TEXT,                           -- what it answers
    input_hash TEXT,                        -- of what was shown
    epoch TEXT NOT NULL,                    -- of the process that asked
    action TEXT NOT NULL,                   -- JSON
    at INTEGER NOT NULL,
    used INTEGER,
    used_by INTEGER,
    used_in INTEGER                         -- the update that was the press
) STRICT, WITHOUT ROWID;
CREATE INDEX button_request ON button (session, request) WHERE used IS NULL;
CREATE INDEX button_message ON button (chat, message) WHERE used IS NULL;

-- What a person's next text in a place is for.
CREATE TABLE expectation (
    chat INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    user INTEGER NOT NULL,
    request TEXT,                           -- what it answers
    action TEXT NOT NULL,                   -- JSON
    at INTEGER NOT NULL,
    PRIMARY KEY (chat, thread, user)
) STRICT, WITHOUT ROWID;

-- What a request looked like where it was shown, to say below it how it was settled.
CREATE TABLE asked (
    chat INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    request TEXT NOT NULL,
    shown TEXT NOT NULL,                    -- JSON
    at INTEGER NOT NULL,
    PRIMARY KEY (chat, thread, request)
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
    chat INTEGER NOT NULL,
    id INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    session BLOB,
    prompt BLOB,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (chat, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_prompt ON message (prompt) WHERE prompt IS NOT NULL;

CREATE TABLE outgoing (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    priority INTEGER NOT NULL,              -- the lowest goes first
    key TEXT,                               -- a newer one with the same key takes its place
    payload TEXT NOT NULL,                  -- JSON
    state TEXT NOT NULL,                    -- waiting, sending, sent, failed, replaced
    attempts INTEGER NOT NULL DEFAULT 0,
    progress INTEGER NOT NULL DEFAULT 0,    -- how many of the calls that it takes are done
    not_before INTEGER,
    message INTEGER,                        -- what it has become
    error TEXT,
    at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX outgoing_key ON outgoing (chat, key) WHERE key IS NOT NULL AND state = 'waiting';
CREATE INDEX outgoing_open ON outgoing (chat, priority, id) WHERE state IN ('waiting', 'sending');

-- The message that shows a running turn in a place, until the end of the turn has taken it over.
CREATE TABLE live (
    session BLOB NOT NULL,
    turn INTEGER NOT NULL,
    chat INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    prompt BLOB,                            -- the place's own, if it asked
    message INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (session, turn, chat, thread)
) STRICT, WITHOUT ROWID;

-- Where an approval is shown: all of it changes once it is settled.
CREATE TABLE shown_approval (
    approval INTEGER NOT NULL,
    chat INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    outgoing INTEGER NOT NULL,              -- the row that asks
    message INTEGER,                        -- what that has become
    at INTEGER NOT NULL,
    PRIMARY KEY (approval, chat, thread)
) STRICT, WITHOUT ROWID;
CREATE INDEX shown_approval_outgoing ON shown_approval (outgoing);

CREATE TABLE mute (
    chat INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    session BLOB NOT NULL,                  -- empty: every session
    until INTEGER,                          -- NULL: until it is taken back
    PRIMARY KEY (chat, thread, session)
) STRICT, WITHOUT ROWID;

CREATE TABLE topic (
    chat INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    session BLOB NOT NULL,
    name TEXT NOT NULL,
    closed INTEGER NOT NULL,
    PRIMARY KEY (chat, thread)
) STRICT, WITHOUT ROWID;
CREATE INDEX topic_session ON topic (session);

-- How far the host's events have been turned into rows of `outgoing`.
CREATE TABLE feed (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    cursor INTEGER NOT NULL
) STRICT;

-- Users and groups that were told once how to be let in.
CREATE TABLE hinted (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;
