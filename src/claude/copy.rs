//! A copy of a conversation under an id of its own, which goes on beside the original.
//!
//! The file may be written to meanwhile: what is whole of it is taken. It is made aside and renamed, so that no
//! process ever sees half of it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// A copy that is removed again unless it is kept.
#[derive(Debug)]
pub(crate) struct Copy {
    id: Uuid,
    file: PathBuf,
    beside: PathBuf,
    kept: bool,
}

impl Copy {
    pub(crate) const fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) const fn file(&self) -> &PathBuf {
        &self.file
    }

    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is a conversation that nobody knows.
            fs::remove_file(&self.file).ok();
            fs::remove_dir_all(&self.beside).ok();
        }
    }
}

/// Copies the conversation in `file`, with what lies beside it, into `project`.
pub(crate) fn make(file: &Path, project: &Path) -> io::Result<Copy> {
    let id = Uuid::new_v4();
    let copy = Copy {
        id,
        file: project.join(format!("{id}.jsonl")),
        beside: project.join(id.to_string()),
        kept: false,
    };
    DirBuilder::new().recursive(true).mode(0o700).create(project)?;
    let old = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let aside = project.join(format!("{id}.jsonl.tmp"));
    let written = rewritten(file, &aside, old, &id.to_string()).and_then(|()| fs::rename(&aside, &copy.file));
    if written.is_err() {
        fs::remove_file(&aside).ok();
    }
    written?;
    copy_tree(&file.with_extension(""), &copy.beside)?;
    Ok(copy)
}

/// Every line that is whole, with the new id where the old one names the conversation.
fn rewritten(from: &Path, to: &Path, old: &str, new: &str) -> io::Result<()> {
    let mut lines = BufReader::with_capacity(256 << 10, File::open(from)?);
    let mut out = BufWriter::new(private(to)?);
    let (old, new) = (format!("\"sessionId\":\"{old}\""), format!("\"sessionId\":\"{new}\""));
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
        // Inside of a text the quotes would be escaped.
        let mut rest = line.as_slice();
        while let Some(at) = rest.windows(old.len()).position(|part| part == old.as_bytes()) {
            out.write_all(&rest[..at])?;
            out.write_all(new.as_bytes())?;
            rest = &rest[at + old.len()..];
        }
        out.write_all(rest)?;
        line.clear();
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    DirBuilder::new().recursive(true).mode(0o700).create(to)?;
    for entry in entries {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else if kind.is_file() {
            io::copy(&mut File::open(entry.path())?, &mut private(&target)?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_its_own_id_and_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let old = Uuid::from_u128(1);
        let file = dir.path().join(format!("{old}.jsonl"));
        let said = format!(r#"{{"sessionId":"{old}","text":"\"sessionId\":\"{old}\""}}"#);
        fs::write(&file, format!("{said}\n{{\"half\":")).unwrap();
        fs::create_dir_all(dir.path().join(old.to_string()).join("subagents")).unwrap();
        fs::write(dir.path().join(old.to_string()).join("subagents/a.jsonl"), "{}\n").unwrap();
        let project = dir.path().join("new/project");
        let copy = make(&file, &project).unwrap();
        let id = copy.id();
        let wanted = format!("{{\"sessionId\":\"{id}\",\"text\":\"\\\"sessionId\\\":\\\"{old}\\\"\"}}\n");
        assert_eq!(fs::read_to_string(copy.file()).unwrap(), wanted);
        let beside = project.join(id.to_string()).join("subagents/a.jsonl");
        assert!(beside.is_file());
        drop(copy);
        assert_eq!(fs::read_dir(&project).unwrap().count(), 0, "what is not kept is removed");
        make(&file, &project).unwrap().keep();
        assert_eq!(fs::read_dir(&project).unwrap().count(), 2);
    }
}
