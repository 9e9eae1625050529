//! What every command starts from: environment, paths, screen, and ways to a session.

use std::path::{Path, PathBuf};

use super::screen::{Screen, Stop};
use super::text;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ipc::Selector;
use crate::ipc::autostart::Starter;
use crate::ipc::client::Identity;
use crate::model::Channel;
use crate::paths::{Env, Paths};

/// The environment variable with the id of the session a process runs in.
pub(crate) const INSIDE: &str = "CLAUDEBOT_SESSION";

/// What we are to the host.
pub(crate) const CLIENT: &str = "cli";

#[derive(Debug)]
pub(crate) struct Ctx {
    pub(crate) env: Env,
    pub(crate) paths: Paths,
    pub(crate) screen: Screen,
}

impl Ctx {
    pub(crate) fn new(env: Env, screen: Screen) -> Result<Self> {
        let paths = Paths::resolve(&env)?;
        Ok(Self { env, paths, screen })
    }

    /// Read only where a setting is needed: a broken file must not stop `session list`.
    pub(crate) fn config(&self) -> Result<Config> {
        Config::load(&self.paths, &self.env, &[])
    }

    /// Who we are to the host.
    pub(crate) fn identity(&self) -> Identity {
        Identity::new(CLIENT, self.inside())
    }

    /// Connects to the host, starting one where none is up.
    pub(crate) fn starter(&self) -> Result<Starter> {
        let notice = |words: &str| Screen::tell(&format!("{}\n", text::clean(words)));
        Ok(Starter::new(&self.paths, &self.identity(), &self.env)?.notice(notice))
    }

    pub(crate) fn inside(&self) -> Option<String> {
        self.env.get(INSIDE).map(|id| id.to_string_lossy().into_owned())
    }

    /// The named session, else the one we run in, else the current one.
    pub(crate) fn select(&self, name: Option<&str>) -> Selector {
        match (name, self.inside()) {
            (Some(name), _) => Selector::Name(name.to_owned()),
            (None, Some(id)) => Selector::Exact(id),
            (None, None) => Selector::Current(Channel::local()),
        }
    }

    /// A path as the person gave it, made absolute against the working directory.
    pub(crate) fn absolute(&self, path: &Path) -> Result<PathBuf> {
        std::path::absolute(path).map_err(|error| Error::io("find", path, &error))
    }
}

/// A runtime for a client: one thread is enough for one connection.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Stop> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::Error(Error::failed(format!("cannot start the event loop: {error}"))))
}
