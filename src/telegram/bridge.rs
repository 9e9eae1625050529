//! What every part of the bridge has in common.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::mpsc;

use super::api::Api;
use super::db::Db;
use super::gate::{Access, Bot};
use super::link::Link;
use super::outbox::Outbox;
use crate::config::TelegramConfig;
use crate::model::SessionId;

pub(crate) struct Bridge {
    pub(crate) api: Api,
    pub(crate) db: Arc<Db>,
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
    pub(crate) home: PathBuf,
    /// Where scratch directories are made.
    pub(crate) scratch: PathBuf,
    /// The personas that there are at the moment.
    pub(crate) personas: Personas,
    /// Of this run.
    pub(crate) epoch: String,
    /// Not the first one of this process: the host has lived on.
    pub(crate) is_begun_anew: bool,
    pub(crate) access: SharedAccess,
    /// Sessions that are asked something from here, for whoever shows how they go.
    pub(crate) watched: mpsc::UnboundedSender<SessionId>,
}

/// Personas lie in another room; whoever starts the bridge knows both.
pub(crate) type Personas = Arc<dyn Fn() -> Vec<PersonaChoice> + Send + Sync>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PersonaChoice {
    pub(crate) name: String,
    pub(crate) description: String,
    /// The working directory of new sessions that name none.
    pub(crate) dir: Option<PathBuf>,
}

/// Who is let in, once the host has told.
#[derive(Debug, Default)]
pub(crate) struct SharedAccess(RwLock<Option<Access>>);

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
            db: Arc::new(db),
            link,
            bot,
            outbox,
            config,
            stale_after: Duration::from_secs(3600),
            projects: BTreeMap::new(),
            downloads: PathBuf::from("/nowhere"),
            epoch: "test".to_owned(),
            is_begun_anew: false,
            home: PathBuf::from("/home/me"),
            scratch: PathBuf::from("/nowhere/sessions"),
            personas: Arc::new(Vec::new),
            access: SharedAccess::default(),
            watched: mpsc::unbounded_channel().0,
        }
    }

    /// Who is let in just now.
    pub(crate) fn access(&self) -> Access {
        self.known_access().unwrap_or_default()
    }

    /// None: the host has not told yet.
    pub(crate) fn known_access(&self) -> Option<Access> {
        self.access.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_access(&self, access: Access) {
        *self.access.0.write().unwrap_or_else(PoisonError::into_inner) = Some(access);
    }

    /// The private chats of those who are let in: what waits for a person is shown in all of them. A private chat has
    /// the number of its user.
    pub(crate) fn inboxes(&self) -> Vec<i64> {
        if self.config.inbox == "off" { Vec::new() } else { self.access().users.into_iter().collect() }
    }
}
