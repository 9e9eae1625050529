//! Which archives there are: only the first entry of each is read.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::format::{self, SUFFIX};
use super::manifest::Manifest;
use super::verify;
use crate::error::{Error, Result};

/// An archive in a list. That its manifest can be read does not mean that the rest can: `verify` says.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) file: PathBuf,
    pub(crate) bytes: u64,
    /// When the file was last written; for a whole archive `manifest.created` says it better.
    pub(crate) modified: Timestamp,
    /// Or why it cannot be read.
    pub(crate) manifest: Result<Manifest>,
}

impl Listed {
    fn created(&self) -> Timestamp {
        self.manifest.as_ref().map_or(self.modified, |manifest| manifest.created)
    }
}

/// The archives in a directory, newest first, damaged ones with their reason. A missing directory holds none.
pub(crate) fn list(dir: &Path) -> Result<Vec<Listed>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", dir, &e)),
    };
    let mut archives = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Error::io("read", dir, &e))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || !name.ends_with(SUFFIX) {
            continue;
        }
        let file = entry.path();
        // Links are followed; what is no file (or gone by now) is no archive.
        let Some(metadata) = fs::metadata(&file).ok().filter(fs::Metadata::is_file) else { continue };
        let modified = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        let manifest = read_manifest(&file);
        let modified = modified.unwrap_or(Timestamp::UNIX_EPOCH);
        archives.push(Listed { file, bytes: metadata.len(), modified, manifest });
    }
    archives.sort_by(|a, b| b.created().cmp(&a.created()).then_with(|| b.file.cmp(&a.file)));
    Ok(archives)
}

/// What an archive says of itself, unverified.
pub(crate) fn read_manifest(archive: &Path) -> Result<Manifest> {
    let file = verify::open(archive)?;
    let manifest = verify::read_manifest(&mut verify::decompress(file));
    manifest.map(|(manifest, _)| manifest).map_err(|e| format::about(archive, verify::damaged(e)))
}
