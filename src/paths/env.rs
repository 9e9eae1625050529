//! The environment, read once and handed around, so that tests can give their own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// The environment variables a program was started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Env {
    vars: BTreeMap<OsString, OsString>,
}

impl Env {
    /// The one place where the process's own environment is read.
    pub(crate) fn from_process() -> Self {
        Self { vars: std::env::vars_os().collect() }
    }

    pub(crate) fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        Self { vars: pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }

    /// The value of a variable. One that is set to nothing counts as unset, as POSIX tools treat it.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.vars.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Every variable as it was given, empty ones too: what a child inherits.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.vars.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_set_to_nothing_is_unset_but_inherited() {
        let env = Env::from_pairs([("EMPTY", ""), ("FULL", "x")]);
        assert_eq!(env.get("EMPTY"), None);
        assert_eq!(env.get("FULL"), Some(OsStr::new("x")));
        assert_eq!(env.get("ABSENT"), None);
        assert_eq!(env.iter().count(), 2);
    }
}
