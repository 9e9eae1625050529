//! A working directory as Claude Code sees it: what its conversations lie under, and where it keeps what was allowed
//! for it from now on.

use std::fs;
use std::path::{Path, PathBuf};

use super::command::Version;

/// Claude's limit for the readable part of a project's name.
const READABLE: usize = 200;

/// The last release that is known to take the working directory for the project, wherever it lies.
const BY_DIRECTORY: Version = Version { major: 2, minor: 1, patch: 197 };

/// The name below `projects/` under which Claude keeps conversations of a working directory, given its real
/// path: every UTF-16 unit but ASCII letters and digits is `-`; more than 200 are cut and followed by `-` and a
/// hash of the path, `31 h + unit` in 32 bits, its absolute value in base 36. (Seen alike in 2.1.197 and 2.1.330.)
pub(crate) fn project_name(cwd: &Path) -> String {
    let path = cwd.to_string_lossy();
    let plain = |unit: u16| match u8::try_from(unit) {
        Ok(byte) if byte.is_ascii_alphanumeric() => char::from(byte),
        _ => '-',
    };
    let mut name: String = path.encode_utf16().map(plain).collect();
    if name.len() > READABLE {
        let hash =
            path.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
        name.truncate(READABLE);
        name.push('-');
        name.push_str(&base36(hash.unsigned_abs()));
    }
    name
}

fn base36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.extend(char::from_digit(number % 36, 36));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

/// The file that rules for `localSettings` are written to by a process in `dir`. Newer releases take the root of the
/// repository that `dir` is in, of a worktree the main one's, unless that is the home directory itself.
pub(crate) fn local_settings(dir: &Path, home: &Path, release: Option<Version>) -> PathBuf {
    let by_directory = release.is_some_and(|release| release <= BY_DIRECTORY);
    let root = if by_directory { None } else { repository(dir).filter(|root| root != home) };
    root.as_deref().unwrap_or(dir).join(".claude/settings.local.json")
}

fn repository(dir: &Path) -> Option<PathBuf> {
    let root = dir.ancestors().find(|above| above.join(".git").exists())?;
    let git = root.join(".git");
    if git.is_dir() {
        return Some(root.to_owned());
    }
    // A worktree: `gitdir: MAIN/.git/worktrees/NAME`.
    let pointer = fs::read_to_string(git).ok()?;
    let place = Path::new(pointer.strip_prefix("gitdir:")?.trim());
    let worktrees = place.parent().filter(|parent| parent.ends_with(".git/worktrees"));
    let main = worktrees.and_then(|worktrees| worktrees.parent()?.parent());
    Some(main.unwrap_or(root).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs seen with the real CLI, the same in 2.1.197 and 2.1.330.
    #[test]
    fn project_names_are_claudes() {
        let (a, b, c) = ("a".repeat(100), "b".repeat(100), "c".repeat(186));
        let cut = format!("-tmp-arch-long-{a}-{}", "b".repeat(84));
        for (cwd, name) in [
            ("/tmp/arch/short.x_y/ü".to_owned(), "-tmp-arch-short-x-y--".to_owned()),
            ("/tmp/arch/long/😀".into(), "-tmp-arch-long---".into()),
            ("/tmp/arch/nfd-e\u{301}x".into(), "-tmp-arch-nfd-e-x".into()),
            (format!("/tmp/arch/long/{}", &c[1..]), format!("-tmp-arch-long-{}", &c[1..])),
            (format!("/tmp/arch/long/{c}"), format!("-tmp-arch-long-{}-fd4n9d", &c[1..])),
            (format!("/tmp/arch/long/{a}/{b}"), format!("{cut}-mycvf6")),
            (format!("/tmp/arch/long/{a}/{b}é"), format!("{cut}-19yi4l")),
        ] {
            assert_eq!(project_name(Path::new(&cwd)), name, "{cwd}");
        }
    }

    #[test]
    fn the_project_is_the_repository_or_the_directory() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let make = |name: &str| {
            let dir = home.join(name);
            fs::create_dir_all(&dir).unwrap();
            dir
        };
        let newer = Version::parse("2.1.330");
        let of = |dir: &Path, release| {
            let file = local_settings(dir, home, release);
            file.strip_prefix(home).unwrap().to_str().unwrap().replace("/.claude/settings.local.json", "")
        };
        let sub = make("plain/sub");
        assert_eq!(of(&sub, newer), "plain/sub");
        make("repo/.git/worktrees/wt");
        let sub = make("repo/sub");
        make("repo/sub/.claude");
        assert_eq!(of(&sub, newer), "repo");
        assert_eq!(of(&sub, None), "repo");
        assert_eq!(of(&sub, Version::parse("2.1.197")), "repo/sub");
        let worktree = make("wt");
        let pointer = format!("gitdir: {}\n", home.join("repo/.git/worktrees/wt").display());
        fs::write(worktree.join(".git"), pointer).unwrap();
        assert_eq!(of(&worktree, newer), "repo");
        let module = make("module");
        fs::write(module.join(".git"), "gitdir: ../repo/.git/modules/module\n").unwrap();
        assert_eq!(of(&module, newer), "module");
        make(".git");
        assert_eq!(of(&sub, newer), "repo");
        assert_eq!(of(&home.join("plain/sub"), newer), "plain/sub");
    }
}
