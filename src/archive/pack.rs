//! Writes an archive: listed, packed, read back, and only then given its name.
//!
//! The file appears in the archive directory under its final name as a whole or not at all, and whoever finds it
//! there may remove what it was made of.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufWriter, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use uuid::Uuid;

use super::checksums::{self, Hasher};
use super::format::{CHECKSUMS, EVENTS, MANIFEST, MAX_EVENT, SUFFIX, shown};
use super::gzip;
use super::manifest::{Counts, FORMAT, LeftOut, Manifest};
use super::meter::{CHUNK, Meter, Progress, Step};
use super::scan::{self, Node, Stamp, Tree, changed};
use super::stream::{Entry, Kind, Mtime, Writer};
use super::temporary::{self, TemporaryFile};
use super::verify::{self, Discard};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::model::{Event, Session};

/// So many things that an archive cannot hold are named one by one.
const NAMED: usize = 20;
/// So much that was ignored is listed in the manifest.
const IGNORED: usize = 1000;
/// What was written a moment ago, and reads otherwise.
pub(super) const LOOK_AFTER_DISK: &str =
    "nothing was changed; try again, and look after the disk if it happens twice";

/// Everything that goes into an archive. The session must be asleep and stay so.
pub(crate) struct Packing<'a> {
    pub(crate) session: &'a Session,
    /// The whole log, in order.
    pub(crate) events: &'a mut dyn Iterator<Item = Result<Event>>,
    /// Conversations of the session; the one it would resume need not be named again.
    pub(crate) conversations: &'a [Uuid],
    /// Claude's configuration directory, and a file or directory of a conversation below it.
    pub(crate) conversation_files: &'a [(PathBuf, PathBuf)],
    /// The files that were sent to the session, if there are any.
    pub(crate) inbox: Option<&'a Path>,
    /// The directory to pack, if it is to be packed.
    pub(crate) workspace: Option<&'a Path>,
    /// Of a project directory, also what its `.gitignore` files leave out. A directory of claudebot's own is always
    /// packed whole.
    pub(crate) all_files: bool,
    /// What an archive cannot hold may be lost with the directory.
    pub(crate) leave_out: bool,
    pub(crate) now: Timestamp,
}

/// An archive that exists, durable and verified.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) file: PathBuf,
    pub(crate) bytes: u64,
    /// As it was read back; `left_out` is worth telling.
    pub(crate) manifest: Manifest,
}

/// Packs a session into `dest_dir` and reads the archive back. On an error, or once cancelled, nothing is left.
pub(crate) fn pack(
    packing: Packing<'_>,
    dest_dir: &Path,
    progress: &mut dyn FnMut(Progress),
    cancel: &AtomicBool,
) -> Result<Packed> {
    let mut meter = Meter::new(Step::Packing, progress, cancel);
    make_private(dest_dir)?;
    refuse_own_grave(&packing, dest_dir)?;
    temporary::sweep(dest_dir);

    let stem = format!("{}-{}", file_stem(&packing.session.name), packing.now.strftime("%Y%m%dT%H%M%SZ"));
    let conversations = conversations(&packing);
    let sources = Sources::list(&packing, &conversations, &meter)?;
    refuse_losses(&packing, &sources)?;
    let mut log = spool(packing.events, dest_dir, &meter)?;
    let manifest = manifest(packing.session, packing.now, conversations.clone(), &sources, &log);
    verify::check_entries(&manifest.counts).map_err(|error| {
        error.hint("nothing was changed; remove what is not needed, or archive without the directory")
    })?;
    meter.expect(manifest.counts.bytes())?;

    let mut temporary = TemporaryFile::create(dest_dir)?;
    let written = |e: &std::io::Error| Error::io("write an archive in", dest_dir, e);
    write_all(&temporary.file, dest_dir, &manifest, &mut log, &sources, &mut meter)?;
    temporary.file.sync_all().map_err(|e| written(&e))?;
    let bytes = temporary.file.stream_position().map_err(|e| written(&e))?;
    temporary.file.rewind().map_err(|e| written(&e))?;
    meter.go_on_with(Step::Verifying);
    let again = temporary.file.try_clone().map_err(|e| written(&e))?;
    let manifest = verify::read_through(again, &mut Discard, &mut meter).map_err(|mut e| {
        e.message = format!("the archive was not written as it should be: {}", e.message);
        if e.kind == ErrorKind::Failed { e.hint(LOOK_AFTER_DISK) } else { e }
    })?;

    Sources::list(&packing, &conversations, &meter)?.same_as(&sources)?;
    let file = temporary.publish(dest_dir, &stem, SUFFIX)?;
    Ok(Packed { file, bytes, manifest })
}

/// The trees of an archive.
struct Sources {
    claude: Tree,
    inbox: Option<Tree>,
    workspace: Option<Tree>,
}

impl Sources {
    fn list(packing: &Packing<'_>, conversations: &[Uuid], meter: &Meter<'_>) -> Result<Self> {
        let claude = scan::claude(packing.conversation_files, conversations, meter)?;
        let inbox = packing.inbox.map(|dir| scan::inbox(dir, meter)).transpose()?;
        let all = packing.all_files || packing.session.managed;
        let workspace = packing.workspace.map(|dir| scan::workspace(dir, all, meter)).transpose()?;
        Ok(Self { claude, inbox, workspace })
    }

    fn trees(&self) -> impl Iterator<Item = &Tree> {
        std::iter::once(&self.claude).chain(&self.inbox).chain(&self.workspace)
    }

    fn left_out(&self) -> Vec<LeftOut> {
        self.trees().flat_map(|tree| tree.left_out.iter().cloned()).collect()
    }

    fn same_as(&self, earlier: &Self) -> Result<()> {
        self.trees().zip(earlier.trees()).try_for_each(|(now, then)| now.same_as(then))
    }
}

/// The log in a nameless file: its size has to be known before its first byte is packed.
struct Spool {
    file: File,
    events: u64,
    bytes: u64,
}

fn spool(events: &mut dyn Iterator<Item = Result<Event>>, dir: &Path, meter: &Meter<'_>) -> Result<Spool> {
    let failed = |e: std::io::Error| Error::io("write in", dir, &e);
    let mut out = BufWriter::with_capacity(CHUNK, TemporaryFile::nameless(dir)?);
    let mut spool_events = 0;
    let mut bytes = 0;
    for event in events {
        meter.check()?;
        let event = event?;
        spool_events += 1;
        if event.seq != spool_events {
            return Err(Error::failed(format!(
                "the log is not whole: event {spool_events} is numbered {}",
                event.seq
            )));
        }
        let mut line = serde_json::to_vec(&event)
            .map_err(|e| Error::failed(format!("event {} cannot be written: {e}", event.seq)))?;
        if line.len() > MAX_EVENT {
            return Err(Error::failed(format!("event {} is too large to be archived", event.seq)));
        }
        line.push(b'\n');
        bytes += line.len() as u64;
        out.write_all(&line).map_err(failed)?;
    }
    let mut file = out.into_inner().map_err(|e| failed(e.into_error()))?;
    file.rewind().map_err(failed)?;
    Ok(Spool { file, events: spool_events, bytes })
}

fn manifest(
    session: &Session,
    now: Timestamp,
    conversations: Vec<Uuid>,
    sources: &Sources,
    log: &Spool,
) -> Manifest {
    Manifest {
        format: FORMAT,
        claudebot: env!("CARGO_PKG_VERSION").to_owned(),
        created: now,
        host_os: std::env::consts::OS.to_owned(),
        original_dir: session.dir.clone(),
        managed: session.managed,
        conversations,
        counts: Counts {
            events: log.events,
            events_bytes: log.bytes,
            claude: sources.claude.tally,
            inbox: sources.inbox.as_ref().map(|tree| tree.tally),
            workspace: sources.workspace.as_ref().map(|tree| tree.tally),
        },
        session: session.clone(),
        left_out: sources.left_out(),
        ignored: sources
            .trees()
            .flat_map(|tree| &tree.ignored)
            .take(IGNORED)
            .map(|name| shown(name))
            .collect(),
    }
}

fn conversations(packing: &Packing<'_>) -> Vec<Uuid> {
    let mut all = packing.conversations.to_vec();
    all.extend(packing.session.conversation);
    all.sort();
    all.dedup();
    all
}

/// Writes every entry, and nothing else.
fn write_all(
    file: &File,
    dest_dir: &Path,
    manifest: &Manifest,
    log: &mut Spool,
    sources: &Sources,
    meter: &mut Meter<'_>,
) -> Result<()> {
    let failed = |e: std::io::Error| Error::io("write an archive in", dest_dir, &e);
    let mut packer =
        Packer { tar: Writer::new(gzip::Writer::new(file)), checksums: Vec::new(), dest_dir, meter };
    let created = Mtime { secs: manifest.created.as_second(), nanos: 0 };
    packer.bytes(MANIFEST, created, manifest.to_toml()?.as_bytes())?;
    // A list of archives reads no further.
    packer.tar.flush().map_err(failed)?;
    packer.stream(&ours(EVENTS, created, log.bytes), &mut log.file, Path::new(EVENTS))?;
    for node in sources.trees().flat_map(|tree| &tree.nodes) {
        packer.node(node)?;
    }
    let checksums = std::mem::take(&mut packer.checksums);
    packer.bytes(CHECKSUMS, created, &checksums)?;
    let output = packer.tar.finish().map_err(failed)?;
    output.finish().map(drop).map_err(failed)
}

/// An entry that claudebot itself makes.
pub(super) fn ours(name: &str, mtime: Mtime, size: u64) -> Entry {
    Entry { name: name.into(), kind: Kind::File, size, mode: 0o600, mtime, uid: 0, gid: 0 }
}

pub(super) struct Packer<'a, 'm, W: Write> {
    pub(super) tar: Writer<W>,
    /// Grows to the last entry.
    pub(super) checksums: Vec<u8>,
    pub(super) dest_dir: &'a Path,
    pub(super) meter: &'a mut Meter<'m>,
}

impl<W: Write> Packer<'_, '_, W> {
    pub(super) fn bytes(&mut self, name: &str, mtime: Mtime, bytes: &[u8]) -> Result<()> {
        let entry = ours(name, mtime, bytes.len() as u64);
        self.begin(&entry)?;
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        self.content(bytes)?;
        self.end(&entry, hasher)
    }

    pub(super) fn node(&mut self, node: &Node) -> Result<()> {
        let Some(stamp) = node.stamp.filter(|_| node.entry.kind == Kind::File) else {
            self.meter.check()?;
            return self.begin(&node.entry);
        };
        let mut file = open_listed(node, stamp)?;
        self.stream(&node.entry, &mut file, &node.path)?;
        let after = file.metadata().map_err(|e| Error::io("read", &node.path, &e))?;
        if Stamp::of(&after) == stamp { Ok(()) } else { Err(changed(&node.path)) }
    }

    /// Packs exactly the bytes that the header promises.
    pub(super) fn stream(&mut self, entry: &Entry, source: &mut File, path: &Path) -> Result<()> {
        self.begin(entry)?;
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; CHUNK.min(usize::try_from(entry.size).unwrap_or(CHUNK))];
        let mut left = entry.size;
        while left > 0 {
            let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let read = match source.read(&mut buffer[..most]) {
                Ok(0) => return Err(changed(path)),
                Ok(read) => read,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(Error::io("read", path, &e)),
            };
            hasher.update(&buffer[..read]);
            self.content(&buffer[..read])?;
            self.meter.advance(read as u64)?;
            left -= read as u64;
        }
        self.meter.check()?;
        self.end(entry, hasher)
    }

    fn begin(&mut self, entry: &Entry) -> Result<()> {
        self.tar.begin(entry).map_err(|e| Error::io("write an archive in", self.dest_dir, &e))
    }

    fn content(&mut self, bytes: &[u8]) -> Result<()> {
        self.tar.content(bytes).map_err(|e| Error::io("write an archive in", self.dest_dir, &e))
    }

    fn end(&mut self, entry: &Entry, hasher: Hasher) -> Result<()> {
        checksums::append_line(&mut self.checksums, &hasher.finish(), &entry.name);
        self.tar.end().map_err(|e| Error::io("write an archive in", self.dest_dir, &e))
    }
}

/// Opens a listed file. What stands there now may be something else: a link is not followed, a pipe not waited for.
fn open_listed(node: &Node, stamp: Stamp) -> Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(&node.path);
    let file = match file {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(
                Error::io("read", &node.path, &e).hint("make it readable or remove it, then archive again")
            );
        }
        Err(_) => return Err(changed(&node.path)),
    };
    let metadata = file.metadata().map_err(|e| Error::io("read", &node.path, &e))?;
    if Stamp::of(&metadata) == stamp { Ok(file) } else { Err(changed(&node.path)) }
}

/// Archives hold conversations: nobody else needs to look into their directory.
fn make_private(dir: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| Error::io("create", dir, &e))
}

/// A directory that goes once the archive is made must not hold the archive.
fn refuse_own_grave(packing: &Packing<'_>, dest_dir: &Path) -> Result<()> {
    let Some(workspace) = packing.workspace.filter(|_| packing.session.managed) else { return Ok(()) };
    let real = |path: &Path| fs::canonicalize(path).map_err(|e| Error::io("read", path, &e));
    if real(dest_dir)?.starts_with(real(workspace)?) {
        return Err(Error::usage(format!(
            "the archive directory {} lies within the session's own directory, which archiving removes",
            dest_dir.display()
        ))
        .hint("set archive.dir to another place"));
    }
    Ok(())
}

/// What goes once the archive is made, and is not in it, is lost: only when that is wanted.
fn refuse_losses(packing: &Packing<'_>, sources: &Sources) -> Result<()> {
    let workspace = sources.workspace.as_ref().filter(|_| packing.session.managed);
    let lost: Vec<_> = std::iter::once(&sources.claude)
        .chain(&sources.inbox)
        .chain(workspace)
        .flat_map(|tree| &tree.left_out)
        .collect();
    if packing.leave_out || lost.is_empty() {
        return Ok(());
    }
    let mut lines = vec!["an archive cannot hold these, and archiving would remove them:".to_owned()];
    lines.extend(lost.iter().take(NAMED).map(|lost| format!("  {} ({})", lost.path, lost.what)));
    lines.extend((lost.len() > NAMED).then(|| format!("  and {} more", lost.len() - NAMED)));
    Err(Error::conflict(lines.join("\n"))
        .hint("nothing was changed; move them elsewhere, or archive without them: --leave-out"))
}

/// A session's name as the beginning of a file name: visible, without separators, not too long.
pub(super) fn file_stem(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+') { c } else { '_' };
    let mut stem: String = name.chars().map(plain).collect();
    if stem.is_empty() || stem.starts_with('.') {
        stem.insert(0, '_');
    }
    stem.truncate(stem.floor_char_boundary(150));
    stem
}
