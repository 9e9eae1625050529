//! The order of a house, entry by entry: what may come next, and what was seen.

use std::collections::HashMap;

use super::super::checksums::{self, Digest, Hasher};
use super::super::format::{self, CHECKSUMS, MAX_NAME, flaw};
use super::super::stream::{Entry, Kind};
use super::super::verify::Lines;
use super::contents::{CONTENTS, Contents};
use super::{BINDINGS, CONFIG, MAX_BINDINGS, MAX_PERSONAS, MAX_TEXT, PERSONAS, SESSIONS};
use crate::error::{Error, Result};

/// Far more than the lines of all that a house can hold.
const MAX_CHECKSUMS: u64 = 1 << 28;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Config,
    /// By its name, as it stands in the entry.
    Persona(String),
    /// The archive of the next session.
    Session,
    Bindings,
    Checksums,
}

/// How far the file was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Contents,
    Config,
    Personas,
    Sessions,
    Bindings,
    Checksums,
}

/// Everything that a house has to be measured by.
pub(super) struct Judge<'a> {
    contents: &'a Contents,
    place: Place,
    /// The session whose archive comes next.
    next: usize,
    personas: usize,
    seen: HashMap<Vec<u8>, Digest>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(contents: &'a Contents, digest: Digest) -> Result<Self> {
        let mut ids = std::collections::HashSet::new();
        for (index, item) in contents.sessions.iter().enumerate() {
            let number = format!("{SESSIONS}{:04}-", index + 1);
            format::check_name(item.file.as_bytes())?;
            let rest = item.file.strip_prefix(&number).and_then(|rest| rest.strip_suffix(format::SUFFIX));
            if rest.is_none_or(|rest| rest.contains('/')) {
                return Err(flaw(item.file.as_bytes(), format_args!("{CONTENTS} should name it {number}…")));
            }
            if !ids.insert(item.id) {
                return Err(Error::failed(format!("the session {} is there twice", item.id)));
            }
        }
        let seen = HashMap::from([(CONTENTS.into(), digest)]);
        Ok(Self { contents, place: Place::Contents, next: 0, personas: 0, seen })
    }

    /// Whether the entry may stand here, and what it is.
    pub(super) fn admit(&mut self, entry: &Entry) -> Result<Part> {
        let name = &entry.name[..];
        format::check_name(name)?;
        if self.seen.contains_key(name) {
            return Err(flaw(name, "it is there twice"));
        }
        if self.place == Place::Checksums {
            return Err(flaw(name, "it follows the checksums, which should stand last"));
        }
        let (part, place) = self.part_of(name)?;
        if place < self.place {
            return Err(flaw(name, "it is out of order"));
        }
        if place > Place::Sessions {
            self.all_sessions()?;
        }
        self.place = place;
        if entry.kind != Kind::File {
            return Err(flaw(name, "it should be a plain file"));
        }
        match part {
            Part::Session => self.next += 1,
            Part::Persona(_) => {
                self.personas += 1;
                if self.personas > MAX_PERSONAS {
                    return Err(flaw(name, "there are too many personas"));
                }
            }
            _ => {}
        }
        let most = match part {
            Part::Config | Part::Persona(_) => MAX_TEXT,
            Part::Bindings => MAX_BINDINGS,
            Part::Checksums => MAX_CHECKSUMS,
            Part::Session => u64::MAX,
        };
        if entry.size > most {
            return Err(flaw(name, "it is too large"));
        }
        Ok(part)
    }

    fn part_of(&self, name: &[u8]) -> Result<(Part, Place)> {
        let text = std::str::from_utf8(name).unwrap_or_default();
        let part = match text {
            CONFIG => (Part::Config, Place::Config),
            BINDINGS => (Part::Bindings, Place::Bindings),
            CHECKSUMS => (Part::Checksums, Place::Checksums),
            _ => {
                if let Some(persona) = persona(text) {
                    (Part::Persona(persona.to_owned()), Place::Personas)
                } else if self.contents.sessions.get(self.next).is_some_and(|item| item.file == text) {
                    (Part::Session, Place::Sessions)
                } else {
                    return Err(flaw(name, "it has no place in a house, or not here"));
                }
            }
        };
        Ok(part)
    }

    pub(super) fn saw(&mut self, name: &[u8], digest: Digest) {
        self.seen.insert(name.into(), digest);
    }

    /// Compares what was seen with the checksums, handed over by `read` piece by piece. Gives their own digest.
    pub(super) fn compare(&mut self, mut read: impl FnMut(&mut Vec<u8>) -> Result<bool>) -> Result<Digest> {
        let mut lines = Lines::new(2 * MAX_NAME + 80);
        let mut hasher = Hasher::default();
        let mut piece = Vec::new();
        while read(&mut piece)? {
            hasher.update(&piece);
            lines.take(&piece, &mut |line| self.compare_line(line))?;
        }
        lines.end()?;
        match self.seen.keys().next() {
            Some(name) => Err(flaw(name, "it is not among the checksums")),
            None => Ok(hasher.finish()),
        }
    }

    fn compare_line(&mut self, line: &[u8]) -> Result<()> {
        let Some((digest, name)) = checksums::parse_line(line) else {
            return Err(flaw(CHECKSUMS.as_bytes(), "a line is malformed"));
        };
        match self.seen.remove(&name) {
            Some(seen) if seen == digest => Ok(()),
            Some(_) => Err(flaw(&name, "its content does not match its checksum")),
            None => Err(flaw(&name, "it has a checksum but is missing")),
        }
    }

    fn all_sessions(&self) -> Result<()> {
        match self.contents.sessions.get(self.next) {
            Some(item) => Err(Error::failed(format!("something is missing: the session {}", item.name))),
            None => Ok(()),
        }
    }

    pub(super) fn conclude(&self) -> Result<()> {
        self.all_sessions()?;
        if self.place != Place::Checksums {
            return Err(Error::failed("something is missing: the checksums"));
        }
        Ok(())
    }
}

/// The name within `personas/NAME.toml`, if it is one and nothing but one.
fn persona(text: &str) -> Option<&str> {
    let name = text.strip_prefix(PERSONAS)?.strip_suffix(".toml")?;
    (!name.is_empty() && !name.contains('/') && !name.starts_with('.')).then_some(name)
}
