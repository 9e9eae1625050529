//! `session export`: the log as a document, of a session or of an archive file.
//!
//! The log is read twice, page by page: once for what stands at the head, once for the rest.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::session_of;
use crate::archive::{self, TemporaryFile};
use crate::cli::args::{Export as Args, ExportFormat, ExportTools};
use crate::cli::ask::{ask, unexpected};
use crate::cli::ctx::Ctx;
use crate::cli::screen::{DONE, Finish, Out, Stop};
use crate::cli::{stats, text};
use crate::error::{Error, Result};
use crate::export::{Export, Format, Head, Options, Survey, Tools};
use crate::ipc::{Request, Response, Selector};
use crate::model::{Agent, Channel, Event, SessionId};

/// Events asked for at once.
const PAGE: u32 = 1000;

pub(crate) fn run(ctx: &Ctx, args: &Args) -> Finish {
    let since = args.since.as_deref().map(since).transpose()?.unwrap_or(Since::Beginning);
    let mut target = Target::open(ctx, args)?;
    let source = Source::find(ctx, args.name.as_deref())?;
    let mut survey = Survey::default();
    source.walk(ctx, &since, u64::MAX, &mut |event| {
        survey.take(&event);
        Ok(())
    })?;
    let events = survey.events();
    if events == 0 {
        ctx.screen.note("nothing was said there: the document has only its head");
    }
    let format = format(args);
    let options =
        Options { format, tools: tools(args, format), zone: TimeZone::system(), now: Timestamp::now() };
    let head = source.head(ctx, &since);
    let until = survey.head();
    let mut export = Export::new(survey, options);
    target.write(&export.begin(&head))?;
    source.walk(ctx, &since, until, &mut |event| target.write(&export.event(event)))?;
    target.write(&export.end())?;
    let Some((file, bytes)) = target.finish()? else { return Ok(DONE) };
    let format = if format == Format::Html { "html" } else { "md" };
    let written = Written { session: source.id(), name: &head.name, file, format, events, bytes };
    if args.json {
        let mut out = ctx.screen.out();
        out.json(&written)?;
        out.flush()?;
    } else {
        let (name, events) = (text::one_line(written.name), text::count(events, "event"));
        let file = text::tilde(&written.file, ctx.paths.home()).into_owned();
        ctx.screen.say(&format!("exported {name}: {events} in {file} ({})", text::bytes(bytes)));
    }
    Ok(DONE)
}

#[derive(Debug, Serialize)]
struct Written<'a> {
    session: SessionId,
    name: &'a str,
    file: PathBuf,
    format: &'static str,
    events: u64,
    bytes: u64,
}

fn format(args: &Args) -> Format {
    let ending = args.output.as_deref().and_then(Path::extension).map(std::ffi::OsStr::to_ascii_lowercase);
    let is_page = ending.is_some_and(|ending| ending == "html" || ending == "htm");
    match args.format {
        Some(ExportFormat::Html) => Format::Html,
        None if is_page => Format::Html,
        Some(ExportFormat::Md) | None => Format::Markdown,
    }
}

fn tools(args: &Args, format: Format) -> Tools {
    match (args.tools, format) {
        (Some(ExportTools::Full), _) | (None, Format::Html) => Tools::Full,
        (Some(ExportTools::Short), _) | (None, Format::Markdown) => Tools::Short,
        (Some(ExportTools::None), _) => Tools::None,
    }
}

/// Where a document begins.
#[derive(Debug, PartialEq, Eq)]
enum Since {
    Beginning,
    /// After this number.
    Number(u64),
    Time(Timestamp),
}

fn since(words: &str) -> Result<Since> {
    if let Ok(number) = words.parse() {
        return Ok(Since::Number(number));
    }
    let moment = stats::moment(words, Timestamp::now());
    moment.map(Since::Time).map_err(|error| {
        let message =
            error.message.replace("no point in time", "neither a number of the log nor a point in time");
        Error::usage(message).hint("for example 120, 90m, 7d, 2026-11-22 or 2026-11-22T08:00:00Z")
    })
}

/// Where the events come from.
enum Source {
    Session(Box<crate::model::SessionView>),
    Archive(PathBuf, Box<archive::Manifest>),
}

impl Source {
    /// A file is meant where there is one of that name that looks like an archive.
    fn find(ctx: &Ctx, name: Option<&str>) -> Result<Self, Stop> {
        let is_file =
            |name: &&str| name.contains('/') || (name.ends_with(".tar.gz") && Path::new(name).is_file());
        if let Some(file) = name.filter(is_file) {
            let file = ctx.absolute(Path::new(file))?;
            let manifest = archive::read_manifest(&file)?;
            return Ok(Self::Archive(file, Box::new(manifest)));
        }
        let request = Request::SessionShow { session: ctx.select(name), channel: Channel::local() };
        Ok(Self::Session(Box::new(session_of(ask(ctx, request)?)?)))
    }

    fn id(&self) -> SessionId {
        match self {
            Self::Session(session) => session.id,
            Self::Archive(_, manifest) => manifest.session.id,
        }
    }

    fn head(&self, ctx: &Ctx, since: &Since) -> Head {
        let mut facts = Vec::new();
        let (name, dir, persona, model, agent, created, cost, file) = match self {
            Self::Session(s) => {
                (&s.name, &s.dir, &s.persona, &s.model, s.agent, s.created, s.cost_usd, s.archive.as_ref())
            }
            Self::Archive(file, manifest) => {
                let s = &manifest.session;
                (&s.name, &s.dir, &s.persona, &s.model, s.agent, s.created, s.cost_usd, Some(file))
            }
        };
        let home = ctx.paths.home();
        facts.push(("Directory", text::tilde(dir, home).into_owned()));
        facts.push(("Persona", persona.clone()));
        facts.extend(model.as_ref().map(|model| ("Model", model.clone())));
        facts.extend((agent == Agent::Demo).then(|| ("Answered by", "the demo agent".to_owned())));
        let created = created.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string();
        facts.push(("Created", created));
        facts.extend(file.map(|file| ("Archived in", text::tilde(file, home).into_owned())));
        let cost_usd = (*since == Since::Beginning).then_some(cost);
        Head { name: name.clone(), facts, cost_usd }
    }

    /// Hands over the events from `since` up to the number `until`.
    fn walk(
        &self,
        ctx: &Ctx,
        since: &Since,
        until: u64,
        each: &mut dyn FnMut(Event) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let is_meant = |event: &Event| match since {
            Since::Beginning => true,
            Since::Number(number) => event.seq > *number,
            Since::Time(time) => event.at >= *time,
        };
        match self {
            Self::Archive(file, _) => {
                let mut stop = None;
                archive::events_of(file, &mut |event| {
                    let goes_on = event.seq <= until;
                    if goes_on && is_meant(&event) {
                        stop = each(event).err();
                    }
                    Ok(goes_on && stop.is_none())
                })?;
                stop.map_or(Ok(()), Err)
            }
            Self::Session(session) => {
                let mut last = if let Since::Number(number) = since { *number } else { 0 };
                loop {
                    let events = page(ctx, session.id, last)?;
                    let Some(newest) = events.last() else { return Ok(()) };
                    last = newest.seq;
                    events.into_iter().filter(|e| e.seq <= until && is_meant(e)).try_for_each(&mut *each)?;
                    if last >= until {
                        return Ok(());
                    }
                }
            }
        }
    }
}

fn page(ctx: &Ctx, session: SessionId, since: u64) -> Result<Vec<Event>, Stop> {
    let session = Selector::Exact(session.to_string());
    match ask(ctx, Request::Log { session, since, limit: PAGE })? {
        Response::Events(events) => Ok(events),
        other => Err(unexpected(&other)),
    }
}

/// Where the document goes.
enum Target {
    Stdout(Out),
    File { aside: TemporaryFile, to: BufWriter<std::fs::File>, path: PathBuf, force: bool, bytes: u64 },
}

impl Target {
    /// Says what is in the way before anything is read.
    fn open(ctx: &Ctx, args: &Args) -> Result<Self> {
        let is_dash = args.output.as_deref() == Some(Path::new("-"));
        let Some(file) = args.output.as_deref().filter(|_| !is_dash) else {
            if args.json {
                return Err(Error::usage("--json tells of a file, and the document goes to stdout")
                    .hint("name a file with -o; `claudebot log --json` prints the events themselves"));
            }
            if format(args) == Format::Html && ctx.screen.stdout_is_terminal && !is_dash {
                return Err(Error::usage("HTML is not for a terminal")
                    .hint("name a file with -o, or print it all the same with `-o -`"));
            }
            return Ok(Self::Stdout(ctx.screen.out()));
        };
        let path = ctx.absolute(file)?;
        check(&path, args.force)?;
        let dir = path.parent().unwrap_or(Path::new("/"));
        if !dir.is_dir() {
            return Err(Error::not_found(format!("there is no directory {}", dir.display())));
        }
        // What an export that was killed left there.
        archive::sweep(dir);
        let aside = TemporaryFile::create(dir)?;
        let handle = aside.file.try_clone().map_err(|error| Error::io("write", &path, &error))?;
        let to = BufWriter::with_capacity(64 * 1024, handle);
        Ok(Self::File { aside, to, path, force: args.force, bytes: 0 })
    }

    fn write(&mut self, words: &str) -> Result<(), Stop> {
        match self {
            Self::Stdout(out) => out.text(words),
            Self::File { to, path, bytes, .. } => {
                *bytes += words.len() as u64;
                to.write_all(words.as_bytes()).map_err(|error| Error::io("write", path, &error).into())
            }
        }
    }

    /// The file and its size.
    fn finish(self) -> Result<Option<(PathBuf, u64)>, Stop> {
        match self {
            Self::Stdout(mut out) => out.flush().map(|()| None),
            Self::File { aside, mut to, path, force, bytes } => {
                let written = to.flush().and_then(|()| aside.file.sync_all());
                written.map_err(|error| Error::io("write", &path, &error))?;
                if force {
                    check(&path, true)?;
                    aside.publish_over(&path)?;
                } else {
                    aside.publish_as(&path).map_err(|error| check(&path, false).err().unwrap_or(error))?;
                }
                Ok(Some((path, bytes)))
            }
        }
    }
}

/// Whether a file may be written there: a link or a device is not ours to replace.
fn check(path: &Path, force: bool) -> Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => {
            Err(Error::usage(format!("{} is not a plain file", path.display())).hint("name another file"))
        }
        Ok(_) if !force => Err(Error::conflict(format!("{} is there already", path.display()))
            .hint("write over it with --force, or name another file")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_a_number_or_a_time() {
        assert_eq!(since("120"), Ok(Since::Number(120)));
        let at = "2026-11-22T08:00:00Z";
        assert_eq!(since(at), Ok(Since::Time(at.parse().unwrap())));
        assert!(matches!(since("7d"), Ok(Since::Time(_))));
        let error = since("yesterday").unwrap_err();
        assert_eq!(error.message, "`yesterday` is neither a number of the log nor a point in time");
    }
}
