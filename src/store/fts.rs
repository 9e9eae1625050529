//! What our full-text indexes have in common: what they hold of a text, and how a query is put to them.
//!
//! A row holds the text's words, then marks: the session or conversation and who spoke. A mark begins with a character
//! that no word has in it, so that marks are found like words and never mistaken for one.

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Error as SqlError};
use uuid::Uuid;

use crate::model::EventKind;
use crate::search::{Part, Query, words};
use crate::sqlite::columns::{Id, Word};

/// Private use: in no word.
const MARK: char = '\u{e000}';

/// The function by which the triggers fill the index.
pub(super) fn register(conn: &Connection) -> rusqlite::Result<()> {
    // Innocuous: it only makes a text of a text.
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    conn.create_scalar_function("said_words", 3, flags, |context| {
        let text = context.get_raw(0).as_str().map_err(|error| SqlError::UserFunctionError(error.into()))?;
        let Id(session) = context.get(1)?;
        let Word(kind) = context.get(2)?;
        Ok(row(text, session, kind))
    })
}

/// What the index holds of a text.
pub(super) fn row(text: &str, id: Uuid, kind: EventKind) -> String {
    let mut row = String::new();
    words::segmented(text, &mut row);
    for mark in [of_id(id), of_kind(kind)] {
        row.push(' ');
        row.push_str(&mark);
    }
    row
}

fn of_id(id: Uuid) -> String {
    format!("{MARK}{}", id.simple())
}

fn of_kind(kind: EventKind) -> String {
    format!("{MARK}{}", kind.as_str())
}

/// Which sessions or conversations are searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Within {
    All,
    /// These alone.
    Only(Vec<Uuid>),
    /// All but these.
    Without(Vec<Uuid>),
}

/// The query in FTS5's language.
pub(super) fn expression(query: &Query, within: &Within) -> String {
    let any = |of: Vec<String>| format!("({})", of.join(" OR "));
    let marked = |ids: &[Uuid]| ids.iter().map(|id| format!("\"{}\"", of_id(*id))).collect::<Vec<_>>();
    let mut wanted: Vec<String> = query.all.iter().map(phrase).collect();
    let mut unwanted: Vec<String> = query.none.iter().map(phrase).collect();
    match within {
        Within::All => {}
        Within::Only(ids) => wanted.push(any(marked(ids))),
        Within::Without(ids) => unwanted.extend(marked(ids)),
    }
    wanted.extend(query.role.map(|role| format!("\"{}\"", of_kind(role))));
    let wanted = wanted.join(" AND ");
    if unwanted.is_empty() { wanted } else { format!("({wanted}) NOT {}", any(unwanted)) }
}

/// Words are letters and digits: there is nothing in them to escape.
fn phrase(part: &Part) -> String {
    let star = if part.prefix { " *" } else { "" };
    format!("\"{}\"{star}", part.words.join(" "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::search::Surroundings;

    #[test]
    fn a_query_is_put_in_the_words_of_the_index() {
        let around = Surroundings { now: crate::sqlite::columns::now(), home: Path::new("/"), dir: None };
        let id = Uuid::from_u128(0xab);
        let mark = format!("\"\u{e000}{}\"", id.simple());
        for (typed, within, wanted) in [
            ("a be*", Within::All, "\"a\" AND \"be\" *".to_owned()),
            ("\"a b\" -c -d", Within::All, "(\"a b\") NOT (\"c\" OR \"d\")".to_owned()),
            (
                "a role:reply",
                Within::Only(vec![id, id]),
                format!("\"a\" AND ({mark} OR {mark}) AND \"\u{e000}reply\""),
            ),
            ("a", Within::Without(vec![id]), format!("(\"a\") NOT ({mark})")),
        ] {
            let query = Query::parse(typed, around).unwrap();
            assert_eq!(expression(&query, &within), wanted, "{typed}");
        }
    }
}
