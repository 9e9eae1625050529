//! A message before it is stored: its text, and its buttons as what they mean. Pure, but for giving the buttons
//! their tokens.

use jiff::Timestamp;

use super::action::Action;
use super::db::{Fault, NewButton, Tables};
use super::outbox::{Key, Keyboard, Press};
use super::place::Place;
use super::render::{Rich, Style};
use super::words;
use crate::model::{ApprovalId, SessionId};

/// Longer labels are cut by the clients anyway.
const LABEL: usize = 40;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct View {
    pub(crate) rich: Rich,
    pub(crate) rows: Vec<Vec<Button>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Button {
    pub(crate) label: String,
    pub(crate) action: Action,
}

/// What all buttons of a message have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Who may press; `None`: whoever is let in.
    pub(crate) user: Option<i64>,
    pub(crate) session: Option<SessionId>,
    /// The request that they answer, and what it was for.
    pub(crate) request: Option<(ApprovalId, String)>,
}

impl Owner {
    pub(crate) fn session(session: SessionId) -> Self {
        Self { session: Some(session), ..Self::default() }
    }
}

pub(crate) fn button(label: impl AsRef<str>, action: Action) -> Button {
    Button { label: words::line(label.as_ref(), LABEL), action }
}

impl View {
    pub(crate) const fn new(rich: Rich) -> Self {
        Self { rich, rows: Vec::new() }
    }

    pub(crate) fn plain(text: impl AsRef<str>) -> Self {
        Self::new(Rich::plain(text.as_ref()))
    }

    /// A first line that stands out.
    pub(crate) fn titled(title: impl AsRef<str>) -> Self {
        let mut rich = Rich::default();
        rich.push(title.as_ref(), Style::Bold);
        Self::new(rich)
    }

    /// One more line.
    pub(crate) fn line(mut self, text: impl AsRef<str>) -> Self {
        self.rich.push("\n", Style::Plain).push(text.as_ref(), Style::Plain);
        self
    }

    pub(crate) fn row(mut self, buttons: impl IntoIterator<Item = Button>) -> Self {
        self.rows.push(buttons.into_iter().collect());
        self
    }

    /// So many buttons in each row.
    pub(crate) fn rows_of(mut self, columns: usize, buttons: impl IntoIterator<Item = Button>) -> Self {
        let buttons: Vec<Button> = buttons.into_iter().collect();
        self.rows.extend(buttons.chunks(columns).map(<[Button]>::to_vec));
        self
    }

    /// Stores what the buttons mean, and gives them as they are sent.
    pub(crate) fn keyboard(
        &self,
        tables: &Tables,
        epoch: &str,
        place: Place,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Keyboard, Fault> {
        let key = |button: &Button| -> Result<Key, Fault> {
            let (request, input_hash) = owner.request.clone().unzip();
            let new = NewButton {
                place,
                user: owner.user,
                session: owner.session,
                request: request.map(|id| id.to_string()),
                input_hash,
                epoch: epoch.to_owned(),
                action: button.action.stored()?,
            };
            let token = tables.add_button(&new, now)?;
            Ok(Key { label: button.label.clone(), press: Press { token } })
        };
        let row = |row: &Vec<Button>| row.iter().map(key).collect();
        let rows = self.rows.iter().filter(|row| !row.is_empty()).map(row);
        Ok(Keyboard(rows.collect::<Result<_, Fault>>()?))
    }
}

/// The one button below what is said of a turn. Whoever is allowed there may press it.
pub(crate) fn alone(
    tables: &Tables,
    epoch: &str,
    place: Place,
    session: SessionId,
    (label, action): (&str, Action),
    now: Timestamp,
) -> Result<Keyboard, Fault> {
    let view = View::default().row([button(label, action)]);
    view.keyboard(tables, epoch, place, &Owner::session(session), now)
}

#[cfg(test)]
pub(crate) mod tests {
    use teloxide_core::types::MessageEntityKind;

    use super::*;
    use crate::telegram::db::Db;

    /// As a person sees it, with a little markup for what stands out.
    pub(crate) fn shown(view: &View) -> String {
        let mut text = marked(&view.rich);
        for row in &view.rows {
            let labels: Vec<String> = row.iter().map(|button| format!("[{}]", button.label)).collect();
            text.push_str(&format!("\n{}", labels.join(" ")));
        }
        text
    }

    pub(crate) fn marked(rich: &Rich) -> String {
        let mark = |kind: &MessageEntityKind| match kind {
            MessageEntityKind::Bold => "**",
            MessageEntityKind::Italic => "_",
            MessageEntityKind::Code => "`",
            MessageEntityKind::Pre { .. } => "```",
            MessageEntityKind::Blockquote | MessageEntityKind::ExpandableBlockquote => "¦",
            _ => "~",
        };
        let units: Vec<u16> = rich.text.encode_utf16().collect();
        let mut out = String::new();
        let mut at = 0;
        for (place, unit) in units.iter().map(Some).chain([None]).enumerate() {
            let ends = rich.entities.iter().rev().filter(|entity| entity.offset + entity.length == place);
            let starts = rich.entities.iter().filter(|entity| entity.offset == place);
            let marks: String = ends.chain(starts).map(|entity| mark(&entity.kind)).collect();
            if !marks.is_empty() {
                out.push_str(&String::from_utf16(&units[at..place]).unwrap());
                out.push_str(&marks);
                at = place;
            }
            if unit.is_none() {
                out.push_str(&String::from_utf16(&units[at..]).unwrap());
            }
        }
        out
    }

    #[test]
    fn buttons_get_tokens_of_their_own() {
        let db = Db::in_memory();
        let view = View::titled("Sure?")
            .line("It cannot be undone")
            .row([button("Archive", Action::Cancel), button("x".repeat(99), Action::Cancel)])
            .row([]);
        assert_eq!(
            shown(&view),
            format!("**Sure?**\nIt cannot be undone\n[Archive] [{}…]\n", "x".repeat(39))
        );
        let owner = Owner { request: Some((12, "hash".to_owned())), ..Owner::default() };
        let now = Timestamp::UNIX_EPOCH;
        let keyboard = db.write(|tables| view.keyboard(tables, "run", Place::chat(7), &owner, now)).unwrap();
        assert_eq!(keyboard.0.len(), 1, "a row without buttons is none");
        let tokens = keyboard.tokens();
        assert!(tokens.len() == 2 && tokens[0] != tokens[1]);
    }
}
