//! `/stop`, and what is said to a running turn.

use jiff::{SignedDuration, Timestamp};

use super::{Errand, Led};
use crate::error::Error;
use crate::ipc::{Push, Request, Response, Selector};
use crate::model::{Delivery, Live, SessionId, SessionState, SessionView, TurnId};
use crate::telegram::action::Action;
use crate::telegram::bridge::Bridge;
use crate::telegram::effects::Effect;
use crate::telegram::host::{Outcome, exactly, refuse, unexpected};
use crate::telegram::talk::Talk;
use crate::telegram::view::{View, button};
use crate::telegram::words;

/// A stop that was under way for longer may be older than what runs.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(10);

/// `/now` and `/instead`.
pub(super) fn said(talk: &Talk, delivery: Delivery, name: &str, text: &str) -> Outcome<Led> {
    if text.is_empty() {
        return refuse(Error::usage(format!("/{name} needs the text behind it")));
    }
    let errand = Errand { text: text.to_owned(), session: talk.selector(), delivery };
    Ok(Led::Prompt(errand, Vec::new()))
}

/// Commands that Claude has itself, and that a person looks for here.
pub(super) fn own(talk: &Talk, command: &str, args: &str) -> Outcome<Led> {
    let text = if args.is_empty() { command.to_owned() } else { format!("{command} {args}") };
    let errand = Errand { text, session: talk.selector(), delivery: Delivery::Queue };
    Ok(Led::Prompt(errand, Vec::new()))
}

pub(super) async fn stop(talk: &Talk, name: &str) -> Outcome<Vec<Effect>> {
    let session = if name.is_empty() {
        talk.session("").await?
    } else {
        // A stop must not hit the wrong one, so there is no guessing.
        talk.bridge.show(Selector::Exact(name.to_owned()), talk.place).await?
    };
    if let Some(turn) = younger_turn(talk, &session).await {
        return talk.answer_about(session.id, too_late(&session, turn));
    }
    let request = Request::SessionStop { session: exactly(session.id), turn: None };
    match talk.bridge.ask(request).await? {
        Response::Stopped { turn, held } => {
            let view = stopped(&session.name, session.id, turn.is_some(), held);
            talk.answer_about(session.id, view)
        }
        other => unexpected(&other),
    }
}

/// What a stop did, and what becomes of prompts that wait.
pub(crate) fn stopped(name: &str, session: SessionId, did: bool, held: u32) -> View {
    let name = words::line(name, 60);
    let what = if did { format!("■ Stopped {name}.") } else { format!("Nothing runs in {name}.") };
    if held == 0 {
        return View::plain(what);
    }
    let verb = if held == 1 { "waits" } else { "wait" };
    let held = words::count(usize::try_from(held).unwrap_or(usize::MAX), "prompt");
    View::plain(format!("{what} {held} {verb}, held."))
        .row([button("Run", Action::Run { session }), button("Discard", Action::Discard { session })])
}

fn too_late(session: &SessionView, turn: TurnId) -> View {
    let name = words::line(&session.name, 60);
    View::plain(format!("What runs in {name} was begun after your /stop, so nothing was stopped."))
        .row([button("Stop", Action::Stop { session: session.id, turn: Some(turn) })])
}

/// The turn that runs, if the stop was said before it began.
async fn younger_turn(talk: &Talk, session: &SessionView) -> Option<TurnId> {
    let runs = matches!(session.state, SessionState::Busy | SessionState::Waiting);
    if !runs || talk.now.duration_since(talk.date) < AT_ONCE {
        return None;
    }
    let (turn, began) = running_turn(&talk.bridge, session.id).await?;
    (began > talk.date).then_some(turn)
}

async fn running_turn(bridge: &Bridge, session: SessionId) -> Option<(TurnId, Timestamp)> {
    let request = Request::Subscribe { session: exactly(session), since: u64::MAX };
    let (mut following, _) = bridge.link.follow(request).await.ok()?;
    loop {
        match following.next().await.ok()?? {
            Push::Live(Live::Snapshot(present)) => {
                return present.turn.map(|turn| (turn.turn, turn.started));
            }
            Push::Event(_) => {}
            _ => return None,
        }
    }
}
