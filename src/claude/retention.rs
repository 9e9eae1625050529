//! How long Claude Code keeps conversations: `cleanupPeriodDays` in its settings, 30 where nobody has said anything.
//!
//! Every process, resident ones too, removes what was not written to for longer: the file and the directory beside it,
//! some seconds after it has started, once a day. A value in `--settings` counts instead of the user's, in 2.1.197 and
//! 2.1.330 alike; an organisation's policy counts above all, and is not looked at here.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::value::RawValue;
use uuid::Uuid;

/// Where nobody has said anything.
pub(crate) const DEFAULT_DAYS: u64 = 30;
/// Ten years, which Claude Code itself names for a long time.
pub(crate) const LONG_DAYS: u64 = 3650;

pub(crate) const KEY: &str = "cleanupPeriodDays";

/// The user's settings.
pub(crate) fn settings_file(config_dir: &Path) -> PathBuf {
    config_dir.join("settings.json")
}

/// What the user has said, and in which line; None: nothing.
pub(crate) fn days(config_dir: &Path) -> io::Result<Option<(u64, usize)>> {
    let text = text_of(config_dir)?;
    let fields = fields(&text)?;
    let Some(value) = fields.get(KEY) else { return Ok(None) };
    let days = value.get().parse().map_err(|_| io::Error::other(format!("{KEY} is no number of days")))?;
    Ok(Some((days, line_of(&text, offset(&text, value)))))
}

/// The line in which a value would be set.
pub(crate) fn line_to_set(config_dir: &Path) -> usize {
    let text = text_of(config_dir).unwrap_or_default();
    let beginning = text.find('{').map_or(0, |at| at + 1 + text[at + 1..].starts_with('\n') as usize);
    line_of(&text, beginning)
}

/// Sets the period in the user's settings; everything else in them stays as it is.
pub(crate) fn set_days(config_dir: &Path, days: u64) -> io::Result<()> {
    let changed = with_days(&text_of(config_dir)?, days)?;
    let link = settings_file(config_dir);
    // Where it is a link, into a repository of dotfiles for instance, it stays one.
    let file = fs::canonicalize(&link).unwrap_or(link);
    let dir = file.parent().unwrap_or(config_dir);
    fs::create_dir_all(dir)?;
    let mode = fs::metadata(&file).map_or(0o600, |found| found.permissions().mode() & 0o7777);
    let aside = dir.join(format!(".settings.json.{}", Uuid::new_v4()));
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).and_then(|mut to| {
            to.write_all(changed.as_bytes())?;
            to.set_permissions(fs::Permissions::from_mode(mode))?;
            to.sync_all()?;
            fs::rename(&aside, &file)
        });
    if written.is_err() {
        fs::remove_file(&aside).ok();
    }
    written
}

/// When each conversation was written to last.
pub(crate) fn ages(config_dir: &Path) -> HashMap<Uuid, SystemTime> {
    let mut ages = HashMap::new();
    let projects = fs::read_dir(config_dir.join("projects")).into_iter().flatten().flatten();
    let files = projects.flat_map(|project| fs::read_dir(project.path()).into_iter().flatten().flatten());
    for file in files {
        let path = file.path();
        let id = path
            .extension()
            .filter(|it| *it == "jsonl")
            .and_then(|_| path.file_stem()?.to_str()?.parse().ok());
        let written = file.metadata().and_then(|found| found.modified());
        if let (Some(id), Ok(written)) = (id, written) {
            let age = ages.entry(id).or_insert(written);
            *age = written.max(*age);
        }
    }
    ages
}

fn text_of(config_dir: &Path) -> io::Result<String> {
    match fs::read_to_string(settings_file(config_dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        text => text,
    }
}

fn fields(text: &str) -> io::Result<BTreeMap<String, &RawValue>> {
    if text.trim().is_empty() {
        return Ok(BTreeMap::new());
    }
    serde_json::from_str(text).map_err(|error| io::Error::other(format!("it is no JSON object: {error}")))
}

/// Where a value stands: it is a part of the text itself.
fn offset(text: &str, value: &RawValue) -> usize {
    value.get().as_ptr() as usize - text.as_ptr() as usize
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn with_days(text: &str, days: u64) -> io::Result<String> {
    let fields = fields(text)?;
    if let Some(value) = fields.get(KEY) {
        let at = offset(text, value);
        return Ok(format!("{}{days}{}", &text[..at], &text[at + value.get().len()..]));
    }
    let Some(open) = text.find('{') else { return Ok(format!("{{\n  \"{KEY}\": {days}\n}}\n")) };
    let (head, rest) = text.split_at(open + 1);
    if fields.is_empty() {
        return Ok(format!(
            "{head}\n  \"{KEY}\": {days}\n}}{}",
            rest.split_once('}').map_or("", |(_, end)| end)
        ));
    }
    // As the first field stands, so does the new one.
    let space = &rest[..rest.len() - rest.trim_start().len()];
    Ok(format!("{head}{space}\"{KEY}\": {days},{}{rest}", if space.is_empty() { " " } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_else_stays_as_it_is() {
        for (before, after) in [
            ("", "{\n  \"cleanupPeriodDays\": 3650\n}\n"),
            ("{}\n", "{\n  \"cleanupPeriodDays\": 3650\n}\n"),
            ("{\n}\n", "{\n  \"cleanupPeriodDays\": 3650\n}\n"),
            ("{\"a\":1}", "{\"cleanupPeriodDays\": 3650, \"a\":1}"),
            (
                "{\n    \"b\": {\"cleanupPeriodDays\": 1},\n    \"a\": 1\n}\n",
                "{\n    \"cleanupPeriodDays\": 3650,\n    \"b\": {\"cleanupPeriodDays\": 1},\n    \"a\": 1\n}\n",
            ),
            (
                "{\n\t\"z\": \"ä\",\n\t\"cleanupPeriodDays\" : 20 ,\n\t\"a\": [1]}",
                "{\n\t\"z\": \"ä\",\n\t\"cleanupPeriodDays\" : 3650 ,\n\t\"a\": [1]}",
            ),
        ] {
            assert_eq!(with_days(before, LONG_DAYS).unwrap(), after);
        }
        for broken in ["[1]", "{\"a\": }", "{} {}"] {
            assert!(with_days(broken, LONG_DAYS).is_err(), "{broken}");
        }
    }

    #[test]
    fn it_is_read_with_its_line_and_written_with_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(days(dir.path()).unwrap(), None);
        let file = settings_file(dir.path());
        fs::write(&file, "{\n  \"a\": 1,\n  \"cleanupPeriodDays\": 20\n}\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(days(dir.path()).unwrap(), Some((20, 3)));
        set_days(dir.path(), LONG_DAYS).unwrap();
        assert_eq!(days(dir.path()).unwrap(), Some((LONG_DAYS, 3)));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::write(&file, "{\"cleanupPeriodDays\": \"long\"}").unwrap();
        assert!(days(dir.path()).is_err());
    }
}
