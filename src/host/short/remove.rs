//! Deleting a session: what would go and what stays, and the rows themselves.

use std::path::PathBuf;

use super::{ShortCtx, find, session_view};
use crate::error::Result;
use crate::ipc::{Response, Selector};
use crate::model::{Session, SessionState, SessionView};
use crate::store::Db;

/// A session that may be deleted.
pub(crate) struct Doomed {
    session: Session,
    view: SessionView,
    events: u64,
    conversations: usize,
    /// Where received files lie.
    own: PathBuf,
    /// Other sessions that work in the directory, which then stays.
    others: Vec<String>,
}

impl Doomed {
    pub(crate) fn find(db: &Db, ctx: &ShortCtx<'_>, selector: &Selector) -> Result<Self> {
        let session = find(db, selector)?;
        let id = session.id;
        Ok(Self {
            view: session_view(db, ctx, ctx.channel, id)?,
            events: db.head(id)?,
            conversations: db.conversations(id)?.len(),
            own: ctx.paths.session_dir(&id.to_string()),
            others: db.others_in(&session.dir, id)?,
            session,
        })
    }

    /// In words, before anything is touched. It looks at the disk.
    pub(crate) fn in_words(self) -> Response {
        let Self { session, view, events, conversations, own, others } = self;
        let mut removes = vec![format!("the session {} and its log ({events} events)", session.name)];
        let mut keeps = Vec::new();
        if matches!(view.state, SessionState::Busy | SessionState::Waiting) {
            removes.push("the turn that runs now".to_owned());
        }
        if view.queued > 0 {
            removes.push(format!("{} waiting prompts", view.queued));
        }
        match conversations {
            0 => {}
            1 => removes.push("Claude's own record of the conversation".to_owned()),
            several => removes.push(format!("Claude's own records of {several} conversations")),
        }
        if own.exists() {
            removes.push(format!("received files and the like in {}", own.display()));
        }
        // The place of an archived scratch directory may be another session's by now.
        let is_packed = session.managed && session.state == SessionState::Archived;
        if !is_packed && session.dir.exists() {
            let dir = session.dir.display();
            match (session.managed, others.as_slice()) {
                (true, []) => removes.push(format!("everything in {dir}")),
                (true, others) => keeps.push(format!("{dir}, where {} works, too", others.join(", "))),
                (false, _) => keeps.push(format!("{dir}")),
            }
        }
        if let Some(archive) = &session.archive {
            keeps.push(format!("the archive {}", archive.display()));
        }
        Response::WouldDelete { session: view, removes, keeps }
    }
}

/// Removes what the store has of a session. Its process and files must be gone before: they cannot be found after.
pub(crate) fn delete_rows(db: &mut Db, who: &str, session: &Session) -> Result<()> {
    db.atomically(|db| {
        db.delete_session(session.id)?;
        db.audit(who, "session_deleted", &session.name)
    })
}
