//! Tar, one entry at a time, in the few kinds that claudebot writes: files, directories and symbolic links.
//!
//! The `tar` crate's own builder and iterator rewrite names (`a//b`, `dir/` as a link's target) and read long
//! names into memory unbounded; here names are bytes that come back as they went in, and every size has a bound.

use std::io::{ErrorKind, Read, Write};

use tar::{EntryType, Header, PaxExtensions};

use super::format::{MAX_NAME, flaw};
use crate::error::{Error, Result};

const BLOCK: usize = 512;
/// The longest name that fits the header itself.
const SHORT_NAME: usize = 100;
/// Room for a long name, its slash and its NUL; also far more than one time stamp needs.
const MAX_RECORD: u64 = MAX_NAME as u64 + 2;
/// Zeros that may follow the end: tar programs pad to a record, commonly of 20 blocks.
const MAX_PADDING: u64 = 64 * 1024;

/// A point in time as file systems keep it. Before 1970 `secs` is negative; `nanos` always counts forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mtime {
    pub(super) secs: i64,
    pub(super) nanos: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Dir,
    /// With its target.
    Link(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Without a trailing slash, also for directories.
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    /// Of the content; 0 for all but files.
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) mtime: Mtime,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

pub(super) struct Writer<W> {
    out: W,
    written: u64,
}

impl<W: Write> Writer<W> {
    pub(super) const fn new(out: W) -> Self {
        Self { out, written: 0 }
    }

    /// Writes everything before the content, which follows by [`Self::content`] and ends with [`Self::end`].
    pub(super) fn begin(&mut self, entry: &Entry) -> std::io::Result<()> {
        if let Some(record) = entry.mtime.to_pax() {
            self.record(Header::new_ustar(), EntryType::XHeader, b"PaxHeaders/mtime", &record)?;
        }
        let mut header = Header::new_gnu();
        let mut name = entry.name.clone();
        header.set_entry_type(match &entry.kind {
            Kind::File => EntryType::Regular,
            Kind::Link(_) => EntryType::Symlink,
            Kind::Dir => {
                name.push(b'/');
                EntryType::Directory
            }
        });
        if let Kind::Link(target) = &entry.kind {
            self.text(EntryType::GNULongLink, target, &mut header.as_old_mut().linkname)?;
        }
        self.text(EntryType::GNULongName, &name, &mut header.as_old_mut().name)?;
        header.set_size(entry.size);
        header.set_mode(entry.mode);
        header.set_uid(entry.uid.into());
        header.set_gid(entry.gid.into());
        header.set_mtime(entry.mtime.secs.try_into().unwrap_or(0));
        header.set_cksum();
        self.out.write_all(header.as_bytes())
    }

    pub(super) fn content(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// Fills the last block.
    pub(super) fn end(&mut self) -> std::io::Result<()> {
        let missing = padding(self.written);
        self.written = 0;
        self.out.write_all(&[0; BLOCK][..missing])
    }

    pub(super) fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }

    /// Writes the end mark and gives the output back.
    pub(super) fn finish(mut self) -> std::io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        Ok(self.out)
    }

    /// Puts a name into its header field, after a record of its own where the field is too short.
    fn text(&mut self, kind: EntryType, name: &[u8], field: &mut [u8; SHORT_NAME]) -> std::io::Result<()> {
        if name.len() > SHORT_NAME {
            let mut terminated = name.to_vec();
            terminated.push(0);
            self.record(Header::new_gnu(), kind, b"././@LongLink", &terminated)?;
        }
        let fits = name.len().min(SHORT_NAME);
        field[..fits].copy_from_slice(&name[..fits]);
        Ok(())
    }

    fn record(
        &mut self,
        mut header: Header,
        kind: EntryType,
        name: &[u8],
        data: &[u8],
    ) -> std::io::Result<()> {
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        self.out.write_all(header.as_bytes())?;
        self.out.write_all(data)?;
        self.out.write_all(&[0; BLOCK][..padding(data.len() as u64)])
    }
}

/// Bytes missing to a whole block.
const fn padding(len: u64) -> usize {
    (len.next_multiple_of(BLOCK as u64) - len) as usize
}

/// What the records before an entry said about it.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    pax: Option<Vec<u8>>,
}

pub(super) struct Reader<R> {
    input: R,
    /// Of the entry at hand, for the words of an error.
    name: Vec<u8>,
    left: u64,
    padding: usize,
    /// Any byte was read: tells "no gzip file" from "damaged".
    begun: bool,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, name: b"(first)".to_vec(), left: 0, padding: 0, begun: false }
    }

    /// The next entry, or None at a proper end. What was left of the content before is skipped.
    pub(super) fn next(&mut self) -> Result<Option<Entry>> {
        self.skip_rest()?;
        let mut extensions = Extensions::default();
        let mut extended = false;
        loop {
            let Some(header) = self.header()? else {
                return if extended { Err(flaw(b"(last)", "its header is missing")) } else { Ok(None) };
            };
            let slot = match header.entry_type() {
                EntryType::GNULongName => &mut extensions.name,
                EntryType::GNULongLink => &mut extensions.target,
                EntryType::XHeader => &mut extensions.pax,
                _ => return self.entry(&header, extensions).map(Some),
            };
            if slot.is_some() {
                return Err(flaw(&self.name, "the entry after it has two long names"));
            }
            let size = header.entry_size().map_err(|e| flaw(&self.name, e))?;
            if size > MAX_RECORD {
                return Err(flaw(&self.name, "the entry after it has too long a name"));
            }
            let mut data = vec![0; size as usize];
            self.fill(&mut data)?;
            self.fill(&mut [0; BLOCK][..padding(size)])?;
            *slot = Some(data);
            extended = true;
        }
    }

    /// Reads content of the entry at hand; 0 at its end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let read = loop {
            match self.input.read(&mut buffer[..most]) {
                Ok(0) => return Err(self.broken(&ErrorKind::UnexpectedEof.into())),
                Ok(read) => break read,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.broken(&e)),
            }
        };
        self.left -= read as u64;
        Ok(read)
    }

    /// After the last entry: nothing but a little padding may follow.
    pub(super) fn finish(mut self) -> Result<()> {
        let mut padding = 0;
        let mut buffer = [0; BLOCK];
        loop {
            let read = match self.input.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == ErrorKind::InvalidInput && e.to_string().contains("header") => {
                    return Err(Error::failed("something follows the end of the archive"));
                }
                Err(e) => return Err(self.broken(&e)),
            };
            padding += read as u64;
            if padding > MAX_PADDING || buffer[..read].iter().any(|b| *b != 0) {
                return Err(Error::failed("something follows the end of the archive"));
            }
        }
    }

    fn entry(&mut self, header: &Header, extensions: Extensions) -> Result<Entry> {
        let long = extensions.name.map(until_nul);
        let mut name = long.unwrap_or_else(|| header.path_bytes().into_owned());
        let target = extensions.target.map(until_nul);
        let target = target.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
        let kind = match header.entry_type() {
            EntryType::Regular => Kind::File,
            EntryType::Directory => Kind::Dir,
            EntryType::Symlink => Kind::Link(target.unwrap_or_default()),
            other => return Err(flaw(&name, refused(other))),
        };
        if kind == Kind::Dir && name.ends_with(b"/") {
            name.pop();
        }
        let bad = |e: std::io::Error| flaw(&name, e);
        let size = header.entry_size().map_err(bad)?;
        if kind != Kind::File && size != 0 {
            return Err(flaw(&name, "only a file may have content"));
        }
        let mut mtime = Mtime { secs: header.mtime().map_err(bad)?.try_into().unwrap_or(0), nanos: 0 };
        if let Some(pax) = extensions.pax {
            mtime = Mtime::from_pax(&pax).ok_or_else(|| flaw(&name, "its extended header is not ours"))?;
        }
        let mode = header.mode().map_err(bad)?;
        (self.left, self.padding, self.name) = (size, padding(size), name.clone());
        // Owners are written for `tar`'s sake; nothing here reads them.
        Ok(Entry { name, kind, size, mode, mtime, uid: 0, gid: 0 })
    }

    /// A header block; None for the zeros that mark the end.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut header = Header::new_old();
        self.fill(header.as_mut_bytes())?;
        if header.as_bytes().iter().all(|b| *b == 0) {
            return Ok(None);
        }
        let bytes = header.as_bytes();
        let sum: u32 = bytes[..148].iter().chain(&bytes[156..]).map(|b| u32::from(*b)).sum();
        if header.cksum().ok() != Some(sum + 8 * u32::from(b' ')) {
            return Err(Error::failed(format!(
                "the header after entry {} is damaged",
                super::format::shown(&self.name)
            )));
        }
        Ok(Some(header))
    }

    fn skip_rest(&mut self) -> Result<()> {
        let mut buffer = [0; 16 * BLOCK];
        while self.read(&mut buffer)? > 0 {}
        let rest = std::mem::take(&mut self.padding);
        self.fill(&mut buffer[..rest])
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.input.read_exact(buffer).map_err(|e| self.broken(&e))?;
        self.begun |= !buffer.is_empty();
        Ok(())
    }

    fn broken(&self, error: &std::io::Error) -> Error {
        let at = super::format::shown(&self.name);
        match error.kind() {
            ErrorKind::UnexpectedEof if !self.begun => {
                Error::failed("the archive is cut off at its beginning")
            }
            ErrorKind::UnexpectedEof => {
                Error::failed(format!("the archive is cut off in or after entry {at}"))
            }
            ErrorKind::InvalidInput | ErrorKind::InvalidData if !self.begun => {
                Error::failed("this is not an archive of claudebot (no gzip file)")
                    .hint("`claudebot archive list` names those there are")
            }
            ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                Error::failed(format!("the compressed data is damaged in or after entry {at} ({error})"))
            }
            _ => Error::failed(format!("cannot read on in entry {at}: {error}")),
        }
    }
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|b| *b == 0) {
        bytes.truncate(end);
    }
    bytes
}

const fn refused(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link => "it is a hard link",
        EntryType::Char | EntryType::Block => "it is a device",
        EntryType::Fifo => "it is a named pipe",
        _ => "it is of a kind that claudebot does not write",
    }
}

impl Mtime {
    /// A record for what the header's field cannot say: fractions, and times before 1970.
    fn to_pax(self) -> Option<Vec<u8>> {
        if self.nanos == 0 && self.secs >= 0 {
            return None;
        }
        let value = if self.secs < 0 && self.nanos > 0 {
            // -1 s and 0.25 s forward is written -0.75.
            format!("-{}.{:09}", -(self.secs + 1), 1_000_000_000 - self.nanos)
        } else {
            format!("{}.{:09}", self.secs, self.nanos)
        };
        let rest = " mtime=\n".len() + value.len();
        // The record's length counts its own digits; two of them hold for every time there is.
        Some(format!("{} mtime={value}\n", rest + 2).into_bytes())
    }

    fn from_pax(record: &[u8]) -> Option<Self> {
        let mut records = PaxExtensions::new(record);
        let only = records.next()?.ok()?;
        if records.next().is_some() || only.key() != Ok("mtime") {
            return None;
        }
        let value = only.value().ok()?;
        let (negative, value) = value.strip_prefix('-').map_or((false, value), |rest| (true, rest));
        let (secs, fraction) = value.split_once('.').unwrap_or((value, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(secs) || !digits(fraction) || fraction.len() > 9 {
            return None;
        }
        let secs: i64 = secs.parse().ok()?;
        let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
        Some(match (negative, nanos) {
            (false, _) => Self { secs, nanos },
            (true, 0) => Self { secs: -secs, nanos: 0 },
            (true, _) => Self { secs: -secs - 1, nanos: 1_000_000_000 - nanos },
        })
    }
}
