//! Where things lie: the XDG directories of an injected environment, and the host's socket.
//!
//! This room computes names and makes directories private. It must not know what is kept in them, and it reads
//! no configuration: what a person configured is given to it.

mod env;
mod private;
mod socket;

use std::path::{Path, PathBuf};

pub(crate) use env::Env;

use crate::error::{Error, Result};

/// Every place claudebot uses; all absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paths {
    home: PathBuf,
    config_dir: PathBuf,
    data_dir: PathBuf,
    state_dir: PathBuf,
    runtime_dir: Option<PathBuf>,
    claude_dir: PathBuf,
}

impl Paths {
    /// Computes every place; makes none.
    pub(crate) fn resolve(env: &Env) -> Result<Self> {
        let home = home(env)?;
        let claude_dir = match env.get("CLAUDE_CONFIG_DIR").map(PathBuf::from) {
            None => home.join(".claude"),
            Some(dir) if dir.is_absolute() => dir,
            Some(dir) => return Err(not_absolute("CLAUDE_CONFIG_DIR", &dir)),
        };
        Ok(Self {
            config_dir: xdg(env, "XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("claudebot"),
            data_dir: xdg(env, "XDG_DATA_HOME")
                .unwrap_or_else(|| home.join(".local/share"))
                .join("claudebot"),
            state_dir: xdg(env, "XDG_STATE_HOME")
                .unwrap_or_else(|| home.join(".local/state"))
                .join("claudebot"),
            runtime_dir: xdg(env, "XDG_RUNTIME_DIR"),
            claude_dir,
            home,
        })
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    #[cfg(test)]
    pub(crate) fn config_dir(&self) -> &Path {
        &self.config_dir
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.config_dir.join("config.toml")
    }

    pub(crate) fn personas_dir(&self) -> PathBuf {
        self.config_dir.join("personas")
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.data_dir.join("claudebot.db")
    }

    /// The index over conversations of plain Claude Code: can be deleted, and is made again.
    pub(crate) fn conversations_database(&self) -> PathBuf {
        self.data_dir.join("conversations.db")
    }

    pub(crate) fn telegram_database(&self) -> PathBuf {
        self.data_dir.join("telegram.db")
    }

    /// Where files from Telegram lie until the host has copied them.
    pub(crate) fn telegram_downloads(&self) -> PathBuf {
        self.data_dir.join("telegram")
    }

    /// The bot's token that `telegram setup` keeps.
    pub(crate) fn telegram_token(&self) -> PathBuf {
        self.config_dir.join("telegram-token")
    }

    pub(crate) fn host_lock(&self) -> PathBuf {
        self.data_dir.join("host.lock")
    }

    pub(crate) fn sessions_dir(&self) -> PathBuf {
        self.data_dir.join("sessions")
    }

    /// What a session keeps beside the store: `inbox/`, and the files that its agent is started with.
    pub(crate) fn session_dir(&self, id: &str) -> PathBuf {
        self.sessions_dir().join(id)
    }

    /// Where archives go unless `archive.dir` says otherwise.
    pub(crate) fn archive_dir(&self) -> PathBuf {
        self.data_dir.join("sessions_archive")
    }

    /// The demo agent's stand-in for Claude's own directory.
    pub(crate) fn demo_config_dir(&self) -> PathBuf {
        self.data_dir.join("demo-agent")
    }

    pub(crate) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    pub(crate) fn log_dir(&self) -> PathBuf {
        self.state_dir.join("log")
    }

    pub(crate) fn host_log(&self) -> PathBuf {
        self.log_dir().join("host.log")
    }

    /// Claude's own directory: `[claude].config_dir`, else `$CLAUDE_CONFIG_DIR`, else `~/.claude`.
    pub(crate) fn claude_config_dir(&self, configured: Option<&Path>) -> PathBuf {
        configured.unwrap_or(&self.claude_dir).to_owned()
    }

    /// Where a host of this data directory would bind. A client asks the lock file instead: the host may have
    /// had another environment.
    pub(crate) fn socket(&self) -> PathBuf {
        socket::path(self)
    }

    /// Makes the directory of [`Paths::socket`], private to us even in `/tmp`, and returns the socket's path.
    pub(crate) fn prepare_socket(&self) -> Result<PathBuf> {
        let socket = self.socket();
        if let Some(dir) = socket.parent() {
            private::create_exclusive(dir)?;
        }
        Ok(socket)
    }

    /// Makes a directory of claudebot's own, 0700, or says why it cannot be used.
    pub(crate) fn create_private(dir: &Path) -> Result<()> {
        private::create(dir)
    }

    /// Makes a directory that a person chose, for example `archive.dir`: it may belong to somebody else as long
    /// as it can be written.
    pub(crate) fn create_shared(dir: &Path) -> Result<()> {
        private::create_shared(dir)
    }

    /// `~` and `~/x` as an absolute path; anything else as it is.
    pub(crate) fn expand_home(&self, path: &str) -> PathBuf {
        match path.strip_prefix('~') {
            Some("") => self.home.clone(),
            Some(rest) if rest.starts_with('/') => self.home.join(rest.trim_start_matches('/')),
            _ => PathBuf::from(path),
        }
    }
}

fn home(env: &Env) -> Result<PathBuf> {
    match env.get("HOME").map(PathBuf::from) {
        Some(home) if home.is_absolute() => Ok(home),
        Some(home) => Err(not_absolute("HOME", &home)),
        // The password database knows it, and `directories` knows how to ask.
        None => directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()).ok_or_else(|| {
            Error::failed("your home directory cannot be found").hint("set HOME to an absolute path")
        }),
    }
}

/// An XDG variable. The specification says that a relative value is to be ignored.
fn xdg(env: &Env, name: &str) -> Option<PathBuf> {
    env.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

fn not_absolute(name: &str, path: &Path) -> Error {
    Error::usage(format!("{name} is `{}`, which is not an absolute path", path.display()))
        .hint(format!("set {name} to a path that begins with `/`, or unset it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(pairs: &[(&str, &str)]) -> Result<Paths> {
        Paths::resolve(&Env::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn the_home_directory_is_enough() {
        let paths = resolve(&[("HOME", "/h")]).unwrap();
        assert_eq!(paths.config_file(), Path::new("/h/.config/claudebot/config.toml"));
        assert_eq!(paths.personas_dir(), Path::new("/h/.config/claudebot/personas"));
        assert_eq!(paths.database(), Path::new("/h/.local/share/claudebot/claudebot.db"));
        assert_eq!(paths.telegram_database(), Path::new("/h/.local/share/claudebot/telegram.db"));
        assert_eq!(paths.session_dir("id"), Path::new("/h/.local/share/claudebot/sessions/id"));
        assert_eq!(paths.host_log(), Path::new("/h/.local/state/claudebot/log/host.log"));
        assert_eq!(paths.claude_config_dir(None), Path::new("/h/.claude"));
    }

    #[test]
    fn xdg_variables_count_only_when_absolute() {
        let paths = resolve(&[
            ("HOME", "/h"),
            ("XDG_CONFIG_HOME", "/c"),
            ("XDG_DATA_HOME", "relative"),
            ("XDG_STATE_HOME", ""),
        ])
        .unwrap();
        assert_eq!(paths.config_dir(), Path::new("/c/claudebot"));
        assert_eq!(paths.data_dir(), Path::new("/h/.local/share/claudebot"));
        assert_eq!(paths.state_dir(), Path::new("/h/.local/state/claudebot"));
    }

    #[test]
    fn claude_has_its_own_directory() {
        let paths = resolve(&[("HOME", "/h"), ("CLAUDE_CONFIG_DIR", "/x")]).unwrap();
        assert_eq!(paths.claude_config_dir(None), Path::new("/x"));
        assert_eq!(paths.claude_config_dir(Some(Path::new("/y"))), Path::new("/y"));
    }

    #[test]
    fn relative_places_are_refused_where_no_rule_says_to_ignore_them() {
        let error = resolve(&[("HOME", "h")]).unwrap_err();
        assert_eq!(error.message, "HOME is `h`, which is not an absolute path");
        let error = resolve(&[("HOME", "/h"), ("CLAUDE_CONFIG_DIR", "x")]).unwrap_err();
        assert_eq!(error.message, "CLAUDE_CONFIG_DIR is `x`, which is not an absolute path");
    }

    #[test]
    fn without_home_the_system_is_asked() {
        assert!(resolve(&[]).unwrap().home().is_absolute());
    }

    #[test]
    fn only_a_leading_tilde_of_ours_is_expanded() {
        let paths = resolve(&[("HOME", "/h")]).unwrap();
        for (given, wanted) in
            [("~", "/h"), ("~/a", "/h/a"), ("~//a", "/h/a"), ("~bob/a", "~bob/a"), ("/~", "/~")]
        {
            assert_eq!(paths.expand_home(given), Path::new(wanted), "{given}");
        }
    }
}
