//! `/inbox`: what waits for a person. `/status`: what runs.

use jiff::Timestamp;

use crate::ipc::{HostStatus, Request, Response};
use crate::model::{Approval, SessionState, SessionView};
use crate::telegram::action::Action;
use crate::telegram::effects::Effect;
use crate::telegram::host::{Outcome, Trouble, unexpected};
use crate::telegram::talk::Talk;
use crate::telegram::view::{View, button};
use crate::telegram::words;

/// More are counted, and not shown.
const SHOWN: usize = 10;

/// What the host says of everything.
struct Overview {
    total: u64,
    sessions: Vec<SessionView>,
    approvals: Vec<Approval>,
    host: Option<HostStatus>,
}

async fn overview(talk: &Talk) -> Outcome<Overview> {
    match talk.bridge.ask(Request::Status { channel: talk.place.channel() }).await? {
        Response::Status { total, sessions, approvals, host } => {
            Ok(Overview { total, sessions, approvals, host })
        }
        other => unexpected(&other),
    }
}

/// Every request that waits is shown once more, and after that what is held.
pub(super) async fn inbox(talk: &Talk) -> Outcome<Vec<Effect>> {
    let Overview { sessions, approvals, .. } = overview(talk).await?;
    let shown = approvals.iter().take(SHOWN);
    let ask = |approval: &Approval| Effect::Ask { place: talk.place, approval: Box::new(approval.clone()) };
    let mut effects: Vec<Effect> = shown.map(ask).collect();
    let held: Vec<&SessionView> = sessions.iter().filter(|session| session.hold.is_some()).collect();
    for session in held.iter().take(SHOWN) {
        effects.push(talk.say(held_view(session)).about(session.id).into());
    }
    let more = approvals.len().saturating_sub(SHOWN) + held.len().saturating_sub(SHOWN);
    if effects.is_empty() {
        effects.push(talk.say(View::plain("Nothing waits for you.")).into());
    } else if more > 0 {
        let words = format!("And {more} more: /inbox again, once these are done.");
        effects.push(talk.say(View::plain(words)).into());
    }
    Ok(effects)
}

/// A queue that waits for a word.
fn held_view(session: &SessionView) -> View {
    let why = session.hold.as_deref().unwrap_or_default();
    let queued = words::count(usize::try_from(session.queued).unwrap_or(usize::MAX), "prompt");
    let name = words::line(&session.name, 60);
    let id = session.id;
    let mut buttons = Vec::new();
    if why == "interrupted" {
        buttons.push(button("Continue", Action::Continue { session: id }));
    }
    if session.queued > 0 {
        buttons.push(button("Run", Action::Run { session: id }));
        buttons.push(button("Discard", Action::Discard { session: id }));
    }
    View::titled(name).line(format!("{queued} held ({}).", words::line(why, 60))).row(buttons)
}

pub(super) async fn status(talk: &Talk) -> Outcome<Vec<Effect>> {
    let overview = overview(talk).await?;
    let here = match talk.session("").await {
        Ok(session) => Some(session),
        Err(Trouble::Refused(_)) => None,
        Err(trouble) => return Err(trouble),
    };
    talk.answer(status_view(&overview, here.as_ref(), talk.now))
}

fn status_view(overview: &Overview, here: Option<&SessionView>, now: Timestamp) -> View {
    let total = usize::try_from(overview.total).unwrap_or(usize::MAX);
    let mut title = words::count(total, "session");
    match overview.approvals.len() {
        0 => {}
        1 => title.push_str(", 1 request waits for you: /inbox"),
        many => title.push_str(&format!(", {many} requests wait for you: /inbox")),
    }
    let mut view = View::titled(title);
    view = view.line(match here {
        Some(session) => format!("Here: {}", summary(session)),
        None => "Here: no session; /session picks one".to_owned(),
    });
    let others = overview.sessions.iter().filter(|session| here.is_none_or(|here| here.id != session.id));
    let others: Vec<&SessionView> = others.collect();
    for session in others.iter().take(SHOWN) {
        view = view.line(summary(session));
    }
    if others.len() > SHOWN {
        view = view.line(format!("… and {} more: /session", others.len() - SHOWN));
    }
    if let Some(host) = &overview.host {
        let draining = if host.draining { ", about to end" } else { "" };
        let up = words::age(host.started, now);
        view = view.line(format!(
            "claudebot {}, up {up}, {} live, {} busy{draining}",
            host.version, host.live, host.busy
        ));
    }
    view
}

/// A session in one line.
fn summary(session: &SessionView) -> String {
    let mut summary = format!("{} · {}", words::line(&session.name, 60), words::state(session.state));
    let doing = session.activity.as_deref().filter(|_| session.state != SessionState::Asleep);
    if let Some(doing) = doing {
        summary.push_str(&format!(" · {}", words::line(doing, 60)));
    }
    if session.queued > 0 {
        summary.push_str(&format!(" · {} queued", session.queued));
    }
    if let Some(hold) = &session.hold {
        summary.push_str(&format!(" · held ({})", words::line(hold, 30)));
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::testing::session;
    use crate::telegram::view::tests::shown;

    #[test]
    fn the_status_is_short() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut busy = session("work", SessionState::Busy);
        busy.activity = Some("running Bash".to_owned());
        busy.queued = 2;
        let mut held = session("lab", SessionState::Asleep);
        held.hold = Some("stopped".to_owned());
        held.activity = Some("nothing".to_owned());
        let host = HostStatus {
            pid: 1,
            version: "0.1.0".to_owned(),
            protocol: 2,
            started: "2026-11-22T09:00:00Z".parse().unwrap(),
            socket: "/s".into(),
            data_dir: "/d".into(),
            live: 2,
            busy: 1,
            clients: 1,
            mode: "serve".to_owned(),
            draining: false,
            bot: None,
        };
        let overview = Overview {
            total: 12,
            sessions: vec![busy.clone(), held],
            approvals: Vec::new(),
            host: Some(host),
        };
        insta::assert_snapshot!(shown(&status_view(&overview, Some(&busy), now)), @r"
        **12 sessions**
        Here: work · ▶ busy · running Bash · 2 queued
        lab · ○ asleep · held (stopped)
        claudebot 0.1.0, up 3h, 2 live, 1 busy
        ");
        let nothing = Overview { total: 0, sessions: Vec::new(), approvals: Vec::new(), host: None };
        insta::assert_snapshot!(shown(&status_view(&nothing, None, now)), @r"
        **0 sessions**
        Here: no session; /session picks one
        ");
    }

    #[test]
    fn what_is_held_can_be_run_or_discarded() {
        let mut held = session("lab", SessionState::Asleep);
        held.queued = 1;
        held.hold = Some("interrupted".to_owned());
        insta::assert_snapshot!(shown(&held_view(&held)), @r"
        **lab**
        1 prompt held (interrupted).
        [Continue] [Run] [Discard]
        ");
    }
}
