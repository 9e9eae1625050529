//! Directories, the database, the disk, the socket's path.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::cli::ctx::Ctx;
use crate::cli::text;
use crate::host::in_process;

/// Below this, a turn of work may fill the disk.
const LITTLE: u64 = 200 << 20;
/// Below this, nothing can be relied on.
const NOTHING: u64 = 10 << 20;

pub(super) fn examine(ctx: &Ctx) -> Vec<Finding> {
    let mut findings = vec![
        directory(ctx, "data", ctx.paths.data_dir()),
        directory(ctx, "state", ctx.paths.state_dir()),
        database(ctx),
        disk(ctx.paths.data_dir()),
        socket(&ctx.paths.socket()),
    ];
    findings.extend(conversations(ctx));
    findings.extend(readable_by_others(&ctx.paths.config_file()));
    findings
}

/// A directory of ours is ours alone, and can be written.
fn directory(ctx: &Ctx, check: &'static str, dir: &Path) -> Finding {
    let place = text::tilde(dir, ctx.paths.home());
    let meta = match std::fs::metadata(dir) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Finding::ok(check, format!("{place} will be made when it is needed"));
        }
        Err(error) => return Finding::fail(check, format!("{place}: {error}"), format!("ls -ld {place}")),
    };
    if !meta.is_dir() {
        return Finding::fail(check, format!("{place} is not a directory"), "move it out of the way");
    }
    let needed = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    if let Err(error) = rustix::fs::access(dir, needed) {
        return Finding::fail(
            check,
            format!("{place} cannot be read and written: {error}"),
            "check its owner and its disk",
        );
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Finding::warn(
            check,
            format!("{place} is open to others ({mode:03o})"),
            format!("chmod 700 {place}"),
        );
    }
    Finding::ok(check, place)
}

fn database(ctx: &Ctx) -> Finding {
    const CHECK: &str = "database";
    let file = ctx.paths.database();
    let place = text::tilde(&file, ctx.paths.home());
    match std::fs::metadata(&file) {
        Ok(meta) if meta.is_file() && meta.len() == 0 => {
            return Finding::warn(
                CHECK,
                format!("{place} is empty"),
                "if there were sessions, put back a backup; the next one that is made begins anew",
            );
        }
        Ok(_) => {}
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Finding::ok(CHECK, "none yet; the first session makes it");
        }
        Err(error) => return Finding::fail(CHECK, format!("{place}: {error}"), format!("ls -ld {place}")),
    }
    match in_process::check_database(&ctx.paths) {
        Ok(()) => Finding::ok(CHECK, place),
        Err(error) => Finding::error(CHECK, error),
    }
}

/// The index over plain conversations, only where something is wrong with it: all of it can be made again.
fn conversations(ctx: &Ctx) -> Option<Finding> {
    let error = in_process::check_conversations(&ctx.paths).err()?;
    let file = ctx.paths.conversations_database();
    let hint = format!("rm {}: the next search makes it again", text::tilde(&file, ctx.paths.home()));
    Some(Finding::warn("conversations", error.message, hint))
}

fn disk(dir: &Path) -> Finding {
    const CHECK: &str = "disk";
    let space = match rustix::fs::statvfs(existing(dir)) {
        Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
        Err(error) => return Finding::warn(CHECK, format!("cannot tell the free space: {error}"), "df -h"),
    };
    let free = format!("{} free", text::bytes(space));
    match space {
        ..NOTHING => Finding::fail(CHECK, free, "make room: new prompts are refused when the disk is full"),
        NOTHING..LITTLE => Finding::warn(CHECK, free, "make room before it is full"),
        _ => Finding::ok(CHECK, free),
    }
}

/// The nearest directory above that exists.
fn existing(dir: &Path) -> PathBuf {
    dir.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/")).to_owned()
}

fn socket(path: &Path) -> Finding {
    const CHECK: &str = "socket";
    match std::os::unix::net::SocketAddr::from_pathname(path) {
        Ok(_) => Finding::ok(CHECK, path.display().to_string()),
        Err(_) => Finding::fail(
            CHECK,
            format!("{} is too long for a socket", path.display()),
            "set XDG_RUNTIME_DIR to a shorter directory of your own",
        ),
    }
}

/// The configuration may hold a token.
fn readable_by_others(file: &Path) -> Option<Finding> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let place = file.display();
        let message = format!("{place} can be read by others ({mode:03o}); it may hold a token");
        Finding::warn("configuration", message, format!("chmod 600 {place}"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;
    use crate::cli::screen::Screen;
    use crate::paths::Env;

    #[test]
    fn open_directories_and_missing_ones_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_str().unwrap().to_owned();
        let ctx = Ctx::new(Env::from_pairs([("HOME", home)]), Screen::plain()).unwrap();
        let open = dir.path().join("open");
        assert_eq!(directory(&ctx, "data", &open).status, Status::Ok);
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        let finding = directory(&ctx, "data", &open);
        assert_eq!(finding.status, Status::Warn);
        assert_eq!(finding.hint.as_deref(), Some("chmod 700 ~/open"));
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(directory(&ctx, "data", &open), Finding::ok("data", "~/open"));
    }

    #[test]
    fn a_socket_path_has_a_limit() {
        assert_eq!(socket(Path::new("/run/x.sock")).status, Status::Ok);
        assert_eq!(socket(Path::new(&format!("/{}", "x".repeat(200)))).status, Status::Fail);
    }

    #[test]
    fn the_disk_is_that_of_the_nearest_directory_there_is() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(existing(&dir.path().join("a/b/c")), dir.path());
        assert_ne!(disk(dir.path()).message, "");
    }
}
