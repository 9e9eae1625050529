//! Stand-ins with the agreed signatures for rooms that are being built; removed once those are there.
#![expect(dead_code, reason = "stand-ins are called only where the real rooms will be")]

pub(crate) mod paths {
    use std::collections::BTreeMap;
    use std::ffi::{OsStr, OsString};
    use std::path::{Path, PathBuf};

    use crate::error::{Error, Result};

    #[derive(Debug, Clone, Default)]
    pub(crate) struct Env {
        vars: BTreeMap<OsString, OsString>,
    }

    impl Env {
        pub(crate) fn from_process() -> Self {
            Self { vars: std::env::vars_os().collect() }
        }
        pub(crate) fn from_pairs<K: Into<OsString>, V: Into<OsString>>(
            pairs: impl IntoIterator<Item = (K, V)>,
        ) -> Self {
            Self { vars: pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect() }
        }
        pub(crate) fn get(&self, key: &str) -> Option<&OsStr> {
            self.vars.get(OsStr::new(key)).map(OsString::as_os_str).filter(|v| !v.is_empty())
        }
        pub(crate) fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
            self.vars.iter().map(|(k, v)| (k.as_os_str(), v.as_os_str()))
        }
    }

    #[derive(Debug, Clone)]
    pub(crate) struct Paths {
        home: PathBuf,
    }

    impl Paths {
        pub(crate) fn resolve(env: &Env) -> Result<Self> {
            let home = env.get("HOME").ok_or_else(|| Error::failed("no home"))?;
            Ok(Self { home: home.into() })
        }
        pub(crate) fn home(&self) -> &Path {
            &self.home
        }
        pub(crate) fn config_dir(&self) -> PathBuf {
            self.home.clone()
        }
        pub(crate) fn config_file(&self) -> PathBuf {
            self.home.clone()
        }
        pub(crate) fn personas_dir(&self) -> PathBuf {
            self.home.clone()
        }
        pub(crate) fn data_dir(&self) -> PathBuf {
            self.home.clone()
        }
        pub(crate) fn database(&self) -> PathBuf {
            self.home.join("claudebot.db")
        }
        pub(crate) fn archive_dir(&self) -> PathBuf {
            self.home.clone()
        }
        pub(crate) fn state_dir(&self) -> PathBuf {
            self.home.clone()
        }
        pub(crate) fn log_dir(&self) -> PathBuf {
            self.home.clone()
        }
        pub(crate) fn host_log(&self) -> PathBuf {
            self.home.clone()
        }
        pub(crate) fn socket(&self) -> PathBuf {
            self.home.clone()
        }
        pub(crate) fn claude_config_dir(&self, _: &Env, _: &super::config::Config) -> PathBuf {
            self.home.clone()
        }
        pub(crate) fn create_private(_: &Path) -> Result<()> {
            Ok(())
        }
    }
}

pub(crate) mod config {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::paths::{Env, Paths};
    use crate::error::{Error, Result};

    #[derive(Debug)]
    pub(crate) struct Config {
        pub(crate) claude: ClaudeConfig,
        pub(crate) session: SessionConfig,
        pub(crate) projects: BTreeMap<String, PathBuf>,
        pub(crate) archive: ArchiveConfig,
    }
    #[derive(Debug)]
    pub(crate) struct ClaudeConfig {
        pub(crate) path: PathBuf,
        pub(crate) env: BTreeMap<String, String>,
    }
    #[derive(Debug)]
    pub(crate) struct SessionConfig {
        pub(crate) persona: String,
        pub(crate) root: PathBuf,
    }
    #[derive(Debug)]
    pub(crate) struct ArchiveConfig {
        pub(crate) dir: PathBuf,
    }
    #[derive(Debug)]
    pub(crate) enum Origin {
        Default,
        File { path: PathBuf, line: usize },
        Environment(String),
        Flag,
    }
    #[derive(Debug)]
    pub(crate) struct Entry {
        pub(crate) key: String,
        pub(crate) value: String,
        pub(crate) origin: Origin,
    }
    impl Config {
        pub(crate) fn load(_: &Paths, _: &Env, _: &[(String, String)]) -> Result<Self> {
            Err(Error::failed("pending"))
        }
        pub(crate) fn entries(&self) -> Vec<Entry> {
            Vec::new()
        }
    }
}

pub(crate) mod persona {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::paths::Paths;
    use crate::error::{Error, Result};

    #[derive(Debug)]
    pub(crate) enum PersonaOrigin {
        BuiltIn,
        File(PathBuf),
    }
    #[derive(Debug)]
    pub(crate) struct Persona {
        pub(crate) name: String,
        pub(crate) origin: PersonaOrigin,
        pub(crate) description: String,
        pub(crate) model: Option<String>,
        pub(crate) effort: Option<String>,
        pub(crate) permission_mode: Option<String>,
        pub(crate) prompt: Option<String>,
        pub(crate) allowed_tools: Vec<String>,
        pub(crate) disallowed_tools: Vec<String>,
        pub(crate) add_dirs: Vec<PathBuf>,
        pub(crate) mcp_config: Vec<String>,
        pub(crate) env: BTreeMap<String, String>,
        pub(crate) dir: Option<PathBuf>,
    }
    pub(crate) fn load(_: &str, _: &Paths) -> Result<Persona> {
        Err(Error::failed("pending"))
    }
    pub(crate) fn list(_: &Paths) -> Vec<Result<Persona>> {
        Vec::new()
    }
    pub(crate) fn check(_: &str, _: &Paths) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

pub(crate) mod store {
    use std::path::Path;

    use crate::error::{Error, Result};

    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Mode {
        ReadWrite,
        ReadOnly,
    }
    #[derive(Debug)]
    pub(crate) struct Db;
    impl Db {
        pub(crate) fn open(_: &Path, _: Mode) -> Result<Self> {
            Err(Error::failed("pending"))
        }
    }
}

pub(crate) mod client {
    use super::paths::{Env, Paths};
    use crate::error::{Error, Result};
    use crate::ipc::{HostFrame, Request, Response};

    #[derive(Debug, Clone)]
    pub(crate) struct Identity {
        pub(crate) client: String,
        pub(crate) inside: Option<String>,
    }
    #[derive(Debug)]
    pub(crate) struct Client;
    impl Client {
        pub(crate) async fn connect(_: &Paths, _: &Identity) -> Result<Option<Self>> {
            Ok(None)
        }
        pub(crate) async fn call(&mut self, _: Request) -> Result<Response> {
            Err(Error::failed("pending"))
        }
        pub(crate) async fn send(&mut self, _: Request) -> Result<u64> {
            Err(Error::failed("pending"))
        }
        pub(crate) async fn next(&mut self) -> Result<Option<HostFrame>> {
            Ok(None)
        }
    }
    pub(crate) async fn connect_or_start(_: &Paths, _: &Identity, _: &Env) -> Result<Client> {
        Err(Error::failed("pending"))
    }
}

pub(crate) mod host {
    use super::config::Config;
    use super::paths::{Env, Paths};
    use super::store::Db;
    use crate::error::{Error, Result};
    use crate::ipc::{Request, Response};

    pub(crate) struct HostLock;
    pub(crate) struct LockInfo {
        pub(crate) pid: u32,
    }
    impl HostLock {
        pub(crate) fn try_acquire(_: &Paths) -> Result<Result<Self, LockInfo>> {
            Ok(Ok(Self))
        }
    }
    pub(crate) struct ShortCtx<'a> {
        pub(crate) paths: &'a Paths,
        pub(crate) env: &'a Env,
        pub(crate) config: &'a Config,
    }
    pub(crate) fn answer(_: &mut Db, _: &ShortCtx<'_>, _: &Request) -> Option<Result<Response>> {
        None
    }
    pub(crate) struct HostOptions {
        pub(crate) paths: Paths,
        pub(crate) env: Env,
        pub(crate) flags: Vec<(String, String)>,
        pub(crate) background: bool,
    }
    pub(crate) fn run(_: HostOptions) -> Result<()> {
        Err(Error::failed("pending"))
    }
}

pub(crate) mod archive {
    use std::path::{Path, PathBuf};

    use crate::error::Result;

    #[derive(Debug, serde::Serialize)]
    pub(crate) struct Listed {
        pub(crate) file: PathBuf,
        pub(crate) name: String,
        pub(crate) session: String,
        pub(crate) bytes: u64,
        pub(crate) created: jiff::Timestamp,
    }
    pub(crate) fn list(_: &Path) -> Result<Vec<Result<Listed>>> {
        Ok(Vec::new())
    }
    pub(crate) fn verify(_: &Path) -> Result<()> {
        Ok(())
    }
}

pub(crate) mod demo {
    use std::ffi::OsString;
    use std::process::ExitCode;

    pub(crate) const SCRIPT: &[&str] = &["hello"];
    pub(crate) fn run(_: &[OsString]) -> ExitCode {
        ExitCode::SUCCESS
    }
}
