//! Keeps the index over plain conversations up to date: looks at all of their files, reads what is new in them, and
//! takes out what is gone. Conversations of our own sessions are in the log already.
//!
//! One thread reads and takes apart, the other one stores. What is stored is noted with it: who is killed in the
//! middle, or finds that somebody else did the same, goes on from there.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use jiff::Timestamp;
use uuid::Uuid;

use super::Shared;
use super::long::blocking;
use crate::claude::said::{self, ConversationFile, Speaker};
use crate::error::{Error, Result};
use crate::model::{Agent, EventKind};
use crate::paths::Paths;
use crate::store::plain::{FileState, Plain, Progress, Said, Trouble};
use crate::store::{Db, Mode};

/// Words that are handed over at a time, and stored in one transaction, in bytes.
const PIECE: usize = 1 << 20;
const BATCH: usize = 12 << 20;

/// Pieces that were read and are not stored yet.
const AHEAD: usize = 4;

/// Brings the index up to date; `goes_on` is asked now and then whether to. A damaged index is made anew.
pub(crate) fn refresh(paths: &Paths, config_dir: &Path, goes_on: &(dyn Fn() -> bool + Sync)) -> Result<()> {
    let index = paths.conversations_database();
    let files = said::files(config_dir).map_err(|error| Error::io("look into", config_dir, &error))?;
    if files.is_empty() && !index.exists() {
        return Ok(());
    }
    Paths::create_private(paths.data_dir())?;
    let ids: Vec<Uuid> = files.iter().map(|file| file.id).collect();
    let ours = Db::open(&paths.database(), Mode::ReadOnly)?.ours(&ids)?;
    match once(&index, &files, &ours, goes_on) {
        Err(Trouble::Damaged(error)) => {
            tracing::warn!(%error, "the index of plain conversations is made anew");
            Plain::remove(&index)?;
            Ok(once(&index, &files, &ours, goes_on)?)
        }
        done => Ok(done?),
    }
}

/// A file with something in it that was not read.
struct Unread {
    file: ConversationFile,
    /// What was read of it before.
    known: Option<FileState>,
}

fn once(
    index: &Path,
    files: &[ConversationFile],
    ours: &HashSet<Uuid>,
    goes_on: &(dyn Fn() -> bool + Sync),
) -> std::result::Result<(), Trouble> {
    let began = Timestamp::now();
    let mut plain = Plain::create(index)?;
    let mut known: HashMap<PathBuf, FileState> =
        plain.files()?.into_iter().map(|state| (state.path.clone(), state)).collect();
    let mut unread = Vec::new();
    for file in files.iter().filter(|file| !ours.contains(&file.id)) {
        let state = known.remove(&file.path);
        if state.as_ref().is_none_or(|state| is_changed(file, state)) {
            unread.push(Unread { file: file.clone(), known: state });
        }
    }
    // What is left is gone, or has become ours.
    let gone: Vec<PathBuf> = known.into_keys().collect();
    if !gone.is_empty() {
        plain.drop_files(&gone)?;
    }
    // What is found first is what was stored last: the newest.
    unread.sort_by_key(|unread| unread.file.changed);
    let is_whole = read_all(&mut plain, &unread, goes_on)?;
    if is_whole {
        plain.set_scanned(began)?;
    }
    Ok(())
}

fn is_changed(file: &ConversationFile, state: &FileState) -> bool {
    (file.size, file.changed, file.inode) != (state.size, state.changed, state.inode)
}

/// Reads on one thread and stores on this one. Tells whether all of it was done.
fn read_all(
    plain: &mut Plain,
    unread: &[Unread],
    goes_on: &(dyn Fn() -> bool + Sync),
) -> std::result::Result<bool, Trouble> {
    if unread.is_empty() {
        return Ok(true);
    }
    thread::scope(|scope| {
        let (sender, pieces) = sync_channel(AHEAD);
        let reader = scope.spawn(move || {
            for unread in unread {
                let mut reader = Reader { sender: &sender, goes_on };
                match reader.read(unread) {
                    Ok(true) => {}
                    Ok(false) => return false,
                    // It may have gone, or be somebody else's: the others are to be found all the same.
                    Err(error) => {
                        tracing::debug!(file = %unread.file.path.display(), %error, "a conversation cannot be read");
                    }
                }
            }
            true
        });
        let mut batch = Vec::new();
        let mut bytes = 0;
        for piece in &pieces {
            bytes += size(&piece);
            batch.push(piece);
            if bytes >= BATCH {
                plain.add(&batch)?;
                batch.clear();
                bytes = 0;
            }
        }
        plain.add(&batch)?;
        Ok(reader.join().unwrap_or(false))
    })
}

fn size(piece: &Progress) -> usize {
    piece.said.iter().map(|said| said.words.len() + 64).sum::<usize>() + 64
}

struct Reader<'a> {
    sender: &'a SyncSender<Progress>,
    goes_on: &'a (dyn Fn() -> bool + Sync),
}

impl Reader<'_> {
    /// Reads what is new in a file. False: nobody wants any more.
    fn read(&mut self, unread: &Unread) -> io::Result<bool> {
        let Unread { file, known } = unread;
        let mut from = known.as_ref().filter(|state| continues(file, state)).map(|state| state.read);
        let mut at = from.unwrap_or(0);
        let mut dir: Option<PathBuf> = None;
        loop {
            let mut said = Vec::new();
            let mut bytes = 0;
            let end = said::scan(&file.path, at, |one| {
                if dir.is_none() {
                    dir.clone_from(&one.dir);
                }
                let one = taken(one, file);
                bytes += one.words.len();
                said.push(one);
                bytes < PIECE
            })?;
            let is_last = bytes < PIECE;
            // Until it was read to its end, it is not what it is said to be.
            let changed = if is_last { file.changed } else { 0 };
            let state = FileState {
                path: file.path.clone(),
                conversation: file.id,
                dir: dir.clone(),
                size: file.size,
                changed,
                inode: file.inode,
                read: end,
                tail: said::tail(&file.path, end)?,
            };
            let wanted = (self.goes_on)() && self.sender.send(Progress { from, file: state, said }).is_ok();
            if !wanted || is_last {
                return Ok(wanted);
            }
            from = Some(end);
            at = end;
        }
    }
}

/// Whether what was read of a file before still stands there.
fn continues(file: &ConversationFile, state: &FileState) -> bool {
    file.inode == state.inode
        && file.size >= state.read
        && said::tail(&file.path, state.read).is_ok_and(|tail| tail == state.tail)
}

fn taken(said: said::Said, file: &ConversationFile) -> Said {
    let kind = match said.speaker {
        Speaker::Person => EventKind::Prompt,
        Speaker::Claude => EventKind::Reply,
    };
    Said {
        offset: said.offset,
        length: said.length,
        kind,
        at: said.at.or_else(|| Timestamp::from_nanosecond(file.changed.into()).ok()).unwrap_or_default(),
        uuid: said.uuid,
        words: Said::words(&said.text, file.id, kind),
    }
}

/// The host's looks at the files, one at a time.
#[derive(Debug, Default)]
pub(super) struct Looks(tokio::sync::Mutex<Option<Instant>>);

/// Brings the index up to date, in the host. Who comes while that is done waits for it, and for one more look only if
/// it had begun before.
pub(super) async fn look(shared: &Arc<Shared>) -> Result<()> {
    let asked = Instant::now();
    let mut last = shared.looks.0.lock().await;
    if last.is_some_and(|began| began >= asked) {
        return Ok(());
    }
    let began = Instant::now();
    let looking = Arc::clone(shared);
    blocking(move || {
        let goes_on = || !looking.is_draining();
        refresh(&looking.paths, &looking.config_dir(Agent::Claude), &goes_on)
    })
    .await?;
    *last = Some(began);
    Ok(())
}

/// The same for nobody in particular.
pub(super) fn look_soon(shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        if let Err(error) = look(&shared).await {
            tracing::warn!(%error, "the index of plain conversations cannot be brought up to date");
        }
    });
}
