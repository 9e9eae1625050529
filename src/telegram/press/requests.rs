//! Presses that answer a request of the agent.

use super::{Done, Taking, odd, queue};
use crate::error::Kind;
use crate::ipc::{Request, Response};
use crate::model::{Approval, ApprovalId, ApprovalKind, Decision, SessionId};
use crate::telegram::action::{Action, Answering, NextText, Waiting};
use crate::telegram::approvals::{self, Stage};
use crate::telegram::bridge::Bridge;
use crate::telegram::db::{Expectation, MessageKind};
use crate::telegram::effects::Effect;
use crate::telegram::host::{Outcome, Trouble};
use crate::telegram::outbox::{Message, Note, Payload};
use crate::telegram::questions::{self, Next};
use crate::telegram::render::{is_very_long, split};
use crate::telegram::talk::Talk;
use crate::telegram::view::{View, button};
use crate::telegram::words;

pub(super) async fn carry_out(taking: &Taking<'_>, action: Action) -> Outcome<Done> {
    match action {
        Action::Allow { approval, scope } => decide(taking, approval, Decision::Allow { scope }).await,
        Action::Deny { approval } => deny(taking, approval).await,
        Action::AskAlways { approval } => show(taking, approval, Stage::Always).await,
        Action::Again { approval } => show(taking, approval, Stage::ShownAll).await,
        Action::ShowAll { approval } => show_all(taking, approval).await,
        Action::DenyWhy { approval } => why(taking, approval).await,
        Action::UseAsAnswer { approval, text, waiting } => {
            use_as_answer(taking, approval, text, &waiting).await
        }
        Action::Choose { option, answering } => {
            asked(taking, answering, |request, answering| questions::choose(request, answering, option)).await
        }
        Action::Chosen(answering) => asked(taking, answering, questions::chosen).await,
        Action::AnswerInWords(answering) => in_words(taking, answering).await,
        _ => Ok(odd()),
    }
}

/// The request that the button was shown for, if it still waits and is still the same.
async fn request(taking: &Taking<'_>, id: ApprovalId) -> Outcome<Result<Approval, Done>> {
    let bridge = &taking.talk.bridge;
    if taking.button.epoch != bridge.epoch {
        // What asked has ended with the program that showed it.
        return Ok(Err(settled(taking, id, "void: claudebot was started anew since")));
    }
    let Some(found) = bridge.approval(id).await? else {
        return Ok(Err(settled(taking, id, "settled already")));
    };
    if taking.button.input_hash.as_deref() == Some(&approvals::fingerprint(&found)) {
        return Ok(Ok(found));
    }
    let view = View::plain("What is asked for has changed: /inbox shows it.");
    Ok(Err(Done::nothing("What is asked for has changed: nothing was answered.").and(taking.edit(view))))
}

fn settled(taking: &Taking<'_>, approval: ApprovalId, words: &str) -> Done {
    let Talk { place, message, .. } = *taking.talk;
    let done = Done::nothing(words::sentence(words));
    done.and(Effect::Settled { place, message, approval, words: words.to_owned() })
}

async fn deny(taking: &Taking<'_>, id: ApprovalId) -> Outcome<Done> {
    let request = match request(taking, id).await? {
        Ok(request) => request,
        Err(done) => return Ok(done),
    };
    let message = (request.kind == ApprovalKind::Plan).then(|| "keep planning".to_owned());
    answered(taking, id, Decision::Deny { message }).await
}

async fn decide(taking: &Taking<'_>, id: ApprovalId, decision: Decision) -> Outcome<Done> {
    match request(taking, id).await? {
        Ok(_) => answered(taking, id, decision).await,
        Err(done) => Ok(done),
    }
}

async fn answered(taking: &Taking<'_>, id: ApprovalId, decision: Decision) -> Outcome<Done> {
    Ok(match answer(taking.talk, id, decision).await? {
        // The host tells of it, and then every message that asks says so, this one among them.
        Answered::So(words) => Done::toast(words::sentence(&words)),
        Answered::Before(words) => settled(taking, id, &words),
    })
}

/// What became of an answer, in words.
pub(crate) enum Answered {
    So(String),
    /// Somebody was quicker, or nobody waits for it any more.
    Before(String),
}

/// Answers a request in the name of whoever talks.
pub(crate) async fn answer(talk: &Talk, approval: ApprovalId, decision: Decision) -> Outcome<Answered> {
    let words = format!("{} by {}", words::decision(&decision), words::line(&talk.name, 60));
    let request = Request::Answer { approval, decision, by: talk.by() };
    match talk.bridge.ask(request).await {
        Ok(Response::Said(_) | Response::Done) => Ok(Answered::So(words)),
        Ok(other) => crate::telegram::host::unexpected(&other),
        Err(Trouble::Refused(error)) if matches!(error.kind, Kind::Conflict | Kind::NotFound) => {
            Ok(Answered::Before(error.message))
        }
        Err(trouble) => Err(trouble),
    }
}

/// The session's name, where the place shows several.
fn heading(bridge: &Bridge, talk: &Talk, request: &Approval) -> Outcome<String> {
    Ok(bridge.db.read(|tables| approvals::heading(tables, talk.place, request))?)
}

/// The request is shown another way.
async fn show(taking: &Taking<'_>, id: ApprovalId, stage: Stage) -> Outcome<Done> {
    let request = match request(taking, id).await? {
        Ok(request) => request,
        Err(done) => return Ok(done),
    };
    let heading = heading(&taking.talk.bridge, taking.talk, &request)?;
    let view = approvals::view(&request, &heading, stage);
    Ok(Done::default().and(taking.edit_for(view, approvals::owner(&request))))
}

/// All of what is asked for, as far as it can be read in a chat; the file has it in any case. Then every answer is
/// possible.
async fn show_all(taking: &Taking<'_>, id: ApprovalId) -> Outcome<Done> {
    let request = match request(taking, id).await? {
        Ok(request) => request,
        Err(done) => return Ok(done),
    };
    let Talk { place, message, .. } = *taking.talk;
    let heading = heading(&taking.talk.bridge, taking.talk, &request)?;
    let view = approvals::view(&request, &heading, Stage::ShownAll);
    let done = Done::default().and(taking.edit_for(view, approvals::owner(&request)));
    let rich = approvals::whole(&request).rich;
    if is_very_long(&split(rich.clone())) {
        return Ok(Done { toast: "All of it is in the file above.".to_owned(), alert: true, ..done });
    }
    let payload = Payload::Message(Message {
        rich,
        ring: false,
        reply_to: Some(message),
        buttons: Default::default(),
        note: Note { kind: MessageKind::Approval, session: Some(request.session_id), prompt: None },
    });
    Ok(done.and(Effect::Send { place, payload: Box::new(payload) }))
}

/// The next text of this person here is the reason.
async fn why(taking: &Taking<'_>, id: ApprovalId) -> Outcome<Done> {
    let request = match request(taking, id).await? {
        Ok(request) => request,
        Err(done) => return Ok(done),
    };
    let next = NextText::Reason { approval: id, session: request.session_id, message: taking.talk.message };
    expect(taking, &request, &next, "Why, or what instead?", "the reason")
}

async fn in_words(taking: &Taking<'_>, answering: Answering) -> Outcome<Done> {
    let request = match request(taking, answering.approval).await? {
        Ok(request) => request,
        Err(done) => return Ok(done),
    };
    let next = NextText::Answer { session: request.session_id, message: taking.talk.message, answering };
    expect(taking, &request, &next, "In your own words?", "the answer")
}

fn expect(taking: &Taking<'_>, request: &Approval, next: &NextText, ask: &str, what: &str) -> Outcome<Done> {
    let talk = taking.talk;
    // In a group only what is meant for the bot is heard.
    let how = if talk.private { "Your next message here is" } else { "Answer this message: that is" };
    let words = format!("{ask} {how} {what}.");
    let expectation = Expectation {
        place: talk.place,
        user: talk.user,
        request: Some(request.id.to_string()),
        action: next.stored()?,
    };
    let view = View::plain(&words).row([button("Cancel", Action::ExpectNothing)]);
    let mut say = talk.say(view).about(request.session_id).only_for(talk.user).replying(talk.message);
    say.kind = MessageKind::Question;
    Ok(Done::toast(words).and(Effect::Expect(expectation)).and(say).and(taking.give_back()))
}

async fn asked(
    taking: &Taking<'_>,
    answering: Answering,
    step: impl FnOnce(&Approval, Answering) -> Option<Next>,
) -> Outcome<Done> {
    let request = match request(taking, answering.approval).await? {
        Ok(request) => request,
        Err(done) => return Ok(done),
    };
    match step(&request, answering) {
        None => Ok(Done::nothing("Mark at least one of them first.").and(taking.give_back())),
        Some(Next::Decide(decision)) => answered(taking, request.id, decision).await,
        Some(Next::Show(answering)) => {
            let heading = heading(&taking.talk.bridge, taking.talk, &request)?;
            let view = questions::view(&request, &heading, &answering);
            Ok(Done::default().and(taking.edit_for(view, approvals::owner(&request))))
        }
    }
}

/// A text that was queued is what a request is answered with instead.
async fn use_as_answer(
    taking: &Taking<'_>,
    id: ApprovalId,
    text: String,
    waiting: &Waiting,
) -> Outcome<Done> {
    let Some(found) = taking.talk.bridge.approval(id).await? else {
        return Ok(stays(taking, "it is settled already"));
    };
    let decision = as_decision(&found, text);
    match answer(taking.talk, id, decision).await? {
        Answered::Before(why) => Ok(stays(taking, &why)),
        Answered::So(words) => {
            queue::taken_back(taking, waiting.prompt).await?;
            Ok(queue::over(taking, waiting, &words::sentence(&words)))
        }
    }
}

/// What a text means as an answer to a request.
pub(crate) fn as_decision(request: &Approval, text: String) -> Decision {
    match request.questions.as_slice() {
        [question] => Decision::Answers { answers: [(question.question.clone(), text)].into() },
        _ => Decision::Deny { message: Some(text) },
    }
}

fn stays(taking: &Taking<'_>, why: &str) -> Done {
    let words = words::sentence(&format!("{why}; your message stays queued"));
    Done::nothing(&words).and(taking.edit(View::plain(&words)))
}

/// The next text was this: the request's reason or answer. `None`: nobody waits for it, so it is a text like others.
pub(crate) async fn next_text(talk: &Talk, next: NextText, text: &str) -> Outcome<Option<Vec<Effect>>> {
    let place = talk.place;
    let heard = Effect::ExpectNoMore { place, user: talk.user };
    let (approval, message) = match &next {
        NextText::Reason { approval, message, .. } => (*approval, *message),
        NextText::Answer { answering, message, .. } => (answering.approval, *message),
    };
    let Some(request) = talk.bridge.approval(approval).await? else { return Ok(None) };
    let decision = match next {
        NextText::Reason { .. } => Decision::Deny { message: Some(text.to_owned()) },
        NextText::Answer { answering, .. } => match questions::answer(&request, answering, text.to_owned()) {
            None => return Ok(None),
            Some(Next::Decide(decision)) => decision,
            Some(Next::Show(answering)) => {
                let heading = heading(&talk.bridge, talk, &request)?;
                let view = Box::new(questions::view(&request, &heading, &answering));
                let owner = approvals::owner(&request);
                return Ok(Some(vec![heard, Effect::Edit { place, message, view, owner }]));
            }
        },
    };
    Ok(match answer(talk, approval, decision).await? {
        Answered::Before(_) => None,
        Answered::So(words) => Some(vec![
            heard,
            Effect::React { place, message: talk.message, emoji: Some("👌") },
            Effect::Settled { place, message, approval, words },
        ]),
    })
}

/// Whether a place's session waits for an answer, and which.
pub(crate) async fn waiting_in(bridge: &Bridge, session: SessionId) -> Outcome<Option<Approval>> {
    Ok(bridge.approvals(Some(session)).await?.into_iter().next())
}
