//! Where directories of the other machine lie here.

use std::path::{Path, PathBuf};

/// The longest that fits counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Maps {
    there: PathBuf,
    here: PathBuf,
    pairs: Vec<(PathBuf, PathBuf)>,
}

impl Maps {
    /// Homes lie where homes lie, unless a person said otherwise.
    pub(super) fn new(given: &[(PathBuf, PathBuf)], there: &Path, here: &Path) -> Self {
        let mut maps = Self { there: there.to_owned(), here: here.to_owned(), pairs: given.to_vec() };
        maps.add(there, here);
        maps
    }

    /// Nothing that is known already changes.
    pub(super) fn add(&mut self, old: &Path, new: &Path) {
        if !self.pairs.iter().any(|(known, _)| known == old) {
            self.pairs.push((old.to_owned(), new.to_owned()));
        }
    }

    /// Those that say something which the others do not.
    pub(super) fn pairs(&self) -> Vec<(PathBuf, PathBuf)> {
        let says = |(old, new): &&(PathBuf, PathBuf)| {
            let others = self.pairs.iter().filter(|(other, _)| other != old).cloned().collect();
            Self { pairs: others, ..self.clone() }.apply(old) != *new
        };
        self.pairs.iter().filter(says).cloned().collect()
    }

    pub(super) fn apply(&self, path: &Path) -> PathBuf {
        let fitting =
            self.pairs.iter().filter_map(|(old, new)| Some((old, new, path.strip_prefix(old).ok()?)));
        match fitting.max_by_key(|(old, ..)| old.components().count()) {
            Some((_, new, rest)) if rest.as_os_str().is_empty() => new.clone(),
            Some((_, new, rest)) => new.join(rest),
            None => path.to_owned(),
        }
    }

    /// A path as it stands in a file, where it is to stand there otherwise.
    pub(super) fn rewritten(&self, text: &str) -> Option<String> {
        let path = match text.strip_prefix('~') {
            Some("") => self.there.clone(),
            Some(rest) if rest.starts_with('/') => self.there.join(rest.trim_start_matches('/')),
            _ => PathBuf::from(text),
        };
        if !path.is_absolute() {
            return None;
        }
        let mapped = self.apply(&path);
        let as_written = text.strip_prefix('~').map(|rest| self.here.join(rest.trim_start_matches('/')));
        let stays = as_written.map_or(mapped == path, |here| here.components().eq(mapped.components()));
        if stays { None } else { mapped.into_os_string().into_string().ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps(given: &[(&str, &str)]) -> Maps {
        let given: Vec<_> = given.iter().map(|(old, new)| (old.into(), new.into())).collect();
        Maps::new(&given, Path::new("/home/a"), Path::new("/home/b"))
    }

    #[test]
    fn the_longest_that_fits_counts_and_homes_are_known() {
        let maps = maps(&[("/home/a/work", "/srv/w"), ("/opt", "/usr/opt")]);
        for (old, new) in [
            ("/home/a", "/home/b"),
            ("/home/a/x", "/home/b/x"),
            ("/home/ab", "/home/ab"),
            ("/home/a/work", "/srv/w"),
            ("/home/a/work/deep/er", "/srv/w/deep/er"),
            ("/home/a/works", "/home/b/works"),
            ("/opt/y", "/usr/opt/y"),
            ("/", "/"),
        ] {
            assert_eq!(maps.apply(Path::new(old)), Path::new(new), "{old}");
        }
    }

    #[test]
    fn what_was_said_of_the_home_counts() {
        assert_eq!(maps(&[("/home/a", "/home/c")]).apply(Path::new("/home/a/x")), Path::new("/home/c/x"));
        let same = Maps::new(&[], Path::new("/home/a"), Path::new("/home/a"));
        assert_eq!(
            (same.apply(Path::new("/home/a/x")).as_path(), same.pairs()),
            (Path::new("/home/a/x"), vec![])
        );
    }

    #[test]
    fn a_tilde_stays_one_where_it_says_the_same() {
        let maps = maps(&[("/home/a/work", "/srv/w")]);
        assert_eq!(maps.rewritten("~/x"), None);
        assert_eq!(maps.rewritten("~"), None);
        assert_eq!(maps.rewritten("~/work/y").as_deref(), Some("/srv/w/y"));
        assert_eq!(maps.rewritten("/home/a/x").as_deref(), Some("/home/b/x"));
        assert_eq!(maps.rewritten("/etc/x"), None);
        assert_eq!(maps.rewritten("claude"), None);
    }
}
