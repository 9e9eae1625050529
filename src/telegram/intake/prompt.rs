//! A prompt on its way to the host: files fetched, a session found, and what is said when it has to wait.

use std::path::PathBuf;

use super::assemble::Set;
use super::compose::{self, Context};
use crate::error::{Error, Kind};
use crate::ipc::{Accepted, Request, Response, Selector, SendPrompt};
use crate::model::{Approval, Delivery, PromptStatus, SessionId, SessionState, SessionView};
use crate::telegram::action::{Action, Draft, Waiting};
use crate::telegram::commands::Errand;
use crate::telegram::db::{MessageKind, PromptSet, PromptState, Why};
use crate::telegram::effects::{Effect, Say, queued_key};
use crate::telegram::host::{Outcome, Trouble, exactly, refuse, unexpected};
use crate::telegram::media::{self, Folder, Incoming};
use crate::telegram::outbox::Order;
use crate::telegram::press;
use crate::telegram::talk::Talk;
use crate::telegram::view::{View, button};
use crate::telegram::words;

/// Sessions that are offered where none is picked.
const OFFERED: usize = 6;
/// Sends it; what comes of it is to be stored together with the end of its updates.
pub(super) async fn send(talk: &Talk, set: &Set, errand: Option<Errand>) -> Outcome<Vec<Effect>> {
    gather(talk, set)?;
    match sent(talk, set, errand).await {
        Err(Trouble::Refused(error)) if set.parts.len() > 1 => Ok(vec![
            Effect::PromptOver { key: talk.key(), state: PromptState::Refused },
            talk.say(words::refusal(&error)).into(),
        ]),
        done => done,
    }
}

/// What was put together from several updates stays so, also over a crash.
pub(super) fn gather(talk: &Talk, set: &Set) -> Outcome<()> {
    if set.parts.len() > 1 && !set.stored {
        let gathered = prompt_set(talk, set, PromptState::Gathering);
        talk.bridge.db.write(|tables| tables.put_prompt(&gathered))?;
    }
    Ok(())
}

async fn sent(talk: &Talk, set: &Set, errand: Option<Errand>) -> Outcome<Vec<Effect>> {
    let errand_text = errand.as_ref().map(|errand| errand.text.clone());
    let (selector, delivery) = match errand {
        Some(errand) => (errand.session, errand.delivery),
        None => (talk.selector(), Delivery::Queue),
    };
    let files = Incoming::of(set.parts.iter().map(|part| &*part.message));
    let fetching = |on| {
        if !files.is_empty() {
            typing(talk, on);
        }
    };
    fetching(true);
    let content = content(talk, set, &files, errand_text.as_deref()).await;
    let Content { text, attachments, folder } = content.inspect_err(|_| fetching(false))?;
    if text.trim().is_empty() && attachments.is_empty() {
        return refuse(
            Error::usage("there is nothing in this that I can pass on")
                .hint("I take text, pictures, documents, and voice where it can be heard"),
        );
    }
    let may_answer = delivery == Delivery::Queue && attachments.is_empty();
    let send = SendPrompt { session: selector.clone(), key: talk.key(), text, attachments, delivery };
    let sent = talk.bridge.ask(Request::Send(send)).await;
    let accepted = match sent {
        Ok(Response::Accepted(accepted)) => accepted,
        other => {
            fetching(false);
            return match other {
                Ok(other) => unexpected(&other),
                Err(Trouble::Refused(error)) => unsent(talk, set, &selector, error).await,
                Err(trouble) => Err(trouble),
            };
        }
    };
    // The host has copies of its own by now.
    drop(folder);
    watch(talk, accepted.session);
    // Taken before a crash, it may be over by now: nothing would end it.
    if matches!(accepted.status, PromptStatus::Queued | PromptStatus::Sent | PromptStatus::Started) {
        typing(talk, true);
    }
    Ok(taken(talk, set, &accepted, delivery, may_answer).await)
}

/// What a session does is shown to whoever waits for it.
pub(super) fn watch(talk: &Talk, session: SessionId) {
    // Nobody shows turns any more: the bridge is about to end.
    talk.bridge.watched.send(session).ok();
}

pub(super) fn typing(talk: &Talk, on: bool) {
    talk.bridge.outbox.order(Order::Typing { place: talk.place, on });
}

struct Content {
    text: String,
    attachments: Vec<PathBuf>,
    /// Where the attachments lie until they are copied.
    folder: Option<Folder>,
}

async fn content(talk: &Talk, set: &Set, files: &[Incoming], instead: Option<&str>) -> Outcome<Content> {
    let bridge = &talk.bridge;
    let (voices, others): (Vec<Incoming>, Vec<Incoming>) =
        files.iter().cloned().partition(Incoming::is_voice);
    let mut heard = None;
    let mut attachments = Vec::new();
    let folder = if files.is_empty() { None } else { Some(Folder::make(bridge, talk.update)?) };
    if let Some(folder) = &folder {
        if !voices.is_empty() && bridge.config.transcribe.is_none() {
            return refuse(media::deaf());
        }
        attachments = media::fetch(bridge, folder, &others).await?;
        for voice in media::fetch(bridge, folder, &voices).await? {
            let said = media::hear(bridge.config.transcribe.as_deref(), &voice).await;
            heard = Some(said.map_err(Trouble::Refused)?);
        }
    }
    let context = Context {
        bot: bridge.bot.id,
        instead,
        heard: heard.as_deref(),
        knows_answered: talk.answers.is_some(),
    };
    Ok(Content { text: compose::text(&set.parts, &others, &context), attachments, folder })
}

/// The host does not take it. Where no session is picked it is kept until one is.
async fn unsent(talk: &Talk, set: &Set, selector: &Selector, error: Error) -> Outcome<Vec<Effect>> {
    let nothing_picked = matches!(selector, Selector::Current(_))
        && match error.kind {
            Kind::NotFound => true,
            Kind::Conflict => is_archived(talk, selector).await?,
            _ => false,
        };
    if !nothing_picked {
        return refuse(error);
    }
    let sessions = talk.bridge.sessions(talk.place, false).await?;
    let mut say = talk.say(pick_view(&sessions));
    say.key = Some("pick".to_owned());
    Ok(vec![Effect::Keep { updates: set.updates(), why: Why::Session }, say.into()])
}

async fn is_archived(talk: &Talk, selector: &Selector) -> Outcome<bool> {
    let shown = talk.bridge.show(selector.clone(), talk.place).await?;
    Ok(shown.state == SessionState::Archived)
}

fn pick_view(sessions: &[SessionView]) -> View {
    let view = View::plain("Which session is this for? Your message is kept until you pick one.");
    let pick =
        |session: &SessionView| button(&session.name, Action::Switch { session: session.id, stays: false });
    view.rows_of(2, sessions.iter().take(OFFERED).map(pick))
        .row([button("New session", Action::Draft(Draft::default()))])
}

fn prompt_set(talk: &Talk, set: &Set, state: PromptState) -> PromptSet {
    PromptSet {
        key: talk.key(),
        updates: set.updates(),
        place: talk.place,
        user: talk.user,
        reply_to: talk.message,
        session: None,
        prompt: None,
        state,
        at: talk.now,
    }
}

/// The host has it. From here on nothing may fail: it is only about what is said.
async fn taken(
    talk: &Talk,
    set: &Set,
    accepted: &Accepted,
    delivery: Delivery,
    may_answer: bool,
) -> Vec<Effect> {
    let stored = PromptSet {
        session: Some(accepted.session),
        prompt: Some(accepted.prompt),
        ..prompt_set(talk, set, PromptState::Accepted)
    };
    let messages = set.parts.iter().map(|part| part.message.message_id).collect();
    let mut effects = vec![Effect::Prompt { set: Box::new(stored), messages }];
    let waits = accepted.status == PromptStatus::Queued && accepted.reason.is_some();
    if !waits || delivery != Delivery::Queue {
        return effects;
    }
    let waiting = Waiting {
        session: accepted.session,
        prompt: accepted.prompt,
        seq: accepted.seq,
        key: talk.key(),
        message: talk.message,
    };
    let request = if may_answer { press::waiting_in(&talk.bridge, accepted.session).await } else { Ok(None) };
    let view = match request {
        Ok(Some(request)) => instead_view(&request, &waiting),
        _ => {
            let shown = talk.bridge.show(exactly(accepted.session), talk.place).await.ok();
            let (hold, lent) = shown.map_or((None, false), |shown| (shown.hold, shown.lent.is_some()));
            press::queue::view(hold.as_deref(), lent, &waiting)
        }
    };
    let mut say = Say::new(talk.place, view).about(accepted.session).replying(talk.message);
    say.kind = MessageKind::Queued;
    say.key = Some(queued_key(accepted.prompt));
    say.prompt = Some(accepted.prompt);
    effects.push(Effect::React { place: talk.place, message: talk.message, emoji: Some("👀") });
    effects.push(say.into());
    effects
}

/// What the session asks may be what this text answers. A file answers nothing.
fn instead_view(request: &Approval, waiting: &Waiting) -> View {
    let label = match request.questions.as_slice() {
        [_] => "Answer with this",
        _ => "Deny with this",
    };
    let what = words::line(&request.summary, 80);
    let answer = Action::UseAsAnswer { approval: request.id, waiting: waiting.clone() };
    View::plain(format!("Queued: {} waits for an answer ({what}).", words::line(&request.session, 60)))
        .row([button(label, answer), button("Queue", Action::Leave(waiting.clone()))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ApprovalKind, PromptId};
    use crate::telegram::testing::{approval, session};
    use crate::telegram::view::tests::shown;

    fn waiting() -> Waiting {
        let (session, prompt) = (SessionId::random(), PromptId::random());
        Waiting { session, prompt, seq: 3, key: "tg:42:1".to_owned(), message: 5 }
    }

    #[test]
    fn a_text_may_be_the_answer() {
        let request = approval(12, ApprovalKind::Tool);
        assert_eq!(
            shown(&instead_view(&request, &waiting())),
            "Queued: work waits for an answer (mkdir zz).\n[Deny with this] [Queue]"
        );
    }

    #[test]
    fn where_no_session_is_picked_one_is_asked_for() {
        let sessions: Vec<SessionView> =
            (0..9).map(|n| session(&format!("s{n}"), SessionState::Idle)).collect();
        insta::assert_snapshot!(shown(&pick_view(&sessions)), @r"
        Which session is this for? Your message is kept until you pick one.
        [s0] [s1]
        [s2] [s3]
        [s4] [s5]
        [New session]
        ");
    }
}
