//! Directories that belong to one person: made 0700, and refused with words where they cannot be used.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use crate::error::{Error, Kind, Result};

const PRIVATE: u32 = 0o700;

/// Makes a directory of claudebot's own (and what is missing above it), and makes sure that it can be used:
/// it is a directory, ours, and writable. The mode of one that exists already is its owner's business.
pub(super) fn create(dir: &Path) -> Result<()> {
    make(dir)?;
    let found = fs::metadata(dir).map_err(|source| Error::io("look at", dir, &source))?;
    check_owner(dir, &found)?;
    check_writable(dir)
}

/// Like [`create`], for a directory a person chose, which may be shared: it only has to be writable.
pub(super) fn create_shared(dir: &Path) -> Result<()> {
    make(dir)?;
    check_writable(dir)
}

/// A directory where nobody else may put or reach anything, whatever lies there now: no link, ours, 0700.
pub(super) fn create_exclusive(dir: &Path) -> Result<()> {
    make(dir)?;
    // Not `metadata`: in /tmp a link made by somebody else must not lead us to a directory of theirs.
    let found = fs::symlink_metadata(dir).map_err(|source| Error::io("look at", dir, &source))?;
    if found.is_symlink() {
        return Err(Error::failed(format!("{} is a symbolic link, not a private directory", dir.display()))
            .hint("remove it, or set XDG_RUNTIME_DIR to a directory of yours"));
    }
    check_owner(dir, &found)?;
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(dir, fs::Permissions::from_mode(PRIVATE))
            .map_err(|source| Error::io("make private", dir, &source))?;
    }
    check_writable(dir)
}

fn make(dir: &Path) -> Result<()> {
    match DirBuilder::new().recursive(true).mode(PRIVATE).create(dir) {
        Ok(()) => Ok(()),
        Err(source) => Err(explain(dir, &source)),
    }
}

/// Says which part of the path is to blame, since the system's message never does.
fn explain(dir: &Path, source: &io::Error) -> Error {
    if let Some(file) = dir.ancestors().find(|part| fs::metadata(part).is_ok_and(|found| !found.is_dir())) {
        let what = if file == dir { String::new() } else { format!(", so {} cannot be made", dir.display()) };
        return Error::failed(format!("{} is a file, not a directory{what}", file.display()))
            .hint("move that file away");
    }
    let error = Error::io("create the directory", dir, source);
    match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            let above = dir.ancestors().skip(1).find(|part| part.exists()).unwrap_or(dir);
            error
                .hint(format!("make {} writable for you, or set another place (XDG_*_HOME)", above.display()))
        }
        _ => error,
    }
}

fn check_owner(dir: &Path, found: &Metadata) -> Result<()> {
    check_owned_by(dir, found.uid(), rustix::process::geteuid().as_raw())
}

fn check_owned_by(dir: &Path, owner: u32, we: u32) -> Result<()> {
    if owner == we {
        return Ok(());
    }
    let hint = if we == 0 { "run claudebot without sudo" } else { "use a directory of your own" };
    Err(Error::new(
        Kind::Denied,
        format!("{} belongs to another user (uid {owner}, and you are uid {we})", dir.display()),
    )
    .hint(hint))
}

fn check_writable(dir: &Path) -> Result<()> {
    use rustix::fs::{Access, access};
    access(dir, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).map_err(|errno| {
        Error::io("write in", dir, &errno.into())
            .hint("nothing was changed; make that directory writable for you")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(dir: &Path) -> u32 {
        fs::metadata(dir).unwrap().mode() & 0o7777
    }

    #[test]
    fn makes_every_missing_level_private() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b/c");
        create(&dir).unwrap();
        assert_eq!(mode(&dir), 0o700);
        assert_eq!(mode(&root.path().join("a")), 0o700);
        create(&dir).unwrap();
    }

    #[test]
    fn leaves_the_mode_of_an_existing_directory_alone() {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        create(root.path()).unwrap();
        create_shared(root.path()).unwrap();
        assert_eq!(mode(root.path()), 0o755);
    }

    #[test]
    fn an_exclusive_directory_is_tightened() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("run");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
        create_exclusive(&dir).unwrap();
        assert_eq!(mode(&dir), 0o700);
    }

    #[test]
    fn an_exclusive_directory_is_never_a_link() {
        let root = tempfile::tempdir().unwrap();
        let link = root.path().join("run");
        std::os::unix::fs::symlink(root.path(), &link).unwrap();
        let error = create_exclusive(&link).unwrap_err();
        assert_eq!(error.message, format!("{} is a symbolic link, not a private directory", link.display()));
    }

    #[test]
    fn names_the_file_in_the_way() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let error = create(&file).unwrap_err();
        assert_eq!(error.message, format!("{} is a file, not a directory", file.display()));
        let below = file.join("x/y");
        let error = create(&below).unwrap_err();
        assert_eq!(
            error.message,
            format!("{} is a file, not a directory, so {} cannot be made", file.display(), below.display())
        );
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused() {
        let dir = Path::new("/d");
        let error = check_owned_by(dir, 1000, 0).unwrap_err();
        assert_eq!(error.message, "/d belongs to another user (uid 1000, and you are uid 0)");
        assert_eq!(error.hint.as_deref(), Some("run claudebot without sudo"));
        let error = check_owned_by(dir, 0, 1000).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("use a directory of your own"));
        assert_eq!(check_owned_by(dir, 7, 7), Ok(()));
    }

    #[test]
    fn a_place_that_cannot_be_written_says_so() {
        // Not a mode of 0500: root, as which tests may run, is not held up by one.
        let error = create(Path::new("/proc/claudebot/data")).unwrap_err();
        assert!(error.message.starts_with("cannot create the directory /proc/claudebot/data: "), "{error}");
    }
}
