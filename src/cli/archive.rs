//! `archive list|verify`: reads archives, changes nothing. Needs neither host nor database.

use std::path::PathBuf;

use serde::Serialize;

use super::args::{ArchiveCommand, ArchiveList, ArchiveVerify};
use super::ctx::Ctx;
use super::pending::archive;
use super::screen::{DONE, Finish, Stop};
use super::table::{self, Column, Fit};
use super::text;
use crate::error::{Error, Result};

pub(crate) fn run(ctx: &Ctx, command: ArchiveCommand) -> Finish {
    match command {
        ArchiveCommand::List(args) => list(ctx, &args),
        ArchiveCommand::Verify(args) => verify(ctx, args),
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
    let mut broken = Vec::new();
    let mut found = Vec::new();
    for archive in archive::list(&dir)? {
        match archive {
            Ok(archive) => found.push(archive),
            Err(error) => broken.push(error),
        }
    }
    let mut out = ctx.screen.out();
    if args.json {
        out.json(&found)?;
    } else if found.is_empty() && broken.is_empty() {
        ctx.screen.say(&format!("no archive in {}", text::tilde(&dir, ctx.paths.home())));
    } else {
        let row = |archive: &archive::Listed| {
            vec![
                text::one_line(&archive.name),
                archive.created.strftime("%Y-%m-%d %H:%M").to_string(),
                text::bytes(archive.bytes),
                text::one_line(&text::tilde(&archive.file, ctx.paths.home())),
            ]
        };
        let rows: Vec<Vec<String>> = found.iter().map(row).collect();
        for line in table::render(&COLUMNS, &rows, ctx.screen.columns) {
            out.line(&line)?;
        }
    }
    out.flush()?;
    for error in &broken {
        ctx.screen.complain(error);
    }
    Ok(DONE)
}

#[derive(Debug, Serialize)]
struct Verdict {
    file: PathBuf,
    ok: bool,
    error: Option<Error>,
}

fn verify(ctx: &Ctx, args: ArchiveVerify) -> Finish {
    let files = if args.all { all(ctx)? } else { args.archives };
    let mut out = ctx.screen.out();
    let mut failed = 0;
    for file in files {
        let error = archive::verify(&file).err();
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
    let file = text::one_line(&verdict.file.display().to_string());
    match &verdict.error {
        None => format!("✓ {file}"),
        Some(error) => format!("✗ {file}: {}", text::one_line(&error.message)),
    }
}

fn all(ctx: &Ctx) -> Result<Vec<PathBuf>> {
    let listed = archive::list(&ctx.config()?.archive.dir)?;
    listed.into_iter().map(|archive| archive.map(|archive| archive.file)).collect()
}
