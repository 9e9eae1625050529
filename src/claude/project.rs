//! Where Claude Code keeps what was allowed for a project from now on.

use std::fs;
use std::path::{Path, PathBuf};

use super::command::Version;

/// The last release that is known to take the working directory for the project, wherever it lies.
const BY_DIRECTORY: Version = Version { major: 2, minor: 1, patch: 197 };

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
