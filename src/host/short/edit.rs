//! Changes of stored sessions and waiting prompts that no process has to hear of.

use super::{ShortCtx, find, session_view};
use crate::error::{Error, Result};
use crate::ipc::{Response, Selector};
use crate::model::{
    Channel, Detail, EventKind, NewEvent, Prompt, PromptId, PromptStatus, Session, SessionId, SessionState,
};
use crate::persona;
use crate::store::{Db, Fed, Override};

const TAG_CHARS: usize = 32;

fn changed(db: &Db, ctx: &ShortCtx<'_>, id: SessionId) -> Result<Response> {
    Ok(Response::Session(session_view(db, ctx, ctx.channel, id)?))
}

pub(super) fn rename(db: &mut Db, ctx: &ShortCtx<'_>, session: &Selector, name: &str) -> Result<Response> {
    let session = find(db, session)?;
    db.rename_session(session.id, name)?;
    db.audit(ctx.who, "session_renamed", &format!("{} to {name}", session.name))?;
    changed(db, ctx, session.id)
}

pub(super) fn tag(
    db: &mut Db,
    ctx: &ShortCtx<'_>,
    session: &Selector,
    add: &[String],
    remove: &[String],
) -> Result<Response> {
    check_tags(add)?;
    let session = find(db, session)?;
    let mut tags = session.tags;
    tags.retain(|tag| !remove.contains(tag));
    for tag in add {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    db.set_tags(session.id, &tags)?;
    changed(db, ctx, session.id)
}

pub(crate) fn check_tags(tags: &[String]) -> Result<()> {
    let usable = |tag: &str| {
        !tag.is_empty()
            && tag.chars().count() <= TAG_CHARS
            && !tag.starts_with('-')
            && !tag.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',')
    };
    match tags.iter().find(|tag| !usable(tag)) {
        None => Ok(()),
        Some(tag) => Err(Error::usage(format!("{tag:?} cannot be a tag")).hint(format!(
            "use 1 to {TAG_CHARS} characters without spaces and commas, not beginning with `-`"
        ))),
    }
}

pub(super) fn pin(db: &mut Db, ctx: &ShortCtx<'_>, session: &Selector, pinned: bool) -> Result<Response> {
    let id = find(db, session)?.id;
    db.set_pinned(id, pinned)?;
    changed(db, ctx, id)
}

pub(super) fn switch(
    db: &mut Db,
    ctx: &ShortCtx<'_>,
    channel: &Channel,
    session: &Selector,
) -> Result<Response> {
    let session = find(db, session)?;
    if session.state == SessionState::Archived {
        return Err(Error::conflict(format!("the session {} is archived", session.name))
            .hint(format!("`claudebot session restore {}` brings it back", session.name)));
    }
    db.set_current(channel, session.id)?;
    Ok(Response::Session(session_view(db, ctx, channel, session.id)?))
}

/// A live session's process has to hear of it too, so that is the host's.
pub(super) fn set_asleep(
    db: &mut Db,
    ctx: &ShortCtx<'_>,
    session: &Selector,
    key: &str,
    value: Option<&str>,
) -> Result<Option<Response>> {
    let id = find(db, session)?.id;
    if ctx.has_actor(id) {
        return Ok(None);
    }
    set(db, id, key, value)?;
    changed(db, ctx, id).map(Some)
}

/// Stores a setting of the session over its persona's. None goes back to the persona's.
pub(crate) fn set(db: &mut Db, session: SessionId, key: &str, value: Option<&str>) -> Result<()> {
    let what = match key {
        "model" => Override::Model,
        "effort" => Override::Effort,
        "permission_mode" => Override::PermissionMode,
        _ => {
            let keys = ["model", "effort", "permission_mode"].map(str::to_owned).to_vec();
            return Err(Error::usage(format!("a session has no setting {key:?}")).candidates(keys));
        }
    };
    match (what, value) {
        (_, None) => {}
        (Override::Model, Some(model)) => drop(persona::check_model(model)?),
        (Override::Effort, Some(effort)) => persona::check_effort(effort)?,
        (Override::PermissionMode, Some(mode)) => persona::check_permission_mode(mode)?,
    }
    db.set_override(session, what, value)
}

/// Takes back what was allowed for the session: one rule, or all. A process that has them keeps them until it ends.
pub(super) fn revoke(
    db: &mut Db,
    ctx: &ShortCtx<'_>,
    session: &Selector,
    rule: Option<&str>,
) -> Result<Response> {
    let Session { id, name, .. } = find(db, session)?;
    let kept: Vec<_> = db.session_rules(id)?.into_iter().map(|kept| kept.rule).collect();
    let rules: Vec<_> = kept.iter().filter(|kept| rule.is_none_or(|rule| rule == *kept)).cloned().collect();
    if let Some(rule) = rule.filter(|_| rules.is_empty()) {
        return Err(Error::not_found(format!("{rule} is not allowed for session {name}"))
            .hint(format!("`claudebot session rules {name}` shows what is"))
            .candidates(kept));
    }
    db.drop_rules(id, &rules)?;
    for rule in &rules {
        db.audit(ctx.who, "rule_revoked", &format!("{name}: {rule}"))?;
    }
    let live =
        !rules.is_empty() && (ctx.has_actor(id) || db.children()?.iter().any(|child| child.session == id));
    Ok(Response::RulesRevoked { session: id, name, rules, live })
}

/// Whether nothing of the session can be running: also no process that a killed host left behind.
fn is_quiet(db: &Db, ctx: &ShortCtx<'_>, id: SessionId) -> Result<bool> {
    let given = db.open_prompts(id)?.iter().any(|prompt| prompt.status != PromptStatus::Queued);
    Ok(!ctx.has_actor(id) && !given && db.children()?.iter().all(|child| child.session != id))
}

/// Nothing runs, so there is nothing to stop; but what waits is held, as was asked.
pub(super) fn stop(db: &mut Db, ctx: &ShortCtx<'_>, session: &Selector) -> Result<Option<Response>> {
    let id = find(db, session)?.id;
    if !is_quiet(db, ctx, id)? {
        return Ok(None);
    }
    let held = db.listed(id)?.queued;
    if held > 0 {
        db.set_hold(id, Some("stopped"))?;
    }
    Ok(Some(Response::Stopped { turn: None, held }))
}

pub(super) fn sleep(db: &Db, ctx: &ShortCtx<'_>, session: &Selector) -> Result<Option<Response>> {
    let session = find(db, session)?;
    let quiet = is_quiet(db, ctx, session.id)?;
    Ok(quiet.then_some(Response::State(session.state)))
}

/// With prompts waiting it takes a process to run them.
pub(super) fn run_queue(db: &mut Db, ctx: &ShortCtx<'_>, session: &Selector) -> Result<Option<Response>> {
    let session = find(db, session)?;
    if !is_quiet(db, ctx, session.id)? || db.next_waiting(session.id)?.is_some() {
        return Ok(None);
    }
    db.set_hold(session.id, None)?;
    Ok(Some(Response::Said(format!("nothing waits in {}", session.name))))
}

pub(super) fn clear_queue(db: &mut Db, ctx: &ShortCtx<'_>, session: &Selector) -> Result<Option<Response>> {
    let session = find(db, session)?;
    if ctx.has_actor(session.id) {
        return Ok(None);
    }
    let (dropped, _) = drop_waiting(db, &session)?;
    let words = match dropped.len() {
        0 => format!("nothing waits in {}", session.name),
        1 => "1 waiting prompt dropped".to_owned(),
        several => format!("{several} waiting prompts dropped"),
    };
    Ok(Some(Response::Said(words)))
}

/// Cancels whatever waits, each with an event, and lets the queue run again: there is nothing left to hold.
pub(crate) fn drop_waiting(db: &mut Db, session: &Session) -> Result<(Vec<PromptId>, Vec<Fed>)> {
    let dropped = db.cancel_waiting(session.id)?;
    db.set_hold(session.id, None)?;
    let notices: Vec<_> = dropped.iter().map(|prompt| notice(*prompt, "taken_back", TAKEN_BACK)).collect();
    let events = db.append(session.id, &notices)?;
    Ok((dropped, events))
}

const TAKEN_BACK: &str = "Taken back before it was sent";

/// Takes back a prompt that the agent was not given, and says so in the log.
pub(crate) fn take_back(db: &mut Db, prompt: PromptId) -> Result<(Prompt, Vec<Fed>)> {
    if db.prompt(prompt)?.status == PromptStatus::Cancelled {
        return Ok((db.prompt(prompt)?, Vec::new()));
    }
    db.cancel(prompt)?;
    let prompt = db.prompt(prompt)?;
    let events = db.append(prompt.session, &[notice(prompt.id, "taken_back", TAKEN_BACK)])?;
    Ok((prompt, events))
}

/// Changes a prompt that still waits. The log keeps what was said first and gets what it says now.
pub(crate) fn edit_prompt(db: &mut Db, prompt: PromptId, text: &str) -> Result<(Prompt, Vec<Fed>)> {
    if text.trim().is_empty() {
        return Err(Error::usage("the prompt would be empty").hint("take it back instead"));
    }
    let present = db.prompt(prompt)?;
    if present.text == text {
        // The same edit again, though it may run by now.
        return Ok((present, Vec::new()));
    }
    db.edit(prompt, text)?;
    let prompt = db.prompt(prompt)?;
    let events = db.append(prompt.session, &[notice(prompt.id, "edited", text)])?;
    Ok((prompt, events))
}

fn notice(prompt: PromptId, code: &str, text: &str) -> NewEvent {
    NewEvent {
        kind: EventKind::Notice,
        text: text.to_owned(),
        prompt_id: Some(prompt),
        detail: Some(Detail::Notice { code: code.to_owned() }),
    }
}
