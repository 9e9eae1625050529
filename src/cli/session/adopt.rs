//! `session adopt`: shows the conversations that were begun in plain `claude`, and takes over those that are chosen.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{print_json, quoted, session_of};
use crate::cli::args::Adopt as Args;
use crate::cli::ask::{self, ask, ask_long};
use crate::cli::confirm;
use crate::cli::ctx::Ctx;
use crate::cli::progress::Progress;
use crate::cli::screen::{DONE, Finish, Stop};
use crate::cli::table::{self, Column, Fit};
use crate::cli::text;
use crate::error::{Error, Kind, Result};
use crate::ipc::{Adopt, Adoptable, Request, Response};
use crate::model::SessionView;

/// So much of an id is shown; fewer characters are a typing error, not a choice.
const SHOWN: usize = 8;
const LEAST: usize = 4;

pub(crate) fn run(ctx: &Ctx, args: &Args) -> Finish {
    let whence = args.begun_in.as_deref().map(|dir| real(ctx, dir)).transpose()?;
    let all = adoptable(ctx, whence.as_deref())?;
    let asks = args.pick || (args.ids.is_empty() && !args.all && !args.list && ctx.screen.can_ask());
    if args.all {
        let here = match whence {
            Some(dir) => dir,
            None => {
                std::env::current_dir().map_err(|e| Error::io("use the directory", Path::new("."), &e))?
            }
        };
        // The newest last, as if they had been begun here.
        let chosen: Vec<_> = all.iter().rev().filter(|one| begun_in(one, &here)).collect();
        if chosen.is_empty() {
            let place = text::tilde(&here, ctx.paths.home()).into_owned();
            return Err(Error::not_found(format!("no conversation of plain claude was begun in {place}"))
                .hint("`claudebot session adopt --list` shows those of every directory")
                .into());
        }
        return adopt(ctx, args, &chosen);
    }
    if !args.ids.is_empty() {
        let chosen = args.ids.iter().map(|id| by_id(&all, id)).collect::<Result<Vec<_>>>();
        return match (chosen, args.ids.as_slice()) {
            // The host knows why one is not in the list.
            (Err(error), [id]) => match id.parse() {
                Ok(id) => one(ctx, args, id, None),
                Err(_) => Err(error.into()),
            },
            (chosen, _) => adopt(ctx, args, &chosen?),
        };
    }
    if args.json && !args.pick {
        let mut out = ctx.screen.out();
        out.json(&all)?;
        out.flush()?;
        return Ok(DONE);
    }
    show(ctx, &all, asks)?;
    if !asks || all.is_empty() {
        return Ok(DONE);
    }
    if !ctx.screen.can_ask() {
        return Err(Error::usage("--pick asks, and there is no terminal to ask on")
            .hint("name what is to be taken over: claudebot session adopt ID")
            .into());
    }
    ctx.screen.talk("numbers to take over (Enter for none): ");
    let line = confirm::line()?;
    match picked(&all, &line)?.as_slice() {
        [] => Ok(DONE),
        chosen => adopt(ctx, args, chosen),
    }
}

fn adoptable(ctx: &Ctx, whence: Option<&Path>) -> Result<Vec<Adoptable>, Stop> {
    let mut all = match ask(ctx, Request::Adoptable)? {
        Response::Adoptable(all) => all,
        other => return Err(ask::unexpected(&other)),
    };
    all.retain(|one| whence.is_none_or(|dir| begun_in(one, dir)));
    Ok(all)
}

fn begun_in(one: &Adoptable, dir: &Path) -> bool {
    one.dir.as_ref().is_some_and(|own| own == dir || std::fs::canonicalize(own).is_ok_and(|real| real == dir))
}

/// A directory that is gone still has a name.
fn real(ctx: &Ctx, dir: &Path) -> Result<PathBuf> {
    let dir = ctx.absolute(&dir.to_str().map_or_else(|| dir.to_owned(), |dir| ctx.paths.expand_home(dir)))?;
    Ok(dir.canonicalize().unwrap_or(dir))
}

const COLUMNS: [Column; 6] = [
    Column::left("ID", Fit::Whole),
    Column::right("USED"),
    Column::right("PROMPTS"),
    Column::right("SIZE"),
    Column::left("TITLE", Fit::End(16)),
    Column::left("DIR", Fit::Start(10)),
];

fn show(ctx: &Ctx, all: &[Adoptable], numbered: bool) -> Result<(), Stop> {
    if all.is_empty() {
        ctx.screen.say("no conversation of plain claude is left to take over");
        return Ok(());
    }
    let digits = all.len().to_string().len();
    let margin = if numbered { digits + 2 } else { 0 };
    let rows = all.iter().map(|one| cells(ctx, one, Timestamp::now()));
    let columns = ctx.screen.columns.map(|columns| columns.saturating_sub(margin));
    let mut out = ctx.screen.out();
    for (index, line) in table::render(&COLUMNS, rows, columns).enumerate() {
        match (numbered, index) {
            (false, 0) => out.line(&ctx.screen.strong(&line))?,
            (false, _) => out.line(&line)?,
            (true, 0) => out.line(&ctx.screen.strong(&format!("{:margin$}{line}", "")))?,
            (true, _) => out.line(&format!("{index:>digits$}  {line}"))?,
        }
    }
    out.flush()?;
    Ok(())
}

fn cells<'s>(ctx: &Ctx, one: &'s Adoptable, now: Timestamp) -> [Cow<'s, str>; COLUMNS.len()] {
    let title = text::one_line(&one.title);
    let dir = one.dir.as_deref().map(|dir| text::tilde(dir, ctx.paths.home()));
    [
        one.id.to_string().chars().take(SHOWN).collect::<String>().into(),
        text::age(one.last, now).into(),
        one.prompts.to_string().into(),
        text::bytes(one.bytes).into(),
        if one.open.is_some() { format!("[open] {title}").into() } else { title },
        text::one_line(&dir.unwrap_or_default()).into_owned().into(),
    ]
}

fn by_id<'a>(all: &'a [Adoptable], id: &str) -> Result<&'a Adoptable> {
    let wanted = id.to_lowercase();
    let mut fits = all.iter().filter(|one| one.id.to_string().starts_with(&wanted));
    let unknown = || {
        Error::not_found(format!("no conversation that could be taken over begins with {id:?}"))
            .hint("`claudebot session adopt --list` shows them")
    };
    if wanted.len() < LEAST {
        return Err(unknown());
    }
    let first = fits.next().ok_or_else(unknown)?;
    let others: Vec<_> = fits.map(|one| one.id.to_string()).collect();
    if others.is_empty() {
        return Ok(first);
    }
    let candidates = [first.id.to_string()].into_iter().chain(others).take(5).collect();
    Err(Error::new(Kind::Ambiguous, format!("{id:?} fits several conversations"))
        .hint("give more of the id")
        .candidates(candidates))
}

/// What a typed line means: numbers of the list, `2-4` for several in a row.
fn picked<'a>(all: &'a [Adoptable], line: &str) -> Result<Vec<&'a Adoptable>> {
    let mut chosen = Vec::new();
    for word in line.split([' ', ',', '\t', '\n', '\r']).filter(|word| !word.is_empty()) {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let place = |number: &str| {
            let number = number.parse::<usize>().ok().filter(|number| (1..=all.len()).contains(number));
            number.ok_or_else(|| Error::usage(format!("there is no number {word} in the list")))
        };
        for number in place(first)?..=place(last)? {
            chosen.extend(all.get(number - 1).filter(|one| !chosen.contains(one)));
        }
    }
    Ok(chosen)
}

/// Takes over each of them; one that cannot be does not keep the others.
fn adopt(ctx: &Ctx, args: &Args, chosen: &[&Adoptable]) -> Finish {
    if let [single] = chosen {
        return one(ctx, args, single.id, Some(single));
    }
    if args.name.is_some() {
        return Err(Error::usage("--name is for one conversation, and these are several")
            .hint("leave it out: names are made, `claudebot session rename` changes them")
            .into());
    }
    let mut code = DONE;
    for each in chosen {
        match one(ctx, args, each.id, Some(each)) {
            Ok(_) => {}
            Err(Stop::Error(error)) => {
                ctx.screen.say(&format!("{}: {}", short(each), text::one_line(&each.title)));
                code = ctx.screen.complain(&error);
            }
            Err(closed) => return Err(closed),
        }
    }
    Ok(code)
}

fn short(one: &Adoptable) -> String {
    one.id.to_string().chars().take(SHOWN).collect()
}

fn one(ctx: &Ctx, args: &Args, conversation: uuid::Uuid, known: Option<&Adoptable>) -> Finish {
    let request = Adopt {
        conversation,
        dir: args.dir.as_deref().map(|dir| real(ctx, dir)).transpose()?,
        fork: args.fork,
        name: args.name.clone(),
        persona: args.persona.clone(),
        tags: args.tags.clone(),
    };
    let mut progress = Progress::new(ctx.screen);
    let response = ask_long(ctx, Request::SessionAdopt(request), |done, total, what| {
        progress.show(done, total, what);
    });
    progress.clear();
    let session = session_of(response?)?;
    if args.json {
        return print_json(ctx, &session);
    }
    ctx.screen.say(&taken_over(ctx, &session, known));
    ctx.screen.say(&format!("go on with it: claudebot send -s {} \"…\"", quoted(&session.name)));
    Ok(DONE)
}

fn taken_over(ctx: &Ctx, session: &SessionView, known: Option<&Adoptable>) -> String {
    let prompts = known.map(|one| format!(" ({})", text::count(u64::from(one.prompts), "prompt")));
    let place = text::tilde(&session.dir, ctx.paths.home());
    format!("adopted {}{} in {place}", text::one_line(&session.name), prompts.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn list() -> Vec<Adoptable> {
        let one = |id: u128| Adoptable {
            id: Uuid::from_u128(id << 96),
            title: "a talk".to_owned(),
            dir: None,
            last: Timestamp::default(),
            prompts: 1,
            bytes: 10,
            open: None,
        };
        [0xabcd_0001, 0xabcd_0002, 0xfe12_0003].map(one).to_vec()
    }

    #[test]
    fn an_id_may_be_shortened_as_long_as_it_is_one() {
        let all = list();
        assert_eq!(by_id(&all, "FE12").unwrap(), &all[2]);
        assert_eq!(by_id(&all, &all[1].id.to_string()).unwrap(), &all[1]);
        assert_eq!(by_id(&all, "abcd").unwrap_err().kind, Kind::Ambiguous);
        assert_eq!(by_id(&all, "fe1").unwrap_err().kind, Kind::NotFound);
        assert_eq!(by_id(&all, "0000").unwrap_err().kind, Kind::NotFound);
    }

    #[test]
    fn numbers_and_rows_of_them_are_picked() {
        let all = list();
        assert_eq!(picked(&all, "\n").unwrap(), Vec::<&Adoptable>::new());
        assert_eq!(picked(&all, "3, 1-2 1\n").unwrap(), [&all[2], &all[0], &all[1]]);
        for wrong in ["0", "4", "x", "2-9", "-1"] {
            assert_eq!(picked(&all, wrong).unwrap_err().kind, Kind::Usage, "{wrong}");
        }
    }
}
