//! What a person types into a search.
//!
//! | typed | found |
//! |---|---|
//! | `certificate renewal` | both words, anywhere in what was said |
//! | `"certificate renewal"` | one right after the other |
//! | `cert*` | a word that begins so |
//! | `-staging`, `-"on staging"` | only where that does not occur |
//! | `session:work` | in the session of that name or id; `persona:`, `tag:` likewise |
//! | `dir:~/web`, `dir:web` | in that directory or below it; in one with that name on its way |
//! | `role:prompt`, `role:reply` | what you said, what Claude said |
//! | `since:7d` | of that time and later, as `stats --since` takes it |
//!
//! A filter with `-` in front leaves out what it would find. Anything else is words: no sign in it means something of
//! its own, so that what is pasted is found.

use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;

use super::words;
use crate::error::{Error, Result};
use crate::model::EventKind;
use crate::model::moment;

/// More than this is no question of a person.
const MOST_PARTS: usize = 32;

/// With fewer letters before its `*` a word could be nearly any, which takes an index seconds to find.
const SHORTEST_BEGINNING: usize = 2;

const FILTERS: [&str; 6] = ["session", "persona", "dir", "tag", "since", "role"];

/// What other programs call theirs.
const OF_OTHERS: [(&str, &str); 6] = [
    ("after", "since"),
    ("who", "role"),
    ("author", "role"),
    ("project", "dir"),
    ("cwd", "dir"),
    ("label", "tag"),
];

/// One thing that must occur: a word, or several right after each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// As [`words`] gives them.
    pub(crate) words: Vec<String>,
    /// The last one may go on.
    pub(crate) prefix: bool,
}

/// Which sessions, and conversations, are searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    Session(String),
    Persona(String),
    Dir(Dir),
    Tag(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dir {
    /// This one and what is below it.
    Below(PathBuf),
    /// One with this name on its way.
    Named(String),
}

/// What is known of the place where something was said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// None: a conversation that is no session of ours.
    pub(crate) name: Option<&'a str>,
    pub(crate) id: &'a str,
    pub(crate) persona: Option<&'a str>,
    pub(crate) dir: &'a Path,
    pub(crate) tags: &'a [String],
}

/// What words of a query refer to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) now: Timestamp,
    pub(crate) home: &'a Path,
    /// Where the person is, if that is known.
    pub(crate) dir: Option<&'a Path>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Every one must occur.
    pub(crate) all: Vec<Part>,
    /// None may.
    pub(crate) none: Vec<Part>,
    /// Each with whether it must hold, or must not.
    pub(crate) filters: Vec<(bool, Filter)>,
    pub(crate) since: Option<Timestamp>,
    /// A prompt, or a reply; None: both.
    pub(crate) role: Option<EventKind>,
}

impl Query {
    pub(crate) fn parse(text: &str, around: Surroundings<'_>) -> Result<Self> {
        let mut query = Self::default();
        for piece in pieces(text)? {
            query.take(&piece, around)?;
        }
        if query.all.is_empty() {
            let message = if query.none.is_empty() && query.is_everywhere() {
                "there is no word to search for"
            } else {
                "there is no word to search for, only what must be left out or where to look"
            };
            return Err(Error::usage(message)
                .hint("give words, a \"phrase in quotes\", or the beginning of a word with `*`"));
        }
        if query.all.len() + query.none.len() > MOST_PARTS {
            return Err(Error::usage(format!("more than {MOST_PARTS} words are too many for a search"))
                .hint("give the rarest of them, or a phrase in quotes"));
        }
        Ok(query)
    }

    fn take(&mut self, piece: &Piece, around: Surroundings<'_>) -> Result<()> {
        if let Some((name, value)) = &piece.filter {
            return self.filter(name, value, piece.wanted, around);
        }
        let words = words::list(&piece.text);
        if let Some(last) = words.last() {
            // In scripts without spaces each character is a word, and does not go on.
            let prefix = piece.prefix && !words::is_whole(last);
            if prefix && words.len() == 1 && last.chars().count() < SHORTEST_BEGINNING {
                return Err(Error::usage(format!("`{last}*` begins too many words"))
                    .hint("give at least two letters before the `*`"));
            }
            let part = Part { words, prefix };
            if piece.wanted { self.all.push(part) } else { self.none.push(part) }
        }
        Ok(())
    }

    fn filter(&mut self, name: &str, value: &str, wanted: bool, around: Surroundings<'_>) -> Result<()> {
        let filter = match name {
            "session" => Filter::Session(value.to_owned()),
            "persona" => Filter::Persona(value.to_owned()),
            "tag" => Filter::Tag(value.to_owned()),
            "dir" => Filter::Dir(dir(value, around)?),
            "since" if wanted => {
                let at = moment::parse(value, around.now)?;
                self.since = Some(self.since.map_or(at, |before| before.max(at)));
                return Ok(());
            }
            "role" => {
                let role = role(value)?;
                let other = if role == EventKind::Prompt { EventKind::Reply } else { EventKind::Prompt };
                self.role = Some(if wanted { role } else { other });
                return Ok(());
            }
            _ => {
                return Err(Error::usage(format!("`-{name}:` cannot be said"))
                    .hint(format!("`{name}:` takes no `-` in front; put the words in quotes to find them")));
            }
        };
        self.filters.push((wanted, filter));
        Ok(())
    }

    /// No filter leaves out a session or conversation.
    pub(crate) fn is_everywhere(&self) -> bool {
        self.filters.is_empty()
    }

    /// Whether what was said there is searched.
    pub(crate) fn looks_into(&self, about: &About<'_>) -> bool {
        self.filters.iter().all(|(wanted, filter)| filter.fits(about) == *wanted)
    }
}

impl Filter {
    fn fits(&self, about: &About<'_>) -> bool {
        let same = |name: &str, value: &str| words::folded(name) == words::folded(value);
        match self {
            Self::Session(value) => {
                let is_id = value.len() >= 4 && about.id.starts_with(value.to_ascii_lowercase().as_str());
                is_id || about.name.is_some_and(|name| named(name, value))
            }
            Self::Persona(value) => about.persona.is_some_and(|persona| same(persona, value)),
            Self::Tag(value) => about.tags.iter().any(|tag| same(tag, value)),
            Self::Dir(Dir::Below(dir)) => about.dir.starts_with(dir),
            Self::Dir(Dir::Named(name)) => about.dir.components().any(|part| {
                matches!(part, Component::Normal(part) if part.to_str().is_some_and(|part| same(part, name)))
            }),
        }
    }
}

/// `work`, or `wor*`.
fn named(name: &str, value: &str) -> bool {
    let name = words::folded(name);
    match value.strip_suffix('*') {
        Some(beginning) => name.starts_with(&*words::folded(beginning)),
        None => name == words::folded(value),
    }
}

fn dir(value: &str, around: Surroundings<'_>) -> Result<Dir> {
    let path = match value.strip_prefix('~') {
        Some("") => around.home.to_owned(),
        Some(below) if below.starts_with('/') => around.home.join(below.trim_start_matches('/')),
        _ => PathBuf::from(value),
    };
    if path.is_absolute() {
        return Ok(Dir::Below(plain(&path)));
    }
    let is_name = !value.contains('/') && value != "." && value != "..";
    if is_name {
        return Ok(Dir::Named(value.to_owned()));
    }
    let base = around.dir.ok_or_else(|| {
        Error::usage(format!("it is not known from where `dir:{value}` is meant"))
            .hint("give a path that begins with `/` or `~/`, or one directory's name")
    })?;
    Ok(Dir::Below(plain(&base.join(path))))
}

/// Without `.` and `..`, also where the directory is gone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

fn role(value: &str) -> Result<EventKind> {
    match value.to_lowercase().as_str() {
        "prompt" | "prompts" | "user" | "you" | "me" => Ok(EventKind::Prompt),
        "reply" | "replies" | "assistant" | "claude" => Ok(EventKind::Reply),
        _ => Err(Error::usage(format!("`role:{value}` is no role"))
            .hint("`role:prompt` is what you said, `role:reply` what Claude said")),
    }
}

/// A piece of the query between spaces.
struct Piece {
    text: String,
    wanted: bool,
    prefix: bool,
    /// Its name, and what it is to be.
    filter: Option<(String, String)>,
}

/// Takes a query apart. A quote that is never closed ends at the end.
fn pieces(query: &str) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = query.trim_start();
    while !rest.is_empty() {
        let (wanted, after) = match rest.strip_prefix('-') {
            Some(after) if !after.is_empty() && !after.starts_with(char::is_whitespace) => (false, after),
            _ => (true, rest),
        };
        let filter = filter_name(after)?;
        let body = filter.map_or(after, |name| after.get(name.len() + 1..).unwrap_or_default());
        let (text, quoted, next) = match body.strip_prefix('"') {
            Some(inner) => {
                let (text, next) = inner.split_once('"').unwrap_or((inner, ""));
                (text, true, next)
            }
            // A quote may also follow a word at once.
            None => {
                let end = body.find(|c: char| c.is_whitespace() || (c == '"' && filter.is_none()));
                let (text, next) = body.split_at(end.unwrap_or(body.len()));
                (text, false, next)
            }
        };
        let (prefix, next) = match next.strip_prefix('*') {
            Some(after) if quoted => (true, after),
            _ => (!quoted && text.ends_with('*'), next),
        };
        pieces.push(Piece {
            text: text.to_owned(),
            wanted,
            prefix,
            filter: filter.map(|name| (name.to_lowercase(), text.to_owned())),
        });
        rest = next.trim_start();
    }
    Ok(pieces)
}

/// `session` of `session:work`. A name that is none of ours but nearly one is a slip; any other word with a colon in
/// it is a word.
fn filter_name(text: &str) -> Result<Option<&str>> {
    let Some((name, value)) = text.split_once(':') else { return Ok(None) };
    let is_value = value.chars().next().is_some_and(|c| !c.is_whitespace() && c != ':');
    if name.is_empty() || !is_value || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Ok(None);
    }
    let lower = name.to_lowercase();
    if FILTERS.contains(&lower.as_str()) {
        return Ok(Some(name));
    }
    let nearest = OF_OTHERS.iter().find(|(other, _)| *other == lower).map(|(_, ours)| *ours);
    let nearest = nearest.or_else(|| FILTERS.into_iter().find(|ours| is_slip(&lower, ours)));
    match nearest {
        // A web address is no slip.
        Some(nearest) if !value.starts_with("//") => {
            let all = FILTERS.map(|filter| format!("{filter}:")).join(" ");
            Err(Error::usage(format!("there is no filter `{name}:`, perhaps `{nearest}:` is meant"))
                .hint(format!("there are {all}; words in quotes are never filters")))
        }
        _ => Ok(None),
    }
}

/// One letter is too many, missing, wrong or at the wrong place. Among short names that would be other words.
fn is_slip(typed: &str, name: &str) -> bool {
    match name.len() {
        ..=3 => typed.strip_prefix(name).is_some_and(|rest| rest.len() == 1),
        _ => strsim::damerau_levenshtein(typed, name) == 1,
    }
}
