//! What buttons mean. Telegram gives back a token that nobody can guess; everything else about it lies here.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde_json::Value;
use uuid::Uuid;

use super::columns::{Id, Json, Micros, place, session, thread};
use super::{Fault, Tables};
use crate::model::SessionId;
use crate::telegram::place::Place;

/// A button to be shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewButton {
    pub(crate) place: Place,
    /// Who may press it; `None`: whoever is allowed to.
    pub(crate) user: Option<i64>,
    pub(crate) session: Option<SessionId>,
    /// What it answers; all its buttons lapse together.
    pub(crate) request: Option<String>,
    /// Of what was shown, to be compared with what is asked by then.
    pub(crate) input_hash: Option<String>,
    /// Of the process that asked: a later one knows nothing of it.
    pub(crate) epoch: String,
    pub(crate) action: Value,
}

/// A button that was pressed, for the first time and by the right one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Button {
    pub(crate) place: Place,
    pub(crate) message: Option<i64>,
    pub(crate) session: Option<SessionId>,
    pub(crate) request: Option<String>,
    pub(crate) input_hash: Option<String>,
    pub(crate) epoch: String,
    pub(crate) action: Value,
    pub(crate) made: Timestamp,
}

/// Who pressed, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Press {
    pub(crate) chat: i64,
    pub(crate) message: i64,
    pub(crate) user: i64,
    /// Its own number: handled again after a crash, it is the same press.
    pub(crate) update: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Taken {
    /// It is this press's alone.
    Button(Button),
    /// It was pressed before, or what it answers is settled.
    Used,
    /// Somebody else may press it.
    NotYours,
    /// It is not known: too old, or of another message.
    Gone,
}

const COLUMNS: &str = "chat, thread, message, session, request, input_hash, epoch, action, at";

fn read(row: &Row<'_>) -> rusqlite::Result<Button> {
    Ok(Button {
        place: place(row)?,
        message: row.get("message")?,
        session: session(row, "session")?,
        request: row.get("request")?,
        input_hash: row.get("input_hash")?,
        epoch: row.get("epoch")?,
        action: row.get::<_, Json<_>>("action")?.0,
        made: row.get::<_, Micros>("at")?.0,
    })
}

impl Tables {
    /// Gives the token to send as the button's data.
    pub(crate) fn add_button(&self, button: &NewButton, now: Timestamp) -> Result<String, Fault> {
        let token = random_token();
        self.conn
            .prepare_cached(
                "INSERT INTO button (token, chat, thread, user, session, request, input_hash, epoch, action, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                token,
                button.place.chat,
                thread(button.place),
                button.user,
                button.session.map(Id::from),
                button.request,
                button.input_hash,
                button.epoch,
                Json(&button.action),
                Micros(now),
            ])?;
        Ok(token)
    }

    /// They were sent, under this message; from now on they count nowhere else.
    pub(crate) fn place_buttons(&self, tokens: &[String], message: i64) -> Result<(), Fault> {
        for token in tokens {
            self.conn
                .prepare_cached("UPDATE button SET message = ?2 WHERE token = ?1")?
                .execute(params![token, message])?;
        }
        Ok(())
    }

    /// Uses a button up, if this press may. A second press at the same moment finds it used.
    pub(crate) fn take_button(&self, token: &str, press: Press, now: Timestamp) -> Result<Taken, Fault> {
        // A press may be quicker than our knowing which message the button came to be under.
        let taken = self
            .conn
            .prepare_cached(&format!(
                "UPDATE button SET used = ?5, used_by = ?4, used_in = ?6 WHERE token = ?1 AND chat = ?2 \
                 AND (message IS NULL OR message = ?3) AND (user IS NULL OR user = ?4) \
                 AND (used IS NULL OR used_in = ?6) RETURNING {COLUMNS}"
            ))?
            .query_row(params![token, press.chat, press.message, press.user, Micros(now), press.update], read)
            .optional()?;
        match taken {
            Some(button) => Ok(Taken::Button(button)),
            None => self.why_not(token, press),
        }
    }

    fn why_not(&self, token: &str, press: Press) -> Result<Taken, Fault> {
        let found = self
            .conn
            .prepare_cached(
                "SELECT user IS NULL OR user = ?4 FROM button \
                 WHERE token = ?1 AND chat = ?2 AND (message IS NULL OR message = ?3)",
            )?
            .query_row(params![token, press.chat, press.message, press.user], |row| row.get::<_, bool>(0))
            .optional()?;
        Ok(match found {
            Some(true) => Taken::Used,
            Some(false) => Taken::NotYours,
            None => Taken::Gone,
        })
    }

    /// What it was pressed for could not be done, through no fault of the press: it may be pressed again.
    pub(crate) fn give_back_button(&self, token: &str) -> Result<(), Fault> {
        self.conn
            .prepare_cached("UPDATE button SET used = NULL, used_by = NULL, used_in = NULL WHERE token = ?1")?
            .execute([token])?;
        Ok(())
    }

    /// What these buttons answer is settled. Gives the messages they are still shown under.
    #[cfg(test)]
    pub(crate) fn void_request(
        &self,
        session: SessionId,
        request: &str,
        now: Timestamp,
    ) -> Result<Vec<(Place, i64)>, Fault> {
        let mut statement = self.conn.prepare_cached(
            "UPDATE button SET used = ?3 WHERE session = ?1 AND request = ?2 AND used IS NULL \
             RETURNING chat, thread, message",
        )?;
        let rows = statement.query_map(params![Id::from(session), request, Micros(now)], |row| {
            Ok((place(row)?, row.get::<_, Option<i64>>("message")?))
        })?;
        let mut shown = Vec::new();
        for row in rows {
            let (place, message) = row?;
            shown.extend(message.map(|message| (place, message)));
        }
        shown.sort_unstable();
        shown.dedup();
        Ok(shown)
    }

    /// The buttons under a message lapse: it shows others, or none.
    pub(crate) fn void_message(&self, chat: i64, message: i64, now: Timestamp) -> Result<(), Fault> {
        self.conn
            .prepare_cached("UPDATE button SET used = ?3 WHERE chat = ?1 AND message = ?2 AND used IS NULL")?
            .execute(params![chat, message, Micros(now)])?;
        Ok(())
    }

    /// The buttons of a request lapse in one place.
    pub(crate) fn void_request_in(&self, place: Place, request: &str, now: Timestamp) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "UPDATE button SET used = ?4 WHERE chat = ?1 AND thread = ?2 AND request = ?3 AND used IS NULL",
            )?
            .execute(params![place.chat, thread(place), request, Micros(now)])?;
        Ok(())
    }

    /// The requests of a session that buttons are still shown for.
    #[cfg(test)]
    pub(crate) fn open_requests(&self, session: SessionId) -> Result<Vec<String>, Fault> {
        let mut statement = self.conn.prepare_cached(
            "SELECT DISTINCT request FROM button WHERE session = ?1 AND request IS NOT NULL AND used IS NULL \
             ORDER BY request",
        )?;
        let rows = statement.query_map([Id::from(session)], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// 122 random bits in 22 letters of base64url; Telegram takes up to 64 bytes.
fn random_token() -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = Uuid::new_v4().as_u128();
    (0..22).map(|place| char::from(LETTERS[(bits >> (6 * place)) as usize & 63])).collect()
}
