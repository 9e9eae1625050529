//! Who says or presses something, where, and which session it is for.

use std::sync::Arc;

use jiff::Timestamp;

use super::action::Begun;
use super::bridge::Bridge;
use super::db::TopicRow;
use super::effects::{Effect, Say};
use super::host::{Outcome, Trouble, exactly, refuse};
use super::place::Place;
use super::view::View;
use super::words;
use crate::error::{Error, Kind};
use crate::ipc::Selector;
use crate::model::{SessionId, SessionView};

#[derive(Clone)]
pub(crate) struct Talk {
    pub(crate) bridge: Arc<Bridge>,
    pub(crate) place: Place,
    pub(crate) private: bool,
    /// The chat has topics.
    pub(crate) forum: bool,
    pub(crate) user: i64,
    pub(crate) name: String,
    pub(crate) update: i64,
    /// What was said, or what was pressed under.
    pub(crate) message: i64,
    /// When it was said.
    pub(crate) date: Timestamp,
    pub(crate) now: Timestamp,
    /// The session of the message that is answered.
    pub(crate) answers: Option<SessionId>,
    /// Whose topic this is.
    pub(crate) topic: Option<TopicRow>,
}

impl Talk {
    /// The session that is meant without a name: of the message that is answered, of the topic, or the current one.
    pub(crate) fn selector(&self) -> Selector {
        let meant = self.answers.or_else(|| self.topic.as_ref().map(|topic| topic.session));
        meant.map_or_else(|| Selector::Current(self.place.channel()), exactly)
    }

    /// The session of this name, or the one that is meant without.
    pub(crate) async fn session(&self, name: &str) -> Outcome<SessionView> {
        let selector = if name.is_empty() { self.selector() } else { Selector::Name(name.to_owned()) };
        let is_current = matches!(selector, Selector::Current(_));
        match self.bridge.show(selector, self.place).await {
            Err(Trouble::Refused(error)) if is_current && error.kind == Kind::NotFound => {
                refuse(no_session())
            }
            shown => shown,
        }
    }

    /// The key of the prompt that this becomes.
    pub(crate) fn key(&self) -> String {
        format!("tg:{}:{}", self.bridge.bot.id, self.update)
    }

    /// Notes what the host is about to be asked for this. Whether that is so for the first time: before a crash it may
    /// have been asked already, and then what was noted stands.
    pub(crate) fn begin(&self, what: &Begun) -> Outcome<bool> {
        let what = what.stored()?;
        Ok(self.bridge.db.write(|tables| tables.note_begun(self.update, &what, self.now))?)
    }

    /// What the host may have been asked for this already, and when.
    pub(crate) fn begun(&self) -> Outcome<Option<(Begun, Timestamp)>> {
        let noted = self.bridge.db.read(|tables| tables.begun(self.update))?;
        Ok(noted.and_then(|(what, at)| Some((serde_json::from_value(what).ok()?, at))))
    }

    /// Who answers a request.
    pub(crate) fn by(&self) -> String {
        format!("telegram:{} ({})", self.user, words::line(&self.name, 64))
    }

    /// An answer: in a group it shows what it answers.
    pub(crate) fn say(&self, view: View) -> Say {
        let say = Say::new(self.place, view);
        if self.private { say } else { say.replying(self.message) }
    }

    pub(crate) fn answer(&self, view: View) -> Outcome<Vec<Effect>> {
        Ok(vec![self.say(view).into()])
    }

    pub(crate) fn answer_about(&self, session: SessionId, view: View) -> Outcome<Vec<Effect>> {
        Ok(vec![self.say(view).about(session).into()])
    }

    /// It was said so long ago that the world may be another one.
    pub(crate) fn is_late(&self) -> bool {
        let age = self.now.duration_since(self.date);
        let limit = self.bridge.stale_after;
        !limit.is_zero() && age.unsigned_abs() > limit && age.is_positive()
    }
}

pub(crate) fn no_session() -> Error {
    Error::not_found("no session is picked here").hint("/session picks one, /new makes one")
}
