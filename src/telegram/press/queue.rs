//! Prompts of this chat that wait in a session's queue.

use std::path::PathBuf;

use super::{Done, Taking};
use crate::error::{Error, Kind};
use crate::ipc::{Request, Response, SendPrompt};
use crate::model::{Delivery, Detail, PromptId};
use crate::telegram::action::{Action, Begun, Waiting};
use crate::telegram::db::PromptState;
use crate::telegram::effects::Effect;
use crate::telegram::host::{Outcome, Trouble, exactly, refuse, unexpected};
use crate::telegram::view::{View, button};
use crate::telegram::words;

/// Events that are read at a time.
const PAGE: u32 = 200;

const BEGUN: &str = "Claude has begun with it already.";

/// It goes another way: taken back, and sent again. Done twice after a crash, it is one prompt all the same.
pub(super) async fn deliver(taking: &Taking<'_>, delivery: Delivery, waiting: Waiting) -> Outcome<Done> {
    let talk = taking.talk;
    let Found { text, attachments, is_withdrawn } = prompt(taking, &waiting).await?;
    if is_withdrawn && talk.begun()?.is_none() {
        return Ok(over(taking, &waiting, "Taken back already."));
    }
    talk.begin(&Begun::Deliver)?;
    if !taken_back(taking, waiting.prompt).await? {
        return Ok(begun(taking, &waiting));
    }
    let (way, said) = match delivery {
        Delivery::Now => ("now", "Said to what runs."),
        Delivery::Instead => ("instead", "What ran is dropped for it."),
        Delivery::Queue => ("queue", "Queued."),
    };
    let key = format!("{}:{way}", waiting.key);
    let session = exactly(waiting.session);
    let send = SendPrompt { session, key: key.clone(), text, attachments, delivery };
    let accepted = match talk.bridge.ask(Request::Send(send)).await {
        Ok(Response::Accepted(accepted)) => accepted,
        Ok(other) => return unexpected(&other),
        Err(Trouble::Refused(error)) => {
            let words = format!("{}; it was taken back, so send it again", error.message);
            return Ok(over(taking, &waiting, "Taken back, and not sent.").and(talk.say(View::plain(words))));
        }
        Err(trouble) => return Err(trouble),
    };
    let done = over(taking, &waiting, said).and(taking.accepted(&accepted, key, waiting.message));
    Ok(Done { watch: Some(waiting.session), ..done })
}

pub(super) async fn take_back(taking: &Taking<'_>, waiting: &Waiting) -> Outcome<Done> {
    Ok(if taken_back(taking, waiting.prompt).await? {
        over(taking, waiting, "Taken back.")
    } else {
        begun(taking, waiting)
    })
}

/// Whether it could be.
pub(super) async fn taken_back(taking: &Taking<'_>, prompt: PromptId) -> Outcome<bool> {
    match taking.talk.bridge.tell(Request::PromptTakeBack { prompt }).await {
        Ok(_) => Ok(true),
        Err(Trouble::Refused(error)) if error.kind == Kind::Conflict => Ok(false),
        Err(trouble) => Err(trouble),
    }
}

/// The prompt does not wait any more: neither under this name nor to be seen.
pub(super) fn over(taking: &Taking<'_>, waiting: &Waiting, words: &str) -> Done {
    let (place, message) = (taking.talk.place, waiting.message);
    Done::toast(words)
        .and(Effect::PromptOver { key: waiting.key.clone(), state: PromptState::Ended })
        .and(Effect::React { place, message, emoji: None })
        .and(taking.edit(View::plain(words)))
}

fn begun(taking: &Taking<'_>, waiting: &Waiting) -> Done {
    let (place, message) = (taking.talk.place, waiting.message);
    Done::nothing(BEGUN)
        .and(Effect::React { place, message, emoji: None })
        .and(taking.edit(View::plain(BEGUN)))
}

/// A prompt as it is by now.
pub(super) struct Found {
    pub(super) text: String,
    attachments: Vec<PathBuf>,
    /// Somebody has taken it back.
    is_withdrawn: bool,
}

pub(super) async fn prompt(taking: &Taking<'_>, waiting: &Waiting) -> Outcome<Found> {
    let mut since = waiting.seq.saturating_sub(1);
    let mut found: Option<Found> = None;
    loop {
        let request = Request::Log { session: exactly(waiting.session), since, limit: PAGE };
        let events = match taking.talk.bridge.ask(request).await? {
            Response::Events(events) => events,
            other => return unexpected(&other),
        };
        let Some(last) = events.last() else { break };
        since = last.seq;
        for event in events.iter().filter(|event| event.prompt_id == Some(waiting.prompt)) {
            match (&event.detail, &mut found) {
                (Some(Detail::Prompt { attachments, .. }), _) => {
                    found = Some(Found {
                        text: event.text.clone(),
                        attachments: attachments.iter().map(PathBuf::from).collect(),
                        is_withdrawn: false,
                    });
                }
                (Some(Detail::Notice { code }), Some(found)) => match code.as_str() {
                    "edited" => found.text.clone_from(&event.text),
                    "taken_back" => found.is_withdrawn = true,
                    _ => {}
                },
                _ => {}
            }
        }
    }
    match found {
        Some(found) => Ok(found),
        None => refuse(Error::not_found("this prompt is not in the session's log (any more)")),
    }
}

/// What is said of a prompt that waits. `hold`: why the queue is held, if it is; `lent`: the session is at a terminal.
pub(crate) fn view(hold: Option<&str>, lent: bool, waiting: &Waiting) -> View {
    let deliver = |delivery| Action::Deliver { delivery, waiting: waiting.clone() };
    let back = button("Take back", Action::TakeBack(waiting.clone()));
    let session = waiting.session;
    match hold {
        Some(why) => View::plain(format!("Queued, and the queue is held ({}).", words::line(why, 60))).row([
            button("Run", Action::Run { session }),
            button("Discard", Action::Discard { session }),
            back,
        ]),
        None if lent => {
            View::plain("Queued: handed over to a terminal; runs when it comes back.").row([back])
        }
        None => View::plain("Queued: a turn is running.").row([
            button("Now", deliver(Delivery::Now)),
            button("Instead", deliver(Delivery::Instead)),
            back,
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SessionId;
    use crate::telegram::view::tests::shown;

    #[test]
    fn what_waits_can_go_another_way() {
        let (session, prompt) = (SessionId::random(), PromptId::random());
        let waiting = Waiting { session, prompt, seq: 3, key: "tg:42:1".to_owned(), message: 5 };
        assert_eq!(
            shown(&view(None, false, &waiting)),
            "Queued: a turn is running.\n[Now] [Instead] [Take back]"
        );
        assert_eq!(
            shown(&view(None, true, &waiting)),
            "Queued: handed over to a terminal; runs when it comes back.\n[Take back]"
        );
        assert_eq!(
            shown(&view(Some("stopped"), true, &waiting)),
            "Queued, and the queue is held (stopped).\n[Run] [Discard] [Take back]"
        );
    }
}
