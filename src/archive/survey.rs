//! What packing a directory would mean, before anybody decides on it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::format::shown;
use super::manifest::Tally;
use super::meter::{Meter, Step};
use super::scan;
use crate::error::Result;

/// What an archive of a directory would hold, and what the project's own rules would leave out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Survey {
    pub(crate) packed: Tally,
    pub(crate) ignored: Tally,
    /// What is left out, largest first: its path within the directory and its bytes.
    pub(crate) largest_ignored: Vec<(String, u64)>,
}

/// So many of what is left out are named.
const NAMED: usize = 5;

pub(crate) fn survey(dir: &Path, all_files: bool, cancel: &AtomicBool) -> Result<Survey> {
    let mut unheard = |_| {};
    let meter = Meter::new(Step::Packing, &mut unheard, cancel);
    let tree = scan::workspace(dir, all_files, &meter)?;
    let mut survey = Survey { packed: tree.tally, ignored: Tally::default(), largest_ignored: Vec::new() };
    let root = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    for name in tree.ignored {
        let below = name.splitn(2, |b| *b == b'/').nth(1).unwrap_or_default();
        let path = root.join(std::ffi::OsStr::from_bytes(below));
        let tally = tally(path, &meter)?;
        survey.ignored.add(&tally);
        survey.largest_ignored.push((shown(below), tally.bytes));
    }
    survey.largest_ignored.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    survey.largest_ignored.truncate(NAMED);
    Ok(survey)
}

/// Bytes of what lies at and below these paths.
pub(crate) fn size(paths: &[PathBuf], cancel: &AtomicBool) -> Result<u64> {
    let mut unheard = |_| {};
    let meter = Meter::new(Step::Packing, &mut unheard, cancel);
    paths.iter().map(|path| Ok(tally(path.clone(), &meter)?.bytes)).sum()
}

/// Counts what lies at and below a path. What cannot be seen counts nothing: it is left out anyway.
fn tally(path: PathBuf, meter: &Meter<'_>) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut waiting = vec![path];
    while let Some(path) = waiting.pop() {
        meter.check()?;
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_dir() {
            tally.dirs += 1;
            waiting.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        } else if metadata.is_symlink() {
            tally.links += 1;
        } else {
            tally.files += 1;
            tally.bytes = tally.bytes.saturating_add(metadata.len());
        }
    }
    Ok(tally)
}
