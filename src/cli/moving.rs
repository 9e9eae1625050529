//! `move out|in`: everything into one file, and out of it on another machine.

use std::path::{Component, Path, PathBuf};

use super::args::{MoveCommand, MoveIn, MoveOut};
use super::ask::{self, ask_long};
use super::ctx::{self, Ctx};
use super::progress::Progress;
use super::screen::{DONE, Finish, Stop};
use super::session::quoted;
use super::{confirm, host, text};
use crate::error::{Error, Kind, Result};
use crate::ipc::{
    Arrived, ArrivedAs, FileAs, HouseArrival, HouseFile, HouseIn, HousePacked, Request, Response, StopWhen,
};
use crate::model::AdmittedKind;
use crate::telegram;

/// So many of a kind are named one by one on a terminal.
const NAMED: usize = 20;

pub(crate) fn run(ctx: &Ctx, command: MoveCommand) -> Finish {
    match command {
        MoveCommand::Out(args) => out(ctx, &args),
        MoveCommand::In(args) => into(ctx, args),
    }
}

fn out(ctx: &Ctx, args: &MoveOut) -> Finish {
    let telegram = telegram::moving::give(&ctx.paths)?;
    let request = Request::HouseOut { file: ctx.absolute(&args.file)?, wait: args.wait, telegram };
    let packed = match with_progress(ctx, request)? {
        Response::HousePacked(packed) => packed,
        other => return Err(ask::unexpected(&other)),
    };
    let mut out = ctx.screen.out();
    if args.json {
        out.json(&packed)?;
        out.flush()?;
        return Ok(DONE);
    }
    packed.notes.iter().for_each(|note| ctx.screen.note(&text::one_line(note)));
    ctx.screen.say(&format!("packed {}, {}, verified", contents(&packed), text::bytes(packed.bytes)));
    out.text(&packed.file.display().to_string())?;
    out.line("")?;
    out.flush()?;
    for line in advice(&packed, ctx.paths.home()) {
        ctx.screen.say(&line);
    }
    Ok(DONE)
}

/// `12 sessions (2 of them archived), the configuration and 3 personas`
fn contents(packed: &HousePacked) -> String {
    let archived =
        if packed.archived > 0 { format!(" ({} archived)", packed.archived) } else { String::new() };
    let mut parts = vec![format!("{}{archived}", text::count(packed.sessions, "session"))];
    parts.extend(packed.config.then(|| "the configuration".to_owned()));
    parts.extend((packed.personas > 0).then(|| text::count(packed.personas, "persona")));
    match parts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => parts.concat(),
    }
}

fn advice(packed: &HousePacked, home: &Path) -> Vec<String> {
    let file = quoted(&packed.file.display().to_string());
    let mut lines =
        vec!["it holds what was said and what the configuration sets: keep it private".to_owned()];
    if packed.token_left_out {
        lines.push("left out: telegram.token; there, `claudebot telegram setup` takes it again".to_owned());
    }
    if !packed.dirs.is_empty() {
        let named: Vec<_> =
            packed.dirs.iter().take(NAMED).map(|dir| text::tilde(dir, home).into_owned()).collect();
        let more = packed.dirs.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!("not packed, bring them along yourself: {}{more}", named.join(", ")));
    }
    lines.push(format!("on the other machine: claudebot move in {file}"));
    lines.push("then end this one: a bot that two machines serve answers now here, now there".to_owned());
    lines
}

fn into(ctx: &Ctx, args: MoveIn) -> Finish {
    if args.json && !args.dry_run && !args.yes {
        return Err(Error::usage("--json asks nothing").hint("add --dry-run or --yes").into());
    }
    let maps = args.map.iter().map(|(old, new)| (plain(old), plain(&expand(ctx, new)))).collect();
    let mut asked = HouseIn { file: ctx.absolute(&args.file)?, maps, agreed: None };
    let preview = arrival(with_progress(ctx, Request::HouseIn(asked.clone()))?)?;
    if args.dry_run {
        return shown(ctx, &preview, args.json);
    }
    if !args.yes {
        agreed(ctx, &preview)?;
    }
    asked.agreed = Some(preview.digest);
    let mut arrived = arrival(with_progress(ctx, Request::HouseIn(asked))?)?;
    if let Some(settings) = arrived.telegram.take()
        && let Some(note) = telegram::moving::take(&ctx.paths, &settings)?
    {
        arrived.notes.push(note);
    }
    let placed = arrived.config.as_ref().is_some_and(|config| config.outcome == FileAs::Placed);
    let restart = if placed { restarted(ctx)? } else { None };
    done(ctx, &arrived, args.json, restart)
}

/// Without a slash at the end, so that it fits what it is compared with.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn expand(ctx: &Ctx, path: &Path) -> PathBuf {
    path.to_str().map_or_else(|| path.to_owned(), |path| ctx.paths.expand_home(path))
}

fn with_progress(ctx: &Ctx, request: Request) -> Result<Response, Stop> {
    let mut progress = Progress::new(ctx.screen);
    let response = ask_long(ctx, request, |done, total, what| progress.show(done, total, what));
    progress.clear();
    response
}

fn arrival(response: Response) -> Result<HouseArrival, Stop> {
    match response {
        Response::House(house) => Ok(*house),
        other => Err(ask::unexpected(&other)),
    }
}

/// The host reads the configuration when it starts. One that a person runs is left to that person: it is told so.
fn restarted(ctx: &Ctx) -> Result<Option<&'static str>, Stop> {
    ctx::runtime()?.block_on(async {
        match host::present(ctx).await? {
            None => Ok(None),
            Some(status) if status.mode == "background" => {
                host::end(ctx, StopWhen::WhenIdle).await?;
                Ok(None)
            }
            Some(_) => Ok(Some("the configuration is in force once the host is started again")),
        }
    })
}

fn shown(ctx: &Ctx, arrival: &HouseArrival, json: bool) -> Finish {
    let mut out = ctx.screen.out();
    if json {
        out.json(arrival)?;
    } else {
        for line in preview(arrival, ctx.paths.home()) {
            out.line(&indented(&line))?;
        }
    }
    out.flush()?;
    Ok(DONE)
}

fn agreed(ctx: &Ctx, arrival: &HouseArrival) -> Result<(), Stop> {
    for line in preview(arrival, ctx.paths.home()) {
        ctx.screen.talk(&format!("{}\n", indented(&line)));
    }
    if !ctx.screen.can_ask() {
        let command = format!("claudebot move in {} --yes", quoted(&arrival.file.display().to_string()));
        return Err(Error::usage("moving in needs a yes, and there is no terminal to ask at")
            .hint(command)
            .into());
    }
    if confirm::yes(ctx, "Bring all this in? [y/N] ")? {
        return Ok(());
    }
    Err(Error::new(Kind::Denied, "nothing was brought in").into())
}

/// One line, which may begin with spaces of ours.
fn indented(line: &str) -> String {
    let words = line.trim_start();
    format!("{}{}", &line[..line.len() - words.len()], text::one_line(words))
}

/// Everything that a person agrees to.
fn preview(arrival: &HouseArrival, home: &Path) -> Vec<String> {
    let mut lines = vec![format!(
        "packed {} by claudebot {} on {}, {}",
        arrival.created.strftime("%Y-%m-%d %H:%M"),
        arrival.claudebot,
        arrival.os,
        text::bytes(arrival.bytes)
    )];
    for (old, new) in &arrival.maps {
        lines.push(format!("{} becomes {}", old.display(), text::tilde(new, home)));
    }
    lines.push(format!("{}:", text::count(arrival.sessions.len() as u64, "session")));
    lines.extend(arrival.sessions.iter().map(|session| format!("  {}", of_session(session, home))));
    for file in arrival.config.iter().chain(&arrival.personas) {
        lines.push(of_file(file, home));
        lines.extend(file.sets.iter().map(|set| format!("  {set}")));
    }
    for one in &arrival.access {
        let who = if one.kind == AdmittedKind::User { "lets in" } else { "lets work in the group" };
        lines.push(format!("{who} {} ({})", one.name, one.id));
    }
    lines.extend(arrival.notes.iter().cloned());
    lines
}

fn of_session(session: &Arrived, home: &Path) -> String {
    let name = match &session.was {
        Some(was) => format!("{} (there: {was})", session.name),
        None => session.name.clone(),
    };
    match session.outcome {
        ArrivedAs::Here => return format!("{name}: is here already"),
        ArrivedAs::Archived => return format!("{name}: archived"),
        ArrivedAs::Failed => {
            let why = session.error.as_ref().map(|error| error.message.clone()).unwrap_or_default();
            return format!("{name}: has not come: {why}");
        }
        ArrivedAs::Asleep => {}
    }
    let mut parts = vec![format!("{name} in {}", text::tilde(&session.dir, home))];
    parts.extend(session.missing.then(|| "which is missing".to_owned()));
    parts.extend(session.permission_mode.as_ref().map(|mode| format!("mode {mode}")));
    parts.extend((session.prompts > 0).then(|| format!("{} held", text::count(session.prompts, "prompt"))));
    parts.extend((!session.rules.is_empty()).then(|| format!("allowed: {}", session.rules.join(" "))));
    parts.join(", ")
}

fn of_file(file: &HouseFile, home: &Path) -> String {
    let place = text::tilde(&file.path, home);
    match file.outcome {
        FileAs::Placed => format!("{} comes to {place}", file.name),
        FileAs::Same => format!("{}: the same is here", file.name),
        FileAs::Beside => format!("{} differs from yours and comes beside it, as {place}", file.name),
    }
}

fn done(ctx: &Ctx, arrival: &HouseArrival, json: bool, restart: Option<&str>) -> Finish {
    let failed = arrival.sessions.iter().filter(|session| session.outcome == ArrivedAs::Failed).count();
    if json {
        let mut out = ctx.screen.out();
        out.json(arrival)?;
        out.flush()?;
    } else {
        for line in summary(arrival, ctx.paths.home()) {
            ctx.screen.say(&text::one_line(&line));
        }
    }
    restart.into_iter().for_each(|words| ctx.screen.say(words));
    if failed == 0 {
        return Ok(DONE);
    }
    let message = format!("{} could not come", text::count(failed as u64, "session"));
    Err(Error::failed(message)
        .hint("mend what is said of it, then ask the same again: the others stay")
        .into())
}

fn summary(arrival: &HouseArrival, home: &Path) -> Vec<String> {
    let count = |outcome| arrival.sessions.iter().filter(|session| session.outcome == outcome).count() as u64;
    let (asleep, archived, here) =
        (count(ArrivedAs::Asleep), count(ArrivedAs::Archived), count(ArrivedAs::Here));
    let mut lines = vec![format!(
        "{} moved in{}{}",
        text::count(asleep + archived, "session"),
        if archived > 0 { format!(" ({archived} archived)") } else { String::new() },
        if here > 0 { format!(", {here} here before") } else { String::new() }
    )];
    let worth_a_word = |session: &&Arrived| {
        session.outcome != ArrivedAs::Here
            && (session.error.is_some() || session.was.is_some() || session.missing)
    };
    lines.extend(arrival.sessions.iter().filter(worth_a_word).map(|session| of_session(session, home)));
    let held = arrival.sessions.iter().filter(|one| one.outcome == ArrivedAs::Asleep && one.prompts > 0);
    lines.extend(held.map(|session| {
        format!(
            "{} held: claudebot session queue {} --run",
            text::count(session.prompts, "prompt"),
            quoted(&session.name)
        )
    }));
    lines.extend(arrival.config.iter().chain(&arrival.personas).map(|file| of_file(file, home)));
    lines.extend(arrival.notes.iter().cloned());
    lines
}
