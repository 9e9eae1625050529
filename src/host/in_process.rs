//! The short handler in a client's own process, while no host is up. It opens the store just long enough to
//! answer: reading takes no lock, writing takes the host's for its moment.

use super::history;
use super::lock::HostLock;
use super::short::{self, ShortCtx, Way};
use crate::config::Config;
use crate::error::Result;
use crate::ipc::{Request, Response};
use crate::model::Channel;
use crate::paths::Paths;
use crate::store::plain::Plain;
use crate::store::{Db, Mode};

/// Who asks, and where from.
pub(crate) struct Asker<'a> {
    pub(crate) paths: &'a Paths,
    /// Asked only where a setting is needed.
    pub(crate) config: &'a dyn Fn() -> Result<Config>,
    pub(crate) who: &'a str,
    pub(crate) channel: &'a Channel,
}

/// None: it takes a host, or one came up meanwhile.
pub(crate) fn answer(asker: &Asker<'_>, request: &Request) -> Result<Option<Response>> {
    match short::way(request) {
        Way::Read => {
            let Some(db) = open_to_read(asker.paths)? else { return Ok(None) };
            let context = context(asker);
            let looked = match request {
                Request::Search { fresh: true, .. } => {
                    history::refresh(asker.paths, &short::claude_dir(&context), &|| true)
                }
                _ => Ok(()),
            };
            let response = short::read(&db, &context, request)?;
            Ok(response.map(|response| short::with_trouble(response, looked)))
        }
        Way::Write => {
            let Ok(_lock) = HostLock::try_acquire(asker.paths)? else { return Ok(None) };
            let mut db = Db::open(&asker.paths.database(), Mode::ReadWrite)?;
            short::answer(&mut db, &context(asker), request).transpose()
        }
        Way::Host => Ok(None),
    }
}

/// Looks for damage in the whole database, and changes nothing.
pub(crate) fn check_database(paths: &Paths) -> Result<()> {
    match open_to_read(paths)? {
        Some(db) => db.check(),
        // A host came up, which has opened it.
        None => Ok(()),
    }
}

/// What is wrong with the index of plain conversations. It is made anew by itself where it is damaged.
pub(crate) fn check_conversations(paths: &Paths) -> Result<()> {
    let Some(plain) = Plain::open(&paths.conversations_database())? else { return Ok(()) };
    Ok(plain.check()?)
}

/// A file of an older release is brought up to date first, so that looking works right after an upgrade. None: a
/// host came up meanwhile.
fn open_to_read(paths: &Paths) -> Result<Option<Db>> {
    let file = paths.database();
    match Db::open(&file, Mode::ReadOnly) {
        Err(_) if Db::is_older(&file) => {
            let Ok(lock) = HostLock::try_acquire(paths)? else { return Ok(None) };
            drop(Db::open(&file, Mode::ReadWrite)?);
            drop(lock);
            Db::open(&file, Mode::ReadOnly).map(Some)
        }
        opened => opened.map(Some),
    }
}

const fn context<'a>(asker: &Asker<'a>) -> ShortCtx<'a> {
    let Asker { paths, config, who, channel } = *asker;
    ShortCtx { paths, config, who, channel, live: None }
}
