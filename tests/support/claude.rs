//! The real CLI, in the releases that the tests are pinned to.
//!
//! A test that needs one lives in a module named [`Release::module`]. `tests/run` installs the CLIs and leaves out
//! (and counts) those modules' tests where it cannot; run without it, they fail and say what to do.

use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    Newest,
    Older,
}

impl Release {
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::Newest => "2.1.330",
            Self::Older => "2.1.197",
        }
    }

    /// The name of the modules whose tests need it; `tests/run` knows it too.
    pub(crate) const fn module(self) -> &'static str {
        match self {
            Self::Newest => "real_330",
            Self::Older => "real_197",
        }
    }
}

/// The CLI's own binary.
#[track_caller]
pub(crate) fn real_claude(release: Release) -> PathBuf {
    let dir = installed_in().join(release.version());
    find(&dir).unwrap_or_else(|| {
        panic!(
            "Claude Code {} is not installed in {}: run `tests/run`, which installs it with npm (or name a \
             directory that has it with CLAUDEBOT_TEST_CLAUDE_DIR), or leave these tests out with \
             `cargo test -- --skip {}::`",
            release.version(),
            dir.display(),
            release.module(),
        )
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the person who runs the tests says where; no program of ours does"
)]
fn installed_in() -> PathBuf {
    let elsewhere = std::env::var_os("CLAUDEBOT_TEST_CLAUDE_DIR").filter(|dir| !dir.is_empty());
    elsewhere.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.claude"), PathBuf::from)
}

/// npm installs one package for this platform, whose name ends in the platform's.
fn find(dir: &Path) -> Option<PathBuf> {
    let packages = std::fs::read_dir(dir.join("node_modules/@anthropic-ai")).ok()?;
    let mut programs = packages.flatten().filter_map(|package| {
        let is_native = package.file_name().to_str()?.starts_with("claude-code-");
        Some(package.path().join("claude")).filter(|program| is_native && program.is_file())
    });
    programs.next()
}
