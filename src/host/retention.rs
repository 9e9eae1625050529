//! Whether Claude Code's own clean-up would take conversations of our sessions away, and how to keep it from that.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub(crate) use crate::claude::retention::LONG_DAYS;
use crate::claude::retention::{DEFAULT_DAYS, KEY, ages, days, line_to_set, set_days, settings_file};
use crate::error::{Error, Result};

/// The period, and what it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outlook {
    pub(crate) days: u64,
    /// The user has chosen it.
    pub(crate) chosen: bool,
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
    /// Sessions with a conversation, and when each may be deleted, the first first.
    pub(crate) due: Vec<(String, Timestamp)>,
}

/// What becomes of these sessions' conversations.
pub(crate) fn outlook(config_dir: &Path, sessions: &[(String, Uuid)]) -> Result<Outlook> {
    let file = settings_file(config_dir);
    let found = days(config_dir).map_err(|error| unusable(&file, &error))?;
    let (days, line) = found.unwrap_or_else(|| (DEFAULT_DAYS, line_to_set(config_dir)));
    let ages = ages(config_dir);
    let kept = SignedDuration::from_hours(
        i64::try_from(days.saturating_mul(24)).unwrap_or(i64::MAX).min(i64::MAX / 3600),
    );
    let due = |(name, id): &(String, Uuid)| {
        let written = Timestamp::try_from(*ages.get(id)?).ok()?;
        Some((name.clone(), written.checked_add(kept).unwrap_or(Timestamp::MAX)))
    };
    let mut due: Vec<_> = sessions.iter().filter_map(due).collect();
    due.sort_by(|a, b| a.1.cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    Ok(Outlook { days, chosen: found.is_some(), file, line, due })
}

/// Has Claude Code keep everything for ten years.
pub(crate) fn keep_long(config_dir: &Path) -> Result<()> {
    set_days(config_dir, LONG_DAYS).map_err(|error| unusable(&settings_file(config_dir), &error))
}

/// What our own processes are told: to keep everything, unless the user has said for how long.
pub(super) fn of_our_own(config_dir: &Path) -> Option<(&'static str, u64)> {
    // What cannot be read may be a choice.
    matches!(days(config_dir), Ok(None)).then_some((KEY, LONG_DAYS))
}

fn unusable(file: &Path, error: &std::io::Error) -> Error {
    Error::failed(format!("Claude Code's settings {}: {error}", file.display()))
        .hint(format!("mend the file, and say \"{KEY}\": {LONG_DAYS} in it to keep conversations"))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn what_is_due_first_stands_first() {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path().join("projects/-p");
        fs::create_dir_all(&project).unwrap();
        let sessions: Vec<_> = [("new", 1), ("old", 40), ("gone", 0), ("middle", 25)]
            .into_iter()
            .zip(1_u128..)
            .map(|((name, age), id)| {
                let id = Uuid::from_u128(id);
                if age > 0 {
                    let file = File::create(project.join(format!("{id}.jsonl"))).unwrap();
                    file.set_modified(SystemTime::now() - Duration::from_secs(age * 24 * 3600)).unwrap();
                }
                (name.to_owned(), id)
            })
            .collect();
        let before = outlook(dir.path(), &sessions).unwrap();
        assert_eq!((before.days, before.chosen, before.line), (30, false, 1));
        let names: Vec<_> = before.due.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["old", "middle", "new"]);
        assert!(before.due[0].1 < Timestamp::now() && before.due[1].1 > Timestamp::now());
        assert_eq!(of_our_own(dir.path()), Some((KEY, LONG_DAYS)));
        keep_long(dir.path()).unwrap();
        let after = outlook(dir.path(), &sessions).unwrap();
        assert_eq!((after.days, after.chosen, after.line), (LONG_DAYS, true, 2));
        assert!(after.due[0].1 > Timestamp::now());
        assert_eq!(of_our_own(dir.path()), None, "what the user says counts");
    }
}
