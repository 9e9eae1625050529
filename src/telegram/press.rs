//! What a pressed button does.
//!
//! The press is taken once, atomically, and only from whoever may press there; then what the button means is carried
//! out, and the message says so. A press that comes too late, or from a copy, does nothing and is told why.

pub(crate) mod queue;
mod requests;

use super::action::{Action, Begun};
use super::commands;
use super::db::{Button, Press, PromptSet, PromptState, Taken};
use super::effects::Effect;
use super::host::{Outcome, Trouble, exactly, unexpected};
use super::talk::Talk;
use super::update::Callback;
use super::view::{Owner, View};
use super::words;
use crate::error::Kind;
use crate::ipc::{Accepted, Request, Response};
use crate::model::{SessionId, TurnId};
pub(crate) use requests::{next_text, said_before, say, waiting_in};

/// Telegram takes 200 characters.
const TOAST: usize = 180;

/// What a press leads to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Done {
    /// What the person sees at once.
    pub(crate) toast: String,
    /// In a window that has to be closed.
    pub(crate) alert: bool,
    pub(crate) effects: Vec<Effect>,
    /// Goes on behind this.
    pub(crate) long: Option<Long>,
    /// A session works for this place from now on.
    pub(crate) watch: Option<SessionId>,
    /// Something was pressed that nobody here was shown.
    pub(crate) is_odd: bool,
}

/// What may take minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Long {
    Archive(SessionId),
    Restore(SessionId),
}

impl Done {
    fn toast(words: impl AsRef<str>) -> Self {
        Self { toast: words::line(words.as_ref(), TOAST), ..Self::default() }
    }

    /// Nothing was done; the person should read why.
    fn nothing(words: impl AsRef<str>) -> Self {
        Self { alert: true, ..Self::toast(words) }
    }

    fn and(mut self, effect: impl Into<Effect>) -> Self {
        self.effects.push(effect.into());
        self
    }
}

/// A press that was taken.
struct Taking<'a> {
    talk: &'a Talk,
    token: &'a str,
    button: &'a Button,
}

pub(crate) async fn handle(talk: &Talk, callback: &Callback) -> Outcome<Done> {
    let Some(token) = callback.data.as_deref() else { return Ok(odd()) };
    let press = Press { chat: talk.place.chat, message: talk.message, user: talk.user, update: talk.update };
    let taken = talk.bridge.db.write(|tables| tables.take_button(token, press, talk.now))?;
    let button = match taken {
        // Not its topic: what was meant for one that is gone was sent to the chat itself.
        Taken::Button(button) if button.place.chat == talk.place.chat => button,
        Taken::Used => return Ok(Done::nothing("This was pressed already, or is settled.")),
        Taken::NotYours => return Ok(Done::nothing("This button is for somebody else.")),
        Taken::Gone | Taken::Button(_) => return Ok(odd()),
    };
    let Ok(action) = serde_json::from_value::<Action>(button.action.clone()) else {
        return Ok(Done::nothing(
            "This button is of another release of claudebot: it does nothing any more.",
        ));
    };
    let taking = Taking { talk, token, button: &button };
    let ends_waiting = ends_waiting(&action);
    match taking.carry_out(action).await {
        Err(Trouble::Refused(error)) => {
            let done = Done::nothing(words::sentence(&error.message));
            let is_settled = matches!(error.kind, Kind::Conflict | Kind::NotFound);
            Ok(match (is_settled, ends_waiting) {
                (true, _) => done,
                (false, true) => done.and(taking.give_back()).and(taking.still_waits()),
                (false, false) => done.and(taking.give_back()),
            })
        }
        done => done,
    }
}

/// The prompt of the message does not wait any more after it.
const fn ends_waiting(action: &Action) -> bool {
    matches!(
        action,
        Action::Deliver { .. } | Action::TakeBack(_) | Action::UseAsAnswer { .. } | Action::Discard { .. }
    )
}

/// Forged, of another message, or so old that it is forgotten.
fn odd() -> Done {
    Done { is_odd: true, ..Done::nothing("This button has expired: it does nothing any more.") }
}

impl Taking<'_> {
    async fn carry_out(&self, action: Action) -> Outcome<Done> {
        let talk = self.talk;
        let place = talk.place;
        if ends_waiting(&action) {
            // What is said below it comes from here, and not from what the host tells of it.
            talk.bridge.db.write(|tables| tables.end_queued_notice(place.chat, talk.message))?;
        }
        match action {
            Action::Stop { session, turn } => self.stop(session, turn).await,
            Action::Continue { session } => self.go_on(session).await,
            Action::Run { session } => {
                let words = talk.bridge.tell(Request::QueueRun { session: exactly(session) }).await?;
                self.queue_says(session, words, "the queue runs").await
            }
            Action::Discard { session } => {
                if talk.bridge.show(exactly(session), place).await?.hold.is_none() {
                    // What waits by now is not what this was shown for.
                    let words = match talk.begun()? {
                        None => "Nothing is held there any more: nothing was discarded.",
                        // Handled again after a crash, it may have been this that ended it.
                        Some(_) => "Nothing is held there any more.",
                    };
                    return Ok(Done::nothing(words).and(self.edit(View::plain(words))));
                }
                talk.begin(&Begun::Discard)?;
                let words = talk.bridge.tell(Request::QueueClear { session: exactly(session) }).await?;
                self.queue_says(session, words, "nothing waits any more").await
            }
            Action::Deliver { delivery, waiting } => queue::deliver(self, delivery, waiting).await,
            Action::TakeBack(waiting) => queue::take_back(self, &waiting).await,
            Action::Leave(waiting) => {
                Ok(Done::toast("It stays queued.").and(self.edit(queue::view(None, false, &waiting))))
            }
            Action::Release { why } => {
                let view = View::plain("Going on with it.");
                Ok(Done::toast("Going on.").and(Effect::Release { place, why }).and(self.edit(view)))
            }
            Action::Drop { why } => {
                let view = View::plain("Discarded.");
                Ok(Done::toast("Discarded.").and(Effect::Drop { place, why }).and(self.edit(view)))
            }
            Action::Switch { session, stays } => self.switch(session, stays).await,
            Action::Sessions { page } => {
                let sessions = talk.bridge.sessions(place, false).await?;
                Ok(Done::default().and(self.edit(commands::page(&sessions, page, talk.now))))
            }
            Action::Draft(draft) => {
                let owner = Owner { user: Some(talk.user), ..Owner::default() };
                let view = commands::draft(talk, draft).await?;
                Ok(Done::default().and(self.edit_for(view, owner)))
            }
            Action::Make(draft) => {
                let (view, session) = commands::make(talk, &draft).await?;
                Ok(Done::toast("Made.").and(self.edit_for(view, Owner::session(session))))
            }
            Action::Topic { session } => {
                let effects = commands::open_topic(talk, session).await?;
                let done =
                    Done::toast("Opened.").and(self.edit(View::plain("It has a topic of its own now.")));
                Ok(effects.into_iter().fold(done, Done::and))
            }
            Action::Archive { session } => Ok(self.long("Archiving…", Long::Archive(session))),
            Action::Restore { session } => Ok(self.long("Restoring…", Long::Restore(session))),
            Action::Set { session, key, value } => {
                let view = commands::changed(&talk.bridge, session, &key, value).await?;
                Ok(Done::toast("Done.").and(self.edit(view)))
            }
            Action::Revoke { session, rule } => {
                let view = commands::revoked(talk, session, &rule).await?;
                Ok(Done::toast("Taken back.").and(self.edit_for(view, Owner::session(session))))
            }
            Action::Unmute { session } => {
                let done = Done::toast("Heard again.").and(Effect::Unmute { place, session });
                Ok(done.and(self.edit(View::plain("Heard again."))))
            }
            Action::Cancel => Ok(Done::toast("Cancelled.").and(self.edit(View::plain("Cancelled.")))),
            Action::ExpectNothing => {
                let done = Done::toast("Cancelled.").and(Effect::ExpectNoMore { place, user: talk.user });
                Ok(done.and(self.edit(View::plain("Cancelled."))))
            }
            request => requests::carry_out(self, request).await,
        }
    }

    /// The message that was pressed under says this instead, with no buttons but the view's.
    fn edit(&self, view: View) -> Effect {
        let owner = Owner { session: self.button.session, ..Owner::default() };
        self.edit_for(view, owner)
    }

    fn edit_for(&self, view: View, owner: Owner) -> Effect {
        Effect::Edit { place: self.talk.place, message: self.talk.message, view: Box::new(view), owner }
    }

    fn give_back(&self) -> Effect {
        Effect::GiveBack { token: self.token.to_owned() }
    }

    fn still_waits(&self) -> Effect {
        Effect::StillWaits { place: self.talk.place, message: self.talk.message }
    }

    fn long(&self, words: &str, long: Long) -> Done {
        Done { long: Some(long), ..Done::toast(words).and(self.edit(View::plain(words))) }
    }

    /// What was stopped is still in sight; whoever shows the turn changes its message.
    async fn stop(&self, session: SessionId, turn: Option<TurnId>) -> Outcome<Done> {
        let request = Request::SessionStop { session: exactly(session), turn };
        let (turn, held) = match self.talk.bridge.ask(request).await {
            Ok(Response::Stopped { turn, held }) => (turn, held),
            Ok(other) => return unexpected(&other),
            Err(Trouble::Refused(error)) if error.kind == Kind::Conflict => {
                return Ok(Done::nothing("That turn is over: nothing was stopped."));
            }
            Err(trouble) => return Err(trouble),
        };
        let done = Done::toast(if turn.is_some() { "Stopped." } else { "Nothing runs." });
        if held == 0 {
            return Ok(done);
        }
        let name = self.talk.bridge.show(exactly(session), self.talk.place).await?.name;
        let view = commands::stopped(&name, session, turn.is_some(), held);
        Ok(done.and(self.talk.say(view).about(session)))
    }

    async fn go_on(&self, session: SessionId) -> Outcome<Done> {
        let talk = self.talk;
        let request = Request::Continue { session: exactly(session), key: talk.key() };
        match talk.bridge.ask(request).await? {
            Response::Accepted(accepted) => {
                let prompt = self.accepted(&accepted, talk.key(), talk.message);
                Ok(Done { watch: Some(session), ..Done::toast("It goes on.").and(prompt) })
            }
            Response::Said(words) => Ok(Done::toast(words::sentence(&words))),
            other => unexpected(&other),
        }
    }

    /// A prompt of this place, whose reply belongs under a message.
    fn accepted(&self, accepted: &Accepted, key: String, reply_to: i64) -> Effect {
        let set = PromptSet {
            key,
            updates: vec![self.talk.update],
            place: self.talk.place,
            user: self.talk.user,
            reply_to,
            session: Some(accepted.session),
            prompt: Some(accepted.prompt),
            state: PromptState::Accepted,
            at: self.talk.now,
        };
        Effect::Prompt { set: Box::new(set), messages: Vec::new() }
    }

    async fn queue_says(&self, session: SessionId, words: Option<String>, otherwise: &str) -> Outcome<Done> {
        let name = self.talk.bridge.show(exactly(session), self.talk.place).await?.name;
        let words = words::sentence(words.as_deref().unwrap_or(otherwise));
        let view = View::plain(format!("{}: {words}", words::line(&name, 60)));
        Ok(Done { watch: Some(session), ..Done::toast(words).and(self.edit(view)) })
    }

    async fn switch(&self, session: SessionId, stays: bool) -> Outcome<Done> {
        let (session, effects) = commands::switch(self.talk, exactly(session)).await?;
        let done = Done::toast(format!("→ {}", session.name));
        let done = effects.into_iter().fold(done, Done::and);
        let view = commands::switched(&session);
        Ok(if stays {
            done.and(self.give_back()).and(self.talk.say(view).about(session.id))
        } else {
            done.and(self.edit_for(view, Owner::session(session.id)))
        })
    }
}

/// Does what takes long, and says under the pressed message what came of it.
pub(crate) async fn long(talk: &Talk, long: Long) -> Outcome<Vec<Effect>> {
    let (done, session) = match long {
        Long::Archive(session) => (commands::archived(talk, session).await, session),
        Long::Restore(session) => (commands::restore(talk, session).await, session),
    };
    let view = match done {
        Ok(view) => view,
        Err(Trouble::Refused(error)) => words::refusal(&error),
        Err(trouble) => return Err(trouble),
    };
    let owner = Owner::session(session);
    Ok(vec![Effect::Edit { place: talk.place, message: talk.message, view: Box::new(view), owner }])
}
