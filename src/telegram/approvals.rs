//! A request of the agent as a message with buttons.
//!
//! Nobody is to agree to what they cannot see: the input is shown whole and as it is, hidden characters included.
//! What does not fit comes as a file, and can only be denied until somebody has asked for all of it. This part shows;
//! what a press does is in `press`.

mod input;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::action::{Action, Answering};
use super::db::{Fault, MessageKind, NewOutgoing, ShownApproval, Tables};
use super::outbox::{FileContent, FileOut, Message, Note, Payload, Target, head, priority};
use super::place::Place;
use super::questions;
use super::render::{Rich, Style, markdown};
use super::view::{Owner, View, button};
use super::words;
use crate::error::Error;
use crate::model::{Approval, ApprovalId, ApprovalKind, Scope};
use input::Shown;

/// An input of more UTF-16 units comes as a file: the rest of a message is for title, rules, and how it was settled.
const FITS: usize = 2900;
/// Of a longer one so many characters are shown beside the file.
const BEGINNING: usize = 1200;

/// How far somebody is with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Asked,
    /// All of a long one was asked for.
    ShownAll,
    /// "Always" was pressed once.
    Always,
}

/// What was asked for, to be compared with what a button was shown for.
pub(crate) fn fingerprint(approval: &Approval) -> String {
    let what = serde_json::json!([approval.tool, approval.input, approval.rules, approval.plan]);
    let digest = Sha256::digest(what.to_string().as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What the buttons of a request have in common.
pub(crate) fn owner(approval: &Approval) -> Owner {
    let request = Some((approval.id, fingerprint(approval)));
    Owner { user: None, session: Some(approval.session_id), request }
}

/// How a request lies in the table of what was asked.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    rich: Rich,
}

/// Asks it in a place. Where it was asked there before, that message says so and gives its buttons up: only one is to
/// be answered, and to say how that was done.
pub(crate) fn ask(
    tables: &Tables,
    epoch: &str,
    place: Place,
    approval: &Approval,
    ring: bool,
    now: Timestamp,
) -> Result<(), Fault> {
    let former = tables.shown_approvals(approval.id)?.into_iter().find(|shown| shown.place == place);
    if former.is_some() {
        tables.void_request_in(place, &approval.id.to_string(), now)?;
    }
    let payload = asked(tables, epoch, place, approval, ring, now)?.to_json()?;
    let key = Some(key(approval.id, place));
    let new = NewOutgoing { place, priority: priority::APPROVAL, key, payload };
    let row = tables.enqueue(&new, now)?;
    // What still waited to be sent is replaced already.
    if let Some(former) = former.filter(|former| former.outgoing != row) {
        let message = former.message.map_or(Target::Row(former.outgoing), Target::Id);
        let rich = kept(tables, place, approval.id)?.followed_by("Asked again below.");
        let payload = Payload::Edit { message, rich, buttons: Default::default() }.to_json()?;
        tables.enqueue(&NewOutgoing { place, priority: priority::APPROVAL, key: None, payload }, now)?;
    }
    tables.put_shown_approval(approval.id, approval.session_id, place, row, now)
}

/// Topics of one chat are one queue.
pub(crate) fn key(approval: ApprovalId, place: Place) -> String {
    format!("approval:{approval}:{}", place.thread.unwrap_or(0))
}

fn file_key(approval: ApprovalId, place: Place) -> String {
    format!("file:{}", key(approval, place))
}

/// A request on its way to a place.
pub(crate) fn asked(
    tables: &Tables,
    epoch: &str,
    place: Place,
    approval: &Approval,
    ring: bool,
    now: Timestamp,
) -> Result<Payload, Fault> {
    let heading = heading(tables, place, approval)?;
    let shown = whole(approval);
    if !shown.fits() {
        file(tables, place, approval, &shown, now)?;
    }
    let view = view(approval, &heading, Stage::Asked);
    // One of several questions is shown at a time.
    let rich = match approval.questions.len() {
        0 | 1 => &view.rich,
        _ => &questions::asked(approval, &heading),
    };
    remember(tables, place, approval.id, rich, now)?;
    let buttons = view.keyboard(tables, epoch, place, &owner(approval), now)?;
    let kind = match approval.kind {
        ApprovalKind::Question => MessageKind::Question,
        _ => MessageKind::Approval,
    };
    let note = Note { kind, session: Some(approval.session_id), prompt: None };
    Ok(Payload::Message(Message { rich: view.rich, ring, reply_to: None, buttons, note }))
}

/// The message that showed a request says how it was settled, and has no buttons any more.
pub(crate) fn settled(
    tables: &Tables,
    place: Place,
    message: Target,
    approval_id: ApprovalId,
    words: &str,
) -> Result<Payload, Fault> {
    let request = approval_id.to_string();
    tables.void_request_in(place, &request, Timestamp::now())?;
    tables.expect_nothing_for(place, &request)?;
    let rich = kept(tables, place, approval_id)?.followed_by(&words::sentence(&words::line(words, 400)));
    Ok(Payload::Edit { message, rich, buttons: Default::default() })
}

/// What a topic was to ask is asked in the chat, unless that asks it already.
pub(crate) fn leave(tables: &Tables, topic: Place, heading: &Rich, now: Timestamp) -> Result<(), Fault> {
    let chat = Place::chat(topic.chat);
    for ShownApproval { approval, .. } in tables.unsent_approvals_in(topic)? {
        if tables.shown_approvals(approval)?.iter().any(|shown| shown.place == chat) {
            tables.withdraw(topic.chat, &key(approval, topic))?;
            tables.withdraw(topic.chat, &file_key(approval, topic))?;
        } else {
            let mut rich = kept(tables, topic, approval)?.rich;
            head(&mut rich, heading);
            remember(tables, chat, approval, &rich, now)?;
        }
        tables.move_shown_approval(approval, topic, chat)?;
    }
    Ok(())
}

fn kept(tables: &Tables, place: Place, approval: ApprovalId) -> Result<Kept, Fault> {
    let kept = tables.asked(place, &approval.to_string())?;
    Ok(kept.and_then(|kept| serde_json::from_value(kept).ok()).unwrap_or_default())
}

impl Kept {
    /// What the message says once there is nothing to be pressed below it.
    fn followed_by(self, words: &str) -> Rich {
        let mut rich = self.rich;
        if !rich.is_empty() {
            rich.push("\n\n", Style::Plain);
        }
        rich.push(words, Style::Bold);
        rich
    }
}

/// What a message is to say below, once its request is settled.
pub(crate) fn remember(
    tables: &Tables,
    place: Place,
    approval: ApprovalId,
    rich: &Rich,
    now: Timestamp,
) -> Result<(), Fault> {
    let kept = serde_json::to_value(Kept { rich: rich.clone() })
        .map_err(|error| Error::failed(format!("a request cannot be put into JSON: {error}")))?;
    tables.put_asked(place, &approval.to_string(), &kept, now)
}

/// The session's name, where the place shows several.
pub(crate) fn heading(tables: &Tables, place: Place, approval: &Approval) -> Result<String, Fault> {
    let is_its_own = tables.is_topic_of(place, approval.session_id)?;
    Ok(if is_its_own { String::new() } else { words::line(&approval.session, 60) })
}

/// Everything that is asked for.
pub(crate) fn whole(approval: &Approval) -> Shown {
    match (&approval.plan, approval.kind) {
        (Some(plan), _) => Shown { rich: markdown(plan), text: plan.clone(), extension: "md" },
        (None, _) => input::shown(&approval.tool, &approval.input, &approval.summary),
    }
}

fn file(
    tables: &Tables,
    place: Place,
    approval: &Approval,
    shown: &Shown,
    now: Timestamp,
) -> Result<(), Fault> {
    let file = Payload::File(FileOut {
        name: format!("{}-{}.{}", name(&approval.tool), approval.id, shown.extension),
        content: FileContent::Text(shown.text.clone()),
        caption: Rich::plain("All of what is asked for below"),
        ring: false,
        reply_to: None,
        buttons: Default::default(),
        note: Note { kind: MessageKind::File, session: Some(approval.session_id), prompt: None },
    });
    let payload = file.to_json()?;
    let key = Some(file_key(approval.id, place));
    tables.enqueue(&NewOutgoing { place, priority: priority::APPROVAL, key, payload }, now).map(drop)
}

/// A tool's name as a part of a file's.
fn name(tool: &str) -> String {
    let name: String = tool.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect();
    if name.is_empty() { "request".to_owned() } else { name }
}

/// `heading`: the session's name, or nothing.
pub(crate) fn view(approval: &Approval, heading: &str, stage: Stage) -> View {
    match approval.kind {
        ApprovalKind::Question if !approval.questions.is_empty() => {
            questions::view(approval, heading, &Answering::new(approval.id))
        }
        _ => permission(approval, heading, stage),
    }
}

fn permission(approval: &Approval, heading: &str, stage: Stage) -> View {
    let shown = whole(approval);
    let fits = shown.fits();
    let mut rich = title(approval, heading);
    if fits {
        rich.append(&shown.rich);
    } else {
        let beginning = words::cut(&input::visible(shown.text.trim()), BEGINNING);
        rich.push(&beginning, Style::Pre(""));
        let lines = words::count(shown.text.lines().count(), "line");
        rich.push(&format!("\n{lines} in all: the file above has them."), Style::Plain);
    }
    if stage == Stage::Always {
        return always(approval, rich);
    }
    if approval.kind == ApprovalKind::Tool && !approval.rules.is_empty() {
        rich.push("\nFor the session, or always: ", Style::Plain);
        rich.push(&rules(approval), Style::Code);
    }
    let view = View::new(rich);
    if !fits && stage == Stage::Asked {
        let id = approval.id;
        return view.row([
            button("Show all", Action::ShowAll { approval: id }),
            button("Deny", Action::Deny { approval: id }),
        ]);
    }
    match approval.kind {
        ApprovalKind::Plan => plan_buttons(view, approval.id),
        _ => tool_buttons(view, approval),
    }
}

pub(crate) fn title(approval: &Approval, heading: &str) -> Rich {
    let mut rich = Rich::default();
    let asks = match approval.kind {
        ApprovalKind::Plan => "▤ a plan to agree to".to_owned(),
        ApprovalKind::Question => "❓ a question".to_owned(),
        ApprovalKind::Tool => format!("❗ {} asks for permission", words::line(&approval.tool, 60)),
    };
    if !heading.is_empty() {
        rich.push(heading, Style::Bold).push("\n", Style::Plain);
    }
    rich.push(&asks, Style::Plain).push("\n", Style::Plain);
    rich
}

fn rules(approval: &Approval) -> String {
    words::line(&input::visible(&approval.rules.join(", ")), 300)
}

fn always(approval: &Approval, mut rich: Rich) -> View {
    rich.push("\nAlways", Style::Bold).push(" allows ", Style::Plain).push(&rules(approval), Style::Code);
    match &approval.rules_file {
        Some(file) => {
            rich.push(", written to ", Style::Plain);
            rich.push(&words::line(&input::visible(&file.display().to_string()), 200), Style::Code);
        }
        None => {
            rich.push(" in this project from now on", Style::Plain);
        }
    }
    rich.push(".", Style::Plain);
    let allow = Action::Allow { approval: approval.id, scope: Scope::Always };
    View::new(rich).row([button("Always", allow), button("Back", Action::Again { approval: approval.id })])
}

fn tool_buttons(view: View, approval: &Approval) -> View {
    let id = approval.id;
    let allow = |scope| Action::Allow { approval: id, scope };
    let view =
        view.row([button("Allow once", allow(Scope::Once)), button("Deny", Action::Deny { approval: id })]);
    let view = if approval.rules.is_empty() {
        view
    } else {
        view.row([
            button("Allow for session", allow(Scope::Session)),
            button("Always", Action::AskAlways { approval: id }),
        ])
    };
    view.row([button("Deny with a reason", Action::DenyWhy { approval: id })])
}

fn plan_buttons(view: View, approval: ApprovalId) -> View {
    view.row([
        button("Approve", Action::Allow { approval, scope: Scope::Once }),
        button("Keep planning", Action::Deny { approval }),
    ])
    .row([button("Keep planning, say why", Action::DenyWhy { approval })])
}
