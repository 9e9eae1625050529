//! A stored row as the calls it takes, one after the other. Pure.
//!
//! The calls of one row are the same whenever they are asked for, so that the number of those that are done says
//! where to go on after a restart.

use super::payload::{FileContent, FileOut, Final, Keyboard, Message, Note, Payload};
use crate::telegram::db::MessageKind;
use crate::telegram::render::{self, Rich, Style};
use crate::telegram::show;

/// UTF-16 units below a file.
const LONGEST_CAPTION: usize = 1024;

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Send(Message),
    Edit {
        message: i64,
        rich: Rich,
        buttons: Keyboard,
        /// What the message is from now on, if that changes.
        note: Option<Note>,
        /// It shows the turn that is over now.
        is_live: bool,
    },
    Upload(FileOut),
    React {
        message: i64,
        emoji: Option<String>,
    },
    Delete {
        message: i64,
    },
    Topic {
        closed: bool,
    },
}

impl Step {
    /// Whether it is a message or an edit, which share Telegram's limits.
    pub(super) const fn counts(&self) -> bool {
        matches!(self, Self::Send(_) | Self::Edit { .. } | Self::Upload(_))
    }
}

/// The messages that a row refers to without knowing their numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Shows the turn that the row ends.
    pub(super) live: Option<i64>,
    /// What the row is to change.
    pub(super) target: Option<i64>,
}

pub(super) fn steps(payload: &Payload, known: Known) -> Vec<Step> {
    match payload {
        Payload::Message(message) => messages(message.clone()),
        Payload::Final(last) => of_final(last, known.live),
        Payload::Edit { rich, buttons, .. } => {
            let rich = render::split(rich.clone()).into_iter().next();
            let edit = known.target.zip(rich).map(|(message, rich)| Step::Edit {
                message,
                rich,
                buttons: buttons.clone(),
                note: None,
                is_live: false,
            });
            edit.into_iter().collect()
        }
        Payload::File(file) => of_file(file.clone()),
        Payload::React { message, emoji } => {
            vec![Step::React { message: *message, emoji: emoji.clone() }]
        }
        Payload::Delete { message } => vec![Step::Delete { message: *message }],
        Payload::Topic { closed } => vec![Step::Topic { closed: *closed }],
    }
}

/// The first piece rings and answers, the last one has the buttons.
fn messages(whole: Message) -> Vec<Step> {
    let pieces = render::split(whole.rich);
    let last = pieces.len().saturating_sub(1);
    let steps = pieces.into_iter().enumerate().map(|(number, rich)| {
        Step::Send(Message {
            rich,
            ring: whole.ring && number == 0,
            reply_to: whole.reply_to.filter(|_| number == 0),
            buttons: if number == last { whole.buttons.clone() } else { Keyboard::default() },
            note: whole.note,
        })
    });
    steps.collect()
}

fn of_final(last: &Final, live: Option<i64>) -> Vec<Step> {
    let note = Note { kind: MessageKind::Reply, session: Some(last.session), prompt: last.prompt };
    let mut steps = messages(Message {
        rich: text(last),
        ring: last.ring,
        reply_to: last.reply_to,
        buttons: last.buttons.clone(),
        note,
    });
    let Some(live) = live else { return steps };
    let edit = |rich, buttons| Step::Edit { message: live, rich, buttons, note: Some(note), is_live: true };
    if last.ring {
        // An edit rings nowhere: the reply is a message of its own, and the live one shrinks once it is there.
        let mut shrunk = last.heading.clone();
        shrunk.append(&show::done(last.took_ms, last.tools));
        steps.push(edit(shrunk, Keyboard::default()));
    } else if let Some(Step::Send(first)) = steps.first_mut() {
        let Message { rich, buttons, .. } = first;
        steps[0] = edit(std::mem::take(rich), std::mem::take(buttons));
    }
    steps
}

/// All that is said of a turn's end, in one text: in pieces later, if it must be.
fn text(last: &Final) -> Rich {
    let body = render::markdown(&last.markdown);
    let whole = framed(last, body);
    if render::is_very_long(&render::split(whole.clone())) {
        framed(last, render::summary(&last.markdown))
    } else {
        whole
    }
}

fn framed(last: &Final, body: Rich) -> Rich {
    let mut rich = last.heading.clone();
    let is_mute = body.is_empty() && last.footer.is_empty();
    let body = if is_mute { show::done(last.took_ms, last.tools) } else { body };
    rich.append(&body);
    if !last.footer.is_empty() {
        let gap = if body.is_empty() { "" } else { "\n\n" };
        rich.push(gap, Style::Plain).append(&last.footer);
    }
    rich
}

/// The whole of a reply that is too long for messages: a row of its own, for it may take a while.
pub(super) fn document(last: &Final) -> Option<FileOut> {
    let whole = framed(last, render::markdown(&last.markdown));
    render::is_very_long(&render::split(whole)).then(|| FileOut {
        name: "reply.md".to_owned(),
        content: FileContent::Text(last.markdown.clone()),
        caption: Rich::default(),
        ring: false,
        reply_to: None,
        buttons: Keyboard::default(),
        note: Note { kind: MessageKind::Reply, session: Some(last.session), prompt: last.prompt },
    })
}

/// What does not fit below a file stands above it.
fn of_file(mut file: FileOut) -> Vec<Step> {
    if file.caption.units() <= LONGEST_CAPTION {
        return vec![Step::Upload(file)];
    }
    let mut steps = messages(Message {
        rich: std::mem::take(&mut file.caption),
        ring: std::mem::take(&mut file.ring),
        reply_to: file.reply_to.take(),
        buttons: Keyboard::default(),
        note: file.note,
    });
    steps.push(Step::Upload(file));
    steps
}
