//! New sessions: everything is checked before anything is made.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{ShortCtx, edit, session_view};
use crate::error::{Error, Result};
use crate::ipc::{NewSession, Response};
use crate::model::{Channel, Session, SessionId, SessionState};
use crate::paths::Paths;
use crate::persona;
use crate::store::{Db, check_name};

/// Scratch directories of one name that may exist before another name is asked for.
const SCRATCH_TRIES: u32 = 100;

pub(super) fn create(db: &mut Db, ctx: &ShortCtx<'_>, new: &NewSession) -> Result<Response> {
    db.refuse_taken_name(&new.name)?;
    let draft = Draft::make(ctx, new)?;
    draft.store(db, ctx).inspect_err(|_| draft.discard())
}

/// A session that is not stored yet: all that waits for files is done, which others should not wait for with it.
pub(crate) struct Draft {
    session: Session,
    switch: Option<Channel>,
}

impl Draft {
    /// Checks everything but whether the name is taken, and makes the scratch directory, if there is to be one.
    pub(crate) fn make(ctx: &ShortCtx<'_>, new: &NewSession) -> Result<Self> {
        check_name(&new.name)?;
        edit::check_tags(&new.tags)?;
        if let Some(model) = &new.model {
            persona::check_model(model)?;
        }
        let settings = (ctx.config)()?.session;
        let persona = persona::load(new.persona.as_deref().unwrap_or(&settings.persona), ctx.paths)?;
        let dir = match &new.dir {
            Some(dir) => {
                check_dir(dir, ctx.paths, new.allow_wide_dir)?;
                dir.clone()
            }
            None => make_scratch(&settings.root, &new.name)?,
        };
        let session = Session {
            id: SessionId::random(),
            name: new.name.clone(),
            agent: new.agent,
            persona: persona.name,
            managed: new.dir.is_none(),
            dir,
            tags: distinct(&new.tags),
            pinned: false,
            model: new.model.clone(),
            effort: None,
            permission_mode: None,
            created: Timestamp::now(),
            last_active: Timestamp::now(),
            cost_usd: 0.0,
            state: SessionState::Asleep,
            conversation: None,
            hold: None,
            archive: None,
        };
        Ok(Self { session, switch: new.switch.clone() })
    }

    pub(crate) fn store(&self, db: &mut Db, ctx: &ShortCtx<'_>) -> Result<Response> {
        let session = &self.session;
        db.create_session(session)?;
        if let Some(channel) = &self.switch {
            db.set_current(channel, session.id)?;
        }
        db.audit(ctx.who, "session_created", &session.name)?;
        let channel = self.switch.as_ref().unwrap_or(ctx.channel);
        Ok(Response::Session(session_view(db, ctx, channel, session.id)?))
    }

    /// It was not stored.
    pub(crate) fn discard(&self) {
        if self.session.managed {
            // It is empty and nobody's: one that cannot be removed does no harm.
            fs::remove_dir(&self.session.dir).ok();
        }
    }
}

pub(crate) fn distinct(tags: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for tag in tags {
        if !kept.contains(tag) {
            kept.push(tag.clone());
        }
    }
    kept
}

/// The directory is there, and not one whose whole content nobody means to hand to an agent.
fn check_dir(dir: &Path, paths: &Paths, allow_wide: bool) -> Result<()> {
    if !dir.is_absolute() {
        return Err(Error::usage(format!("the directory {} is not absolute", dir.display())));
    }
    if dir.to_str().is_none() {
        return Err(Error::usage(format!("the directory {} has a name that is not UTF-8", dir.display())));
    }
    let real = match fs::canonicalize(dir) {
        Ok(real) if real.is_dir() => real,
        Ok(_) => return Err(Error::usage(format!("{} is not a directory", dir.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Error::usage(format!("the directory {} does not exist", dir.display()))
                .hint("make it first, give another one, or let claudebot make one: `--scratch`"));
        }
        Err(error) => return Err(Error::io("use the directory", dir, &error)),
    };
    if !allow_wide && is_wide(&real, paths) {
        return Err(Error::usage(format!("{} holds far more than one project", dir.display()))
            .hint("agree with `--yes`, give a project's directory with `--dir`, or use `--scratch`"));
    }
    Ok(())
}

/// The root, the home directory, or one that holds it.
pub(crate) fn is_wide(dir: &Path, paths: &Paths) -> bool {
    let real = |dir: &Path| fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    real(paths.home()).starts_with(real(dir))
}

/// A new empty directory named after the session. What an earlier session of that name left is not touched.
fn make_scratch(root: &Path, name: &str) -> Result<PathBuf> {
    Paths::create_private(root)?;
    for number in 1..=SCRATCH_TRIES {
        let dir = if number == 1 { root.join(name) } else { root.join(format!("{name}-{number}")) };
        match DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("make the directory", &dir, &error)),
        }
    }
    Err(Error::conflict(format!("{} and {SCRATCH_TRIES} like it exist already", root.join(name).display()))
        .hint("choose another name, or remove those that are not needed"))
}
