//! A TOML file as text with positions, and the problems found in it.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::error::{Error, Result};

/// No hand-written file is this long; reading one that is would only eat memory.
const LONGEST_FILE: u64 = 1024 * 1024;

/// A file's text and name.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    text: String,
}

/// A place a person can jump to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Something wrong, and where: `file:line:column`, a variable, a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    place: String,
    message: String,
    /// Where in the file; what is in no file comes after it.
    offset: usize,
}

impl Problem {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into(), offset: usize::MAX }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl Source {
    pub(crate) fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Reads a file; None where there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        // Looked at before it is opened: opening a named pipe would wait for a writer.
        let found = match fs::metadata(path) {
            Ok(found) => found,
            Err(source) if source.kind() == io::ErrorKind::NotFound && !path.is_symlink() => return Ok(None),
            Err(source) => return Err(Error::io("read", path, &source)),
        };
        if !found.is_file() {
            return Err(Error::usage(format!("{} is not a file", path.display())));
        }
        let mut bytes = Vec::new();
        let file = fs::File::open(path).map_err(|source| Error::io("read", path, &source))?;
        file.take(LONGEST_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| Error::io("read", path, &source))?;
        if bytes.len() as u64 > LONGEST_FILE {
            return Err(Error::usage(format!(
                "{} is longer than 1 MB; is it the right file?",
                path.display()
            )));
        }
        String::from_utf8(bytes).map(|text| Some(Self::new(path, text))).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let readable = Self::new(path, String::from_utf8_lossy(&error.as_bytes()[..good]));
            Error::usage(readable.problem(good, "not valid UTF-8 text").to_string())
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file's tables and values, or every place where it is not TOML.
    pub(crate) fn parse(&self) -> Result<DeTable<'_>, Vec<Problem>> {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        if errors.is_empty() {
            return Ok(table.into_inner());
        }
        let problems = errors.iter().map(|error| {
            let words = error.message().lines().collect::<Vec<_>>().join(", ");
            self.problem(error.span().map_or(0, |span| span.start), words)
        });
        Err(problems.collect())
    }

    pub(crate) fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before.get(start..).unwrap_or_default().chars().count() + 1,
        }
    }

    pub(crate) fn problem(&self, offset: usize, message: impl Into<String>) -> Problem {
        let Position { line, column } = self.position(offset);
        let place = format!("{}:{line}:{column}", self.path.display());
        Problem { place, message: message.into(), offset }
    }
}

/// All problems as one error, in the order of the file.
pub(crate) fn report(mut problems: Vec<Problem>, of: &str, hint: &str) -> Error {
    problems.sort_by_key(|problem| problem.offset);
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    let message = match lines.as_slice() {
        [only] => only.clone(),
        many => format!("{} problems in {of}:\n  {}", many.len(), many.join("\n  ")),
    };
    Error::usage(message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let source = Source::new("/c.toml", text);
        source
            .parse()
            .map(|_| Vec::new())
            .unwrap_or_else(|found| found.iter().map(Problem::to_string).collect())
    }

    #[test]
    fn positions_count_characters_from_one() {
        let source = Source::new("/c", "ä = 1\nüb = 2\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(3), Position { line: 1, column: 3 });
        assert_eq!(source.position(7), Position { line: 2, column: 1 });
        assert_eq!(source.position(9), Position { line: 2, column: 2 });
        assert_eq!(source.position(9999), Position { line: 3, column: 1 });
    }

    #[test]
    fn every_syntax_error_is_found_in_one_go() {
        assert_eq!(problems("a = 1\n"), Vec::<String>::new());
        assert_eq!(
            problems("a = \n[b\nc = 1\n"),
            [
                "/c.toml:2:3: unclosed table, expected `]`",
                "/c.toml:1:5: string values must be quoted, expected literal string",
            ]
        );
        assert_eq!(problems("a = 1\na = 2\n"), ["/c.toml:2:1: duplicate key"]);
    }

    #[test]
    fn what_is_no_readable_file_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        assert!(Source::read(&at("absent")).unwrap().is_none());
        std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
        let error = Source::read(&at("dangling")).unwrap_err();
        assert!(error.message.starts_with(&format!("cannot read {}: ", at("dangling").display())), "{error}");
        let error = Source::read(root.path()).unwrap_err();
        assert_eq!(error.message, format!("{} is not a file", root.path().display()));
        fs::write(at("binary"), b"a = 1\nb = \"\xff\"\n").unwrap();
        let error = Source::read(&at("binary")).unwrap_err();
        assert_eq!(error.message, format!("{}:2:6: not valid UTF-8 text", at("binary").display()));
        fs::write(at("long"), vec![b'#'; 1024 * 1024 + 1]).unwrap();
        let error = Source::read(&at("long")).unwrap_err();
        assert_eq!(
            error.message,
            format!("{} is longer than 1 MB; is it the right file?", at("long").display())
        );
    }

    #[test]
    fn several_problems_are_one_error_in_order() {
        let source = Source::new("/c", "a\nb\n");
        let problems = vec![source.problem(2, "second"), source.problem(0, "first")];
        let error = report(problems, "the file", "mend it");
        assert_eq!(error.message, "2 problems in the file:\n  /c:1:1: first\n  /c:2:1: second");
        assert_eq!(error.hint.as_deref(), Some("mend it"));
        assert_eq!(report(vec![Problem::new("$X", "bad")], "the file", "").message, "$X: bad");
    }
}
