//! `approvals`: what waits for an answer.

use std::borrow::Cow;

use jiff::Timestamp;

use super::args::ApprovalsArgs;
use super::ask::{self, ask};
use super::ctx::Ctx;
use super::screen::{DONE, Finish, Stop};
use super::table::{self, Column, Fit};
use super::text;
use crate::ipc::{Request, Response, Selector};
use crate::model::{Approval, ApprovalKind};

pub(crate) fn run(ctx: &Ctx, args: ApprovalsArgs) -> Finish {
    let approvals = pending(ctx, args.name.map(Selector::Name))?;
    let mut out = ctx.screen.out();
    if args.json {
        out.json(&approvals)?;
    } else if approvals.is_empty() {
        ctx.screen.say("nothing waits for an answer");
    } else {
        for line in table(ctx, &approvals, Timestamp::now()) {
            out.line(&line)?;
        }
        ctx.screen.note("answer with: claudebot approve ID, claudebot deny ID");
    }
    out.flush()?;
    Ok(DONE)
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
