//! Sessions as front ends see them: what is stored, with what only the host knows laid over it.

use std::cmp::Reverse;

use super::{Presence, ShortCtx};
use crate::error::Result;
use crate::ipc::{Response, Selector};
use crate::model::{Approval, Channel, QueuedPrompt, Session, SessionId, SessionState, SessionView};
use crate::store::{Db, Filter, Listed, Wanted};

/// The session that a request names.
pub(crate) fn find(db: &Db, selector: &Selector) -> Result<Session> {
    db.find(match selector {
        Selector::Name(name) => Wanted::Name(name),
        Selector::Exact(name) => Wanted::Exact(name),
        Selector::Current(channel) => Wanted::Current(channel),
    })
}

/// The one place where a view is made.
pub(crate) fn view(listed: Listed, presence: Option<&Presence>, current: Option<SessionId>) -> SessionView {
    let Listed { session, queued, lent } = listed;
    SessionView {
        id: session.id,
        state: presence.map_or(session.state, |presence| presence.state),
        current: current == Some(session.id),
        activity: presence.and_then(|presence| presence.activity.clone()),
        queued,
        name: session.name,
        persona: session.persona,
        dir: session.dir,
        tags: session.tags,
        last_active: session.last_active,
        cost_usd: session.cost_usd,
        agent: session.agent,
        pinned: session.pinned,
        created: session.created,
        model: session.model,
        conversation: session.conversation,
        hold: session.hold,
        archive: session.archive,
        lent,
    }
}

pub(crate) fn session_view(
    db: &Db,
    ctx: &ShortCtx<'_>,
    channel: &Channel,
    id: SessionId,
) -> Result<SessionView> {
    Ok(view(db.listed(id)?, ctx.presence(id), db.current(channel)?))
}

pub(super) const fn filter(archived: bool, all: bool) -> Filter {
    match (archived, all) {
        (_, true) => Filter::All,
        (true, false) => Filter::Archived,
        (false, false) => Filter::Present,
    }
}

/// The last used first.
pub(super) fn list(
    db: &Db,
    ctx: &ShortCtx<'_>,
    channel: &Channel,
    filter: Filter,
    tag: Option<&str>,
) -> Result<Vec<SessionView>> {
    let current = db.current(channel)?;
    let mut views = db.sessions_as(filter, tag, |listed| {
        let presence = ctx.presence(listed.session.id);
        view(listed, presence, current)
    })?;
    // By a copied key: moving thousands of whole views about costs more than the rest.
    views.sort_by_cached_key(|view| Reverse(view.last_active));
    Ok(views)
}

/// What deserves a look: the current session and those that are not simply asleep.
pub(super) fn status(db: &Db, ctx: &ShortCtx<'_>, channel: &Channel) -> Result<Response> {
    let mut sessions = list(db, ctx, channel, Filter::Present, None)?;
    let total = u64::try_from(sessions.len()).unwrap_or(u64::MAX);
    sessions.retain(|session| {
        session.current
            || session.queued > 0
            || session.hold.is_some()
            || session.state != SessionState::Asleep
    });
    Ok(Response::Status { total, sessions, approvals: approvals(db, ctx, None)?, host: None })
}

/// What a person can still answer: the process that asked must live. Those a dead host left behind are void, and
/// the next host will say so in the log.
pub(super) fn approvals(db: &Db, ctx: &ShortCtx<'_>, session: Option<SessionId>) -> Result<Vec<Approval>> {
    let mut pending = db.pending_approvals(session)?;
    pending.retain(|approval| ctx.has_actor(approval.session_id));
    Ok(pending)
}

/// What waits in a session, in order.
pub(super) fn queue(db: &Db, ctx: &ShortCtx<'_>, session: SessionId) -> Result<Response> {
    let prompts = db.waiting(session)?.iter().map(QueuedPrompt::from).collect();
    Ok(Response::Queue { session: session_view(db, ctx, ctx.channel, session)?, prompts })
}
