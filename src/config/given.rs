//! A value as it was given, by a TOML file or as plain text by a variable or flag, read as one type or another.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::duration;
use crate::paths::Paths;

/// What a layer holds for a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Given<'a> {
    Toml(&'a Spanned<DeValue<'a>>),
    /// Lists are separated by commas.
    Plain(&'a str),
}

/// Why a value cannot be taken: the end of a sentence that begins with the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) message: String,
    /// Where in the file, if it came from one.
    pub(crate) offset: Option<usize>,
}

impl<'a> Given<'a> {
    pub(super) fn fault(self, message: impl Into<String>) -> Fault {
        let offset = match self {
            Self::Toml(value) => Some(value.span().start),
            Self::Plain(_) => None,
        };
        Fault { message: message.into(), offset }
    }

    /// `wants a string, not an integer`. A plain text is not repeated: it may be a secret.
    fn wrong_type(self, wants: &str) -> Fault {
        match self {
            Self::Toml(value) => self.fault(format!("wants {wants}, not {}", type_words(value.get_ref()))),
            Self::Plain(_) => self.fault(format!("wants {wants}")),
        }
    }

    pub(super) fn text(self) -> Result<String, Fault> {
        let text = match self {
            Self::Plain(text) => text,
            Self::Toml(value) => value.get_ref().as_str().ok_or_else(|| self.wrong_type("a string"))?,
        };
        if text.trim().is_empty() {
            return Err(self.fault("must not be empty; leave the key out instead"));
        }
        if text.contains('\0') {
            return Err(self.fault("holds a NUL character"));
        }
        Ok(text.to_owned())
    }

    /// The elements of a list, each with what it was given as, so that a fault points at the element.
    fn elements<T>(self, wants: &str, read: impl Fn(Given<'a>) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
        match self {
            Self::Plain(text) => text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| read(Given::Plain(part)))
                .collect(),
            Self::Toml(value) => {
                let array = value.get_ref().as_array().ok_or_else(|| self.wrong_type(wants))?;
                array.iter().map(|element| read(Given::Toml(element))).collect()
            }
        }
    }

    pub(super) fn list(self) -> Result<Vec<String>, Fault> {
        self.elements("a list of strings", Given::text)
    }

    pub(super) fn numbers(self) -> Result<Vec<i64>, Fault> {
        self.elements("a list of whole numbers", Given::number)
    }

    fn number(self) -> Result<i64, Fault> {
        const WANTS: &str = "a whole number";
        match self {
            Self::Plain(text) => {
                text.trim().parse().map_err(|_| self.fault(format!("wants {WANTS}, not `{text}`")))
            }
            Self::Toml(value) => {
                let integer = value.get_ref().as_integer().ok_or_else(|| self.wrong_type(WANTS))?;
                i64::from_str_radix(integer.as_str(), integer.radix())
                    .map_err(|_| self.fault(format!("wants {WANTS}, and {integer} is too large")))
            }
        }
    }

    pub(super) fn count(self, most: u32) -> Result<u32, Fault> {
        let number = self.number()?;
        u32::try_from(number)
            .ok()
            .filter(|count| *count <= most)
            .ok_or_else(|| self.fault(format!("wants a whole number from 0 to {most}, not {number}")))
    }

    pub(super) fn duration(self) -> Result<Duration, Fault> {
        let text = match self {
            Self::Plain(text) => text.to_owned(),
            Self::Toml(value) => match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                // `0` alone means off; any other bare number then asks for its unit.
                DeValue::Integer(integer) => integer.to_string(),
                _ => return Err(self.wrong_type("a duration like \"90s\", \"10m\", \"2h\" or \"1d\"")),
            },
        };
        duration::parse(&text).map_err(|message| self.fault(message))
    }

    /// An absolute path, `~/` expanded. There is no directory that a relative one could be relative to: the host
    /// runs in `/`, a shell anywhere.
    pub(crate) fn path(self, paths: &Paths) -> Result<PathBuf, Fault> {
        let text = self.text()?;
        let path = paths.expand_home(&text);
        if path.is_absolute() {
            return Ok(path);
        }
        Err(self.fault(match text.chars().next() {
            Some('~') => format!("is `{text}`: only `~/` stands for a home directory, and it is your own"),
            Some('$') => {
                format!("is `{text}`: variables are not expanded here; write the path out, or `~/…`")
            }
            _ => format!(
                "is `{text}`, a relative path, which would mean another place wherever claudebot is started; \
                 write it from `/` or `~/`"
            ),
        }))
    }

    pub(super) fn paths(self, paths: &Paths) -> Result<Vec<PathBuf>, Fault> {
        self.elements("a list of strings", |element| element.path(paths))
    }

    /// A program: a bare name to look up in `PATH`, or an absolute path.
    pub(super) fn program(self, paths: &Paths) -> Result<PathBuf, Fault> {
        let text = self.text()?;
        if text.contains('/') || text.starts_with('~') { self.path(paths) } else { Ok(PathBuf::from(text)) }
    }

    /// Variables for a child: `{ NAME = "value" }`, or plainly `NAME=value,NAME=value`.
    pub(super) fn variables(self) -> Result<BTreeMap<String, String>, Fault> {
        const WANTS: &str = "a table of strings like { NAME = \"value\" }";
        match self {
            Self::Plain(text) => text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| {
                    let (name, value) =
                        part.split_once('=').ok_or_else(|| self.fault("wants NAME=value,NAME=value"))?;
                    check_variable(name).map_err(|message| self.fault(message))?;
                    Ok((name.to_owned(), value.to_owned()))
                })
                .collect(),
            Self::Toml(value) => {
                let table = value.get_ref().as_table().ok_or_else(|| self.wrong_type(WANTS))?;
                table.iter().map(|(name, value)| variable(name, value)).collect()
            }
        }
    }
}

fn variable(
    name: &Spanned<toml::de::DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
) -> Result<(String, String), Fault> {
    check_variable(name.get_ref()).map_err(|message| Fault { message, offset: Some(name.span().start) })?;
    let given = Given::Toml(value);
    // Empty is a value here: it unsets what the program would otherwise inherit.
    let text = value.get_ref().as_str().ok_or_else(|| {
        given.fault(format!("wants a string for `{}`, not {}", name.get_ref(), type_words(value.get_ref())))
    })?;
    if text.contains('\0') {
        return Err(given.fault("holds a NUL character"));
    }
    Ok((name.get_ref().to_string(), text.to_owned()))
}

/// Whether a child may be given a variable of this name by a person's file.
fn check_variable(name: &str) -> Result<(), String> {
    if name.is_empty() || name.contains(['=', '\0']) || name.contains(char::is_whitespace) {
        return Err(format!("holds `{name}`, which cannot be the name of a variable"));
    }
    if name.starts_with("CLAUDEBOT_") {
        return Err(format!("must not set `{name}`: claudebot sets its variables itself"));
    }
    if name == "CLAUDE_CONFIG_DIR" {
        return Err("must not set `CLAUDE_CONFIG_DIR`: claudebot would look for conversations elsewhere; \
                    set `config_dir` in [claude] of the configuration"
            .to_owned());
    }
    Ok(())
}

pub(crate) fn type_words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
