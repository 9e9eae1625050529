//! Stand-ins with the agreed signatures for rooms that are being built; removed once those are there.
#![expect(dead_code, reason = "stand-ins are called only where the real rooms will be")]

pub(crate) mod config {
    use crate::config::{Config, Entry};
    use crate::error::{Error, Result};
    use crate::paths::{Env, Paths};

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
    use crate::error::{Error, Result};
    use crate::paths::Paths;
    use crate::persona::Persona;

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
    use crate::error::{Error, Result};
    use crate::ipc::{HostFrame, Request, Response};
    use crate::paths::{Env, Paths};

    #[derive(Debug, Clone)]
    pub(crate) struct Identity;
    impl Identity {
        pub(crate) fn new(_: impl Into<String>, _: Option<String>) -> Self {
            Self
        }
    }
    #[derive(Debug)]
    pub(crate) struct Client {
        welcome: crate::ipc::Welcome,
    }
    impl Client {
        pub(crate) async fn connect(_: &Paths, _: &Identity) -> Result<Option<Self>> {
            Ok(None)
        }
        pub(crate) const fn welcome(&self) -> &crate::ipc::Welcome {
            &self.welcome
        }
        pub(crate) async fn call(&mut self, _: Request) -> Result<Response> {
            Err(Error::failed("pending"))
        }
        pub(crate) async fn subscribe(&mut self, _: Request) -> Result<(u64, Response)> {
            Err(Error::failed("pending"))
        }
        pub(crate) async fn send(&mut self, _: Request) -> Result<u64> {
            Err(Error::failed("pending"))
        }
        pub(crate) async fn next(&mut self) -> Result<Option<HostFrame>> {
            Ok(None)
        }
    }
    #[derive(Debug, Clone)]
    pub(crate) struct Starter;
    impl Starter {
        pub(crate) fn new(_: &Paths, _: &Identity, _: &Env) -> Result<Self> {
            Ok(Self)
        }
        pub(crate) fn notice(self, _: fn(&str)) -> Self {
            self
        }
        pub(crate) async fn connect(&self) -> Result<Client> {
            Err(Error::failed("pending"))
        }
    }
    #[derive(Debug)]
    pub(crate) struct Reconnecting {
        client: Client,
    }
    impl Reconnecting {
        pub(crate) async fn start(_: Starter) -> Result<Self> {
            Err(Error::failed("pending"))
        }
        pub(crate) const fn client(&mut self) -> &mut Client {
            &mut self.client
        }
        pub(crate) async fn reconnect(&mut self) -> Result<&mut Client> {
            Ok(&mut self.client)
        }
        pub(crate) async fn call_with_retry(&mut self, _: &Request) -> Result<Response> {
            Err(Error::failed("pending"))
        }
    }
}

pub(crate) mod host {
    use super::store::Db;
    use crate::config::Config;
    use crate::error::{Error, Result};
    use crate::ipc::{Request, Response};
    use crate::paths::{Env, Paths};

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

pub(crate) mod claude {
    use std::ffi::OsStr;
    use std::path::{Path, PathBuf};

    /// The oldest Claude Code that is known to speak what claudebot speaks.
    pub(crate) const OLDEST: (u32, u32, u32) = (2, 1, 0);
    pub(crate) fn locate(_: &Path, _: Option<&OsStr>) -> Option<PathBuf> {
        None
    }
}
