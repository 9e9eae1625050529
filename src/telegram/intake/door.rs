//! Who is let in, and what those are told who are not. Every decision goes to the audit, but a flood of them only
//! once in a while.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::error::Kind;
use crate::ipc::{Request, Response};
use crate::model::Allowed;
use crate::telegram::bridge::Bridge;
use crate::telegram::commands;
use crate::telegram::effects::{Effect, Say};
use crate::telegram::gate::{Access, Hint, Reason};
use crate::telegram::host::{Outcome, Trouble, unexpected};
use crate::telegram::place::Place;
use crate::telegram::render::{Rich, Style};
use crate::telegram::update::Update;
use crate::telegram::view::View;
use crate::telegram::words;

/// What is known of who is let in may be so old when something comes.
const FRESH: Duration = Duration::from_secs(5);
/// Somebody who is refused may have been let in just now.
const JUST_NOW: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 1 });
/// As long as a code lasts, and the next is given.
const CODE: SignedDuration = SignedDuration::from_hours(1);
/// The same refusal is written down once in so long.
const QUIET: Duration = Duration::from_secs(60 * 60);
/// So many different refusals are remembered.
const REMEMBERED: usize = 512;
/// A stranger may show so many invitations an hour.
const TRIES: u32 = 5;

/// Asks the host who is let in. Gives the people, with their names.
pub(crate) async fn learn(bridge: &Bridge) -> Outcome<Vec<Allowed>> {
    let (users, chats) = match bridge.ask(Request::Access).await? {
        Response::Access { users, chats } => (users, chats),
        other => return unexpected(&other),
    };
    let ids = |allowed: &[Allowed]| allowed.iter().map(|one| one.id).collect();
    bridge.set_access(Access { users: ids(&users), chats: ids(&chats) });
    Ok(users)
}

/// Who has done what is refused, and where.
#[derive(Debug)]
pub(super) struct Author {
    id: i64,
    name: String,
    chat: i64,
}

impl Author {
    pub(super) fn of(update: &Update, chat: i64) -> Self {
        let (id, name) = update.author().unwrap_or((chat, String::new()));
        Self { id, name, chat }
    }
}

impl fmt::Display for Author {
    /// `Eve (666)`, and the chat if it is not theirs alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => write!(f, "{}", self.id)?,
            name => write!(f, "{} ({})", words::line(name, 60), self.id)?,
        }
        if self.chat == self.id { Ok(()) } else { write!(f, ", in {}", self.chat) }
    }
}

#[derive(Debug, Default)]
pub(super) struct Door(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    asked: Option<Instant>,
    /// The host has told at least once.
    is_known: bool,
    noted: HashMap<(&'static str, i64), (Instant, u32)>,
}

impl Door {
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn is_known(&self) -> bool {
        self.with(|inner| inner.is_known)
    }

    /// Asks the host who is let in, unless that was asked a moment ago.
    pub(super) async fn refresh(&self, bridge: &Bridge) -> Outcome<()> {
        self.ask_after(bridge, FRESH).await
    }

    /// Likewise, for somebody who would be refused otherwise. Whether it was asked.
    pub(super) async fn look_again(&self, bridge: &Bridge) -> bool {
        let is_old = self.with(|inner| inner.asked.is_none_or(|asked| asked.elapsed() >= JUST_NOW));
        is_old && self.ask_after(bridge, JUST_NOW).await.is_ok()
    }

    async fn ask_after(&self, bridge: &Bridge, age: Duration) -> Outcome<()> {
        let is_fresh = self.with(|inner| {
            let is_fresh = inner.is_known && inner.asked.is_some_and(|asked| asked.elapsed() < age);
            if !is_fresh {
                inner.asked = Some(Instant::now());
            }
            is_fresh
        });
        if is_fresh {
            return Ok(());
        }
        let before = bridge.access();
        let users = learn(bridge).await?;
        let access = bridge.access();
        let was_known = self.with(|inner| std::mem::replace(&mut inner.is_known, true));
        if was_known {
            let new: BTreeSet<i64> = access.users.difference(&before.users).copied().collect();
            let named = users.iter().filter(|user| new.contains(&user.id));
            self.greet(bridge, named.map(|user| (user.id, user.name.clone().unwrap_or_default())).collect())?;
        }
        Ok(())
    }

    /// Those who have waited at the door are told that it is open.
    fn greet(&self, bridge: &Bridge, users: Vec<(i64, String)>) -> Outcome<()> {
        for (id, name) in users {
            let effects = vec![Say::new(Place::chat(id), commands::welcome(&name)).into()];
            super::store(bridge, effects)?;
        }
        Ok(())
    }

    /// How often this was noted within the hour, this time included.
    fn count(&self, what: &'static str, id: i64, now: Instant) -> u32 {
        self.with(|inner| {
            let is_old = |since: Instant| now.duration_since(since) >= QUIET;
            if inner.noted.len() >= REMEMBERED {
                inner.noted.retain(|_, (since, _)| !is_old(*since));
            }
            if inner.noted.len() >= REMEMBERED {
                // Somebody floods with ever new names: what cannot be told apart any more is passed over.
                return u32::MAX;
            }
            let (since, count) = inner.noted.entry((what, id)).or_insert((now, 0));
            if is_old(*since) {
                (*since, *count) = (now, 0);
            }
            *count = count.saturating_add(1);
            *count
        })
    }

    /// A line for the audit, the first time in an hour.
    pub(super) async fn note(&self, bridge: &Bridge, what: &'static str, id: i64, subject: &str) {
        if self.count(what, id, Instant::now()) != 1 {
            return;
        }
        tracing::info!("Telegram: {what}: {subject}");
        let request = Request::AuditNote { what: what.to_owned(), subject: words::line(subject, 300) };
        if let Err(error) = bridge.ask(request).await {
            tracing::warn!("Telegram: the audit cannot be written: {error:?}");
        }
    }

    /// Why something was not heard, if that was a decision about somebody.
    pub(super) async fn refused(&self, bridge: &Bridge, reason: &Reason, author: &Author) {
        let what = match reason {
            Reason::Stranger => "stranger_refused",
            Reason::ChatNotAllowed => "group_refused",
            Reason::NoSuchChat => "channel_refused",
            Reason::Anonymous => "anonymous_refused",
            Reason::Bot => "bot_refused",
            Reason::NobodyNamed | Reason::NotAddressed | Reason::OtherBot => return,
            Reason::Kind(kind) => {
                tracing::debug!("Telegram: an update of the kind {kind} is passed over");
                return;
            }
            Reason::Malformed(why) => {
                tracing::warn!("Telegram: an update cannot be read and is passed over: {why}");
                return;
            }
        };
        // A group is refused for all who are in it.
        let id = if what == "group_refused" { author.chat } else { author.id };
        self.note(bridge, what, id, &author.to_string()).await;
    }

    /// What somebody is told who is not let in, if anything.
    pub(super) async fn hint(&self, bridge: &Bridge, hint: &Hint, now: Timestamp) -> Outcome<Vec<Effect>> {
        match hint {
            Hint::Stranger { user, name, start } => {
                self.note(bridge, "stranger_refused", *user, &format!("{name} ({user})")).await;
                if let Some(code) = start.as_deref()
                    && let Some(view) = self.invitation(bridge, *user, name, code).await?
                {
                    return Ok(vec![Say::new(Place::chat(*user), view).into()]);
                }
                stranger(bridge, *user, name, now).await
            }
            Hint::Group { chat, title, user } => {
                self.note(bridge, "group_refused", *chat, &format!("{title} ({chat}), by {user}")).await;
                group(bridge, *chat, title, *user)
            }
        }
    }

    /// Somebody shows an invitation. `None`: it is none, or too many were shown.
    async fn invitation(&self, bridge: &Bridge, user: i64, name: &str, code: &str) -> Outcome<Option<View>> {
        if self.count("invitation", user, Instant::now()) > TRIES {
            return Ok(None);
        }
        let request = Request::PairClaim { code: code.to_owned(), user, name: name.to_owned() };
        match bridge.ask(request).await {
            Ok(Response::Invited { .. }) => {
                self.note(bridge, "invitation_claimed", user, &format!("{name} ({user})")).await;
                Ok(Some(View::plain("Thank you. Confirm it in the terminal now, and then write to me here.")))
            }
            Ok(other) => unexpected(&other),
            Err(Trouble::Refused(error)) if error.kind == Kind::Conflict => Ok(Some(words::refusal(&error))),
            // Whether it is wrong is nothing to tell a stranger.
            Err(Trouble::Refused(_)) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }
}

/// A stranger gets a code to show to the owner, and the next one when that is over.
async fn stranger(bridge: &Bridge, user: i64, name: &str, now: Timestamp) -> Outcome<Vec<Effect>> {
    let told = bridge.db.read(|tables| tables.hinted(user))?;
    if told.is_some_and(|told| now.duration_since(told) < CODE) {
        return Ok(Vec::new());
    }
    let request = Request::PairAsk { user, name: name.to_owned() };
    match bridge.ask(request).await {
        Ok(Response::PairCode { code, .. }) => {
            let say = Say::new(Place::chat(user), code_view(name, &code));
            Ok(vec![Effect::Hinted { id: user }, say.into()])
        }
        Ok(other) => unexpected(&other),
        // Let in already, by a hair.
        Err(Trouble::Refused(_)) => Ok(Vec::new()),
        Err(trouble) => Err(trouble),
    }
}

fn code_view(name: &str, code: &str) -> View {
    let mut rich = Rich::default();
    let hello =
        format!("Hello, {}. I only answer people whom my owner has let in.\n\n", words::line(name, 60));
    rich.push(&hello, Style::Plain).push("If that is you, type this in a terminal:\n", Style::Plain);
    rich.push(&format!("claudebot pair {code}"), Style::Code);
    rich.push("\nIf it is somebody else, show them the code. It lasts an hour.", Style::Plain);
    View::new(rich)
}

/// Told to the one who brought the bot there, alone, once.
fn group(bridge: &Bridge, chat: i64, title: &str, user: i64) -> Outcome<Vec<Effect>> {
    if bridge.db.read(|tables| tables.hinted(chat))?.is_some() {
        return Ok(Vec::new());
    }
    let mut rich = Rich::default();
    let title = words::line(title, 60);
    rich.push(&format!("I may not work in {title} yet. To let me, type in a terminal:\n"), Style::Plain);
    rich.push(&format!("claudebot pair --chat {chat}"), Style::Code);
    rich.push(
        "\nThere I hear what begins with my name, and answers to me, of those who are let in.",
        Style::Plain,
    );
    Ok(vec![Effect::Hinted { id: chat }, Say::new(Place::chat(user), View::new(rich)).into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::view::tests::shown;

    #[test]
    fn a_stranger_is_told_how_to_be_let_in() {
        assert_eq!(
            shown(&code_view("Eve\n", "K7WD2MXP")),
            "Hello, Eve. I only answer people whom my owner has let in.\n\n\
             If that is you, type this in a terminal:\n`claudebot pair K7WD2MXP`\n\
             If it is somebody else, show them the code. It lasts an hour."
        );
    }

    #[test]
    fn a_flood_is_counted_and_not_remembered() {
        let (door, now) = (Door::default(), Instant::now());
        assert_eq!([door.count("a", 1, now), door.count("a", 1, now), door.count("b", 1, now)], [1, 2, 1]);
        for id in 0..2000 {
            door.count("c", id, now);
        }
        assert_eq!(door.count("c", 5000, now), u32::MAX);
        assert!(door.with(|inner| inner.noted.len()) <= REMEMBERED);
        let later = now + QUIET;
        assert_eq!([door.count("c", 5000, later), door.count("a", 1, later)], [1, 1]);
    }
}
