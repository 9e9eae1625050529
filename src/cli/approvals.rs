//! `approvals`: what waits for an answer.

use std::borrow::Cow;

use jiff::Timestamp;

use super::args::ApprovalsArgs;
use super::ask::{self, ask};
use super::ctx::Ctx;
use super::screen::{DONE, Finish, Stop};
use super::send::asking::describe_whole;
use super::table::{self, Column, Fit};
use super::text;
use crate::error::{Error, Kind};
use crate::ipc::{Request, Response, Selector};
use crate::model::{Approval, ApprovalId, ApprovalKind};

pub(crate) fn run(ctx: &Ctx, args: ApprovalsArgs) -> Finish {
    let (approvals, is_one) = wanted(ctx, args.which)?;
    let mut out = ctx.screen.out();
    if args.json {
        out.json(&approvals)?;
    } else if approvals.is_empty() {
        ctx.screen.say("nothing waits for an answer");
    } else if args.full || is_one {
        for approval in &approvals {
            out.line(&format!("{} · {}", approval.id, text::one_line(&approval.session)))?;
            out.text(describe_whole(approval).trim_start_matches('\n'))?;
        }
    } else {
        for line in table(ctx, &approvals, Timestamp::now()) {
            out.line(&line)?;
        }
        ctx.screen.note(
            "answer with: claudebot approve ID, claudebot deny ID; claudebot approvals ID shows the whole",
        );
    }
    out.flush()?;
    Ok(DONE)
}

/// All, those of a session, or the one of a number, which then is shown whole.
fn wanted(ctx: &Ctx, which: Option<String>) -> Result<(Vec<Approval>, bool), Stop> {
    let Some(which) = which else { return Ok((pending(ctx, None)?, false)) };
    let Ok(id) = which.parse::<ApprovalId>() else {
        return Ok((pending(ctx, Some(Selector::Name(which)))?, false));
    };
    let mut approvals = pending(ctx, None)?;
    approvals.retain(|approval| approval.id == id);
    if !approvals.is_empty() {
        return Ok((approvals, true));
    }
    // A session may be called like a number.
    match pending(ctx, Some(Selector::Name(which))) {
        Err(Stop::Error(error)) if error.kind == Kind::NotFound => {
            Err(Error::not_found(format!("no approval {id} waits for an answer")).into())
        }
        found => Ok((found?, false)),
    }
}

pub(crate) fn pending(ctx: &Ctx, session: Option<Selector>) -> Result<Vec<Approval>, Stop> {
    match ask(ctx, Request::Approvals { session })? {
        Response::Approvals(approvals) => Ok(approvals),
        other => Err(ask::unexpected(&other)),
    }
}

const COLUMNS: [Column; 5] = [
    Column::right("ID"),
    Column::left("SESSION", Fit::End(8)),
    Column::left("WANTS", Fit::Whole),
    Column::left("WHAT", Fit::End(20)),
    Column::right("SINCE"),
];

pub(crate) fn table(ctx: &Ctx, approvals: &[Approval], now: Timestamp) -> Vec<String> {
    let rows = approvals.iter().map(|approval| row(approval, now));
    table::render(&COLUMNS, rows, ctx.screen.columns).collect()
}

fn row(approval: &Approval, now: Timestamp) -> Vec<Cow<'_, str>> {
    let wants = match approval.kind {
        ApprovalKind::Tool => text::one_line(&approval.tool),
        ApprovalKind::Question => "an answer".into(),
        ApprovalKind::Plan => "a yes to a plan".into(),
    };
    vec![
        approval.id.to_string().into(),
        text::one_line(&approval.session),
        wants,
        text::one_line(&text::spelled_out(&approval.summary)).into_owned().into(),
        text::age(approval.asked, now).into(),
    ]
}
