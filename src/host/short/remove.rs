//! Deleting a session: what would go and what stays, and the rows themselves.

use super::{ShortCtx, session_view};
use crate::error::Result;
use crate::ipc::Response;
use crate::model::{Session, SessionState};
use crate::store::Db;

/// In words, before anything is touched.
pub(crate) fn would_delete(db: &Db, ctx: &ShortCtx<'_>, session: &Session) -> Result<Response> {
    let view = session_view(db, ctx, ctx.channel, session.id)?;
    let mut removes =
        vec![format!("the session {} and its log ({} events)", session.name, db.head(session.id)?)];
    let mut keeps = Vec::new();
    if matches!(view.state, SessionState::Busy | SessionState::Waiting) {
        removes.push("the turn that runs now".to_owned());
    }
    if view.queued > 0 {
        removes.push(format!("{} waiting prompts", view.queued));
    }
    match db.conversations(session.id)?.len() {
        0 => {}
        1 => removes.push("Claude's own record of the conversation".to_owned()),
        several => removes.push(format!("Claude's own records of {several} conversations")),
    }
    let own = ctx.paths.session_dir(&session.id.to_string());
    if own.exists() {
        removes.push(format!("received files and the like in {}", own.display()));
    }
    // The place of an archived scratch directory may be another session's by now.
    let is_packed = session.managed && session.state == SessionState::Archived;
    if !is_packed && session.dir.exists() {
        let dir = session.dir.display();
        if session.managed {
            removes.push(format!("everything in {dir}"));
        } else {
            keeps.push(format!("{dir}"));
        }
    }
    if let Some(archive) = &session.archive {
        keeps.push(format!("the archive {}", archive.display()));
    }
    Ok(Response::WouldDelete { session: view, removes, keeps })
}

/// Removes what the store has of a session. Its process and files must be gone before: they cannot be found after.
pub(crate) fn delete_rows(db: &mut Db, who: &str, session: &Session) -> Result<()> {
    db.atomically(|db| {
        db.delete_session(session.id)?;
        db.audit(who, "session_deleted", &session.name)
    })
}
