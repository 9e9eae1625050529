//! What became of prompts whose process is gone: compares the queue with the agent's stored conversation.
//!
//! Pure: others read the conversation. Never a second run on a guess: a prompt is sent again only when
//! the conversation does not hold it and nothing showed that the agent had begun.

use std::collections::{BTreeMap, HashSet};
use std::io;

use uuid::Uuid;

use super::turn::Verdict;
use crate::claude::conversation::{Stored, StoredTurn};
use crate::error::Result;
use crate::model::{Detail, Event, EventKind, Prompt, PromptId, PromptStatus, SessionId, TurnId};
use crate::store::Db;

/// Replies are looked for among so many of the newest events.
const LOOKED_AT: u64 = 5_000;

/// The newest events of a session, oldest first.
pub(super) fn newest(db: &Db, session: SessionId, count: u64) -> Result<Vec<Event>> {
    let mut since = db.head(session)?.saturating_sub(count);
    let mut all = Vec::new();
    loop {
        let page = db.events(session, since, u32::MAX)?;
        let Some(last) = page.last() else { return Ok(all) };
        since = last.seq;
        all.extend(page);
    }
}

/// Replies to these prompts that the log has already: those since the first was accepted, in turns that have
/// not ended. Another prompt's reply may have the same words.
pub(super) fn replies_since(db: &Db, session: SessionId, open: &[Prompt]) -> Result<Vec<String>> {
    Ok(replies_to(open, newest(db, session, LOOKED_AT)?))
}

fn replies_to(open: &[Prompt], events: Vec<Event>) -> Vec<String> {
    let is_open = |id: Option<PromptId>| open.iter().any(|prompt| Some(prompt.id) == id);
    let ended: HashSet<TurnId> = events.iter().filter_map(ended_turn).collect();
    let events = events
        .into_iter()
        .skip_while(|event| event.kind != EventKind::Prompt || !is_open(event.prompt_id))
        .filter(|event| event.prompt_id.is_none() || is_open(event.prompt_id));
    events
        .filter(|event| {
            matches!(&event.detail, Some(Detail::Reply { turn, parent: None, .. }) if !ended.contains(turn))
        })
        .map(|event| event.text)
        .collect()
}

const fn ended_turn(event: &Event) -> Option<TurnId> {
    match event.detail {
        Some(Detail::Turn { turn, .. }) => Some(turn),
        _ => None,
    }
}

/// What came of the prompts in `open` that an agent had been given. `logged` are replies the log has already.
pub(super) fn verdicts(
    open: &[Prompt],
    conversation: io::Result<Option<Stored>>,
    logged: &[String],
) -> Vec<Verdict> {
    match conversation {
        Ok(stored) => judge(open, &stored.unwrap_or_default(), logged),
        Err(error) => {
            tracing::warn!(%error, "cannot read the conversation");
            // It may hold any of them.
            let given = open.iter().filter(|prompt| prompt.status != PromptStatus::Queued);
            given.map(|prompt| Verdict::CutOff { prompts: vec![prompt.id], texts: Vec::new() }).collect()
        }
    }
}

fn judge(open: &[Prompt], stored: &Stored, logged: &[String]) -> Vec<Verdict> {
    let given: Vec<_> = open.iter().filter(|prompt| prompt.status != PromptStatus::Queued).collect();
    let mut verdicts = Vec::new();
    // Prompts by the stored turn they are in: those of one turn are answered together.
    let mut turns: BTreeMap<usize, Vec<PromptId>> = BTreeMap::new();
    for prompt in &given {
        match witness(prompt, &given, stored).and_then(|witness| stored.turn_of(&witness)) {
            Some(turn) => turns.entry(turn).or_default().push(prompt.id),
            None if prompt.status == PromptStatus::Started => {
                verdicts.push(Verdict::CutOff { prompts: vec![prompt.id], texts: Vec::new() });
            }
            None => verdicts.push(Verdict::Again(prompt.id)),
        }
    }
    let mut logged = logged.to_vec();
    for (turn, prompts) in turns {
        let new = |blocks: Vec<String>, logged: &mut Vec<String>| without_logged(blocks, logged);
        verdicts.push(match stored.turn_at(turn) {
            StoredTurn::Ended { blocks, is_error, .. } => {
                Verdict::Ended { prompts, texts: new(blocks, &mut logged), failed: is_error }
            }
            StoredTurn::Open { blocks, .. } => Verdict::CutOff { prompts, texts: new(blocks, &mut logged) },
        });
    }
    verdicts
}

/// The prompt whose uuid stands in the conversation for this one: itself, or the last stored of its set.
/// Prompts that were joined are stored under the uuid of the last.
fn witness(prompt: &Prompt, given: &[&Prompt], stored: &Stored) -> Option<Uuid> {
    let own = prompt.agent_uuid();
    if stored.holds(&own) {
        return Some(own);
    }
    let set = prompt.set?;
    let last = given.iter().rev().find(|other| other.set == Some(set))?;
    let last = last.agent_uuid();
    stored.holds(&last).then_some(last)
}

/// Drops what the log has, once for each time it has it.
fn without_logged(blocks: Vec<String>, logged: &mut Vec<String>) -> Vec<String> {
    blocks
        .into_iter()
        .filter(|block| match logged.iter().position(|text| text == block) {
            Some(at) => {
                logged.remove(at);
                false
            }
            None => true,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::model::Delivery;

    fn prompt(n: u128, status: PromptStatus, set: u128) -> Prompt {
        Prompt {
            id: PromptId(Uuid::from_u128(n)),
            session: SessionId(Uuid::nil()),
            key: n.to_string(),
            text: format!("prompt {n}"),
            attachments: Vec::new(),
            delivery: Delivery::Queue,
            status,
            accepted: jiff::Timestamp::now(),
            set: Some(PromptId(Uuid::from_u128(set))),
            given_as: None,
        }
    }

    fn id(n: u128) -> PromptId {
        PromptId(Uuid::from_u128(n))
    }

    fn user(n: u128) -> String {
        format!(
            r#"{{"type":"user","uuid":"{}","message":{{"role":"user","content":"p"}}}}"#,
            Uuid::from_u128(n)
        )
    }

    fn injected(n: u128) -> String {
        let uuid = Uuid::from_u128(n);
        format!(r#"{{"type":"attachment","attachment":{{"type":"queued_command","source_uuid":"{uuid}"}}}}"#)
    }

    fn says(text: &str, stop: &str) -> String {
        format!(
            r#"{{"type":"assistant","message":{{"role":"assistant","content":[{{"type":"text","text":"{text}"}}],"stop_reason":{stop}}}}}"#
        )
    }

    fn decide(lines: &[String], open: &[Prompt], logged: &[&str]) -> Vec<Verdict> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for line in lines {
            writeln!(file, "{line}").unwrap();
        }
        let logged: Vec<_> = logged.iter().map(|&text| text.to_owned()).collect();
        verdicts(open, Stored::read(file.path()).map(Some), &logged)
    }

    fn event(prompt: Option<u128>, text: &str, kind: EventKind, detail: Detail) -> Event {
        let prompt_id = prompt.map(id);
        Event { seq: 0, at: jiff::Timestamp::now(), kind, text: text.into(), prompt_id, detail: Some(detail) }
    }

    #[test]
    fn another_prompts_reply_with_the_same_words_is_not_this_ones() {
        let accepted = |n| {
            let detail = Detail::Prompt { delivery: Delivery::Queue, attachments: Vec::new() };
            event(Some(n), "hello", EventKind::Prompt, detail)
        };
        let said = |n, turn, text| {
            event(Some(n), text, EventKind::Reply, Detail::Reply { turn, block: 1, parent: None })
        };
        let ended = Detail::Turn {
            turn: 2,
            origin: crate::model::Origin::Claude,
            outcome: crate::model::Outcome::Done,
            prompts: Vec::new(),
            cost_usd: 0.0,
            usage: crate::model::Usage::default(),
            stages: crate::model::Stages::default(),
        };
        let own = Detail::Reply { turn: 2, block: 2, parent: None };
        let log = vec![
            accepted(1),
            accepted(2),
            said(1, 1, "Echo: hello"),
            event(None, "the task ended", EventKind::Reply, own),
            event(None, "", EventKind::TurnEnded, ended),
            said(2, 3, "Running it."),
        ];
        let open = [prompt(2, PromptStatus::Started, 2)];
        assert_eq!(replies_to(&open, log), ["Running it."]);
    }

    #[test]
    fn absent_is_sent_again_unless_it_had_begun() {
        let open = [
            prompt(1, PromptStatus::Sent, 1),
            prompt(2, PromptStatus::Started, 2),
            prompt(3, PromptStatus::Queued, 3),
        ];
        assert_eq!(
            verdicts(&open, Ok(None), &[]),
            [Verdict::Again(id(1)), Verdict::CutOff { prompts: vec![id(2)], texts: vec![] }]
        );
    }

    #[test]
    fn what_cannot_be_read_is_no_reason_to_send_again() {
        let open = [prompt(1, PromptStatus::Sent, 1), prompt(2, PromptStatus::Queued, 2)];
        assert_eq!(
            verdicts(&open, Err(io::Error::other("no")), &[]),
            [Verdict::CutOff { prompts: vec![id(1)], texts: vec![] }]
        );
    }

    #[test]
    fn a_stored_reply_is_the_reply_less_what_the_log_has() {
        let lines = [user(1), says("one", "\"tool_use\""), says("two", "\"end_turn\"")];
        let open = [prompt(1, PromptStatus::Started, 1)];
        assert_eq!(
            decide(&lines, &open, &["one"]),
            [Verdict::Ended { prompts: vec![id(1)], texts: vec!["two".into()], failed: false }]
        );
    }

    #[test]
    fn a_turn_without_an_end_was_cut_off() {
        let lines = [user(1), says("half", "\"tool_use\"")];
        let open = [prompt(1, PromptStatus::Sent, 1)];
        assert_eq!(
            decide(&lines, &open, &[]),
            [Verdict::CutOff { prompts: vec![id(1)], texts: vec!["half".into()] }]
        );
    }

    #[test]
    fn joined_prompts_are_witnessed_by_the_last_of_their_set() {
        let lines = [user(1), says("x", "\"end_turn\""), user(3), says("both", "\"end_turn\"")];
        let open = [prompt(2, PromptStatus::Sent, 2), prompt(3, PromptStatus::Sent, 2)];
        assert_eq!(
            decide(&lines, &open, &[]),
            [Verdict::Ended { prompts: vec![id(2), id(3)], texts: vec!["both".into()], failed: false }]
        );
    }

    #[test]
    fn an_injected_prompt_shares_the_turn_that_took_it_in() {
        let lines = [user(1), says("a", "\"tool_use\""), injected(2), says("b", "\"end_turn\"")];
        let open = [prompt(1, PromptStatus::Started, 1), prompt(2, PromptStatus::Started, 2)];
        assert_eq!(
            decide(&lines, &open, &["a"]),
            [Verdict::Ended { prompts: vec![id(1), id(2)], texts: vec!["b".into()], failed: false }]
        );
    }
}
