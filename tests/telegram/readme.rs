//! The picture of a chat in the README, done again.

use super::desk::Desk;
use crate::support::bot_api::seen::Seen;

/// A message as the README draws it, between two lines without words.
fn drawn(seen: &Seen) -> String {
    let rows = seen.buttons.iter().map(|row| {
        let labels: Vec<String> = row.iter().map(|button| format!("[ {} ]", button.label)).collect();
        labels.join(" ")
    });
    let lines: Vec<String> = seen.text.lines().map(str::to_owned).chain(rows).collect();
    let mut drawn = String::from("\n");
    for (index, line) in lines.iter().enumerate() {
        let who = if index == 0 { " bot  " } else { "      " };
        drawn.push_str(format!("{who}{line}").trim_end());
        drawn.push('\n');
    }
    drawn
}

#[test]
fn the_chat_is_true() {
    let readme = include_str!("../../README.md");
    let desk = Desk::new();
    desk.say("list files");
    let asked = desk.chat.wait_for_message(|seen| seen.button("Allow once").is_some());
    assert!(readme.contains(&drawn(&asked)), "{}", drawn(&asked));
    desk.chat.tap(asked.id, "Allow once", &desk.owner);
    let reply = desk.chat.wait_for_message(|seen| seen.text.ends_with("1 tool"));
    assert!(readme.contains(&drawn(&reply)), "{}", drawn(&reply));
}
