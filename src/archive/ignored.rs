//! What a project's own rules say is not worth keeping: `.gitignore` files, and `.git/info/exclude`.
//!
//! Git asks whether it knows a file already before it asks these; here nobody does. A file that git keeps although
//! its name is ignored is left out too, and comes back with `git checkout`: `.git` itself is always packed.

use std::path::Path;
use std::rc::Rc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

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

    /// What holds in the directory above `root` already, if `root` is in a repository. Those of `root` itself come
    /// with [`Self::within`].
    pub(super) fn above(root: &Path) -> Self {
        // An end, so that there is something to hang the files further down on.
        let mut rules = Self(Some(Rc::new(Level { file: Gitignore::empty(), above: Self::none() })));
        let Some(repository) = root.ancestors().find(|dir| dir.join(".git").exists()) else { return rules };
        rules = rules.with(repository, &repository.join(".git/info/exclude"));
        let mut between: Vec<&Path> =
            root.ancestors().skip(1).take_while(|dir| dir.starts_with(repository)).collect();
        between.reverse();
        let above = between.into_iter().fold(rules.clone(), |rules, dir| rules.within(dir));
        // Git looks into nothing that is ignored, so rules that leave out all of `root` say nothing of what is in it.
        let is_left_out =
            root.ancestors().take_while(|dir| *dir != repository && dir.starts_with(repository));
        if is_left_out.into_iter().any(|dir| above.leave_out(dir, true)) {
            return Self(Some(Rc::new(Level { file: Gitignore::empty(), above: Self::none() })));
        }
        above
    }

    /// These, and what the directory itself says.
    pub(super) fn within(&self, dir: &Path) -> Self {
        if is_git(dir) {
            return Self::none();
        }
        if self.0.is_none() { Self::none() } else { self.with(dir, &dir.join(".gitignore")) }
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

/// What was committed is kept, also where rules are written as what is not to be left out (`*`, `!src/`).
fn is_git(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == ".git")
}
