-- How many of its calls are done, where a row takes several.
ALTER TABLE outgoing ADD COLUMN progress INTEGER NOT NULL DEFAULT 0;

CREATE INDEX prompt_session ON prompt (session, at) WHERE session IS NOT NULL;

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
CREATE TABLE asked (
    approval INTEGER NOT NULL,
    chat INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    outgoing INTEGER NOT NULL,              -- the row that asks
    message INTEGER,                        -- what that has become
    at INTEGER NOT NULL,
    PRIMARY KEY (approval, chat, thread)
) STRICT, WITHOUT ROWID;
CREATE INDEX asked_outgoing ON asked (outgoing);
