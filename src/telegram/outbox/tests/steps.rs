//! Rows as calls.

use super::super::step::{Known, Step, document, steps};
use super::*;
use crate::telegram::show;

fn told(payload: &Payload, live: Option<i64>) -> Vec<String> {
    let known = Known { live, target: None };
    let told = steps(payload, known).into_iter().map(|step| match step {
        Step::Send(message) => {
            let bell = if message.ring { "🔔" } else { "" };
            let reply = if message.reply_to.is_some() { " reply" } else { "" };
            let buttons = if message.buttons == Keyboard::default() { "" } else { " buttons" };
            format!("send{bell}{reply}{buttons} {} units", message.rich.units())
        }
        Step::Edit { message, rich, buttons, is_live, .. } => {
            let buttons = if buttons == Keyboard::default() { "" } else { " buttons" };
            format!("edit {message} {is_live}{buttons} {}", rich.text.lines().next().unwrap_or_default())
        }
        Step::Upload(file) => format!("upload {} {}", file.name, file.caption.units()),
        other => format!("{other:?}"),
    });
    told.collect()
}

fn final_of(ring: bool, markdown: &str) -> Payload {
    Payload::Final(Final { buttons: token("t"), ..last(SessionId::random(), ring, markdown) })
}

#[test]
fn a_reply_is_one_message_or_several() {
    assert_eq!(told(&final_of(true, "x"), None), ["send🔔 reply buttons 1 units"]);
    assert_eq!(told(&final_of(false, "x"), Some(7)), ["edit 7 true buttons x"]);
    assert_eq!(
        told(&final_of(true, "x"), Some(7)),
        ["send🔔 reply buttons 1 units", "edit 7 true ✓ 4m12s · 14 tools"]
    );
    let two = format!("{}\n\n{}", "a ".repeat(1900), "b ".repeat(100));
    assert_eq!(told(&final_of(true, &two), None), ["send🔔 reply 3799 units", "send buttons 199 units"]);
    let edited = told(&final_of(false, &two), Some(7));
    assert!(edited[0].starts_with("edit 7 true a a"), "{edited:?}");
    assert_eq!(edited[1], "send buttons 199 units");
}

#[test]
fn a_very_long_reply_is_a_summary_and_a_document() {
    let long = "A sentence of no great interest. ".repeat(2000);
    let Payload::Final(last) = final_of(true, &long) else { panic!() };
    let told = told(&Payload::Final(last.clone()), None);
    assert_eq!(told.len(), 1, "{told:?}");
    let file = document(&last).unwrap();
    assert_eq!(file.content, FileContent::Text(long));
    let Payload::Final(short) = final_of(true, "short") else { panic!() };
    assert_eq!(document(&short), None);
}

#[test]
fn a_turn_without_words_says_that_it_is_done() {
    assert_eq!(told(&final_of(false, " "), Some(7)), ["edit 7 true buttons ✓ 4m12s · 14 tools"]);
    let Payload::Final(mut last) = final_of(false, "") else { panic!() };
    last.heading = show::heading("work");
    last.footer = Rich::plain("stopped");
    let steps = steps(&Payload::Final(last), Known::default());
    let [Step::Send(message)] = &steps[..] else { panic!("{steps:?}") };
    assert_eq!(message.rich.text, "work\nstopped");
}

#[test]
fn words_that_do_not_fit_below_a_file_stand_above_it() {
    let file = |caption: &str| {
        Payload::File(FileOut {
            name: "f".to_owned(),
            content: FileContent::Text(String::new()),
            caption: Rich::plain(caption),
            ring: true,
            reply_to: Some(1),
            buttons: Keyboard::default(),
            note: note(),
        })
    };
    assert_eq!(told(&file("short"), None), ["upload f 5"]);
    assert_eq!(told(&file(&"x".repeat(1025)), None), ["send🔔 reply 1025 units", "upload f 0"]);
}

#[test]
fn payloads_are_stored_and_read_back() {
    let payloads = [
        message("x"),
        final_of(true, "x"),
        Payload::Edit { message: Target::Row(3), rich: Rich::plain("x"), buttons: token("t") },
        Payload::React { message: 3, emoji: None },
        Payload::Delete { message: 3 },
    ];
    for payload in payloads {
        let json = payload.to_json().unwrap();
        assert_eq!(serde_json::from_value::<Payload>(json).unwrap(), payload);
    }
}
