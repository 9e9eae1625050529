//! Writes a house: entry by entry into a file aside, read back whole, and only then given its name.

use std::fs::{self, File};
use std::io::{BufWriter, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::super::format::CHECKSUMS;
use super::super::meter::{CHUNK, Meter, Progress, Step};
use super::super::pack::{self, ours};
use super::super::stream::{Mtime, Writer};
use super::super::temporary::{self, TemporaryDir, TemporaryFile};
use super::super::{Packed, Packing, verify};
use super::contents::CONTENTS;
use super::{BINDINGS, CONFIG, Contents, Depth, House, MAX_BINDINGS, MAX_TEXT, PERSONAS};
use crate::error::{Error, Kind, Result};
use crate::model::Bindings;

/// A house in the making. Dropped before [`Packer::finish`], nothing is left of it.
pub(crate) struct Packer {
    target: PathBuf,
    /// Where the file will lie, and where a session's archive lies until it is in it.
    dir: PathBuf,
    staging: TemporaryDir,
    temporary: TemporaryFile,
    out: BufWriter<File>,
    checksums: Vec<u8>,
    created: Mtime,
}

/// A house that exists, durable and verified.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) file: PathBuf,
    pub(crate) bytes: u64,
}

impl Packer {
    /// Begins a house that will be `target`, where nothing may be yet.
    pub(crate) fn begin(target: &Path, contents: &Contents) -> Result<Self> {
        refuse_taken(target)?;
        let dir = target.parent().unwrap_or(target);
        if !dir.is_dir() {
            let message = format!("there is no directory {}", dir.display());
            return Err(Error::not_found(message).hint("make it first, or write the file elsewhere"));
        }
        temporary::sweep(dir);
        let staging = TemporaryDir::create(dir)?;
        let temporary = TemporaryFile::create(dir)?;
        let file = temporary.file.try_clone().map_err(|e| Error::io("write", target, &e))?;
        let mut packer = Self {
            target: target.to_owned(),
            dir: dir.to_owned(),
            staging,
            temporary,
            out: BufWriter::with_capacity(CHUNK, file),
            checksums: Vec::new(),
            created: Mtime { secs: contents.created.as_second(), nanos: 0 },
        };
        packer.bytes(CONTENTS, contents.to_toml()?.as_bytes())?;
        Ok(packer)
    }

    pub(crate) fn config(&mut self, text: &str) -> Result<()> {
        check_length(CONFIG, text.len() as u64, MAX_TEXT)?;
        self.bytes(CONFIG, text.as_bytes())
    }

    /// In the order of their names. `name` is a checked name.
    pub(crate) fn persona(&mut self, name: &str, text: &str) -> Result<()> {
        check_length(name, text.len() as u64, MAX_TEXT)?;
        self.bytes(&format!("{PERSONAS}{name}.toml"), text.as_bytes())
    }

    /// A session, packed aside. Where this fails it may be tried again. Progress counts what is packed.
    pub(crate) fn aside(
        &self,
        packing: Packing<'_>,
        progress: &mut dyn FnMut(Progress),
        cancel: &AtomicBool,
    ) -> Result<Packed> {
        super::super::pack(packing, self.staging.path(), progress, cancel)
    }

    /// The next session of the contents, which lies aside.
    pub(crate) fn session(&mut self, file: &str, packed: &Packed, cancel: &AtomicBool) -> Result<()> {
        self.archive(file, &packed.file, cancel)?;
        fs::remove_file(&packed.file).map_err(|e| Error::io("remove", &packed.file, &e))
    }

    /// Or as it is, if it is an archive already.
    pub(crate) fn archive(&mut self, name: &str, archive: &Path, cancel: &AtomicBool) -> Result<()> {
        let mut file = verify::open(archive)?;
        let size = file.metadata().map_err(|e| Error::io("read", archive, &e))?.len();
        let entry = ours(name, self.created, size);
        self.with(cancel, |packer| packer.stream(&entry, &mut file, archive))
    }

    /// Writes what is left, reads all of it back, and gives the file its name.
    pub(crate) fn finish(
        mut self,
        bindings: &Bindings,
        progress: &mut dyn FnMut(Progress),
        cancel: &AtomicBool,
    ) -> Result<Finished> {
        let json = serde_json::to_vec_pretty(bindings)
            .map_err(|e| Error::failed(format!("cannot write {BINDINGS}: {e}")))?;
        if json.len() as u64 > MAX_BINDINGS {
            return Err(Error::failed("the prompts that wait are too many for one file")
                .hint("claudebot session queue NAME --clear drops those of a session"));
        }
        self.bytes(BINDINGS, &json)?;
        let checksums = std::mem::take(&mut self.checksums);
        self.bytes(CHECKSUMS, &checksums)?;
        let Self { target, temporary, out, .. } = self;
        let written = |e: std::io::Error| Error::io("write", &target, &e);
        let out = Writer::new(out).finish().map_err(written)?;
        let mut file = out.into_inner().map_err(|e| written(e.into_error()))?;
        file.sync_all().map_err(written)?;
        let bytes = file.stream_position().map_err(written)?;
        House::of(file, &target, Depth::Sums, progress, cancel).map_err(|mut e| {
            e.message = format!("the file was not written as it should be: {}", e.message);
            if e.kind == Kind::Failed { e.hint(pack::LOOK_AFTER_DISK) } else { e }
        })?;
        refuse_taken(&target)?;
        temporary.publish_as(&target)?;
        Ok(Finished { file: target, bytes })
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let created = self.created;
        self.with(&AtomicBool::new(false), |packer| packer.bytes(name, created, bytes))
    }

    /// One or several entries by way of the packer of archives.
    fn with(
        &mut self,
        cancel: &AtomicBool,
        work: impl FnOnce(&mut pack::Packer<'_, '_, &mut BufWriter<File>>) -> Result<()>,
    ) -> Result<()> {
        let mut quiet = |_| {};
        let mut meter = Meter::new(Step::Packing, &mut quiet, cancel);
        let mut packer = pack::Packer {
            tar: Writer::new(&mut self.out),
            checksums: std::mem::take(&mut self.checksums),
            dest_dir: &self.dir,
            meter: &mut meter,
        };
        let done = work(&mut packer);
        self.checksums = packer.checksums;
        done
    }
}

fn check_length(name: &str, length: u64, most: u64) -> Result<()> {
    if length > most {
        return Err(Error::failed(format!("{name} is longer than {} MB", most >> 20)));
    }
    Ok(())
}

fn refuse_taken(target: &Path) -> Result<()> {
    match fs::symlink_metadata(target) {
        Ok(_) => Err(Error::conflict(format!("{} is there already", target.display()))
            .hint("nothing is overwritten: name another file, or move that one away")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::new(Kind::Failed, Error::io("write", target, &e).message)),
    }
}
