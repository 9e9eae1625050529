//! Every action × every press that must not count: forged, under another message, in another chat, by somebody else,
//! after a restart, of what has changed, and a second one.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::ipc::Request;
use crate::model::{
    Approval, ApprovalKind, Choice, Delivery, PromptId, Question, Scope, SessionId, SessionState,
};
use crate::telegram::action::{Action, Answering, Draft, Waiting};
use crate::telegram::api::test_server::Reply;
use crate::telegram::approvals;
use crate::telegram::db::{NewButton, Why};
use crate::telegram::place::Place;
use crate::telegram::testing::{Rig, approval, id_of, pressed};

const GROUP: i64 = -1001;
const MESSAGE: i64 = 900;
const EXPIRED: &str = "This button has expired: it does nothing any more.";
const USED: &str = "This was pressed already, or is settled.";

/// What is to be expected of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nature {
    /// Done once, whichever run has shown it.
    Once,
    /// It may be pressed again: it is done again, or only asks what is meant.
    Again,
    /// It answers what an agent asks, and so only what was shown and in the run that has shown it.
    Request,
    /// Likewise, and asks for a text, so it may be pressed again.
    Text,
}

/// Whoever adds an action says here what it is, and adds it to [`all`] with the number that is next.
fn nature(action: &Action) -> (usize, Nature) {
    use Nature::{Again, Once, Request, Text};
    match action {
        Action::Stop { .. } => (0, Once),
        Action::Continue { .. } => (1, Once),
        Action::Run { .. } => (2, Once),
        Action::Discard { .. } => (3, Once),
        Action::Deliver { .. } => (4, Once),
        Action::TakeBack(_) => (5, Once),
        Action::Leave(_) => (6, Once),
        Action::Release { .. } => (7, Once),
        Action::Drop { .. } => (8, Once),
        Action::Switch { stays, .. } => (9, if *stays { Again } else { Once }),
        Action::Sessions { .. } => (10, Once),
        Action::Draft(_) => (11, Once),
        Action::Make(_) => (12, Once),
        Action::Topic { .. } => (13, Once),
        Action::Archive { .. } => (14, Once),
        Action::Restore { .. } => (15, Once),
        Action::Set { .. } => (16, Once),
        Action::Revoke { .. } => (17, Once),
        Action::Unmute { .. } => (18, Once),
        Action::Cancel => (19, Once),
        Action::ExpectNothing => (20, Once),
        Action::Allow { .. } => (21, Request),
        Action::AskAlways { .. } => (22, Request),
        Action::Again { .. } => (23, Request),
        Action::Deny { .. } => (24, Request),
        Action::DenyWhy { .. } => (25, Text),
        Action::ShowAll { .. } => (26, Request),
        Action::UseAsAnswer { .. } => (27, Request),
        Action::Choose { .. } => (28, Request),
        Action::Chosen(_) => (29, Request),
        Action::AnswerInWords(_) => (30, Text),
    }
}

fn all(session: SessionId, prompt: PromptId) -> Vec<Action> {
    let waiting = Waiting { session, prompt, seq: 9, key: "tg:42:0".to_owned(), message: 5 };
    let marked = Answering { marked: [0].into(), ..Answering::new(12) };
    let id = 12;
    vec![
        Action::Stop { session, turn: Some(3) },
        Action::Continue { session },
        Action::Run { session },
        Action::Discard { session },
        Action::Deliver { delivery: Delivery::Now, waiting: waiting.clone() },
        Action::TakeBack(waiting.clone()),
        Action::Leave(waiting.clone()),
        Action::Release { why: Why::Late },
        Action::Drop { why: Why::Late },
        Action::Switch { session, stays: false },
        Action::Switch { session, stays: true },
        Action::Sessions { page: 0 },
        Action::Draft(Draft::default()),
        Action::Make(Draft { name: Some("new".to_owned()), ..Draft::default() }),
        Action::Topic { session },
        Action::Archive { session },
        Action::Restore { session },
        Action::Set { session, key: "model".to_owned(), value: None },
        Action::Revoke { session, rule: "Bash".to_owned() },
        Action::Unmute { session: None },
        Action::Cancel,
        Action::ExpectNothing,
        Action::Allow { approval: id, scope: Scope::Once },
        Action::AskAlways { approval: id },
        Action::Again { approval: id },
        Action::Deny { approval: id },
        Action::DenyWhy { approval: id },
        Action::ShowAll { approval: id },
        Action::UseAsAnswer { approval: id, waiting },
        Action::Choose { option: 0, answering: Answering::new(id) },
        Action::Chosen(marked.clone()),
        Action::AnswerInWords(marked),
    ]
}

fn asked() -> Approval {
    let options = ["A", "B"].map(|label| Choice { label: label.to_owned(), description: String::new() });
    let question = Question {
        question: "Which?".to_owned(),
        header: String::new(),
        options: options.to_vec(),
        multi: false,
    };
    Approval { questions: vec![question], ..approval(12, ApprovalKind::Question) }
}

struct Table {
    rig: Rig,
    action: Action,
}

impl Table {
    /// Ann and Bo may talk in the group. Eve is in it too.
    async fn new(number: usize) -> Self {
        let rig = Rig::new().await;
        let (session, prompt) = (id_of("work"), PromptId::random());
        let action = all(session, prompt).remove(number);
        {
            let mut scene = rig.host.scene();
            scene.users.push(8);
            scene.set("work", SessionState::Busy);
            scene.approvals.push(asked());
            let said = ("tg:42:0".to_owned(), prompt, session, "said".to_owned(), Delivery::Queue);
            scene.prompts.push(said);
        }
        rig.telegram.reply(Reply::ok(json!({ "message_thread_id": 9, "name": "work" })));
        Self { rig, action }
    }

    /// A button under a message in the group, for Ann.
    fn button(&self, epoch: &str, shown: &str) -> String {
        let button = NewButton {
            place: Place::chat(GROUP),
            user: Some(7),
            session: Some(id_of("work")),
            request: None,
            input_hash: Some(shown.to_owned()),
            epoch: epoch.to_owned(),
            action: self.action.stored().unwrap(),
        };
        self.rig
            .bridge
            .db
            .write(|t| {
                let token = t.add_button(&button, Timestamp::now())?;
                t.place_buttons(std::slice::from_ref(&token), MESSAGE)?;
                Ok(token)
            })
            .unwrap()
    }

    fn good(&self) -> String {
        self.button(&self.rig.bridge.epoch, &approvals::fingerprint(&asked()))
    }

    async fn press(&mut self, press: Value) -> String {
        self.rig.comes("callback_query", press);
        self.rig.toast().await
    }

    /// Nothing was asked of the host but to write it down.
    #[track_caller]
    fn nothing_was_done(&self, why: &str) {
        let changes = |asked: &&Request| {
            !matches!(asked, Request::Access | Request::AuditNote { .. } | Request::Approvals { .. })
        };
        let asked: Vec<Request> = self.rig.host.scene().asked.iter().filter(changes).cloned().collect();
        assert_eq!(asked, [], "{:?}: {why}", self.action);
    }
}

fn in_group(user: i64, message: i64, data: &str) -> Value {
    let mut press = pressed(user, message, data);
    press["message"]["chat"] = json!({ "id": GROUP, "type": "supergroup" });
    press
}

#[test]
fn every_action_is_in_the_table() {
    let all = all(SessionId::random(), PromptId::random());
    let mut numbers: Vec<usize> = all.iter().map(|action| nature(action).0).collect();
    numbers.dedup();
    assert_eq!(numbers, (0..31).collect::<Vec<_>>());
}

fn count() -> usize {
    all(SessionId::random(), PromptId::random()).len()
}

#[tokio::test]
async fn presses_of_others_elsewhere_and_of_nothing_do_nothing() {
    for number in 0..count() {
        let mut table = Table::new(number).await;
        let token = table.good();
        for (press, toast) in [
            (in_group(7, MESSAGE, "forged"), EXPIRED),
            (in_group(7, MESSAGE, &token[1..]), EXPIRED),
            (in_group(7, MESSAGE, ""), EXPIRED),
            (in_group(7, MESSAGE + 1, &token), EXPIRED),
            (pressed(7, MESSAGE, &token), EXPIRED),
            (in_group(8, MESSAGE, &token), "This button is for somebody else."),
            (in_group(666, MESSAGE, &token), "This is not for you."),
        ] {
            assert_eq!(table.press(press.clone()).await, toast, "{:?}: {press}", table.action);
        }
        table.nothing_was_done("forged or foreign");
    }
}

#[tokio::test]
async fn a_second_press_does_nothing_more() {
    for number in 0..count() {
        let mut table = Table::new(number).await;
        let token = table.good();
        let first = table.press(in_group(7, MESSAGE, &token)).await;
        assert!(![EXPIRED, USED].contains(&first.as_str()), "{:?}: {first}", table.action);
        table.rig.rests().await;
        if matches!(table.action, Action::Archive { .. } | Action::Restore { .. }) {
            // That may take minutes, so it goes on behind the press.
            table.rig.hears("archived").await;
        }
        let done = table.rig.host.scene().kinds().len();
        let second = table.press(in_group(7, MESSAGE, &token)).await;
        match nature(&table.action).1 {
            Nature::Again | Nature::Text => assert_eq!(second, first, "{:?}", table.action),
            Nature::Once | Nature::Request => {
                assert_eq!(second, USED, "{:?}", table.action);
                assert_eq!(table.rig.host.scene().kinds().len(), done, "{:?}", table.action);
            }
        }
    }
}

#[tokio::test]
async fn what_was_asked_in_another_run_or_has_changed_is_not_answered() {
    for number in 0..count() {
        let mut table = Table::new(number).await;
        let is_request = matches!(nature(&table.action).1, Nature::Request | Nature::Text);
        let former = table.button("another run", &approvals::fingerprint(&asked()));
        let toast = table.press(in_group(7, MESSAGE, &former)).await;
        if !is_request {
            assert!(![EXPIRED, USED].contains(&toast.as_str()), "{:?}: {toast}", table.action);
            continue;
        }
        assert!(toast.contains("oid: claudebot was started anew since"), "{:?}: {toast}", table.action);
        // The number of such an answer tells for itself what it is for: nothing was shown of it but that.
        if !matches!(table.action, Action::UseAsAnswer { .. }) {
            let changed = table.button(&table.rig.bridge.epoch.clone(), "something else");
            let toast = table.press(in_group(7, MESSAGE, &changed)).await;
            assert_eq!(toast, "What is asked for has changed: nothing was answered.", "{:?}", table.action);
        }
        table.nothing_was_done("stale");
    }
}
