//! What every part of the bridge has in common.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use super::api::Api;
use super::db::Db;
use super::gate::{Access, Bot};
use super::link::Link;
use super::outbox::Outbox;
use crate::config::TelegramConfig;

pub(crate) struct Bridge {
    pub(crate) api: Api,
    pub(crate) db: Db,
    pub(crate) link: Link,
    pub(crate) bot: Bot,
    pub(crate) outbox: Outbox,
    pub(crate) config: TelegramConfig,
    /// `host.stale_after`.
    pub(crate) stale_after: Duration,
    /// Short names of directories.
    pub(crate) projects: BTreeMap<String, PathBuf>,
    /// Where files from Telegram lie until the host has copied them.
    pub(crate) downloads: PathBuf,
    /// Of this run.
    pub(crate) epoch: String,
    access: RwLock<Access>,
}

impl Bridge {
    #[cfg(test)]
    pub(crate) fn for_tests(
        api: Api,
        db: Db,
        link: Link,
        bot: Bot,
        outbox: Outbox,
        config: TelegramConfig,
    ) -> Self {
        Self {
            api,
            db,
            link,
            bot,
            outbox,
            config,
            stale_after: Duration::from_secs(3600),
            projects: BTreeMap::new(),
            downloads: PathBuf::from("/nowhere"),
            epoch: "test".to_owned(),
            access: RwLock::default(),
        }
    }

    /// Who is let in just now.
    pub(crate) fn access(&self) -> Access {
        self.access.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_access(&self, access: Access) {
        *self.access.write().unwrap_or_else(PoisonError::into_inner) = access;
    }

    /// The private chats of those who are let in: what waits for a person is shown in all of them. A private chat has
    /// the number of its user.
    pub(crate) fn inboxes(&self) -> Vec<i64> {
        if self.config.inbox == "off" { Vec::new() } else { self.access().users.into_iter().collect() }
    }
}
