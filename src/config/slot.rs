//! One entry of a table of keys: where its value lies, which type it has, how it is read and shown.
//!
//! `config` and `persona` each have such a table; parsing, the environment, `config show` and the reference are
//! all made from it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use super::duration;
use super::given::{Fault, Given};
use super::types::Secret;
use crate::error::{did_you_mean, nearest};
use crate::paths::Paths;

/// A key of the table for `T`.
pub(crate) struct Key<T> {
    /// Empty where keys are flat.
    pub(crate) section: &'static str,
    pub(crate) name: &'static str,
    pub(crate) slot: Slot<T>,
    /// One sentence for the reference.
    pub(crate) doc: &'static str,
}

/// Judges a text: a warning perhaps, or the end of a sentence that begins with the key.
pub(crate) type Check = fn(&str) -> Result<Option<String>, String>;

type Field<T, F> = fn(&mut T) -> &mut F;

/// Where a value lies in `T`, and by that its type.
pub(crate) enum Slot<T> {
    Text(Field<T, String>, Check),
    OptText(Field<T, Option<String>>, Check),
    Secret(Field<T, Option<Secret>>, Check),
    Choice(Choice<T>),
    Count(Field<T, u32>, u32),
    Duration(Field<T, Duration>),
    Program(Field<T, PathBuf>),
    Path(Field<T, PathBuf>),
    OptPath(Field<T, Option<PathBuf>>),
    Paths(Field<T, Vec<PathBuf>>),
    List(Field<T, Vec<String>>),
    Numbers(Field<T, Vec<i64>>),
    Variables(Field<T, BTreeMap<String, String>>),
}

/// One of a few words.
pub(crate) struct Choice<T> {
    pub(crate) options: &'static [&'static str],
    pub(crate) get: fn(&T) -> &str,
    pub(crate) set: fn(&mut T, &str),
}

/// The check of a text that may be anything.
pub(crate) fn anything(_: &str) -> Result<Option<String>, String> {
    Ok(None)
}

impl<T> Key<T> {
    /// `host.max_live`, or `model` where keys are flat.
    pub(crate) fn full_name(&self) -> String {
        if self.section.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.section, self.name) }
    }

    /// `CLAUDEBOT_HOST_MAX_LIVE`
    pub(crate) fn variable(&self) -> String {
        format!("CLAUDEBOT_{}_{}", self.section, self.name).to_uppercase()
    }
}

impl<T> Slot<T> {
    /// Takes a value, or says why not and leaves the old one. The text that may come back is a warning.
    pub(crate) fn set(
        &self,
        target: &mut T,
        given: Given<'_>,
        paths: &Paths,
    ) -> Result<Option<String>, Fault> {
        let checked = |check: &Check| {
            let text = given.text()?;
            let warning = check(&text).map_err(|message| given.fault(message))?;
            Ok((text, warning))
        };
        match self {
            Self::Text(field, check) => {
                let (text, warning) = checked(check)?;
                *field(target) = text;
                return Ok(warning);
            }
            Self::OptText(field, check) => {
                let (text, warning) = checked(check)?;
                *field(target) = Some(text);
                return Ok(warning);
            }
            Self::Secret(field, check) => {
                let (text, warning) = checked(check)?;
                *field(target) = Some(Secret::new(text.trim()));
                return Ok(warning);
            }
            Self::Choice(choice) => choice.take(target, given)?,
            Self::Count(field, most) => *field(target) = given.count(*most)?,
            Self::Duration(field) => *field(target) = given.duration()?,
            Self::Program(field) => *field(target) = given.program(paths)?,
            Self::Path(field) => *field(target) = given.path(paths)?,
            Self::OptPath(field) => *field(target) = Some(given.path(paths)?),
            Self::Paths(field) => *field(target) = given.paths(paths)?,
            Self::List(field) => *field(target) = given.list()?,
            Self::Numbers(field) => *field(target) = given.numbers()?,
            Self::Variables(field) => *field(target) = given.variables()?,
        }
        Ok(None)
    }

    /// The value as it may be shown: secrets are `(set)`, what is not set is empty.
    pub(crate) fn show(&self, target: &mut T) -> String {
        match self {
            Self::Text(field, _) => field(target).clone(),
            Self::OptText(field, _) => field(target).clone().unwrap_or_default(),
            Self::Secret(field, _) => field(target).as_ref().map(|_| "(set)".to_owned()).unwrap_or_default(),
            Self::Choice(choice) => (choice.get)(target).to_owned(),
            Self::Count(field, _) => field(target).to_string(),
            Self::Duration(field) => duration::show(*field(target)),
            Self::Program(field) | Self::Path(field) => field(target).display().to_string(),
            Self::OptPath(field) => {
                field(target).as_ref().map(|path| path.display().to_string()).unwrap_or_default()
            }
            Self::Paths(field) => joined(field(target).iter().map(|path| path.display().to_string())),
            Self::List(field) => joined(field(target).iter().cloned()),
            Self::Numbers(field) => joined(field(target).iter().map(i64::to_string)),
            // Keys and passwords are handed over like this: names suffice to see what is set.
            Self::Variables(field) => joined(field(target).keys().map(|name| format!("{name}=(set)"))),
        }
    }

    /// The type in words, for the reference.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Text(..) | Self::OptText(..) | Self::Secret(..) => "text".to_owned(),
            Self::Choice(choice) => choice.options.join(" | "),
            Self::Count(..) => "whole number".to_owned(),
            Self::Duration(_) => "duration".to_owned(),
            Self::Program(_) => "program: a name or an absolute path".to_owned(),
            Self::Path(_) | Self::OptPath(_) => "absolute path".to_owned(),
            Self::Paths(_) => "list of absolute paths".to_owned(),
            Self::List(_) => "list of texts".to_owned(),
            Self::Numbers(_) => "list of whole numbers".to_owned(),
            Self::Variables(_) => "table of variables".to_owned(),
        }
    }

    /// The value as TOML, for the reference.
    pub(crate) fn literal(&self, target: &mut T) -> String {
        let shown = self.show(target);
        match self {
            Self::Count(..) => shown,
            Self::Paths(_) | Self::List(_) | Self::Numbers(_) => format!("[{shown}]"),
            Self::Variables(_) => format!("{{{shown}}}"),
            _ if shown.is_empty() => "(not set)".to_owned(),
            _ => format!("{shown:?}"),
        }
    }
}

impl<T> Choice<T> {
    fn take(&self, target: &mut T, given: Given<'_>) -> Result<(), Fault> {
        let text = given.text()?;
        if !self.options.contains(&text.as_str()) {
            return Err(given.fault(not_an_option(&text, self.options)));
        }
        (self.set)(target, &text);
        Ok(())
    }
}

/// `is `x`, which is none of a, b, c; did you mean `b`?`
pub(crate) fn not_an_option(text: &str, options: &[&str]) -> String {
    let mut words = format!("is `{text}`, which is none of {}", options.join(", "));
    // Writing into a String cannot fail.
    write!(words, "{}", did_you_mean(nearest(text, options.iter().copied()))).ok();
    words
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
