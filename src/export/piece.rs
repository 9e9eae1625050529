//! What an event is to a reader, before anybody thinks of Markdown or HTML.

use std::borrow::Cow;

use jiff::Timestamp;

use super::Tools;
use super::call::{Call, Part};
use super::clean::{clean, one_line};
use crate::model::{
    Approval, ApprovalKind, Decision, Delivery, Detail, Event, EventKind, Origin, Outcome, Scope,
};

#[derive(Debug)]
pub(super) enum Piece<'e> {
    Prompt {
        text: Cow<'e, str>,
        files: Vec<String>,
        how: Option<&'static str>,
    },
    /// Markdown.
    Reply(Cow<'e, str>),
    Call(Box<Call<'e>>),
    /// A question, a plan, or whether a tool may run.
    Asked {
        title: String,
        parts: Vec<Part<'e>>,
    },
    Answered {
        words: String,
        answers: Vec<(String, String)>,
    },
    Ended {
        words: String,
        failed: bool,
    },
    Notice(Cow<'e, str>),
    File {
        name: String,
        about: String,
        caption: Option<String>,
    },
}

/// None: it is not asked for, or there is nothing to see.
pub(super) fn piece(event: &Event, tools: Tools) -> Option<Piece<'_>> {
    let text = clean(&event.text);
    Some(match (&event.detail, event.kind) {
        (Some(Detail::Prompt { delivery, attachments }), _) => Piece::Prompt {
            text,
            files: attachments.iter().map(|file| base(file)).collect(),
            how: how(*delivery),
        },
        (_, EventKind::Prompt) => Piece::Prompt { text, files: Vec::new(), how: None },
        (Some(Detail::Tool { name, input, result, is_error, .. }), _) => match tools {
            Tools::None => return None,
            Tools::Full => {
                Piece::Call(Box::new(Call::whole(event, name, input, result.as_deref(), *is_error)))
            }
            Tools::Short => Piece::Call(Box::new(Call::short(event, name, result.as_deref(), *is_error))),
        },
        (Some(Detail::Asked { approval }), _) => asked(approval, tools)?,
        (Some(Detail::Answered { approval, decision, by }), _) => answered(*approval, decision.as_ref(), by),
        (Some(Detail::Turn { outcome, origin, cost_usd, .. }), _) => {
            ended(*outcome, *origin, *cost_usd, &event.text)
        }
        (Some(Detail::File { path, name, caption, bytes }), _) => Piece::File {
            name: one_line(name),
            about: format!("{} ({})", one_line(&path.to_string_lossy()), size(*bytes)),
            caption: caption.as_deref().map(one_line),
        },
        (_, EventKind::Reply) if text.trim().is_empty() => return None,
        (_, EventKind::Reply) => Piece::Reply(text),
        _ => Piece::Notice(text),
    })
}

/// Those of what is listed there are of use to a reader; where they lay is not.
fn base(file: &str) -> String {
    one_line(file.rsplit('/').next().unwrap_or(file))
}

const fn how(delivery: Delivery) -> Option<&'static str> {
    match delivery {
        Delivery::Queue => None,
        Delivery::Now => Some("sent into the running turn"),
        Delivery::Instead => Some("sent instead of the running turn"),
    }
}

fn asked(approval: &Approval, tools: Tools) -> Option<Piece<'_>> {
    Some(match approval.kind {
        ApprovalKind::Tool if tools == Tools::None => return None,
        ApprovalKind::Tool => {
            let title = format!("Approval {} asked", approval.id);
            let about = match one_line(&approval.summary) {
                summary if summary.is_empty() => one_line(&approval.tool),
                summary => format!("{}: {summary}", one_line(&approval.tool)),
            };
            Piece::Asked { title, parts: vec![Part::Line(about)] }
        }
        ApprovalKind::Question => {
            let parts = approval.questions.iter().map(|question| Part::Choices {
                question: one_line(&question.question),
                options: question
                    .options
                    .iter()
                    .map(|option| (one_line(&option.label), one_line(&option.description)))
                    .collect(),
            });
            Piece::Asked { title: format!("Question {}", approval.id), parts: parts.collect() }
        }
        ApprovalKind::Plan => {
            let plan = approval.plan.as_deref().unwrap_or(&approval.summary);
            Piece::Asked { title: format!("Plan {}", approval.id), parts: vec![Part::Markdown(clean(plan))] }
        }
    })
}

fn answered(approval: i64, decision: Option<&Decision>, by: &str) -> Piece<'static> {
    let by = one_line(by);
    let said = |what: &str| format!("Approval {approval} {what} by {by}");
    let mut all = Vec::new();
    let words = match decision {
        None => format!("Approval {approval} is no longer asked for"),
        Some(Decision::Allow { scope: Scope::Once }) => said("allowed"),
        Some(Decision::Allow { scope: Scope::Session }) => said("allowed for the session"),
        Some(Decision::Allow { scope: Scope::Always }) => said("allowed for good"),
        Some(Decision::Deny { message: None }) => said("denied"),
        Some(Decision::Deny { message: Some(message) }) => {
            format!("{}: {}", said("denied"), one_line(message))
        }
        Some(Decision::Answers { answers }) => {
            all.extend(answers.iter().map(|(question, answer)| (one_line(question), one_line(answer))));
            format!("Question {approval} answered by {by}")
        }
    };
    Piece::Answered { words, answers: all }
}

fn ended(outcome: Outcome, origin: Origin, cost: f64, why: &str) -> Piece<'static> {
    let mut words = match outcome {
        Outcome::Done => "Done",
        Outcome::Failed => "Failed",
        Outcome::Interrupted => "Interrupted",
        Outcome::Replaced => "Replaced by another prompt",
    }
    .to_owned();
    if origin == Origin::Claude {
        words.push_str(", begun by Claude itself");
    }
    let why = one_line(why);
    if !why.is_empty() && outcome != Outcome::Done {
        words.push_str(&format!(": {why}"));
    }
    if cost > 0.0 {
        words.push_str(&format!(" · {}", dollars(cost)));
    }
    Piece::Ended { words, failed: outcome == Outcome::Failed }
}

/// The moment of a piece, for people.
pub(super) fn time(at: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M").to_string()
}

pub(super) fn date_and_time(at: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Small amounts to a hundredth of a cent.
pub(super) fn dollars(amount: f64) -> String {
    if amount < 1.0 { format!("${amount:.4}") } else { format!("${amount:.2}") }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{}.{} KB", bytes >> 10, ((bytes % (1 << 10)) * 10) >> 10),
        _ => format!("{}.{} MB", bytes >> 20, ((bytes % (1 << 20)) * 10) >> 20),
    }
}
