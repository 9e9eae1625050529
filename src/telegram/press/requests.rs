//! Presses that answer a request of the agent.

use super::{Done, Taking, odd, queue};
use crate::error::Kind;
use crate::ipc::{Request, Response};
use crate::model::{Approval, ApprovalId, ApprovalKind, Decision, Detail, SessionId};
use crate::telegram::action::{Action, Answer, Answering, Begun, NextText, Waiting};
use crate::telegram::approvals::{self, Stage};
use crate::telegram::bridge::Bridge;
use crate::telegram::db::{Expectation, MessageKind};
use crate::telegram::effects::Effect;
use crate::telegram::host::{Outcome, Trouble, exactly, unexpected};
use crate::telegram::outbox::{Message, Note, Payload};
use crate::telegram::questions::{self, Next};
use crate::telegram::render::{is_very_long, split};
use crate::telegram::talk::Talk;
use crate::telegram::view::{View, button};
use crate::telegram::words;

/// Events that are read at a time.
const PAGE: u32 = 500;

pub(super) async fn carry_out(taking: &Taking<'_>, action: Action) -> Outcome<Done> {
    if let Some((Begun::Answer(answer), _)) = taking.talk.begun()? {
        // The same press, before a crash: whether it was in time, the host knows.
        return match action {
            Action::UseAsAnswer { waiting, .. } => used(taking, answer, &waiting).await,
            _ => answered(taking, answer).await,
        };
    }
    match action {
        Action::Allow { approval, scope } => decide(taking, approval, Decision::Allow { scope }).await,
        Action::Deny { approval } => deny(taking, approval).await,
        Action::AskAlways { approval } => show(taking, approval, Stage::Always).await,
        Action::Again { approval } => show(taking, approval, Stage::ShownAll).await,
        Action::ShowAll { approval } => show_all(taking, approval).await,
        Action::DenyWhy { approval } => why(taking, approval).await,
        Action::UseAsAnswer { approval, waiting } => use_as_answer(taking, approval, &waiting).await,
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
    decided(taking, &request, Decision::Deny { message }).await
}

async fn decide(taking: &Taking<'_>, id: ApprovalId, decision: Decision) -> Outcome<Done> {
    match request(taking, id).await? {
        Ok(request) => decided(taking, &request, decision).await,
        Err(done) => Ok(done),
    }
}

async fn decided(taking: &Taking<'_>, request: &Approval, decision: Decision) -> Outcome<Done> {
    answered(taking, of(request, taking.talk.message, decision)).await
}

async fn answered(taking: &Taking<'_>, answer: Answer) -> Outcome<Done> {
    let id = answer.approval;
    Ok(match give(taking.talk, answer).await? {
        // The host tells of it, and then every message that asks says so, this one among them.
        Given::So(words) => Done::toast(words::sentence(&words)),
        Given::Before(words) => settled(taking, id, &words),
    })
}

const fn of(request: &Approval, message: i64, decision: Decision) -> Answer {
    Answer { approval: request.id, session: request.session_id, message, decision }
}

/// What became of an answer, in words.
enum Given {
    So(String),
    /// Somebody was quicker, or nobody waits for it any more.
    Before(String),
}

/// Answers a request in the name of whoever talks.
async fn give(talk: &Talk, answer: Answer) -> Outcome<Given> {
    let is_first = talk.begin(&Begun::Answer(answer.clone()))?;
    let words = format!("{} by {}", words::decision(&answer.decision), words::line(&talk.name, 60));
    let Answer { approval, decision, .. } = answer.clone();
    match talk.bridge.ask(Request::Answer { approval, decision, by: talk.by() }).await {
        Ok(Response::Said(_) | Response::Done) => Ok(Given::So(words)),
        Ok(other) => unexpected(&other),
        Err(Trouble::Refused(error)) if matches!(error.kind, Kind::Conflict | Kind::NotFound) => {
            let was_this = !is_first && was_given(talk, &answer).await?;
            Ok(if was_this { Given::So(words) } else { Given::Before(error.message) })
        }
        Err(trouble) => Err(trouble),
    }
}

/// Whether the answer that counts is this one, as the session's log has it.
async fn was_given(talk: &Talk, answer: &Answer) -> Outcome<bool> {
    let by = talk.by();
    let mut since = 0;
    loop {
        let request = Request::Log { session: exactly(answer.session), since, limit: PAGE };
        let events = match talk.bridge.ask(request).await {
            Ok(Response::Events(events)) => events,
            Ok(other) => return unexpected(&other),
            // It was deleted meanwhile.
            Err(Trouble::Refused(error)) if error.kind == Kind::NotFound => return Ok(false),
            Err(trouble) => return Err(trouble),
        };
        let Some(last) = events.last() else { return Ok(false) };
        since = last.seq;
        let counts = events.iter().find_map(|event| match &event.detail {
            Some(Detail::Answered { approval, decision, by }) if *approval == answer.approval => {
                Some((decision, by))
            }
            _ => None,
        });
        if let Some((decision, who)) = counts {
            return Ok(decision.as_ref() == Some(&answer.decision) && *who == by);
        }
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
        Some(Next::Decide(decision)) => decided(taking, &request, decision).await,
        Some(Next::Show(answering)) => {
            let heading = heading(&taking.talk.bridge, taking.talk, &request)?;
            let view = questions::view(&request, &heading, &answering);
            Ok(Done::default().and(taking.edit_for(view, approvals::owner(&request))))
        }
    }
}

/// A text that was queued, as it is by now, is what a request is answered with instead.
async fn use_as_answer(taking: &Taking<'_>, id: ApprovalId, waiting: &Waiting) -> Outcome<Done> {
    if taking.button.epoch != taking.talk.bridge.epoch {
        return Ok(stays(taking, "it is void: claudebot was started anew since"));
    }
    let found = taking.talk.bridge.approval(id).await?;
    let Some(found) = found.filter(|found| found.session_id == waiting.session) else {
        return Ok(stays(taking, "it is settled already"));
    };
    let text = queue::prompt(taking, waiting).await?.text;
    used(taking, of(&found, taking.talk.message, as_decision(&found, text)), waiting).await
}

async fn used(taking: &Taking<'_>, answer: Answer, waiting: &Waiting) -> Outcome<Done> {
    match give(taking.talk, answer).await? {
        Given::Before(why) => Ok(stays(taking, &why)),
        Given::So(words) => {
            queue::taken_back(taking, waiting.prompt).await?;
            Ok(queue::over(taking, waiting, &words::sentence(&words)))
        }
    }
}

/// What a text means as an answer to a request.
fn as_decision(request: &Approval, text: String) -> Decision {
    match request.questions.as_slice() {
        [question] => Decision::Answers { answers: [(question.question.clone(), text)].into() },
        _ => Decision::Deny { message: Some(text) },
    }
}

fn stays(taking: &Taking<'_>, why: &str) -> Done {
    let words = words::sentence(&format!("{why}; your message stays queued"));
    Done::nothing(&words).and(taking.edit(View::plain(&words))).and(taking.still_waits())
}

/// What an update has said already, before a crash, if it was an answer to a request.
pub(crate) fn said_before(talk: &Talk) -> Outcome<Option<Answer>> {
    Ok(talk.begun()?.and_then(|(begun, _)| match begun {
        Begun::Answer(answer) => Some(answer),
        _ => None,
    }))
}

/// A text answers a request. `None`: nobody waits for that, so it is a text like others.
pub(crate) async fn say(talk: &Talk, answer: Answer) -> Outcome<Option<Vec<Effect>>> {
    let (place, approval, message) = (talk.place, answer.approval, answer.message);
    Ok(match give(talk, answer).await? {
        Given::Before(_) => None,
        Given::So(words) => Some(vec![
            Effect::ExpectNoMore { place, user: talk.user },
            Effect::React { place, message: talk.message, emoji: Some("👌") },
            Effect::Settled { place, message, approval, words },
        ]),
    })
}

/// The next text was this: the request's reason or answer. `None`: nobody waits for it, so it is a text like others.
pub(crate) async fn next_text(talk: &Talk, next: NextText, text: &str) -> Outcome<Option<Vec<Effect>>> {
    let place = talk.place;
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
                let heard = Effect::ExpectNoMore { place, user: talk.user };
                return Ok(Some(vec![heard, Effect::Edit { place, message, view, owner }]));
            }
        },
    };
    say(talk, of(&request, message, decision)).await
}

/// Whether a place's session waits for an answer, and which.
pub(crate) async fn waiting_in(bridge: &Bridge, session: SessionId) -> Outcome<Option<Approval>> {
    Ok(bridge.approvals(Some(session)).await?.into_iter().next())
}
