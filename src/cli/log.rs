//! `log`: what was said and done, from the durable events.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::sleep;

use super::args::LogArgs;
use super::ask::{self, ask};
use super::ctx::{self, Ctx};
use super::screen::{DONE, Finish, Out, Screen, Stop};
use super::send::asking::in_words;
use super::text;
use crate::error::{Error, Kind, Result};
use crate::ipc::client::Client;
use crate::ipc::{HostFrame, Push, Request, Response, Selector};
use crate::model::{Channel, Detail, Event, EventKind, Outcome};

/// Events asked for at once.
const PAGE: u32 = 1000;

/// Events before and after the one that is asked for.
const AROUND: u32 = 5;

/// How often a follower looks whether a host is there again.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

pub(crate) fn run(ctx: &Ctx, args: &LogArgs) -> Finish {
    if args.audit {
        return audit(ctx, args);
    }
    let session = fixed(ctx, ctx.select(args.name.as_deref()))?;
    let mut printer = Printer::new(ctx, args.json);
    if let Some(seq) = args.around {
        around(ctx, &session, seq, args.limit.unwrap_or(AROUND), &mut printer)?;
        printer.out.flush()?;
        return Ok(DONE);
    }
    let last = backlog(ctx, args, &session, &mut printer)?;
    printer.out.flush()?;
    if args.follow {
        ctx::runtime()?.block_on(follow(ctx, session, last, &mut printer))?;
    }
    Ok(DONE)
}

/// The session that is meant now: by the next page another one may be current, or have the name.
fn fixed(ctx: &Ctx, session: Selector) -> Result<Selector, Stop> {
    match ask(ctx, Request::SessionShow { session, channel: Channel::local() })? {
        Response::Session(session) => Ok(Selector::Exact(session.id.to_string())),
        other => Err(ask::unexpected(&other)),
    }
}

/// Prints what is there; returns the number of the last event.
fn backlog(ctx: &Ctx, args: &LogArgs, session: &Selector, printer: &mut Printer) -> Result<u64, Stop> {
    let limit = args.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut last = args.since.unwrap_or(0);
    let mut printed = 0;
    // Without --since the limit is for the end of the log, which is not known before it is read.
    let mut tail = std::collections::VecDeque::new();
    loop {
        let events = page(ctx, session, last)?;
        let Some(newest) = events.last() else { break };
        last = newest.seq;
        for event in events {
            if args.since.is_none() && args.limit.is_some() {
                tail.push_back(event);
                if tail.len() > limit {
                    tail.pop_front();
                }
            } else if printed < limit {
                printer.event(&event)?;
                printed += 1;
            }
        }
        if args.since.is_some() && printed >= limit && !args.follow {
            break;
        }
    }
    tail.iter().try_for_each(|event| printer.event(event))?;
    Ok(last)
}

/// Prints an event with so many on each side.
fn around(ctx: &Ctx, session: &Selector, seq: u64, each: u32, printer: &mut Printer) -> Result<(), Stop> {
    let each = each.min(PAGE);
    let mut since = seq.saturating_sub(u64::from(each) + 1);
    let to = seq.saturating_add(u64::from(each));
    let mut is_there = false;
    printer.marked = Some(seq);
    while since < to {
        let events = pages(ctx, session, since, PAGE.min(u32::try_from(to - since).unwrap_or(PAGE)))?;
        let Some(last) = events.last() else { break };
        since = last.seq;
        is_there |= events.iter().any(|event| event.seq == seq);
        if !is_there && since >= seq {
            break;
        }
        events.iter().try_for_each(|event| printer.event(event))?;
    }
    if is_there {
        return Ok(());
    }
    Err(Stop::Error(
        Error::not_found(format!("there is no event {seq} in this log"))
            .hint("they count from 1; `claudebot log NAME -n 1` shows the last one"),
    ))
}

fn page(ctx: &Ctx, session: &Selector, since: u64) -> Result<Vec<Event>, Stop> {
    pages(ctx, session, since, PAGE)
}

fn pages(ctx: &Ctx, session: &Selector, since: u64, limit: u32) -> Result<Vec<Event>, Stop> {
    match ask(ctx, Request::Log { session: session.clone(), since, limit })? {
        Response::Events(events) => Ok(events),
        other => Err(ask::unexpected(&other)),
    }
}

/// Goes on until the session is gone. Nothing happens without a host, so none is started for watching: when it
/// ends, the next one is waited for.
async fn follow(ctx: &Ctx, session: Selector, mut last: u64, printer: &mut Printer) -> Result<(), Stop> {
    loop {
        let mut client = next_host(ctx).await?;
        let ended = watch(&mut client, &session, &mut last, printer).await?;
        if let End::Closed(why) = ended {
            ctx.screen.note(&why);
            return Ok(());
        }
        // A host that is about to end still answers for a moment.
        sleep(BETWEEN_LOOKS).await;
    }
}

async fn next_host(ctx: &Ctx) -> Result<Client> {
    let mut told = false;
    loop {
        if let Some(client) = Client::connect(&ctx.paths, &ctx.identity()).await? {
            return Ok(client);
        }
        if !told {
            ctx.screen.note("no host runs, so nothing happens; waiting for one (Ctrl-C ends this)");
            told = true;
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

enum End {
    /// The connection is gone, or cannot be used any more.
    Lost,
    /// The subscription is over for good.
    Closed(String),
}

/// Prints events as they come, as long as this connection lasts.
async fn watch(
    client: &mut Client,
    session: &Selector,
    last: &mut u64,
    printer: &mut Printer,
) -> Result<End, Stop> {
    let mut subscription = None;
    loop {
        let id = match subscription {
            Some(id) => id,
            None => {
                let request = Request::Subscribe { session: session.clone(), since: *last };
                match client.subscribe(request).await {
                    Ok((id, _)) => *subscription.insert(id),
                    Err(error) if error.kind == Kind::Unavailable => return Ok(End::Lost),
                    Err(error) => return Err(error.into()),
                }
            }
        };
        match client.next().await? {
            None => return Ok(End::Lost),
            Some(HostFrame::Push { id: of, push }) if of == id => match push {
                Push::Event(event) if event.seq > *last => {
                    *last = event.seq;
                    printer.event(&event)?;
                    printer.out.flush()?;
                }
                Push::Lagged => subscription = None,
                Push::Closed { reason } => return Ok(End::Closed(reason)),
                _ => {}
            },
            Some(_) => {}
        }
    }
}

fn audit(ctx: &Ctx, args: &LogArgs) -> Finish {
    let records = match ask(ctx, Request::Audit { limit: args.limit.unwrap_or(PAGE) })? {
        Response::Audit(records) => records,
        other => return Err(ask::unexpected(&other)),
    };
    let mut out = ctx.screen.out();
    for record in records {
        if args.json {
            out.json(&record)?;
            continue;
        }
        let field = |(key, value): (&String, &serde_json::Value)| match value {
            serde_json::Value::String(text) => format!("{key}={}", text::one_line(text)),
            other => format!("{key}={}", text::one_line(&other.to_string())),
        };
        let line = match &record {
            serde_json::Value::Object(fields) => fields.iter().map(field).collect::<Vec<_>>().join("  "),
            other => text::one_line(&other.to_string()).into_owned(),
        };
        out.line(&line)?;
    }
    out.flush()?;
    Ok(DONE)
}

/// Events one after the other, as JSON or for people.
struct Printer {
    out: Out,
    json: bool,
    zone: TimeZone,
    date: String,
    columns: usize,
    /// The event that stands out.
    marked: Option<u64>,
    screen: Screen,
}

impl Printer {
    fn new(ctx: &Ctx, json: bool) -> Self {
        let zone = if json { TimeZone::UTC } else { TimeZone::system() };
        let columns = ctx.screen.columns.unwrap_or(usize::MAX);
        Self {
            out: ctx.screen.out(),
            json,
            zone,
            date: String::new(),
            columns,
            marked: None,
            screen: ctx.screen,
        }
    }

    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        if self.json {
            return self.out.json(event);
        }
        let (date, time) = moment(event.at, &self.zone);
        if date != self.date {
            self.out.line(&format!("── {date} ──"))?;
            self.date = date;
        }
        let lines = rendered(event, &time, self.columns);
        if self.marked != Some(event.seq) {
            return self.out.text(&lines);
        }
        // In place of the margin, which a long number fills.
        let lines = text::clean(&format!("▸{}", lines.strip_prefix(' ').unwrap_or(&lines)));
        let (first, rest) = lines.split_once('\n').unwrap_or((&lines, ""));
        self.out.line(&self.screen.strong(first))?;
        self.out.text(rest)
    }
}

fn moment(at: Timestamp, zone: &TimeZone) -> (String, String) {
    let local = at.to_zoned(zone.clone());
    (local.strftime("%Y-%m-%d").to_string(), local.strftime("%H:%M").to_string())
}

/// An event for people: number, time, a mark for who or what, and the words, aligned under each other.
fn rendered(event: &Event, time: &str, columns: usize) -> String {
    let words = words(event);
    let inner = if is_inner(event) { "┊ " } else { "" };
    let head = format!("{:>5} {time} {inner}{} ", event.seq, mark(event.kind));
    let margin = text::width(&head);
    format!("{head}{}\n", text::wrap(words.trim_end(), margin, margin, columns))
}

/// A subagent's, which is not what was said to the person.
const fn is_inner(event: &Event) -> bool {
    matches!(
        &event.detail,
        Some(Detail::Reply { parent: Some(_), .. } | Detail::Tool { parent: Some(_), .. })
    )
}

const fn mark(kind: EventKind) -> char {
    match kind {
        EventKind::Prompt => '›',
        EventKind::Reply => '◆',
        EventKind::Tool => '⚙',
        EventKind::ApprovalAsked => '?',
        EventKind::ApprovalAnswered => '↳',
        EventKind::TurnEnded => '·',
        EventKind::Notice => '!',
    }
}

fn words(event: &Event) -> String {
    match &event.detail {
        Some(Detail::Prompt { attachments, .. }) if !attachments.is_empty() => {
            format!("{}\n[{}]", event.text.trim_end(), attachments.join(", "))
        }
        Some(Detail::Tool { result, is_error, .. }) => match result {
            None => format!("{} (cut off)", event.text),
            Some(result) if *is_error => {
                format!("{}\n✗ {}", event.text, result.lines().next().unwrap_or_default())
            }
            Some(_) => event.text.clone(),
        },
        Some(Detail::Asked { approval }) => {
            format!("approval {}: {}: {}", approval.id, approval.tool, text::one_line(&approval.summary))
        }
        Some(Detail::Answered { approval, decision, by }) => match decision {
            Some(decision) => format!("approval {approval}: {} by {by}", in_words(decision)),
            None => format!("approval {approval} is no longer asked for"),
        },
        Some(Detail::Turn { outcome, cost_usd, .. }) => turn_ended(*outcome, *cost_usd, &event.text),
        Some(Detail::File { path, bytes, .. }) => text::file_sent(&event.text, path, *bytes),
        _ => event.text.clone(),
    }
}

fn turn_ended(outcome: Outcome, cost: f64, why: &str) -> String {
    let how = match outcome {
        Outcome::Done => "done",
        Outcome::Failed => "failed",
        Outcome::Interrupted => "interrupted",
        Outcome::Replaced => "replaced",
    };
    let mut words = how.to_owned();
    if !why.is_empty() && outcome != Outcome::Done {
        words.push_str(&format!(": {why}"));
    }
    if cost > 0.0 {
        words.push_str(&format!(" (${cost:.4})"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, text: &str, detail: Option<Detail>) -> Event {
        let at = "2026-11-22T11:03:00Z".parse().unwrap();
        Event { seq: 12, at, kind, text: text.to_owned(), prompt_id: None, detail }
    }

    #[test]
    fn events_are_aligned_under_each_other() {
        let prompt = event(EventKind::Prompt, "hello\n\nthere\n", None);
        assert_eq!(rendered(&prompt, "11:03", 80), "   12 11:03 › hello\n\n              there\n");
        let inner = Detail::Reply { turn: 1, block: 1, parent: Some("toolu_1".to_owned()) };
        let inner = event(EventKind::Reply, "found\nit", Some(inner));
        assert_eq!(rendered(&inner, "11:03", 80), "   12 11:03 ┊ ◆ found\n                it\n");
        let empty = event(EventKind::Reply, "", None);
        assert_eq!(rendered(&empty, "11:03", 80), "   12 11:03 ◆ \n");
        let long = event(EventKind::Reply, "more words than fit", None);
        assert_eq!(rendered(&long, "11:03", 24), "   12 11:03 ◆ more words\n              than fit\n");
    }

    #[test]
    fn tools_and_answers_say_how_it_went() {
        let tool = |result: Option<&str>, is_error| Detail::Tool {
            turn: 1,
            block: 1,
            name: "Bash".to_owned(),
            input: serde_json::Value::Null,
            result: result.map(str::to_owned),
            is_error,
            parent: None,
        };
        let told = |detail| words(&event(EventKind::Tool, "Bash: ls", Some(detail)));
        assert_eq!(told(tool(Some("total 0"), false)), "Bash: ls");
        assert_eq!(told(tool(Some("no\nway"), true)), "Bash: ls\n✗ no");
        assert_eq!(told(tool(None, true)), "Bash: ls (cut off)");
        assert_eq!(turn_ended(Outcome::Failed, 0.5, "API Error"), "failed: API Error ($0.5000)");
        let decision = crate::model::Decision::Deny { message: None };
        let answered = Detail::Answered { approval: 3, decision: Some(decision), by: "shell".to_owned() };
        assert_eq!(told(answered), "approval 3: denied by shell");
        let file =
            Detail::File { path: "/p/a.pdf".into(), name: "a.pdf".to_owned(), caption: None, bytes: 2048 };
        let sent = event(EventKind::Notice, "sent the file a.pdf", Some(file));
        assert_eq!(words(&sent), "sent the file a.pdf\n/p/a.pdf (2.0 KB)");
    }

    #[test]
    fn times_are_those_of_the_zone() {
        let at = "2026-11-22T23:03:00Z".parse().unwrap();
        assert_eq!(moment(at, &TimeZone::UTC), ("2026-11-22".to_owned(), "23:03".to_owned()));
    }
}
