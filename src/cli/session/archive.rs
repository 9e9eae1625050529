//! `session archive`: packs and verifies, with progress on a terminal.

use super::quoted;
use crate::cli::args::ArchiveSession;
use crate::cli::ask::{self, ask_long};
use crate::cli::ctx::Ctx;
use crate::cli::progress::Progress;
use crate::cli::screen::{DONE, Finish};
use crate::cli::text;
use crate::ipc::{ArchiveOptions, Request, Response, Selector};

pub(crate) fn run(ctx: &Ctx, args: ArchiveSession) -> Finish {
    let request = Request::SessionArchive {
        session: Selector::Exact(args.name.clone()),
        options: ArchiveOptions { with_dir: args.with_dir, leave_out: args.leave_out },
    };
    let mut progress = Progress::new(ctx.screen);
    let response = ask_long(ctx, request, |done, total, what| progress.show(done, total, what));
    progress.clear();
    let response = response?;
    let Response::Archived { session, file, bytes, notes } = &response else {
        return Err(ask::unexpected(&response));
    };
    for note in notes {
        ctx.screen.note(&text::one_line(note));
    }
    let mut out = ctx.screen.out();
    if args.json {
        out.json(&serde_json::json!({ "session": session, "file": file, "bytes": bytes }))?;
    } else {
        ctx.screen.say(&format!("archived {}, {}, verified", args.name, text::bytes(*bytes)));
        ctx.screen.say(&format!("bring it back: claudebot session restore {}", quoted(&args.name)));
        out.text(&file.display().to_string())?;
        out.line("")?;
    }
    out.flush()?;
    Ok(DONE)
}
