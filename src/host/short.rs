//! Requests that need no live process: answered by the host, and in the client's own process while no host is up.
//!
//! It is one handler, so that a list or a rename is the same everywhere. Where a request turns out to need a
//! process after all it says so by answering nothing, and changes nothing before it knows.

mod access;
mod create;
mod edit;
mod remove;
mod search;
#[cfg(test)]
mod tests;
mod view;

use std::collections::HashMap;

use super::adopt;
use jiff::Timestamp;

use super::clean;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ipc::{Request, Response};
use crate::model::{ApprovalStatus, Channel, SessionId, SessionState};
use crate::paths::Paths;
use crate::store::Db;

pub(crate) use create::{Draft, distinct, is_wide};
pub(crate) use edit::{check_tags, drop_waiting, edit_prompt, set, take_back};
pub(crate) use remove::{Doomed, delete_rows};
pub(crate) use search::{claude_dir, with_trouble};
pub(crate) use view::{find, session_view, view};

/// How many names completion is given at most.
const NAMES: usize = 1000;

/// What the handler knows beside the store.
pub(crate) struct ShortCtx<'a> {
    pub(crate) paths: &'a Paths,
    /// Asked only where a setting is needed: a broken file must not stop `session list`.
    pub(crate) config: &'a dyn Fn() -> Result<Config>,
    /// Who asks, for the audit: `cli`, `telegram`.
    pub(crate) who: &'a str,
    /// Where `current` is meant when a request names no channel.
    pub(crate) channel: &'a Channel,
    /// The sessions that have an actor. None: no host is up.
    pub(crate) live: Option<&'a HashMap<SessionId, Presence>>,
}

/// What only the host knows of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Presence {
    pub(crate) state: SessionState,
    /// `running Bash`, `1 background task`.
    pub(crate) activity: Option<String>,
}

impl ShortCtx<'_> {
    fn presence(&self, session: SessionId) -> Option<&Presence> {
        self.live?.get(&session)
    }

    fn has_actor(&self, session: SessionId) -> bool {
        self.presence(session).is_some()
    }
}

/// What answering a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The store, read only: no lock.
    Read,
    /// The store under the host's lock; it may still turn out to need the host.
    Write,
    /// A live host.
    Host,
}

pub(crate) fn way(request: &Request) -> Way {
    match request {
        Request::SessionList { .. } | Request::SessionShow { .. } | Request::Status { .. } => Way::Read,
        Request::Log { .. } | Request::Search { .. } | Request::Audit { .. } => Way::Read,
        Request::Queue { .. } | Request::PromptKey { .. } => Way::Read,
        Request::Stats { .. } | Request::Names { .. } | Request::Approvals { .. } => Way::Read,
        Request::SessionDelete { confirmed: false, .. } | Request::Adoptable => Way::Read,
        Request::Clean { confirmed: false, .. } => Way::Read,
        Request::Clean { .. } => Way::Write,
        Request::Access | Request::PairInvited { .. } | Request::SessionRules { .. } => Way::Read,
        Request::SessionTag { add, remove, .. } if add.is_empty() && remove.is_empty() => Way::Read,
        Request::SessionNew(_) | Request::SessionRename { .. } | Request::SessionTag { .. } => Way::Write,
        Request::SessionPin { .. } | Request::SessionSwitch { .. } | Request::SessionSet { .. } => Way::Write,
        Request::SessionStop { .. } | Request::SessionSleep { .. } => Way::Write,
        Request::QueueRun { .. } | Request::QueueClear { .. } => Way::Write,
        Request::PromptTakeBack { .. } | Request::PromptEdit { .. } | Request::Answer { .. } => Way::Write,
        Request::SessionRulesRevoke { .. } => Way::Write,
        Request::PairAsk { .. } | Request::PairInvite | Request::PairClaim { .. } => Way::Write,
        Request::Pair { .. } | Request::Unpair { .. } | Request::AuditNote { .. } => Way::Write,
        Request::AllowChat { .. } | Request::ForbidChat { .. } => Way::Write,
        Request::ArchivePlan { .. } => Way::Host,
        Request::SessionDelete { .. } | Request::SessionArchive { .. } | Request::SessionRestore { .. } => {
            Way::Host
        }
        Request::SessionAdopt(_) | Request::SessionHandover(_) | Request::SessionTakeBack { .. } => Way::Host,
        Request::Send(_) | Request::Continue { .. } | Request::Prewarm { .. } | Request::Context { .. } => {
            Way::Host
        }
        Request::Subscribe { .. } | Request::Feed { .. } | Request::AgentCommands { .. } => Way::Host,
        Request::HouseOut { .. } | Request::HouseIn(_) => Way::Host,
        Request::HostStatus | Request::HostStop { .. } => Way::Host,
    }
}

/// Answers a request, or nothing where it needs the host (and in the host: the session's actor). An error undoes
/// what was written, but for a wrong code, which counts.
pub(crate) fn answer(db: &mut Db, ctx: &ShortCtx<'_>, request: &Request) -> Option<Result<Response>> {
    match way(request) {
        Way::Read => read(db, ctx, request).transpose(),
        Way::Write if access::leaves_a_mark(request) => Some(access::attempt(db, ctx, request)),
        Way::Write if matches!(request, Request::Clean { .. }) => Some(free(db, ctx, request)),
        Way::Write => db.atomically(|db| write(db, ctx, request)).transpose(),
        Way::Host => None,
    }
}

/// The answers that change nothing, for a store that is open for reading or shared.
pub(crate) fn read(db: &Db, ctx: &ShortCtx<'_>, request: &Request) -> Result<Option<Response>> {
    let response = match request {
        Request::SessionList { channel, archived, all, tag } => {
            Response::Sessions(view::list(db, ctx, channel, view::filter(*archived, *all), tag.as_deref())?)
        }
        Request::SessionShow { session, channel } => {
            Response::Session(session_view(db, ctx, channel, find(db, session)?.id)?)
        }
        Request::SessionTag { session, .. } => {
            Response::Session(session_view(db, ctx, ctx.channel, find(db, session)?.id)?)
        }
        Request::SessionDelete { session, .. } => Doomed::find(db, ctx, session)?.in_words(),
        Request::Adoptable => {
            let config_dir = ctx.paths.claude_config_dir((ctx.config)()?.claude.config_dir.as_deref());
            adopt::list(&config_dir, &db.all_conversations()?)?
        }
        Request::Status { channel } => view::status(db, ctx, channel)?,
        Request::Log { session, since, limit } => {
            Response::Events(db.events(find(db, session)?.id, *since, *limit)?)
        }
        Request::Search { .. } => search::answer(db, ctx, request)?,
        Request::Queue { session } => view::queue(db, ctx, find(db, session)?.id)?,
        Request::PromptKey { prompt } => Response::Key(db.prompt(*prompt)?.key),
        Request::Audit { limit } => Response::Audit(audit(db, *limit)?),
        Request::Stats { session, since } => {
            let session = session.as_ref().map(|session| find(db, session)).transpose()?;
            Response::Stats(db.stats(session.map(|session| session.id), *since)?)
        }
        Request::Names { prefix } => Response::Names(db.names(prefix, NAMES)?),
        Request::Approvals { session } => {
            let session = session.as_ref().map(|session| find(db, session)).transpose()?;
            Response::Approvals(view::approvals(db, ctx, session.map(|session| session.id))?)
        }
        Request::SessionRules { session } => Response::Rules(db.session_rules(find(db, session)?.id)?),
        Request::Clean { before, confirmed: false, .. } => {
            let items = clean::find(db, ctx.paths, &(ctx.config)()?, *before, Timestamp::now())?;
            Response::Unneeded { items, failed: Vec::new() }
        }
        Request::Access => access::list(db, ctx)?,
        Request::PairInvited { code } => access::invited(db, code)?,
        _ => return Ok(None),
    };
    Ok(Some(response))
}

fn write(db: &mut Db, ctx: &ShortCtx<'_>, request: &Request) -> Result<Option<Response>> {
    match request {
        Request::SessionNew(new) => create::create(db, ctx, new).map(Some),
        Request::SessionRename { session, name } => edit::rename(db, ctx, session, name).map(Some),
        Request::SessionTag { session, add, remove } => edit::tag(db, ctx, session, add, remove).map(Some),
        Request::SessionPin { session, pinned } => edit::pin(db, ctx, session, *pinned).map(Some),
        Request::SessionSwitch { channel, session } => edit::switch(db, ctx, channel, session).map(Some),
        Request::SessionSet { session, key, value } => {
            edit::set_asleep(db, ctx, session, key, value.as_deref())
        }
        Request::SessionRulesRevoke { session, rule } => {
            edit::revoke(db, ctx, session, rule.as_deref()).map(Some)
        }
        Request::SessionStop { session, .. } => edit::stop(db, ctx, session),
        Request::SessionSleep { session, .. } => edit::sleep(db, ctx, session),
        Request::QueueRun { session } => edit::run_queue(db, ctx, session),
        Request::QueueClear { session } => edit::clear_queue(db, ctx, session),
        Request::PromptTakeBack { prompt } => {
            let present = db.prompt(*prompt)?;
            let idle = !ctx.has_actor(present.session);
            idle.then(|| take_back(db, *prompt).map(|_| Response::Done)).transpose()
        }
        Request::PromptEdit { prompt, text } => {
            let present = db.prompt(*prompt)?;
            let idle = !ctx.has_actor(present.session);
            idle.then(|| edit_prompt(db, *prompt, text).map(|_| Response::Done)).transpose()
        }
        Request::Answer { approval, .. } => {
            let (approval, status) = db.approval(*approval)?;
            if status == ApprovalStatus::Pending && ctx.has_actor(approval.session_id) {
                return Ok(None);
            }
            Err(too_late(&status))
        }
        _ => access::write(db, ctx, request),
    }
}

/// Frees without a host, under its lock. Each thing is a step of its own: what is removed cannot be undone by an error.
fn free(db: &mut Db, ctx: &ShortCtx<'_>, request: &Request) -> Result<Response> {
    let Request::Clean { before, shown, .. } = request else {
        return Err(Error::failed("this frees nothing"));
    };
    let mut found = clean::find(db, ctx.paths, &(ctx.config)()?, *before, Timestamp::now())?;
    clean::keep_shown(&mut found, shown.as_deref());
    let (mut items, mut failed) = (Vec::new(), Vec::new());
    for item in found {
        match clean::free_alone(db, ctx.who, &item) {
            Ok(true) => items.push(item),
            Ok(false) => {}
            Err(error) => failed.push(error.message),
        }
    }
    Ok(Response::Unneeded { items, failed })
}

/// Why an answer does not count.
pub(crate) fn too_late(status: &ApprovalStatus) -> Error {
    match status {
        ApprovalStatus::Answered { by, .. } => Error::conflict(format!("{by} has answered this already"))
            .hint("the first answer counts; `claudebot log` shows it"),
        ApprovalStatus::Pending | ApprovalStatus::Void { .. } => {
            Error::conflict("nobody waits for this answer any more")
                .hint("what asked was interrupted or has ended; nothing was run")
        }
    }
}

fn audit(db: &Db, limit: u32) -> Result<Vec<serde_json::Value>> {
    let entries = db.audit_log(limit)?;
    let values = entries.iter().map(serde_json::to_value).collect::<serde_json::Result<_>>();
    values.map_err(|error| Error::failed(format!("the audit cannot be shown: {error}")))
}
