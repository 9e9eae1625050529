//! What the bridge keeps that is a person's choice, on its way to another machine: what a place does not want to hear,
//! and whose a topic is. What came in and goes out stays: Telegram itself has it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::db::{Adopted, Db, Mute, TopicRow};
use super::place::Place;
use crate::error::{Error, Result};
use crate::model::SessionId;
use crate::paths::Paths;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Settings {
    /// Topics are this bot's.
    bot: Option<i64>,
    mutes: Vec<Muted>,
    topics: Vec<Topic>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Muted {
    chat: i64,
    thread: Option<i64>,
    session: Option<SessionId>,
    until: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Topic {
    chat: i64,
    thread: Option<i64>,
    session: SessionId,
    name: String,
    closed: bool,
}

/// From the file, where no bridge has it open: one that runs is asked by its host. None: there is nothing, or it runs.
pub(crate) fn give(paths: &Paths) -> Result<Option<Value>> {
    let file = paths.telegram_database();
    if !file.is_file() {
        return Ok(None);
    }
    match Db::open_if_free(&file)? {
        Some(db) => give_of(&db).map(Some),
        None => Ok(None),
    }
}

/// Into the file, where no bridge has it open. What a person should know of it.
pub(crate) fn take(paths: &Paths, settings: &Value) -> Result<Option<String>> {
    Paths::create_private(paths.data_dir())?;
    match Db::open_if_free(&paths.telegram_database())? {
        Some(db) => take_into(&db, settings).map(|()| None),
        None => Ok(Some(
            "muted chats and topics are not taken over: another process has telegram.db open; move in again \
             once it has ended"
                .to_owned(),
        )),
    }
}

pub(super) fn give_of(db: &Db) -> Result<Value> {
    let settings = db.read(|tables| {
        let mutes = tables.mutes(Timestamp::now())?.into_iter().map(|mute| Muted {
            chat: mute.place.chat,
            thread: mute.place.thread,
            session: mute.session,
            until: mute.until,
        });
        let topics = tables.topics()?.into_iter().map(|topic| Topic {
            chat: topic.place.chat,
            thread: topic.place.thread,
            session: topic.session,
            name: topic.name,
            closed: topic.closed,
        });
        Ok(Settings { bot: tables.bot()?, mutes: mutes.collect(), topics: topics.collect() })
    })?;
    serde_json::to_value(settings).map_err(|e| Error::failed(format!("the bridge's settings: {e}")))
}

/// What is set here already stays. Topics of another bot than the one that is served here mean nothing.
pub(super) fn take_into(db: &Db, settings: &Value) -> Result<()> {
    let Settings { bot, mutes, topics } = Settings::deserialize(settings)
        .map_err(|e| Error::failed(format!("the bridge's settings in it cannot be read: {e}")))?;
    db.write(|tables| {
        for Muted { chat, thread, session, until } in mutes {
            let mute = Mute { place: Place { chat, thread }, session, until };
            tables.mute_if_unsaid(&mute)?;
        }
        let same = match (tables.bot()?, bot) {
            (None, Some(bot)) => tables.adopt(bot)? == Adopted::New,
            (here, there) => here.is_some() && here == there,
        };
        for Topic { chat, thread, session, name, closed } in topics.into_iter().filter(|_| same) {
            let place = Place { chat, thread };
            if tables.topic_at(place)?.is_none() {
                tables.put_topic(&TopicRow { place, session, name, closed })?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_settings(bot: i64) -> Db {
        let db = Db::in_memory();
        let (quiet, topic) = (SessionId::random(), SessionId::random());
        db.write(|tables| {
            tables.adopt(bot)?;
            let place = Place { chat: -100, thread: Some(7) };
            tables.mute(&Mute { place, session: None, until: None })?;
            tables.mute(&Mute { place: Place::chat(42), session: Some(quiet), until: None })?;
            tables.put_topic(&TopicRow { place, session: topic, name: "work".into(), closed: false })
        })
        .unwrap();
        db
    }

    #[test]
    fn they_come_as_they_were_and_twice_is_as_good_as_once() {
        let there = give_of(&with_settings(1)).unwrap();
        let here = Db::in_memory();
        take_into(&here, &there).unwrap();
        take_into(&here, &there).unwrap();
        assert_eq!(give_of(&here).unwrap(), there);
        // The same bot is served from it as if it had always been here.
        assert_eq!(here.write(|tables| tables.adopt(1)).unwrap(), Adopted::Same);
    }

    #[test]
    fn topics_of_another_bot_stay_away_and_what_is_set_here_stays() {
        let there = give_of(&with_settings(1)).unwrap();
        let here = Db::in_memory();
        let until = Timestamp::now() + std::time::Duration::from_secs(3600);
        let mine = Mute { place: Place { chat: -100, thread: Some(7) }, session: None, until: Some(until) };
        here.write(|tables| {
            tables.adopt(2)?;
            tables.mute(&mine)
        })
        .unwrap();
        take_into(&here, &there).unwrap();
        let given: Settings = serde_json::from_value(give_of(&here).unwrap()).unwrap();
        assert_eq!((given.bot, given.topics.len(), given.mutes.len()), (Some(2), 0, 2));
        assert!(given.mutes[0].until.is_some());
    }

    #[test]
    fn garbage_is_refused() {
        let here = Db::in_memory();
        assert!(take_into(&here, &serde_json::json!({ "mutes": 7 })).is_err());
    }
}
