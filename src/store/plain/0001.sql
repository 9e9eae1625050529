-- Where prompts and replies lie in the files of conversations, and the words of them. Times are microseconds since 1970
-- in UTC, ids the 16 bytes of a uuid. All of it can be made again from those files.
CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    conversation BLOB NOT NULL,
    dir TEXT,                               -- where Claude worked
    size INTEGER NOT NULL,
    changed INTEGER NOT NULL,               -- in nanoseconds
    inode INTEGER NOT NULL,
    read INTEGER NOT NULL,                  -- bytes, up to the end of a line
    tail INTEGER NOT NULL                   -- a hash of what stands before that, to see that it still does
) STRICT;

CREATE TABLE said (
    id INTEGER PRIMARY KEY,                 -- what was said later has a greater one, nearly always
    file INTEGER NOT NULL REFERENCES file (id),
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL,
    kind TEXT NOT NULL,                     -- prompt, reply
    at INTEGER NOT NULL,
    uuid BLOB                               -- the same in copies of a conversation
) STRICT;
CREATE INDEX said_file ON said (file);

CREATE TABLE scan (
    at INTEGER NOT NULL                     -- when all files were looked at last; one row
) STRICT;

CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'ascii');
-- Many texts come at once: fewer and larger pieces are written, and there is less to merge.
INSERT INTO words (words, rank) VALUES ('hashsize', 16777216);
