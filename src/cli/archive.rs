//! `archive list|show|verify`: reads archives, changes nothing. Needs neither host nor database. `archive search` is
//! [`search::archives`].

mod show;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::args::{ArchiveCommand, ArchiveList, ArchiveVerify};
use super::ctx::Ctx;
use super::progress::Progress;
use super::screen::{DONE, Finish, Stop};
use super::search;
use super::table::{self, Column, Fit};
use super::text;
use crate::archive::{self, Listed};
use crate::error::{Error, Result};

pub(crate) fn run(ctx: &Ctx, command: ArchiveCommand) -> Finish {
    match command {
        ArchiveCommand::List(args) => list(ctx, &args),
        ArchiveCommand::Show(args) => show::run(ctx, args),
        ArchiveCommand::Verify(args) => verify(ctx, args),
        ArchiveCommand::Search(args) => search::archives(ctx, args),
    }
}

const COLUMNS: [Column; 4] = [
    Column::left("NAME", Fit::End(12)),
    Column::left("CREATED", Fit::Whole),
    Column::right("SIZE"),
    Column::left("FILE", Fit::Start(20)),
];

fn list(ctx: &Ctx, args: &ArchiveList) -> Finish {
    let dir = ctx.config()?.archive.dir;
    let listed = archive::list(&dir)?;
    let mut out = ctx.screen.out();
    if args.json {
        out.json(&listed.iter().map(summary).collect::<Vec<_>>())?;
    } else if listed.is_empty() {
        ctx.screen.say(&format!("no archive in {}", text::tilde(&dir, ctx.paths.home())));
    } else {
        let rows: Vec<Vec<Cow<'_, str>>> = listed.iter().map(|archive| row(ctx, archive)).collect();
        for line in table::render(&COLUMNS, rows.iter(), ctx.screen.columns) {
            out.line(&line)?;
        }
    }
    out.flush()?;
    Ok(DONE)
}

fn row<'a>(ctx: &Ctx, archive: &'a Listed) -> Vec<Cow<'a, str>> {
    let (name, created) = match &archive.manifest {
        Ok(manifest) => (text::one_line(&manifest.session.name), manifest.created),
        Err(error) => (format!("✗ {}", text::one_line(&error.message)).into(), archive.modified),
    };
    vec![
        name,
        created.strftime("%Y-%m-%d %H:%M").to_string().into(),
        text::bytes(archive.bytes).into(),
        text::one_line(&text::tilde(&archive.file, ctx.paths.home())).into_owned().into(),
    ]
}

fn summary(archive: &Listed) -> serde_json::Value {
    let manifest = archive.manifest.as_ref();
    serde_json::json!({
        "file": archive.file,
        "name": manifest.ok().map(|manifest| &manifest.session.name),
        "session": manifest.ok().map(|manifest| manifest.session.id),
        "bytes": archive.bytes,
        "created": manifest.map_or(archive.modified, |manifest| manifest.created),
        "error": manifest.err(),
    })
}

#[derive(Debug, Serialize)]
struct Verdict {
    file: PathBuf,
    ok: bool,
    error: Option<Error>,
}

fn verify(ctx: &Ctx, args: ArchiveVerify) -> Finish {
    let files = if args.all { all(ctx)? } else { meant(ctx, args.archives)? };
    let mut out = ctx.screen.out();
    let mut failed = 0;
    for file in files {
        let what = format!("verifying {}", file.display());
        let mut progress = Progress::new(ctx.screen);
        let mut show = |at: archive::Progress| progress.show(at.done, at.total, &what);
        let error = archive::verify(&file, &mut show, &AtomicBool::new(false)).err();
        progress.clear();
        failed += u64::from(error.is_some());
        let verdict = Verdict { file, ok: error.is_none(), error };
        if args.json {
            out.json(&verdict)?;
        } else {
            out.line(&describe(&verdict))?;
        }
        out.flush()?;
    }
    if failed == 0 {
        return Ok(DONE);
    }
    Err(Stop::Error(Error::failed(format!("{} could not be verified", text::count(failed, "archive")))))
}

fn describe(verdict: &Verdict) -> String {
    let file = verdict.file.display().to_string();
    let file = text::one_line(&file);
    match &verdict.error {
        None => format!("✓ {file}"),
        Some(error) => format!("✗ {file}: {}", text::one_line(&error.message)),
    }
}

/// Files as they are; a name that is no file means the newest archive of that session.
pub(super) fn meant(ctx: &Ctx, given: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    if given.iter().all(|path| path.is_file()) {
        return Ok(given);
    }
    let listed = archive::list(&ctx.config()?.archive.dir)?;
    let newest = |name: &PathBuf| {
        let is_meant = |archive: &&Listed| {
            archive.manifest.as_ref().is_ok_and(|manifest| name.as_os_str() == manifest.session.name.as_str())
        };
        listed.iter().find(is_meant).map(|archive| archive.file.clone())
    };
    let resolve = |path: PathBuf| if path.is_file() { path } else { newest(&path).unwrap_or(path) };
    Ok(given.into_iter().map(resolve).collect())
}

pub(super) fn all(ctx: &Ctx) -> Result<Vec<PathBuf>> {
    let listed = archive::list(&ctx.config()?.archive.dir)?;
    Ok(listed.into_iter().map(|archive| archive.file).collect())
}
