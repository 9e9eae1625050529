-- The index over what was said holds the words that `search::words` finds, and beside them what a search narrows by:
-- the session and who spoke. It keeps no text and no lengths, which nobody asks it for. A text has to be given again
-- to take it out, so what `said_words` makes of one must stay what it is.
DROP TRIGGER event_said;
DROP TRIGGER event_unsaid;
-- The former index holds words of sessions that are to be deleted later: no page of it may stay behind.
PRAGMA secure_delete = ON;
DROP TABLE said;
PRAGMA secure_delete = OFF;
DROP VIEW said_text;
CREATE VIRTUAL TABLE said USING fts5 (words, content = '', columnsize = 0, tokenize = 'ascii');
INSERT INTO said (rowid, words)
    SELECT feed, said_words(text, session, kind) FROM event WHERE kind IN ('prompt', 'reply') ORDER BY feed;
-- A deleted session's words leave the index at once, not at some later merge.
INSERT INTO said (said, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER event_said AFTER INSERT ON event WHEN new.kind IN ('prompt', 'reply') BEGIN
    INSERT INTO said (rowid, words) VALUES (new.feed, said_words(new.text, new.session, new.kind));
END;
CREATE TRIGGER event_unsaid AFTER DELETE ON event WHEN old.kind IN ('prompt', 'reply') BEGIN
    INSERT INTO said (said, rowid, words)
        VALUES ('delete', old.feed, said_words(old.text, old.session, old.kind));
END;

-- Whether a conversation is one of ours.
CREATE INDEX conversation_id ON conversation (id);
