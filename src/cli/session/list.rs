//! `session list`: a table for people, an array for programs. Works without a host, and must stay fast with
//! ten thousand sessions.

use std::borrow::Cow;

use clap::builder::styling::AnsiColor;
use jiff::Timestamp;

use crate::cli::args::List;
use crate::cli::ask::{self, ask};
use crate::cli::ctx::Ctx;
use crate::cli::screen::{DONE, Finish, Screen, Stop};
use crate::cli::table::{self, Column, Fit};
use crate::cli::text;
use crate::ipc::{Request, Response};
use crate::model::{Channel, Lent, SessionState, SessionView};

pub(crate) fn run(ctx: &Ctx, args: List) -> Finish {
    let List { archived, all, tag, json } = args;
    let request = Request::SessionList { channel: Channel::local(), archived, all, tag: tag.clone() };
    let sessions = match ask(ctx, request)? {
        Response::Sessions(sessions) => sessions,
        other => return Err(ask::unexpected(&other)),
    };
    let mut out = ctx.screen.out();
    if json {
        out.json(&sessions)?;
    } else if sessions.is_empty() {
        let words = match nothing(archived, tag.is_some()) {
            NONE if !all && are_archived(ctx)? => ALL_ARCHIVED,
            words => words,
        };
        ctx.screen.say(words);
    } else {
        for line in table(ctx, &sessions, Timestamp::now()) {
            out.line(&line)?;
        }
    }
    out.flush()?;
    Ok(DONE)
}

const fn nothing(archived: bool, tagged: bool) -> &'static str {
    match (archived, tagged) {
        (_, true) => "no session has this tag",
        (true, false) => "nothing is archived; claudebot session archive NAME packs a session",
        (false, false) => NONE,
    }
}

const NONE: &str = "no session yet\nmake one here:           claudebot session new NAME --switch\ntry without an account:  claudebot demo";
const ALL_ARCHIVED: &str = "every session is archived\nshow them:               claudebot session list --archived\nbring one back:          claudebot session restore NAME\nmake one here:           claudebot session new NAME --switch";

/// Whether any session is archived.
pub(super) fn are_archived(ctx: &Ctx) -> Result<bool, Stop> {
    let request = Request::SessionList { channel: Channel::local(), archived: true, all: false, tag: None };
    match ask(ctx, request)? {
        Response::Sessions(sessions) => Ok(!sessions.is_empty()),
        other => Err(ask::unexpected(&other)),
    }
}

const COLUMNS: [Column; 7] = [
    Column::left(" ", Fit::Whole),
    Column::left("STATE", Fit::Whole),
    Column::left("NAME", Fit::End(12)),
    Column::left("PERSONA", Fit::End(7)),
    Column::left("DIR", Fit::Start(12)),
    Column::right("USED"),
    Column::right("COST"),
];

/// A line of the table before it is laid out.
type Cells<'s> = [Cow<'s, str>; COLUMNS.len()];

/// The lines of the table, coloured where stdout is a terminal.
pub(crate) fn table(ctx: &Ctx, sessions: &[SessionView], now: Timestamp) -> impl Iterator<Item = String> {
    let rows = sessions.iter().map(move |session| cells(ctx, session, now));
    let lines = table::render(&COLUMNS, rows, ctx.screen.columns);
    lines.enumerate().map(move |(index, line)| tinted(&ctx.screen, sessions, index, line))
}

fn cells<'s>(ctx: &Ctx, session: &'s SessionView, now: Timestamp) -> Cells<'s> {
    let name = text::one_line(&session.name);
    [
        if session.current { "*" } else { " " }.into(),
        match &session.lent {
            Some(lent) => handed_over(session, lent, now),
            None => state(session),
        },
        if session.pinned { format!("{name} ⚑").into() } else { name },
        text::one_line(&session.persona),
        match text::tilde(&session.dir, ctx.paths.home()) {
            Cow::Borrowed(dir) => text::one_line(dir),
            Cow::Owned(dir) => text::one_line(&dir).into_owned().into(),
        },
        text::age(session.last_active, now).into(),
        text::money(session.cost_usd).into(),
    ]
}

/// Glyph and word, how many prompts wait, and whether they wait for a person.
fn state(session: &SessionView) -> Cow<'static, str> {
    match (session.queued, &session.hold) {
        (0, _) => shown(session.state).into(),
        (queued, None) => format!("{} +{queued}", shown(session.state)).into(),
        (queued, Some(_)) => format!("{} +{queued} held", shown(session.state)).into(),
    }
}

/// To which terminal, and for how long.
fn handed_over(session: &SessionView, lent: &Lent, now: Timestamp) -> Cow<'static, str> {
    let tty = text::one_line(lent.tty.as_deref().unwrap_or_default());
    let words = format!("{} {tty} {}", state(session), text::age(lent.since, now));
    words.split_whitespace().collect::<Vec<_>>().join(" ").into()
}

const fn shown(state: SessionState) -> &'static str {
    match state {
        SessionState::Busy => "▶ busy",
        SessionState::Waiting => "! waiting",
        SessionState::Idle => "● idle",
        SessionState::Asleep => "○ asleep",
        SessionState::Crashed => "✗ crashed",
        SessionState::HandedOver => "↗ handed over",
        SessionState::Archived => "▪ archived",
    }
}

pub(crate) fn glyph(state: SessionState) -> &'static str {
    shown(state).split(' ').next().unwrap_or_default()
}

/// Colour comes after the layout, since it takes no columns: the state's word carries it.
fn tinted(screen: &Screen, sessions: &[SessionView], index: usize, line: String) -> String {
    let Some(session) = index.checked_sub(1).and_then(|row| sessions.get(row)) else {
        return screen.strong(&line);
    };
    let colour = match session.state {
        SessionState::Busy => AnsiColor::Green,
        SessionState::Waiting => AnsiColor::Yellow,
        SessionState::Crashed => AnsiColor::Red,
        SessionState::Idle => AnsiColor::Cyan,
        SessionState::Asleep | SessionState::HandedOver | SessionState::Archived => return line,
    };
    let word = state(session);
    line.replacen(&*word, &screen.tint(&word, colour), 1)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::{Agent, SessionId};
    use crate::paths::Env;
    use uuid::Uuid;

    pub(crate) fn session(name: &str, state: SessionState) -> SessionView {
        SessionView {
            id: SessionId(Uuid::nil()),
            name: name.to_owned(),
            state,
            persona: "default".to_owned(),
            dir: "/home/me/projects/claudebot".into(),
            current: false,
            tags: Vec::new(),
            last_active: "2026-11-22T11:00:00Z".parse().unwrap(),
            cost_usd: 0.0,
            agent: Agent::Claude,
            pinned: false,
            created: "2026-11-20T11:00:00Z".parse().unwrap(),
            model: None,
            conversation: None,
            queued: 0,
            hold: None,
            activity: None,
            archive: None,
            lent: None,
        }
    }

    fn lines(columns: Option<usize>) -> Vec<String> {
        let mut screen = Screen::plain();
        screen.columns = columns;
        let ctx = Ctx::new(Env::from_pairs([("HOME", "/home/me")]), screen).unwrap();
        let sessions = [
            SessionView { current: true, cost_usd: 1.234, ..session("work", SessionState::Busy) },
            SessionView { queued: 2, pinned: true, ..session("home", SessionState::Waiting) },
            SessionView {
                dir: "/srv/some/rather/deep/place/for/a/project/with/a/long/path".into(),
                persona: "brainstorm".to_owned(),
                ..session("a-name-that-somebody-typed-at-length-because-they-could", SessionState::Asleep)
            },
            session("evil\u{1b}[31m\nname", SessionState::HandedOver),
        ];
        table(&ctx, &sessions, "2026-11-22T12:00:00Z".parse().unwrap()).collect()
    }

    #[test]
    fn eighty_columns_look_good() {
        assert_eq!(
            lines(Some(80)),
            [
                "   STATE          NAME                PERSONA     DIR                USED   COST",
                "*  ▶ busy         work                default     …ojects/claudebot    1h  $1.23",
                "   ! waiting +2   home ⚑              default     …ojects/claudebot    1h",
                "   ○ asleep       a-name-that-someb…  brainstorm  …with/a/long/path    1h",
                "   ↗ handed over  evil name           default     …ojects/claudebot    1h",
            ]
        );
        assert!(lines(Some(80)).iter().all(|line| text::width(line) <= 80));
    }

    #[test]
    fn wide_terminals_and_pipes_cut_nothing() {
        assert_eq!(
            lines(Some(200)),
            [
                "   STATE          NAME                                                     PERSONA     DIR                                                         USED   COST",
                "*  ▶ busy         work                                                     default     ~/projects/claudebot                                          1h  $1.23",
                "   ! waiting +2   home ⚑                                                   default     ~/projects/claudebot                                          1h",
                "   ○ asleep       a-name-that-somebody-typed-at-length-because-they-could  brainstorm  /srv/some/rather/deep/place/for/a/project/with/a/long/path    1h",
                "   ↗ handed over  evil name                                                default     ~/projects/claudebot                                          1h",
            ]
        );
        assert_eq!(lines(None), lines(Some(200)));
    }

    #[test]
    fn every_state_has_its_own_glyph() {
        let states = [
            SessionState::Busy,
            SessionState::Waiting,
            SessionState::Idle,
            SessionState::Asleep,
            SessionState::Crashed,
            SessionState::HandedOver,
            SessionState::Archived,
        ];
        let glyphs: std::collections::BTreeSet<&str> = states.into_iter().map(glyph).collect();
        assert_eq!(glyphs.len(), states.len());
    }
}
