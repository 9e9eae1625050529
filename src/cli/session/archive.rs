//! `session archive`: one session, or several after the other, each packed, verified and only then removed.

use jiff::Timestamp;
use serde_json::json;

use super::quoted;
use crate::cli::args::ArchiveSession;
use crate::cli::ask::{self, ask, ask_long};
use crate::cli::ctx::Ctx;
use crate::cli::progress::Progress;
use crate::cli::screen::{DONE, Finish, Out, Stop};
use crate::cli::{confirm, text};
use crate::error::{Error, Kind, Result};
use crate::ipc::{ArchiveOptions, ArchivePlan, DirectoryPlan, Request, Response, Selector};
use crate::model::{Channel, SessionState, SessionView, moment};

pub(crate) fn run(ctx: &Ctx, args: ArchiveSession) -> Finish {
    let options =
        ArchiveOptions { with_dir: args.with_dir, all_files: args.all_files, leave_out: args.leave_out };
    let mut chosen = choose(ctx, &args)?;
    let (count, mut failed) = (chosen.len(), 0);
    let is_asked = args.names.is_empty();
    if chosen.is_empty() {
        ctx.screen.say("no session fits");
        return Ok(DONE);
    }
    if args.dry_run || args.with_dir || is_asked {
        let plans = plan(ctx, &mut chosen, &options, args.json)?;
        failed = count - chosen.len();
        if args.dry_run {
            show(ctx, &plans, args.json)?;
            return all_but(failed, count);
        }
        if !args.json {
            plans.iter().for_each(|plan| ctx.screen.say(&describe(plan)));
        }
        if is_asked && !args.yes && !plans.is_empty() {
            agreed(ctx, &plans)?;
        }
    }
    let mut out = ctx.screen.out();
    for wanted in &chosen {
        match archive(ctx, wanted, &options) {
            Ok(archived) => tell(ctx, &mut out, archived, args.json)?,
            Err(Stop::Error(error)) if count > 1 => {
                failed += 1;
                complain(ctx, &mut out, wanted, &error, args.json)?;
            }
            Err(stop) => return Err(stop),
        }
        out.flush()?;
    }
    all_but(failed, count)
}

fn all_but(failed: usize, count: usize) -> Finish {
    if failed == 0 {
        return Ok(DONE);
    }
    let count = text::count(count as u64, "session");
    Err(Error::failed(format!("{failed} of {count} cannot be archived")).into())
}

/// A session as it is asked for.
struct Wanted {
    selector: Selector,
    name: String,
    /// Not there: as a person named it.
    id: Option<String>,
}

fn choose(ctx: &Ctx, args: &ArchiveSession) -> Result<Vec<Wanted>, Stop> {
    if !args.names.is_empty() {
        let exact =
            |name: &String| Wanted { selector: Selector::Exact(name.clone()), name: name.clone(), id: None };
        return Ok(args.names.iter().map(exact).collect());
    }
    let before = args.older_than.as_deref().map(|when| moment::parse(when, Timestamp::now())).transpose()?;
    let tag = args.tags.first().cloned();
    let request = Request::SessionList { channel: Channel::local(), archived: false, all: false, tag };
    let mut sessions = match ask(ctx, request)? {
        Response::Sessions(sessions) => sessions,
        other => return Err(ask::unexpected(&other)),
    };
    sessions.retain(|session| fits(session, &args.tags, before));
    let (taken, spared): (Vec<_>, Vec<_>) =
        sessions.into_iter().partition(|session| spared(session).is_none());
    for session in &spared {
        let why = self::spared(session).unwrap_or_default();
        ctx.screen.say(&format!("left out: {} ({why})", text::one_line(&session.name)));
    }
    // By id: a name may go to another session while a person thinks about it.
    let by_id = |session: SessionView| Wanted {
        selector: Selector::Exact(session.id.to_string()),
        id: Some(session.id.to_string()),
        name: session.name,
    };
    Ok(taken.into_iter().map(by_id).collect())
}

fn fits(session: &SessionView, tags: &[String], before: Option<Timestamp>) -> bool {
    tags.iter().all(|tag| session.tags.contains(tag))
        && before.is_none_or(|before| session.last_active < before)
}

/// Why a session that was not named is not archived.
fn spared(session: &SessionView) -> Option<&'static str> {
    match session.state {
        _ if session.pinned => Some("pinned"),
        SessionState::Busy | SessionState::Waiting | SessionState::HandedOver => Some(session.state.as_str()),
        _ if session.queued > 0 => Some("prompts wait in it"),
        _ => None,
    }
}

/// What each would mean. One of several that cannot be looked at is not chosen any more.
fn plan(
    ctx: &Ctx,
    chosen: &mut Vec<Wanted>,
    options: &ArchiveOptions,
    json: bool,
) -> Result<Vec<ArchivePlan>, Stop> {
    let plan = |wanted: &Wanted| {
        let request = Request::ArchivePlan { session: wanted.selector.clone(), options: options.clone() };
        match ask_long(ctx, request, |_, _, _| {})? {
            Response::ArchivePlan(plan) => Ok(*plan),
            other => Err(ask::unexpected(&other)),
        }
    };
    let several = chosen.len() > 1;
    let (mut plans, mut out) = (Vec::new(), ctx.screen.out());
    for wanted in std::mem::take(chosen) {
        match plan(&wanted) {
            Ok(plan) => {
                plans.push(plan);
                chosen.push(wanted);
            }
            Err(Stop::Error(error)) if several => complain(ctx, &mut out, &wanted, &error, json)?,
            Err(stop) => return Err(stop),
        }
    }
    out.flush()?;
    Ok(plans)
}

fn complain(ctx: &Ctx, out: &mut Out, wanted: &Wanted, error: &Error, json: bool) -> Result<(), Stop> {
    if json {
        out.json(&json!({ "session": wanted.id, "name": wanted.name, "error": error }))?;
    } else {
        ctx.screen.complain(error);
    }
    Ok(())
}

fn bytes(plan: &ArchivePlan) -> u64 {
    plan.own + plan.directory.as_ref().map_or(0, |directory| directory.bytes)
}

/// What would be packed of one session, in one line or two.
fn describe(plan: &ArchivePlan) -> String {
    let ArchivePlan { session, own, directory } = plan;
    let name = text::one_line(&session.name);
    let Some(directory) = directory else { return format!("{name}: {}", text::bytes(*own)) };
    let DirectoryPlan { files, bytes, ignored_files, ignored_bytes, ignored } = directory;
    let files = text::count(*files, "file");
    let mut words =
        format!("{name}: {}, and its directory: {files}, {}", text::bytes(*own), text::bytes(*bytes));
    if *ignored_files > 0 {
        let largest =
            ignored.iter().map(|(path, bytes)| format!("{} ({})", text::one_line(path), text::bytes(*bytes)));
        words.push_str(&format!(
            "\n  not packed, as .gitignore says: {}, {}, most of it {} (--all-files packs it too)",
            text::count(*ignored_files, "file"),
            text::bytes(*ignored_bytes),
            largest.take(3).collect::<Vec<_>>().join(", "),
        ));
    }
    words
}

fn show(ctx: &Ctx, plans: &[ArchivePlan], json: bool) -> Finish {
    let mut out = ctx.screen.out();
    for plan in plans {
        if json {
            let ArchivePlan { session, own, directory } = plan;
            out.json(&json!({
                "session": session.id, "name": session.name, "last_active": session.last_active,
                "bytes": own, "directory": directory,
            }))?;
        } else {
            out.line(&describe(plan))?;
        }
    }
    out.flush()?;
    if !json {
        ctx.screen.say(&total(plans));
    }
    Ok(DONE)
}

fn total(plans: &[ArchivePlan]) -> String {
    let sum = plans.iter().map(bytes).sum();
    format!("{}, {} before packing", text::count(plans.len() as u64, "session"), text::bytes(sum))
}

fn agreed(ctx: &Ctx, plans: &[ArchivePlan]) -> Result<(), Stop> {
    if !ctx.screen.can_ask() {
        return Err(Error::usage(
            "archiving what was not named needs a yes, and there is no terminal to ask at",
        )
        .hint("look with --dry-run, then add --yes")
        .into());
    }
    if confirm::yes(ctx, &format!("Archive these? {} [y/N] ", total(plans)))? {
        return Ok(());
    }
    Err(Error::new(Kind::Denied, "nothing was archived").into())
}

struct Archived {
    name: String,
    session: String,
    file: std::path::PathBuf,
    bytes: u64,
}

fn archive(ctx: &Ctx, wanted: &Wanted, options: &ArchiveOptions) -> Result<Archived, Stop> {
    let request = Request::SessionArchive { session: wanted.selector.clone(), options: options.clone() };
    let mut progress = Progress::new(ctx.screen);
    let response = ask_long(ctx, request, |done, total, what| progress.show(done, total, what));
    progress.clear();
    match response? {
        Response::Archived { session, file, bytes, notes } => {
            notes.iter().for_each(|note| ctx.screen.note(&text::one_line(note)));
            Ok(Archived { name: wanted.name.clone(), session: session.to_string(), file, bytes })
        }
        other => Err(ask::unexpected(&other)),
    }
}

fn tell(ctx: &Ctx, out: &mut Out, archived: Archived, json: bool) -> Result<(), Stop> {
    let Archived { name, session, file, bytes } = archived;
    if json {
        return out
            .json(&json!({ "session": session, "name": name, "file": file, "bytes": bytes, "error": null }));
    }
    ctx.screen.say(&format!("archived {}, {}, verified", text::one_line(&name), text::bytes(bytes)));
    ctx.screen.say(&format!("bring it back: claudebot session restore {}", quoted(&name)));
    out.text(&file.display().to_string())?;
    out.line("")
}

#[cfg(test)]
mod tests {
    use super::super::list::tests::session;
    use super::*;

    #[test]
    fn what_was_not_named_is_spared_while_it_is_in_use() {
        let mut old = session("old", SessionState::Asleep);
        assert_eq!(spared(&old), None);
        old.queued = 1;
        assert_eq!(spared(&old), Some("prompts wait in it"));
        old.pinned = true;
        assert_eq!(spared(&old), Some("pinned"));
        assert_eq!(spared(&session("x", SessionState::Waiting)), Some("waiting"));
    }

    #[test]
    fn tags_and_age_must_all_fit() {
        let mut old = session("old", SessionState::Asleep);
        old.tags = vec!["a".to_owned(), "b".to_owned()];
        let tags = |tags: &[&str]| tags.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(fits(&old, &tags(&["a", "b"]), None) && !fits(&old, &tags(&["a", "c"]), None));
        let after = |seconds| Some(old.last_active + jiff::SignedDuration::from_secs(seconds));
        assert!(fits(&old, &[], after(1)) && !fits(&old, &[], after(0)));
    }

    #[test]
    fn sizes_stand_before_anything_is_packed() {
        let directory = DirectoryPlan {
            files: 12,
            bytes: 4 << 20,
            ignored_files: 900,
            ignored_bytes: 3 << 30,
            ignored: vec![("target".to_owned(), 3 << 30)],
        };
        let mut plan =
            ArchivePlan { session: session("old", SessionState::Asleep), own: 2048, directory: None };
        assert_eq!(describe(&plan), "old: 2.0 KB");
        plan.directory = Some(directory);
        assert_eq!(
            describe(&plan),
            "old: 2.0 KB, and its directory: 12 files, 4.0 MB\n  not packed, as .gitignore says: 900 files, 3.0 GB, \
             most of it target (3.0 GB) (--all-files packs it too)"
        );
        assert_eq!(total(&[plan]), "1 session, 4.0 MB before packing");
    }
}
