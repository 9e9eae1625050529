//! The queue's promises: once per key, in order, no step backwards.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::{accepted, made, prompt};
use crate::error::Kind;
use crate::model::{EventKind, PromptId, PromptStatus, SessionId};
use crate::sqlite::columns::Id;
use crate::store::Db;

#[test]
fn the_same_key_twice_is_one_prompt() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    let first = db.accept(&prompt(id, "tg:1:2", "hello"), false).unwrap();
    assert!(!first.repeated());
    let event = &first.event.as_ref().unwrap().event;
    assert_eq!((event.seq, event.kind, event.text.as_str()), (1, EventKind::Prompt, "hello"));
    assert_eq!(event.prompt_id, Some(first.prompt.id));

    let again = db.accept(&prompt(id, "tg:1:2", "hello"), true).unwrap();
    assert!(again.repeated());
    assert_eq!((&again.prompt, again.seq), (&first.prompt, 1));
    assert_eq!(db.head(id).unwrap(), 1);

    db.edit(first.prompt.id, "hello there").unwrap();
    let retried = db.accept(&prompt(id, "tg:1:2", "hello"), false).unwrap();
    assert_eq!(retried.prompt.text, "hello there");
}

#[test]
fn a_key_cannot_be_used_for_another_prompt() {
    let mut db = Db::in_memory();
    let (id, other) = (made(&mut db, "work"), made(&mut db, "other"));
    db.accept(&prompt(id, "k", "hello"), false).unwrap();
    assert_eq!(db.accept(&prompt(id, "k", "bye"), false).unwrap_err().kind, Kind::Conflict);
    assert_eq!(db.accept(&prompt(other, "k", "hello"), false).unwrap_err().kind, Kind::Conflict);
    assert_eq!((db.head(id).unwrap(), db.head(other).unwrap()), (1, 0));
}

#[test]
fn accepting_for_an_idle_session_records_it_as_sent_at_once() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    let before = db.session(id).unwrap().last_active;
    let taken = db.accept(&prompt(id, "k", "hello"), true).unwrap().prompt;
    assert_eq!((taken.status, taken.set), (PromptStatus::Sent, Some(taken.id)));
    assert!(db.session(id).unwrap().last_active >= before);
    assert_eq!(db.waiting(id).unwrap(), []);
    assert_eq!(db.open_prompts(id).unwrap(), [taken]);
}

#[test]
fn prompts_for_nobody_are_refused() {
    let mut db = Db::in_memory();
    assert_eq!(db.accept(&prompt(SessionId::random(), "k", "x"), false).unwrap_err().kind, Kind::NotFound);
    let id = made(&mut db, "work");
    db.mark_archived(id, std::path::Path::new("/a.tar.gz")).unwrap();
    let error = db.accept(&prompt(id, "k", "x"), false).unwrap_err();
    assert!(error.message.contains("archived"), "{error}");
    assert_eq!(db.head(id).unwrap(), 0);
}

#[test]
fn a_set_keeps_its_order_and_all_times() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    let [a, b, c] = ["a", "b", "c"].map(|text| accepted(&mut db, id, text));
    db.mark_sent(&[c, a]).unwrap();
    let sets: Vec<_> = db.open_prompts(id).unwrap().iter().map(|prompt| prompt.set).collect();
    assert_eq!(sets, [Some(c), None, Some(c)]);
    db.mark_started(&[c, a]).unwrap();
    db.mark_started(&[c]).unwrap();
    db.mark_done(&[c, a]).unwrap();
    assert_eq!(db.open_prompts(id).unwrap().len(), 1);
    let times: (i64, i64, i64) = db
        .conn
        .query_row(
            "SELECT sent - accepted, started - sent, ended - started FROM prompt WHERE id = ?1",
            [Id(c.0)],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert!(times.0 >= 0 && times.1 >= 0 && times.2 >= 0, "{times:?}");
    assert_eq!(db.next_waiting(id).unwrap().unwrap().id, b);
}

#[test]
fn steps_out_of_order_are_conflicts_and_change_nothing() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    let [a, b] = ["a", "b"].map(|text| accepted(&mut db, id, text));
    assert_eq!(db.mark_started(&[a]).unwrap_err().kind, Kind::Conflict);
    db.mark_sent(&[a]).unwrap();
    assert_eq!(db.mark_sent(&[b, a]).unwrap_err().kind, Kind::Conflict);
    assert_eq!(db.prompt(b).unwrap().status, PromptStatus::Queued, "all or none");
    assert_eq!(db.cancel(a).unwrap_err().message, format!("the prompt {a} was given to the agent already"));
    assert_eq!(db.edit(a, "x").unwrap_err().kind, Kind::Conflict);
    db.back_to_queued(&[a]).unwrap();
    assert_eq!((db.prompt(a).unwrap().set, db.next_waiting(id).unwrap().unwrap().id), (None, a));
    db.cancel(a).unwrap();
    db.cancel(a).unwrap();
    assert_eq!(db.mark_sent(&[a]).unwrap_err().kind, Kind::Conflict);
    assert_eq!(db.cancel(PromptId::random()).unwrap_err().kind, Kind::NotFound);
}

#[test]
fn a_new_host_sees_what_is_open_and_what_is_stale() {
    let mut db = Db::in_memory();
    let (id, quiet) = (made(&mut db, "work"), made(&mut db, "quiet"));
    let a = accepted(&mut db, id, "a");
    let boundary = super::now() + jiff::SignedDuration::from_secs(60);
    let mut late = prompt(id, "late", "b");
    late.accepted = boundary + jiff::SignedDuration::from_secs(1);
    db.accept(&late, false).unwrap();
    let done = accepted(&mut db, quiet, "c");
    db.mark_sent(&[done]).unwrap();
    db.mark_interrupted(&[done]).unwrap();
    assert_eq!(db.sessions_with_open_prompts().unwrap(), [id]);
    assert_eq!(db.cancel_waiting(id).unwrap(), [a, late.id]);
    assert!(db.sessions_with_open_prompts().unwrap().is_empty());
}

#[derive(Debug, Clone)]
enum Step {
    Accept(usize),
    Send(usize),
    GiveBack(usize),
    Finish(usize),
    Cancel(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0..2_usize;
    let step = prop_oneof![
        3 => which.clone().prop_map(Step::Accept),
        2 => which.clone().prop_map(Step::Send),
        1 => which.clone().prop_map(Step::GiveBack),
        2 => which.clone().prop_map(Step::Finish),
        1 => which.prop_map(Step::Cancel),
    ];
    prop::collection::vec(step, 1..60)
}

/// What the queue of one session should be.
#[derive(Default)]
struct Model {
    waiting: VecDeque<PromptId>,
    sent: Option<PromptId>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn prompts_leave_in_the_order_they_came(steps in steps()) {
        let mut db = Db::in_memory();
        let sessions = ["a", "b"].map(|name| made(&mut db, name));
        let mut models = [Model::default(), Model::default()];
        for step in steps {
            match step {
                Step::Accept(which) => models[which].waiting.push_back(accepted(&mut db, sessions[which], "x")),
                Step::Send(which) if models[which].sent.is_none() => {
                    let next = db.next_waiting(sessions[which]).unwrap().map(|prompt| prompt.id);
                    prop_assert_eq!(next, models[which].waiting.pop_front());
                    db.mark_sent(next.as_slice()).unwrap();
                    models[which].sent = next;
                }
                Step::GiveBack(which) => if let Some(sent) = models[which].sent.take() {
                    db.back_to_queued(&[sent]).unwrap();
                    models[which].waiting.push_front(sent);
                },
                Step::Finish(which) => if let Some(sent) = models[which].sent.take() {
                    db.mark_started(&[sent]).unwrap();
                    db.mark_done(&[sent]).unwrap();
                },
                Step::Cancel(which) => if let Some(last) = models[which].waiting.pop_back() {
                    db.cancel(last).unwrap();
                },
                Step::Send(_) => {}
            }
            for (id, model) in sessions.iter().zip(&models) {
                let waiting: Vec<_> = db.waiting(*id).unwrap().iter().map(|prompt| prompt.id).collect();
                prop_assert_eq!(waiting, Vec::from(model.waiting.clone()));
            }
        }
    }
}
