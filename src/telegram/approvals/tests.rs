//! Requests as a person sees them.

use serde_json::{Value, json};

use super::*;
use crate::model::SessionId;
use crate::telegram::db::{Db, TopicRow};
use crate::telegram::outbox::Keyboard;
use crate::telegram::view::tests::{marked, shown as as_seen};

fn approval(tool: &str, input: Value) -> Approval {
    Approval {
        id: 12,
        session: "work".to_owned(),
        kind: ApprovalKind::Tool,
        tool: tool.to_owned(),
        summary: "a summary".to_owned(),
        session_id: SessionId::random(),
        asked: Timestamp::UNIX_EPOCH,
        input,
        questions: Vec::new(),
        plan: None,
        rules: Vec::new(),
        rules_file: None,
    }
}

fn command(command: &str) -> Approval {
    Approval {
        rules: vec!["Bash(mkdir *)".to_owned()],
        rules_file: Some("/p/.claude/settings.local.json".into()),
        ..approval("Bash", json!({ "command": command, "description": "Make it" }))
    }
}

fn plan(plan: &str) -> Approval {
    let kind = ApprovalKind::Plan;
    Approval { kind, plan: Some(plan.to_owned()), ..approval("ExitPlanMode", json!({ "plan": plan })) }
}

#[test]
fn a_permission_shows_exactly_what_is_asked_for() {
    insta::assert_snapshot!(as_seen(&view(&command("mkdir zz\nrm -rf yy"), "work", Stage::Asked)), @r"
    **work**
    ❗ Bash asks for permission
    ```mkdir zz
    rm -rf yy```
    description: `Make it`
    For the session, or always: `Bash(mkdir *)`
    [Allow once] [Deny]
    [Allow for session] [Always]
    [Deny with a reason]
    ");
    insta::assert_snapshot!(as_seen(&view(&command("mkdir zz"), "", Stage::Always)), @r"
    ❗ Bash asks for permission
    ```mkdir zz```
    description: `Make it`
    **Always** allows `Bash(mkdir *)`, written to `/p/.claude/settings.local.json`.
    [Always] [Back]
    ");
    let plain = approval("WebFetch", json!({ "url": "https://example.org", "deep": { "a": [1] }, "n": 3 }));
    insta::assert_snapshot!(as_seen(&view(&plain, "work", Stage::Asked)), @r#"
    **work**
    ❗ WebFetch asks for permission
    deep: 
    ```{
      "a": [
        1
      ]
    }```
    n: `3`
    url: `https://example.org`
    [Allow once] [Deny]
    [Deny with a reason]
    "#);
    insta::assert_snapshot!(as_seen(&view(&plan("# Do\n1. this\n2. *that*"), "work", Stage::Asked)), @r"
    **work**
    ▤ a plan to agree to
    **~Do~**
    1. this
    2. _that_
    [Approve] [Keep planning]
    [Keep planning, say why]
    ");
}

#[test]
fn a_change_is_shown_as_one() {
    let edit = approval(
        "Edit",
        json!({ "file_path": "/p/a.rs", "old_string": "a\nb\nc", "new_string": "a\nB\nB2\nc", "replace_all": false }),
    );
    insta::assert_snapshot!(marked(&whole(&edit).rich), @r"
    file: `/p/a.rs`
    ```  a
    - b
    + B
    + B2
      c```
    replace_all: `false`
    ");
    let several = approval(
        "MultiEdit",
        json!({ "file_path": "/p/a.rs", "edits": [
            { "old_string": "x", "new_string": "y", "replace_all": true }, { "old_string": "", "new_string": "z" } ] }),
    );
    insta::assert_snapshot!(marked(&whole(&several).rich), @r"
    file: `/p/a.rs`
    ```every time:
    - x
    + y```
    ```+ z```
    ");
    let write = approval("Write", json!({ "file_path": "/p/a.rs", "content": "one\ntwo\n" }));
    insta::assert_snapshot!(marked(&whole(&write).rich), @r"
    file: `/p/a.rs`
    content: 
    ```one
    two```
    ");
}

#[test]
fn nothing_is_hidden() {
    let shown = whole(&approval("Bash", json!({ "command": "ls\u{202e}\u{1b}[2J\u{200b} \u{7} ok" })));
    assert_eq!(shown.rich.text, "ls\\u{202e}\\u{1b}[2J\\u{200b} \\u{7} ok");
    assert_eq!(shown.text, shown.rich.text);
    for (input, wanted) in [(Value::Null, "a summary"), (json!({}), "a summary"), (json!([1]), "[1]")] {
        assert_eq!(whole(&approval("X", input)).rich.text, wanted);
    }
}

#[test]
fn whatever_an_input_is_all_of_it_is_in_the_file() {
    let input = json!({ "command": "ls", "edits": [{ "old_string": "a", "new_string": "b", "odd": 1 }],
                        "file_path": "/x", "path": "/y", "content": "l1\nl2", "flag": true });
    let shown = whole(&approval("Odd", input));
    for part in ["ls", "\"odd\": 1", "/x", "/y", "l1\nl2", "flag: true"] {
        assert!(shown.text.contains(part) && shown.rich.text.contains(part), "{part}");
    }
}

/// The rows that a place got, and the message.
fn ask(db: &Db, place: Place, approval: &Approval) -> (Vec<Value>, Message) {
    let now = Timestamp::UNIX_EPOCH;
    let payload = db.write(|tables| asked(tables, "run", place, approval, true, now)).unwrap();
    let Payload::Message(message) = payload else { panic!() };
    let mut rows = Vec::new();
    while let Some(row) = db.read(|tables| tables.next_outgoing(place.chat, &[])).unwrap() {
        db.write(|tables| tables.outgoing_sent(row.id, None)).unwrap();
        rows.push(row.payload);
    }
    (rows, message)
}

fn labels(keyboard: &Keyboard) -> Vec<&str> {
    keyboard.0.iter().flatten().map(|key| key.label.as_str()).collect()
}

#[test]
fn what_does_not_fit_can_only_be_denied_until_all_of_it_was_shown() {
    let db = Db::in_memory();
    let long = command(&"echo one more line of it\n".repeat(400));
    let (rows, message) = ask(&db, Place::chat(7), &long);
    assert_eq!(labels(&message.buttons), ["Show all", "Deny"]);
    assert!(message.rich.units() < 2000 && message.rich.text.contains("402 lines in all"), "{message:?}");
    let [file] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(file["name"], "Bash-12.txt");
    let all = long.input["command"].as_str().unwrap();
    assert!(file["content"]["text"].as_str().unwrap().contains(all));
    let all_buttons = view(&long, "", Stage::ShownAll);
    assert!(as_seen(&all_buttons).contains("[Allow once] [Deny]"));
    let (rows, message) = ask(&db, Place::chat(7), &plan(&"a *long* plan\n\n".repeat(400)));
    assert_eq!(
        (labels(&message.buttons), &rows[0]["name"]),
        (vec!["Show all", "Deny"], &json!("ExitPlanMode-12.md"))
    );
}

#[test]
fn every_stage_of_the_longest_fits_into_one_message() {
    let rules = vec![format!("Bash({})", "r".repeat(500))];
    let rules_file = Some(format!("/{}", "f".repeat(400)).into());
    let just = "x".repeat(FITS - "\ndescription: Make it".len());
    for length in [just.len(), just.len() + 1, 20_000] {
        let request = Approval {
            session: "s".repeat(200),
            tool: "T".repeat(300),
            rules: rules.clone(),
            rules_file: Clone::clone(&rules_file),
            ..command(&"x".repeat(length))
        };
        assert_eq!(whole(&request).fits(), length == just.len());
        for stage in [Stage::Asked, Stage::ShownAll, Stage::Always] {
            let units = view(&request, &request.session[..60], stage).rich.units();
            assert!(
                units + 402 < crate::telegram::render::PIECE || stage == Stage::Always,
                "{length} {units}"
            );
            assert!(units < crate::telegram::render::PIECE, "{length} {units}");
        }
    }
}

#[test]
fn a_settled_request_says_how_and_takes_its_buttons_along() {
    let db = Db::in_memory();
    let place = Place::chat(7);
    let (_, message) = ask(&db, place, &command("ls"));
    let settled = |place| {
        db.write(|tables| settled(tables, place, Target::Id(5), 12, "allowed by telegram:Ann")).unwrap()
    };
    let Payload::Edit { message: target, rich, buttons } = settled(place) else { panic!() };
    assert_eq!((target, labels(&buttons).len()), (Target::Id(5), 0));
    assert!(marked(&rich).ends_with("\n\n**Allowed by telegram:Ann.**"), "{}", marked(&rich));
    assert!(rich.text.starts_with("work\n❗ Bash asks for permission\nls"), "{}", rich.text);
    for token in message.buttons.tokens() {
        let press = crate::telegram::db::Press { chat: 7, message: 5, user: 7, update: 1 };
        let taken = db.write(|tables| tables.take_button(&token, press, Timestamp::UNIX_EPOCH)).unwrap();
        assert_eq!(taken, crate::telegram::db::Taken::Used);
    }
    // Where nothing is known of it, the words alone have to do.
    let Payload::Edit { rich, .. } = settled(Place::chat(8)) else { panic!() };
    assert_eq!(rich.text, "Allowed by telegram:Ann.");
}

#[test]
fn in_a_topic_of_its_own_a_session_needs_no_name() {
    let db = Db::in_memory();
    let request = command("ls");
    let place = Place { chat: -1001, thread: Some(4) };
    let topic = |session| TopicRow { place, session, name: "t".to_owned(), closed: false };
    db.write(|tables| tables.put_topic(&topic(request.session_id))).unwrap();
    let (_, message) = ask(&db, place, &request);
    assert!(message.rich.text.starts_with("❗ Bash asks"), "{}", message.rich.text);
    db.write(|tables| tables.put_topic(&topic(SessionId::random()))).unwrap();
    let (_, message) = ask(&db, place, &request);
    assert!(message.rich.text.starts_with("work\n❗"));
}

#[test]
fn the_same_request_has_the_same_fingerprint() {
    let one = command("ls");
    assert_eq!(fingerprint(&one), fingerprint(&one.clone()));
    assert_eq!(fingerprint(&one).len(), 32);
    for other in [
        command("ls "),
        Approval { tool: "Zsh".into(), ..one.clone() },
        Approval { rules: vec![], ..one.clone() },
    ] {
        assert_ne!(fingerprint(&one), fingerprint(&other));
    }
}
