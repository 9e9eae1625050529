//! Approvals, turns, children, access and audit.

use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;

use super::{made, said};
use crate::error::Kind;
use crate::model::{
    Approval, ApprovalKind, ApprovalStatus, Decision, Detail, NewEvent, Origin, Outcome, Scope, SessionId,
    Stages, Usage,
};
use crate::sqlite::columns::now;
use crate::store::{AccessKind, Answered, Child, Db, FinishedTurn};

fn approval(session: SessionId) -> Approval {
    Approval {
        id: 0,
        session: "work".to_owned(),
        kind: ApprovalKind::Tool,
        tool: "Bash".to_owned(),
        summary: "ls".to_owned(),
        session_id: session,
        asked: now(),
        input: json!({"command": "ls"}),
        questions: Vec::new(),
        plan: None,
        rules: vec!["Bash(ls)".to_owned()],
        rules_file: None,
    }
}

#[test]
fn the_first_answer_counts_and_the_second_hears_of_it() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    let asked = db.ask(&approval(id)).unwrap();
    assert_eq!(
        db.pending_approvals(Some(id)).unwrap(),
        [Approval { id: asked, ..approval(id) }].map(|mut expected| {
            expected.asked = db.approval(asked).unwrap().0.asked;
            expected
        })
    );
    let allow = Decision::Allow { scope: Scope::Session };
    assert_eq!(db.answer(asked, &allow, "shell").unwrap(), Answered::First);
    let late = db.answer(asked, &Decision::Answers { answers: BTreeMap::new() }, "telegram:eve").unwrap();
    let Answered::TooLate(ApprovalStatus::Answered { decision, by, .. }) = late else { panic!("{late:?}") };
    assert_eq!((decision, by.as_str()), (allow, "shell"));
    assert!(db.pending_approvals(None).unwrap().is_empty());
}

#[test]
fn void_approvals_cannot_be_answered() {
    let mut db = Db::in_memory();
    let (id, other) = (made(&mut db, "work"), made(&mut db, "other"));
    let [a, b] = [id, other].map(|session| db.ask(&approval(session)).unwrap());
    db.answer(a, &Decision::Deny { message: None }, "shell").unwrap();
    assert_eq!(db.void(&[a, b]).unwrap(), [b]);
    let late = db.answer(b, &Decision::Allow { scope: Scope::Once }, "shell").unwrap();
    assert!(matches!(late, Answered::TooLate(ApprovalStatus::Void { .. })), "{late:?}");
}

#[test]
fn an_unknown_approval_names_what_waits() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    let allow = Decision::Allow { scope: Scope::Once };
    assert_eq!(
        db.answer(9, &allow, "shell").unwrap_err().hint.as_deref(),
        Some("nothing waits for an answer")
    );
    let asked = db.ask(&approval(id)).unwrap();
    let error = db.answer(9, &allow, "shell").unwrap_err();
    assert_eq!((error.kind, error.candidates), (Kind::NotFound, vec![asked.to_string()]));
    assert_eq!(db.approval(asked).unwrap().1, ApprovalStatus::Pending);
}

#[test]
fn turns_are_counted_and_measured() {
    let mut db = Db::in_memory();
    let (id, other) = (made(&mut db, "work"), made(&mut db, "other"));
    let turn = |session, turn, written_us, ended| FinishedTurn {
        session,
        turn,
        origin: Origin::Prompt,
        outcome: Outcome::Done,
        stages: Stages { cold: false, written_us: Some(written_us), first_text_us: None, result_us: None },
        cost_usd: 0.0,
        usage: Usage::default(),
        started: ended,
        ended,
    };
    let early = now();
    let late = early + jiff::SignedDuration::from_secs(60);
    for micros in 1..=3 {
        let number = db.next_turn(id).unwrap();
        db.finish_turn(&turn(id, number, micros, early)).unwrap();
    }
    assert_eq!(db.next_turn(id).unwrap(), 4);
    let begun = Detail::Reply { turn: 6, block: 0, parent: None };
    db.append(id, &[NewEvent { detail: Some(begun), ..said("cut off") }, said("plain")]).unwrap();
    assert_eq!(db.next_turn(id).unwrap(), 7, "after one whose end was never seen");
    let number = db.next_turn(other).unwrap();
    db.finish_turn(&turn(other, number, 100, late)).unwrap();
    assert_eq!(db.session(other).unwrap().last_active, late);

    let p50 = |session, since| {
        db.stats(session, since).unwrap().stages.first().map(|stage| (stage.count, stage.p50_us))
    };
    assert_eq!(p50(None, None), Some((4, 2)));
    assert_eq!(p50(Some(id), None), Some((3, 2)));
    assert_eq!(p50(None, Some(late)), Some((1, 100)));
    assert_eq!(p50(Some(id), Some(late)), None);
}

#[test]
fn children_are_remembered_until_their_end_was_seen() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    let child = Child { session: id, pid: 42, start: 1 << 40, conversation: Uuid::new_v4() };
    db.record_child(&Child { pid: 41, ..child.clone() }).unwrap();
    db.record_child(&child).unwrap();
    assert_eq!(db.children().unwrap(), [child]);
    db.clear_child(id).unwrap();
    assert_eq!(db.children().unwrap(), []);
}

#[test]
fn access_and_audit() {
    let mut db = Db::in_memory();
    db.allow(AccessKind::User, 7, "eve").unwrap();
    db.allow(AccessKind::Chat, -100, "family").unwrap();
    assert_eq!(db.allowed().unwrap().len(), 2);
    assert!(db.disallow(AccessKind::User, 7).unwrap());
    assert!(!db.disallow(AccessKind::User, 7).unwrap());
    for what in ["one", "two", "three"] {
        db.audit("cli", what, "work").unwrap();
    }
    let whats: Vec<_> = db.audit_log(2).unwrap().into_iter().map(|entry| entry.what).collect();
    assert_eq!(whats, ["two", "three"]);
}
