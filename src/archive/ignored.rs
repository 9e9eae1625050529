//! What a project's own rules say is not worth keeping: `.gitignore` files, and `.git/info/exclude`.
//!
//! Git asks whether it knows a file already before it asks these; here nobody does. A file that git keeps although
//! its name is ignored is left out too, and comes back with `git checkout`: `.git` itself is always packed, with all
//! in it, as git never asks its rules about that either (`.*`, or `*` with exceptions, would fit it).
//!
//! A directory that was asked for is packed, whatever the rules above it say of it. Once they ignore it, git asks about
//! nothing within it any more; here only the rules in it count then.

use std::path::Path;
use std::rc::Rc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// A repository, or the file that says where it is.
const GIT: &str = ".git";

/// The rules that hold in one directory: those of the innermost file that says something count.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules(Option<Rc<Level>>);

#[derive(Debug)]
struct Level {
    file: Gitignore,
    above: Rules,
}

impl Rules {
    /// Nothing is left out.
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// What holds in the directory above `root` already, if `root` is in a repository that does not ignore it. Those of
    /// `root` itself come with [`Self::within`].
    pub(super) fn above(root: &Path) -> Self {
        // An end, so that there is something to hang the files further down on.
        let end = Self(Some(Rc::new(Level { file: Gitignore::empty(), above: Self::none() })));
        let Some(repository) = root.ancestors().find(|dir| dir.join(GIT).exists()) else { return end };
        let mut rules = end.with(repository, &repository.join(".git/info/exclude"));
        let mut down: Vec<&Path> = root.ancestors().take_while(|dir| dir.starts_with(repository)).collect();
        down.reverse();
        for (dir, next) in down.iter().zip(down.iter().skip(1)) {
            rules = rules.within(dir);
            if rules.leave_out(next, true) {
                return end;
            }
        }
        rules
    }

    /// These, and what the directory itself says.
    pub(super) fn within(&self, dir: &Path) -> Self {
        if self.0.is_none() || is_git(dir) { Self::none() } else { self.with(dir, &dir.join(".gitignore")) }
    }

    /// Whether a path in the directory of these rules is left out.
    pub(super) fn leave_out(&self, path: &Path, is_dir: bool) -> bool {
        if is_git(path) {
            return false;
        }
        let mut level = self.0.as_deref();
        while let Some(Level { file, above }) = level {
            let verdict = file.matched(path, is_dir);
            if !verdict.is_none() {
                return verdict.is_ignore();
            }
            level = above.0.as_deref();
        }
        false
    }

    fn with(&self, dir: &Path, file: &Path) -> Self {
        // Anything but a plain file could block or never end.
        if !std::fs::metadata(file).is_ok_and(|found| found.is_file()) {
            return self.clone();
        }
        let mut builder = GitignoreBuilder::new(dir);
        if let Some(error) = builder.add(file) {
            tracing::info!("{}: {error}", file.display());
        }
        match builder.build() {
            Ok(file) if !file.is_empty() => Self(Some(Rc::new(Level { file, above: self.clone() }))),
            _ => self.clone(),
        }
    }
}

fn is_git(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == GIT)
}
