//! Picking, renaming, archiving and restoring sessions.

use std::time::Duration;

use jiff::Timestamp;

use crate::error::{Error, Kind};
use crate::ipc::{ArchiveOptions, Request, Response, Selector};
use crate::model::{SessionId, SessionState, SessionView};
use crate::telegram::action::Action;
use crate::telegram::again::again;
use crate::telegram::api::ApiError;
use crate::telegram::api::methods::EditForumTopic;
use crate::telegram::db::{TopicRow, Why};
use crate::telegram::effects::Effect;
use crate::telegram::host::{Outcome, Trouble, exactly, refuse, unexpected};
use crate::telegram::render::Style;
use crate::telegram::talk::Talk;
use crate::telegram::view::{View, button};
use crate::telegram::words;

/// A topic's name is given to it within this: people see the old one meanwhile, and those behind wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sessions on one page of the list.
const PAGE: usize = 8;

/// `/session` shows the list, `/session NAME` switches.
pub(super) async fn session(talk: &Talk, name: &str) -> Outcome<Vec<Effect>> {
    if name.is_empty() {
        let sessions = talk.bridge.sessions(talk.place, false).await?;
        return talk.answer(page(&sessions, 0, talk.now));
    }
    match switch(talk, Selector::Name(name.to_owned())).await {
        Ok((session, mut effects)) => {
            effects.push(talk.say(switched(&session)).about(session.id).into());
            Ok(effects)
        }
        Err(Trouble::Refused(error)) if matches!(error.kind, Kind::NotFound | Kind::Ambiguous) => {
            let sessions = talk.bridge.sessions(talk.place, false).await?;
            let similar = similar(name, &sessions);
            match similar.as_slice() {
                [] => refuse(Error { candidates: Vec::new(), ..error }),
                [only] => {
                    let (session, mut effects) = switch(talk, exactly(only.id)).await?;
                    effects.push(talk.say(switched(&session)).about(session.id).into());
                    Ok(effects)
                }
                several => talk.answer(meant(name, several)),
            }
        }
        Err(trouble) => Err(trouble),
    }
}

/// Makes a session the one that is talked to here. Messages that waited for one go on.
pub(crate) async fn switch(talk: &Talk, session: Selector) -> Outcome<(SessionView, Vec<Effect>)> {
    let request = Request::SessionSwitch { channel: talk.place.channel(), session };
    let session = match talk.bridge.ask(request).await? {
        Response::Session(session) => session,
        other => return unexpected(&other),
    };
    let mut effects = vec![Effect::Release { place: talk.place, why: Why::Session }];
    if talk.place.thread.is_some() {
        effects.push(Effect::Topic(TopicRow {
            place: talk.place,
            session: session.id,
            name: session.name.clone(),
            closed: false,
        }));
    }
    Ok((session, effects))
}

pub(crate) fn switched(session: &SessionView) -> View {
    View::plain(format!("→ {} ({})", words::line(&session.name, 60), words::state(session.state)))
}

/// One page of the list, with a button for each session.
pub(crate) fn page(sessions: &[SessionView], number: usize, now: Timestamp) -> View {
    if sessions.is_empty() {
        return View::plain("There is no session yet: /new makes one.");
    }
    let pages = sessions.len().div_ceil(PAGE);
    let number = number.min(pages - 1);
    let of_pages = if pages > 1 { format!(", page {} of {pages}", number + 1) } else { String::new() };
    let mut view = View::titled(format!("{}{of_pages}", words::count(sessions.len(), "session")));
    let shown = &sessions[number * PAGE..sessions.len().min((number + 1) * PAGE)];
    for session in shown {
        view.rich.push("\n", Style::Plain).push(&words::line(&session.name, 60), Style::Bold);
        view.rich.push(&about(session, now), Style::Plain);
    }
    let switch =
        |session: &SessionView| button(&session.name, Action::Switch { session: session.id, stays: false });
    let back = number.checked_sub(1).map(|page| button("◀ Newer", Action::Sessions { page }));
    let next = (number + 1 < pages).then(|| button("Older ▶", Action::Sessions { page: number + 1 }));
    view.rows_of(2, shown.iter().map(switch)).row(back.into_iter().chain(next))
}

/// What stands behind a session's name.
fn about(session: &SessionView, now: Timestamp) -> String {
    let current = if session.current { " ← here" } else { "" };
    let queued = if session.queued == 0 { String::new() } else { format!(" +{}", session.queued) };
    let state = words::state(session.state);
    format!(" · {state}{queued} · {} · {}{current}", session.persona, words::age(session.last_active, now))
}

fn meant(name: &str, similar: &[&SessionView]) -> View {
    let name = words::line(name, 60);
    let buttons = similar
        .iter()
        .map(|session| button(&session.name, Action::Switch { session: session.id, stays: false }));
    View::plain(format!("No session is named {name}. Did you mean one of these?")).rows_of(2, buttons)
}

/// Names that hold all letters of what was typed, in its order, or are close to it; the closest first.
fn similar<'a>(name: &str, sessions: &'a [SessionView]) -> Vec<&'a SessionView> {
    let wanted = name.to_lowercase();
    let mut scored: Vec<(f64, &SessionView)> = sessions
        .iter()
        .filter_map(|session| Some((likeness(&wanted, &session.name.to_lowercase())?, session)))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(6).map(|(_, session)| session).collect()
}

fn likeness(wanted: &str, name: &str) -> Option<f64> {
    let mut letters = name.chars();
    let holds_all = !wanted.is_empty() && wanted.chars().all(|c| letters.any(|letter| letter == c));
    let slips = strsim::osa_distance(wanted, name);
    let is_close = slips <= (wanted.chars().count() / 3).max(1);
    let part = if name.contains(wanted) { 1.0 } else { 0.0 };
    (holds_all || is_close).then(|| part + strsim::jaro_winkler(wanted, name))
}

pub(super) async fn rename(talk: &Talk, name: &str) -> Outcome<Vec<Effect>> {
    if name.is_empty() {
        return refuse(Error::usage("/rename needs the new name behind it"));
    }
    let session = talk.session("").await?;
    let request = Request::SessionRename { session: exactly(session.id), name: name.to_owned() };
    talk.bridge.tell(request).await?;
    let mut effects = Vec::new();
    // What is renamed may be another session, which is answered here.
    let topic = talk.topic.as_ref().filter(|topic| topic.session == session.id);
    if let (Some(topic), Some(thread)) = (topic, talk.place.thread) {
        let rename =
            EditForumTopic { chat_id: talk.place.chat, message_thread_id: thread, name: name.to_owned() };
        // The bot may not be allowed to; the session has its new name all the same.
        let named = again(PATIENCE, || talk.bridge.api.call(&rename)).await;
        if matches!(named, Ok(_) | Err(ApiError::NotModified)) {
            effects.push(Effect::Topic(TopicRow { name: name.to_owned(), ..topic.clone() }));
        }
    }
    let view = View::plain(format!("{} is {} now.", words::line(&session.name, 60), words::line(name, 60)));
    effects.push(talk.say(view).about(session.id).into());
    Ok(effects)
}

/// Asks whether a session is to be packed away.
pub(super) async fn archive(talk: &Talk, name: &str) -> Outcome<Vec<Effect>> {
    let session = if name.is_empty() {
        talk.session("").await?
    } else {
        talk.bridge.show(Selector::Exact(name.to_owned()), talk.place).await?
    };
    if session.state == SessionState::Archived {
        return refuse(Error::conflict(format!("session {} is archived already", session.name)));
    }
    let view = View::plain(format!("Pack {} away?", words::line(&session.name, 60)))
        .line("It is packed into one file and verified; its process and its scratch directory go. /restore brings it back.")
        .row([
            button("Archive", Action::Archive { session: session.id }),
            button("Cancel", Action::Cancel),
        ]);
    Ok(vec![talk.say(view).about(session.id).only_for(talk.user).into()])
}

/// Packs it away. Takes as long as it takes.
pub(crate) async fn archived(talk: &Talk, session: SessionId) -> Outcome<View> {
    let name = talk.bridge.show(exactly(session), talk.place).await?.name;
    let request = Request::SessionArchive { session: exactly(session), options: ArchiveOptions::default() };
    match talk.bridge.ask(request).await? {
        Response::Archived { bytes, notes, .. } => {
            let mut view =
                View::plain(format!("▪ {} is archived ({}).", words::line(&name, 60), words::bytes(bytes)));
            for note in notes.iter().take(5) {
                view = view.line(words::sentence(&words::line(note, 200)));
            }
            Ok(view.row([button("Restore", Action::Restore { session })]))
        }
        other => unexpected(&other),
    }
}

/// `/restore` shows what is archived, `/restore NAME` asks no more.
pub(super) async fn restoring(talk: &Talk, name: &str) -> Outcome<Vec<Effect>> {
    let archived = talk.bridge.sessions(talk.place, true).await?;
    let found: Vec<&SessionView> = if name.is_empty() {
        archived.iter().take(PAGE).collect()
    } else {
        let exact: Vec<&SessionView> = archived.iter().filter(|session| session.name == name).collect();
        if exact.is_empty() { similar(name, &archived) } else { exact }
    };
    if found.is_empty() {
        return talk.answer(View::plain("Nothing is archived under that name."));
    }
    talk.answer(restorable(&found, talk.now))
}

fn restorable(found: &[&SessionView], now: Timestamp) -> View {
    let mut view = View::titled("Archived");
    for session in found {
        let used = words::ago(session.last_active, now);
        view = view.line(format!("{} · {} · used {used}", words::line(&session.name, 60), session.persona));
    }
    let buttons = found.iter().map(|session| button(&session.name, Action::Restore { session: session.id }));
    view.rows_of(2, buttons).row([button("Cancel", Action::Cancel)])
}

/// Brings it back. Takes as long as it takes.
pub(crate) async fn restore(talk: &Talk, session: SessionId) -> Outcome<View> {
    let found = talk.bridge.show(exactly(session), talk.place).await?;
    let Some(archive) = found.archive else {
        if found.state == SessionState::Archived {
            let message =
                format!("the archive of session {} was kept long enough and is removed", found.name);
            return refuse(Error::conflict(message));
        }
        return refuse(Error::conflict(format!("session {} is not archived", found.name)));
    };
    let request = Request::SessionRestore { archive, dir: None, name: None };
    match talk.bridge.ask(request).await? {
        Response::Restored { session, notes } => {
            let dir = words::path(&session.dir, &talk.bridge.home);
            let mut said = format!("{} is back, in {dir}.", words::line(&session.name, 60));
            for note in notes {
                said.push_str(&format!("\n{}", words::sentence(&words::line(&note, 200))));
            }
            let view = View::plain(said);
            Ok(view.row([button("Switch", Action::Switch { session: session.id, stays: false })]))
        }
        other => unexpected(&other),
    }
}
