//! Finding where something was said. What a person types is words, never FTS5's query language.

use jiff::Timestamp;
use rusqlite::params;

use super::Db;
use crate::error::{Error, Result};
use crate::model::{EventKind, SessionId};
use crate::sqlite::columns::{Count, Id, Micros, Word};

/// A place where all words of a search were said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) session: SessionId,
    pub(crate) name: String,
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) kind: EventKind,
    /// The words in their surroundings, matches between `[` and `]`.
    pub(crate) snippet: String,
}

impl Db {
    /// Words must all occur; `"some words"` must follow each other; `wor*` begins a word. Best matches first.
    pub(crate) fn search(&self, query: &str, limit: u32) -> Result<Vec<Found>> {
        let Some(query) = to_fts(query) else {
            return Err(Error::usage("there is no word to search for")
                .hint("give words, a \"phrase in quotes\", or the beginning of a word with `*`"));
        };
        let mut statement = self.conn.prepare_cached(
            "SELECT e.session, s.name, e.seq, e.at, e.kind, f.snippet FROM \
             (SELECT rowid AS feed, rank, snippet(said, 0, '[', ']', '…', 16) AS snippet \
              FROM said WHERE said MATCH ?1 ORDER BY rank LIMIT ?2) f \
             JOIN event e ON e.feed = f.feed JOIN session s ON s.id = e.session ORDER BY f.rank, e.feed DESC",
        )?;
        let rows = statement.query_map(params![query, limit], |row| {
            Ok(Found {
                session: SessionId(row.get::<_, Id>(0)?.0),
                name: row.get(1)?,
                seq: row.get::<_, Count>(2)?.0,
                at: row.get::<_, Micros>(3)?.0,
                kind: row.get::<_, Word<_>>(4)?.0,
                snippet: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// The query in FTS5's language, every part quoted; None without a single word.
fn to_fts(query: &str) -> Option<String> {
    let mut parts = Vec::new();
    // Quotes split the query into what is outside (even) and inside (odd) of them; an open one ends at the end.
    for (index, piece) in query.replace('\0', " ").split('"').enumerate() {
        if index % 2 == 1 {
            parts.extend(quoted(piece, false));
        } else {
            parts.extend(
                piece
                    .split_whitespace()
                    .filter_map(|word| quoted(word.trim_end_matches('*'), word.ends_with('*'))),
            );
        }
    }
    if parts.is_empty() { None } else { Some(parts.join(" ")) }
}

fn quoted(text: &str, prefix: bool) -> Option<String> {
    let star = if prefix { "*" } else { "" };
    text.chars().any(char::is_alphanumeric).then(|| format!("\"{text}\"{star}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_becomes_quoted_parts() {
        for (typed, query) in [
            ("hello world", Some(r#""hello" "world""#)),
            ("deploy* \"the server\"", Some(r#""deploy"* "the server""#)),
            ("a NEAR(b) OR -c ^d col:e", Some(r#""a" "NEAR(b)" "OR" "-c" "^d" "col:e""#)),
            ("\"open end", Some(r#""open end""#)),
            ("*** - \"\" '", None),
            ("", None),
        ] {
            assert_eq!(to_fts(typed).as_deref(), query, "{typed}");
        }
    }
}
