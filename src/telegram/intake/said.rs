//! What a message of an allowed person leads to: a command, an answer that was waited for, or a prompt. And what
//! becomes of edits.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::assemble::{Part, Set};
use super::compose::{self, Context};
use super::prompt;
use crate::error::{Error, Kind};
use crate::ipc::Request;
use crate::telegram::action::{Action, NextText};
use crate::telegram::bridge::Bridge;
use crate::telegram::commands::{self, Led, Parsed};
use crate::telegram::db::{MessageKind, PromptSet, PromptState, Why};
use crate::telegram::effects::{Effect, Say};
use crate::telegram::gate::Accepted;
use crate::telegram::host::{Outcome, Trouble, refuse};
use crate::telegram::media::Incoming;
use crate::telegram::press;
use crate::telegram::talk::Talk;
use crate::telegram::update::Message;
use crate::telegram::view::{View, button};
use crate::telegram::words;

/// Edits of older prompts are passed over without a word.
const RECENT: SignedDuration = SignedDuration::from_hours(1);

/// Who says it, where, and to which session.
pub(super) fn talk(
    bridge: &Arc<Bridge>,
    update: i64,
    message: &Message,
    accepted: &Accepted,
) -> Outcome<Talk> {
    let place = accepted.place;
    let replied = compose::answered(message).map(|replied| replied.message_id);
    let (answers, topic) = bridge.db.read(|tables| {
        let noted = replied.map(|id| tables.message(place.chat, id)).transpose()?.flatten();
        Ok((noted.and_then(|noted| noted.session), tables.topic_at(place)?))
    })?;
    let now = Timestamp::now();
    Ok(Talk {
        bridge: Arc::clone(bridge),
        place,
        private: accepted.private,
        forum: bridge.bot.has_topics_in(&message.chat),
        user: accepted.user,
        name: accepted.name.clone(),
        update,
        message: message.message_id,
        date: Timestamp::from_second(message.date).unwrap_or(now),
        now,
        answers,
        topic,
    })
}

/// The command that a set is, if it is one: only in a person's own text.
fn command(set: &Set) -> Option<String> {
    let first = set.parts.first().filter(|part| part.accepted.may_command)?;
    first.accepted.text.trim_start().starts_with('/').then(|| compose::joined(&set.parts))
}

/// Whether it would still run something, so late.
pub(super) fn is_prompt(set: &Set) -> bool {
    command(set).is_none_or(|text| match commands::parse(&text) {
        Parsed::Ours(command, args) => commands::is_prompt(command.which, args),
        Parsed::Claude(_) => true,
    })
}

pub(super) async fn handle(talk: &Talk, set: &Set) -> Outcome<Vec<Effect>> {
    if let Some(text) = command(set) {
        return match commands::parse(&text) {
            Parsed::Ours(command, args) => match commands::run(talk, command.which, args).await? {
                Led::To(effects) => Ok(effects),
                Led::Prompt(errand, mut effects) => {
                    effects.extend(prompt::send(talk, set, Some(errand)).await?);
                    Ok(effects)
                }
            },
            Parsed::Claude(text) => {
                let errand = commands::Errand {
                    text: text.to_owned(),
                    session: talk.selector(),
                    delivery: crate::model::Delivery::Queue,
                };
                prompt::send(talk, set, Some(errand)).await
            }
        };
    }
    let mut effects = Vec::new();
    if let Some(answered) = answered(talk, set).await? {
        if !answered.is_empty() {
            return Ok(answered);
        }
        effects.push(Effect::ExpectNoMore { place: talk.place, user: talk.user });
    }
    effects.extend(prompt::send(talk, set, None).await?);
    Ok(effects)
}

/// What comes of a text that was waited for. Nothing: it comes too late. `None`: it was not waited for.
async fn answered(talk: &Talk, set: &Set) -> Outcome<Option<Vec<Effect>>> {
    // Before a crash it may have been an answer already, of which nothing is waited for any more.
    let before = press::said_before(talk)?;
    let next = if before.is_some() { None } else { expected(talk, set)? };
    if before.is_none() && next.is_none() {
        return Ok(None);
    }
    prompt::gather(talk, set)?;
    let answered = match (before, next) {
        (Some(answer), _) => press::say(talk, answer).await?,
        (None, Some(next)) => press::next_text(talk, next, &compose::joined(&set.parts)).await?,
        (None, None) => None,
    };
    let over = Effect::PromptOver { key: talk.key(), state: PromptState::Ended };
    Ok(Some(answered.map(|effects| effects.into_iter().chain([over]).collect()).unwrap_or_default()))
}

/// What this text was waited for, if it is one: others' words and files answer nothing, nor does what is said to
/// another session.
fn expected(talk: &Talk, set: &Set) -> Outcome<Option<NextText>> {
    let is_text = set.parts.iter().all(|part| part.message.text.is_some() && !part.accepted.foreign);
    if !is_text {
        return Ok(None);
    }
    let expected = talk.bridge.db.read(|tables| tables.expected(talk.place, talk.user, talk.now))?;
    let next: Option<NextText> = expected.and_then(|next| serde_json::from_value(next).ok());
    Ok(next.filter(|next| talk.answers.is_none_or(|session| session == next.session())))
}

/// Messages that lay here so long that nobody may want them any more.
pub(super) fn late(talk: &Talk, sets: &[Set]) -> Outcome<Vec<Effect>> {
    let updates: Vec<i64> = sets.iter().flat_map(Set::updates).collect();
    let before = talk.bridge.db.read(|tables| tables.kept_updates(talk.place, Why::Late))?;
    let count = updates.len() + usize::try_from(before).unwrap_or(usize::MAX);
    let mut say = Say::new(talk.place, late_view(count, talk.date, talk.now));
    say.key = Some("late".to_owned());
    say.ring = true;
    Ok(vec![Effect::Keep { updates, why: Why::Late }, say.into()])
}

fn late_view(count: usize, oldest: Timestamp, now: Timestamp) -> View {
    let (verb, it) = if count == 1 { ("has", "it") } else { ("have", "them") };
    let messages = words::count(count, "message");
    View::plain(format!(
        "{messages} {verb} waited here, the oldest since {}. Run {it}?",
        words::ago(oldest, now)
    ))
    .row([
        button("Run", Action::Release { why: Why::Late }),
        button("Discard", Action::Drop { why: Why::Late }),
    ])
}

/// An edit changes a prompt that still waits, and what is kept.
pub(super) async fn edited(talk: &Talk, message: &Message, accepted: Accepted) -> Outcome<Vec<Effect>> {
    let kept = talk.bridge.db.read(|tables| tables.kept_message(talk.place, message.message_id))?;
    if let Some(update) = kept {
        refuse_command(message, &accepted)?;
        return Ok(vec![Effect::Change { update, edit: talk.update }]);
    }
    let found = talk.bridge.db.read(|tables| {
        let noted = tables.message(talk.place.chat, message.message_id)?;
        let prompt = noted.filter(|noted| noted.kind == MessageKind::Prompt).and_then(|noted| noted.prompt);
        prompt.map(|prompt| tables.prompt_set_of(prompt)).transpose().map(Option::flatten)
    })?;
    let Some(set) = found.filter(|set| set.state == PromptState::Accepted) else { return Ok(Vec::new()) };
    let Some(prompt) = set.prompt else { return Ok(Vec::new()) };
    refuse_command(message, &accepted)?;
    let files = Incoming::of([message]);
    if let Some(whole) = whole(message, &set, &files) {
        let words = format!("{whole} cannot be edited: take it back if it still waits, and send it anew");
        return refuse(Error::usage(words));
    }
    let part = Part {
        update: talk.update,
        message: Box::new(message.clone()),
        accepted,
        tentative: false,
        released: None,
        left_over: false,
    };
    let context =
        Context { bot: talk.bridge.bot.id, knows_answered: talk.answers.is_some(), ..Context::default() };
    let text = compose::text(&[part], &files, &context);
    match talk.bridge.tell(Request::PromptEdit { prompt, text }).await {
        Ok(_) => {
            Ok(vec![Effect::React { place: talk.place, message: message.message_id, emoji: Some("✍") }])
        }
        Err(Trouble::Refused(error)) if error.kind == Kind::Conflict => {
            let is_recent = talk.now.duration_since(set.at) < RECENT;
            let view = View::plain("Claude has begun with it already: the edit does not reach it.");
            Ok(is_recent.then(|| talk.say(view).replying(message.message_id).into()).into_iter().collect())
        }
        Err(trouble) => Err(trouble),
    }
}

/// What a message is only a part of, if that is so: nothing is known here any more of the rest.
fn whole(message: &Message, set: &PromptSet, files: &[Incoming]) -> Option<&'static str> {
    if message.media_group_id.is_some() {
        Some("an album")
    } else if set.updates.len() > 1 {
        Some("a text that came in several parts")
    } else if files.iter().any(Incoming::is_voice) {
        Some("a voice message")
    } else {
        None
    }
}

fn refuse_command(message: &Message, accepted: &Accepted) -> Outcome<()> {
    if message.text.is_some() && accepted.text.trim_start().starts_with('/') {
        return refuse(Error::usage("an edit cannot become a command: send it as a message"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::view::tests::shown;

    #[test]
    fn what_has_waited_long_asks_once() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let then = "2026-11-22T09:00:00Z".parse().unwrap();
        assert_eq!(
            shown(&late_view(3, then, now)),
            "3 messages have waited here, the oldest since 3h ago. Run them?\n[Run] [Discard]"
        );
        assert!(shown(&late_view(1, then, now)).starts_with("1 message has waited here,"));
    }
}
