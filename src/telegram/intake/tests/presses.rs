//! Buttons: pressed once, by the right one, for what was shown.

use jiff::Timestamp;
use serde_json::json;

use crate::ipc::Request;
use crate::model::{Approval, ApprovalKind, Choice, Decision, Question, Scope, SessionState};
use crate::telegram::action::Action;
use crate::telegram::approvals;
use crate::telegram::db::{MessageKind, NewButton, Noted};
use crate::telegram::outbox::{Order, Payload};
use crate::telegram::place::Place;
use crate::telegram::testing::{Rig, Seen, approval, id_of};

fn bash() -> Approval {
    Approval {
        rules: vec!["Bash(mkdir *)".to_owned()],
        rules_file: Some("/p/settings.json".into()),
        ..approval(12, ApprovalKind::Tool)
    }
}

/// A request is shown in Ann's chat, as message 900.
fn shown(rig: &Rig, request: &Approval) -> Seen {
    rig.host.scene().approvals.push(request.clone());
    let payload = rig
        .bridge
        .db
        .write(|t| approvals::asked(t, &rig.bridge.epoch, Place::chat(7), request, true, Timestamp::now()))
        .unwrap();
    let Payload::Message(message) = &payload else { panic!() };
    rig.bridge.db.write(|t| t.place_buttons(&message.buttons.tokens(), 900)).unwrap();
    Seen { chat: 7, thread: None, payload, row: 0 }
}

/// A button of a former run in Ann's chat.
fn button(rig: &Rig, action: Action) -> String {
    let button = NewButton {
        place: Place::chat(7),
        user: None,
        session: None,
        request: None,
        input_hash: None,
        epoch: "another run".to_owned(),
        action: action.stored().unwrap(),
    };
    rig.bridge.db.write(|t| t.add_button(&button, Timestamp::now())).unwrap()
}

fn answers(rig: &Rig) -> Vec<Decision> {
    let scene = rig.host.scene();
    let answer = |asked: &Request| match asked {
        Request::Answer { decision, .. } => Some(decision.clone()),
        _ => None,
    };
    scene.asked.iter().filter_map(answer).collect()
}

fn allow(scope: Scope) -> Decision {
    Decision::Allow { scope }
}

#[tokio::test]
async fn a_permission_is_given_once() {
    let mut rig = Rig::new().await;
    let seen = shown(&rig, &bash());
    let token = seen.button("Allow for session");
    rig.presses(7, 900, &token);
    assert_eq!(rig.toast().await, "Allowed for this session by Ann.");
    rig.presses(7, 900, &token);
    assert_eq!(rig.toast().await, "This was pressed already, or is settled.");
    rig.presses(7, 900, &seen.button("Deny"));
    assert_eq!(rig.toast().await, "Settled already.");
    assert_eq!(answers(&rig), [allow(Scope::Session)]);
}

#[tokio::test]
async fn always_is_shown_before_it_is_done() {
    let mut rig = Rig::new().await;
    let seen = shown(&rig, &bash());
    rig.presses(7, 900, &seen.button("Always"));
    let ask = rig.hears("written to").await;
    assert_eq!(ask.labels(), ["Always", "Back"]);
    assert_eq!(answers(&rig), []);
    // What was shown before is over.
    rig.presses(7, 900, &seen.button("Allow once"));
    rig.toast().await;
    rig.toast().await;
    rig.presses(7, 900, &ask.button("Back"));
    let again = rig.hears("For the session, or always").await;
    rig.presses(7, 900, &again.button("Always"));
    let ask = rig.hears("written to").await;
    rig.presses(7, 900, &ask.button("Always"));
    while rig.toast().await != "Allowed from now on by Ann." {}
    assert_eq!(answers(&rig), [allow(Scope::Always)]);
}

#[tokio::test]
async fn forged_foreign_and_stale_presses_approve_nothing() {
    let mut rig = Rig::new().await;
    let seen = shown(&rig, &bash());
    let token = seen.button("Allow once");
    for (message, data) in [(900, "forged"), (900, ""), (901, token.as_str()), (900, &token[1..])] {
        rig.presses(7, message, data);
        assert_eq!(rig.toast().await, "This button has expired: it does nothing any more.");
    }
    let mut elsewhere = crate::telegram::testing::pressed(7, 900, &token);
    elsewhere["message"]["chat"] = json!({ "id": -1001, "type": "supergroup" });
    rig.comes("callback_query", elsewhere);
    assert_eq!(rig.toast().await, "This button has expired: it does nothing any more.");
    // The same number asks for something else by now.
    rig.host.scene().approvals[0].input = json!({ "command": "rm -rf /" });
    rig.presses(7, 900, &token);
    assert_eq!(rig.toast().await, "What is asked for has changed: nothing was answered.");
    assert_eq!(answers(&rig), []);
}

#[tokio::test]
async fn a_button_of_a_former_run_approves_nothing() {
    let mut rig = Rig::new().await;
    let request = bash();
    rig.host.scene().approvals.push(request.clone());
    let button = NewButton {
        place: Place::chat(7),
        user: None,
        session: Some(request.session_id),
        request: Some("12".to_owned()),
        input_hash: Some(approvals::fingerprint(&request)),
        epoch: "another run".to_owned(),
        action: Action::Allow { approval: 12, scope: Scope::Once }.stored().unwrap(),
    };
    let token = rig.bridge.db.write(|t| t.add_button(&button, Timestamp::now())).unwrap();
    rig.presses(7, 900, &token);
    assert!(rig.toast().await.starts_with("Void: claudebot was started anew"));
    assert_eq!(answers(&rig), []);
}

#[tokio::test]
async fn what_was_answered_elsewhere_says_so() {
    let mut rig = Rig::new().await;
    let seen = shown(&rig, &bash());
    rig.host.scene().approvals.clear();
    rig.presses(7, 900, &seen.button("Allow once"));
    assert_eq!(rig.toast().await, "Settled already.");
    let edit = rig.hears("**Settled already.**").await;
    assert!(edit.labels().is_empty());
}

#[tokio::test]
async fn a_denial_may_say_why_with_the_next_text() {
    let mut rig = Rig::new().await;
    let seen = shown(&rig, &bash());
    rig.presses(7, 900, &seen.button("Deny with a reason"));
    let ask = rig.hears("Your next message here is the reason").await;
    rig.presses(7, 901, &ask.button("Cancel"));
    rig.hears("Cancelled").await;
    // It can be asked for again, and a command is no reason.
    rig.presses(7, 900, &seen.button("Deny with a reason"));
    rig.hears("Your next message here is the reason").await;
    rig.settles().await;
    rig.says("use git\ninstead");
    let edit = rig.hears("Id(900)").await;
    assert!(edit.text().ends_with("**Denied: use git instead by Ann.**"), "{}", edit.text());
    assert_eq!(answers(&rig), [Decision::Deny { message: Some("use git\ninstead".to_owned()) }]);
    rig.says("a prompt");
    rig.works().await;
    assert_eq!(rig.host.scene().texts(), ["a prompt"]);
}

#[tokio::test]
async fn a_reason_that_comes_too_late_is_a_prompt() {
    let mut rig = Rig::new().await;
    let seen = shown(&rig, &bash());
    rig.presses(7, 900, &seen.button("Deny with a reason"));
    rig.hears("Your next message here").await;
    rig.host.scene().approvals.clear();
    rig.says("use git");
    rig.works().await;
    assert_eq!(rig.host.scene().texts(), ["use git"]);
    assert_eq!(answers(&rig), []);
}

/// The host had the answer, and nobody here knows that any more.
#[tokio::test]
async fn after_a_crash_a_reason_is_still_the_reason() {
    let mut rig = Rig::new().await;
    let seen = shown(&rig, &bash());
    rig.presses(7, 900, &seen.button("Deny with a reason"));
    rig.hears("Your next message here is the reason").await;
    let reason = rig.message(json!({ "text": "use git" }));
    let update = rig.comes("message", reason.clone());
    let edit = rig.hears("Id(900)").await;
    assert!(edit.text().ends_with("**Denied: use git by Ann.**"), "{}", edit.text());
    rig.rests().await;
    rig.comes_again(update, "message", reason.clone());
    assert_eq!(rig.hears("Id(900)").await.text(), edit.text());
    rig.rests().await;
    assert_eq!(rig.host.scene().said(), []);
    // Whatever it was noted as: where somebody else was quicker, it is a prompt.
    let deny = Decision::Deny { message: Some("use git".to_owned()) };
    rig.host.scene().answered = vec![(12, deny, "shell".to_owned())];
    rig.comes_again(update, "message", reason);
    rig.works().await;
    assert_eq!(rig.host.scene().texts(), ["use git"]);
}

#[tokio::test]
async fn after_a_crash_a_press_says_what_it_did() {
    let mut rig = Rig::new().await;
    let seen = shown(&rig, &bash());
    let press = crate::telegram::testing::pressed(7, 900, &seen.button("Allow once"));
    let update = rig.comes("callback_query", press.clone());
    assert_eq!(rig.toast().await, "Allowed by Ann.");
    rig.rests().await;
    rig.comes_again(update, "callback_query", press);
    assert_eq!(rig.toast().await, "Allowed by Ann.");
}

#[tokio::test]
async fn what_is_said_to_another_session_is_no_reason() {
    let mut rig = Rig::new().await;
    let seen = shown(&rig, &bash());
    rig.presses(7, 900, &seen.button("Deny with a reason"));
    rig.hears("Your next message here is the reason").await;
    for (id, session) in [(50, "lab"), (51, "work")] {
        let noted = Noted {
            place: Place::chat(7),
            id,
            kind: MessageKind::Reply,
            session: Some(id_of(session)),
            prompt: None,
            at: Timestamp::UNIX_EPOCH,
        };
        rig.bridge.db.write(|t| t.note_message(&noted)).unwrap();
    }
    let to = |id: i64| json!({ "message_id": id, "from": { "id": 42, "is_bot": true } });
    rig.sends(json!({ "text": "to the lab", "reply_to_message": to(50) }));
    assert_eq!(rig.works().await, id_of("lab"));
    rig.sends(json!({ "text": "because", "reply_to_message": to(51) }));
    rig.hears("Denied: because by Ann").await;
    assert_eq!(rig.host.scene().texts(), ["to the lab"]);
}

#[tokio::test]
async fn questions_are_answered_by_buttons_and_words() {
    let mut rig = Rig::new().await;
    let choice = |label: &str| Choice { label: label.to_owned(), description: String::new() };
    let question = |text: &str, multi| Question {
        question: text.to_owned(),
        header: String::new(),
        options: vec![choice("A"), choice("B")],
        multi,
    };
    let questions = vec![question("One?", true), question("Two?", false)];
    let request = Approval { questions, ..approval(12, ApprovalKind::Question) };
    let seen = shown(&rig, &request);
    rig.presses(7, 900, &seen.button("Done"));
    assert_eq!(rig.toast().await, "Mark at least one of them first.");
    rig.presses(7, 900, &seen.button("☐ B"));
    let marked = rig.hears("One?").await;
    rig.presses(7, 900, &marked.button("Done"));
    let second = rig.hears("Two?").await;
    rig.presses(7, 900, &second.button("In my own words"));
    rig.hears("Your next message here is the answer").await;
    rig.says("neither");
    rig.hears("Answered: B; neither by Ann").await;
    let answers_given = [("One?", "B"), ("Two?", "neither")];
    let answers_given =
        answers_given.map(|(question, answer)| (question.to_owned(), answer.to_owned())).into();
    assert_eq!(answers(&rig), [Decision::Answers { answers: answers_given }]);
}

#[tokio::test]
async fn all_of_a_long_request_is_shown_before_it_can_be_allowed() {
    let mut rig = Rig::new().await;
    let long = Approval { input: json!({ "command": "echo a line\n".repeat(600) }), ..bash() };
    let seen = shown(&rig, &long);
    assert_eq!(seen.labels(), ["Show all", "Deny"]);
    rig.hears("file Bash-12.txt").await;
    rig.presses(7, 900, &seen.button("Show all"));
    let said = rig.said().await;
    assert!(said[0].labels().contains(&"Allow once".to_owned()), "{:?}", said[0].labels());
    assert!(said[1].text().len() > 6000);
}

#[tokio::test]
async fn a_stop_button_stops_its_own_turn_only() {
    let mut rig = Rig::new().await;
    rig.host.scene().set("work", SessionState::Busy);
    let session = id_of("work");
    let stop = button(&rig, Action::Stop { session, turn: Some(3) });
    rig.presses(7, 900, &stop);
    assert_eq!(rig.toast().await, "Stopped.");
    rig.host.scene().scripted.push(("session_stop", Err(crate::error::Error::conflict("turn 2 is over"))));
    let stale = button(&rig, Action::Stop { session, turn: Some(2) });
    rig.presses(7, 900, &stale);
    assert_eq!(rig.toast().await, "That turn is over: nothing was stopped.");
    let go_on = button(&rig, Action::Continue { session });
    let update = rig.presses(7, 900, &go_on);
    assert_eq!(rig.toast().await, "It goes on.");
    assert_eq!(rig.works().await, session);
    let set = rig.bridge.db.read(|t| t.prompt_set(&format!("tg:42:{update}"))).unwrap().unwrap();
    assert_eq!((set.place, set.reply_to), (Place::chat(7), 900));
}

#[tokio::test]
async fn only_what_is_held_is_discarded() {
    let mut rig = Rig::new().await;
    let session = id_of("work");
    let held = |rig: &Rig, why: Option<&str>| rig.host.scene().sessions[0].hold = why.map(str::to_owned);
    let press = |rig: &mut Rig| {
        let discard = button(rig, Action::Discard { session });
        rig.presses(7, 900, &discard);
    };
    // It was run long ago, and other prompts wait behind a turn by now.
    press(&mut rig);
    assert_eq!(rig.toast().await, "Nothing is held there any more: nothing was discarded.");
    assert!(!rig.host.scene().kinds().contains(&"queue_clear".to_owned()));
    held(&rig, Some("stopped"));
    press(&mut rig);
    assert_eq!(rig.toast().await, "1 waiting prompt discarded.");
}

/// Nothing was asked for in this place, so nothing would end it.
#[tokio::test]
async fn a_queue_that_is_run_from_elsewhere_is_not_typed_for() {
    let mut rig = Rig::new().await;
    let run = button(&rig, Action::Run { session: id_of("lab") });
    rig.presses(7, 900, &run);
    assert_eq!(rig.works().await, id_of("lab"));
    rig.says("/help");
    loop {
        match rig.order().await {
            Order::Typing { .. } => panic!("it types"),
            Order::Wake(_) if rig.seen().iter().any(|seen| seen.text().contains("Any other /command")) => {
                break;
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_press_does_not_wait_for_a_download() {
    let mut rig = Rig::new().await;
    let seen = shown(&rig, &bash());
    // Telegram does not answer, so the file takes for ever.
    rig.sends(json!({ "document": { "file_id": "d", "file_size": 10 } }));
    rig.telegram.seen().await;
    rig.presses(7, 900, &seen.button("Allow once"));
    assert_eq!(rig.toast().await, "Allowed by Ann.");
    rig.sends(json!({ "text": "/stop" }));
    rig.hears("Nothing runs in work").await;
}
