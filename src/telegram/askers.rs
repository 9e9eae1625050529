//! Who in Telegram asked for a prompt.
//!
//! That is noted in the transaction that ends the prompt's update. The agent may be quicker, the program may be killed
//! before, the disk may refuse it: until it is noted, the prompt's key says which update it was, and that still lies
//! here as it came.

use super::bridge::Bridge;
use super::db::{Fault, Incoming, PromptSet, PromptState, Tables};
use super::update::{Update, UpdateKind};
use crate::error::{Kind, Result};
use crate::ipc::{Request, Response};
use crate::model::{CONTINUES, PromptId, SessionId};
use crate::telegram::turn_log::unexpected;

impl Bridge {
    /// What came from Telegram and became this prompt; None: it came from elsewhere.
    pub(crate) async fn asked_by(&self, session: SessionId, prompt: PromptId) -> Result<Option<PromptSet>> {
        if let Some(set) = self.db.read(|tables| tables.prompt_set_of(prompt))? {
            return Ok(Some(set));
        }
        let Some(key) = self.key_of(prompt).await? else { return Ok(None) };
        let of = |set: PromptSet, key: String| PromptSet {
            key,
            session: Some(session),
            prompt: Some(prompt),
            state: PromptState::Accepted,
            ..set
        };
        let Some(cut_off) = key.strip_prefix(CONTINUES).and_then(|id| id.parse().ok()).map(PromptId) else {
            return self
                .db
                .read(|tables| Ok(find(tables, self.bot.id, prompt, &key)?.map(|set| of(set, key))));
        };
        // Whoever waits for what was cut off waits for this instead. Nobody else notes that.
        let before = self.key_of(cut_off).await?.unwrap_or_default();
        self.db.write(|tables| {
            let found = find(tables, self.bot.id, cut_off, &before)?.map(|set| of(set, key));
            found.iter().try_for_each(|set| tables.put_prompt(set))?;
            Ok(found)
        })
    }

    async fn key_of(&self, prompt: PromptId) -> Result<Option<String>> {
        match self.link.call(Request::PromptKey { prompt }).await {
            Ok(Response::Key(key)) => Ok(Some(key)),
            Ok(other) => Err(unexpected(&other)),
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The set as it was noted (meanwhile), or what will be.
fn find(tables: &Tables, bot: i64, prompt: PromptId, key: &str) -> Result<Option<PromptSet>, Fault> {
    if let Some(set) = tables.prompt_set_of(prompt)? {
        return Ok(Some(set));
    }
    let Some(update) = update_of(key, bot) else { return Ok(None) };
    match tables.prompt_set(&format!("tg:{bot}:{update}"))? {
        Some(set) => Ok(Some(set)),
        None => Ok(tables.open_update(update)?.and_then(as_set)),
    }
}

/// `tg:<bot>:<update>`; behind it may stand how it went another way.
fn update_of(key: &str, bot: i64) -> Option<i64> {
    let update = key.strip_prefix("tg:")?.strip_prefix(&bot.to_string())?.strip_prefix(':')?;
    update.split(':').next()?.parse().ok()
}

/// A message, or a press below one: the reply belongs under it.
fn as_set(incoming: Incoming) -> Option<PromptSet> {
    let (user, reply_to) = match Update::read(incoming.id, &incoming.raw).kind {
        UpdateKind::Message(message) => (message.from.map(|user| user.id), message.message_id),
        UpdateKind::Callback(press) => (Some(press.from.id), press.message?.message_id),
        _ => return None,
    };
    Some(PromptSet {
        key: String::new(),
        updates: vec![incoming.id],
        place: incoming.place?,
        user: user.unwrap_or_default(),
        reply_to,
        session: None,
        prompt: None,
        state: PromptState::Accepted,
        at: incoming.at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_the_update() {
        for (key, update) in [
            ("tg:42:7", Some(7)),
            ("tg:42:7:now", Some(7)),
            ("tg:4:7", None),
            ("tg:421:7", None),
            ("tg:42:", None),
            ("tg:42:x", None),
            ("cli:42:7", None),
            ("", None),
        ] {
            assert_eq!(update_of(key, 42), update, "{key}");
        }
    }
}
