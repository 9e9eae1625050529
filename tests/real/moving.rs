//! Another machine: another home, other directories, and Claude knows what was said.

use super::desk::Desk;
use crate::support::claude::{Release, real_claude};
use crate::support::home::Home;

pub(super) fn to_another_home(release: Release) {
    let desk = Desk::new(release);
    desk.done(&["session", "new", "own", "--scratch"]);
    assert_eq!(desk.send("hello"), "Echo: hello");
    desk.done(&["send", "-s", "own", "good morning"]);
    let picture = desk.home.write("picture.txt", "a picture");
    desk.done(&["send", "-s", "own", "--file", &picture.display().to_string(), "look"]);
    let file = desk.home.path().join("house.tar").display().to_string();
    desk.done(&["move", "out", &file]);

    let mut here = Home::new();
    here.install_claude(&real_claude(release));
    here.set("ANTHROPIC_BASE_URL", desk.api.url());
    let project = here.mkdir("other/place");
    let map = format!("{}={}", desk.home.project().display(), project.display());
    here.run(&["move", "in", &file, "--map", &map, "--yes"]).expect_code(0);
    let recalled = here.run(&["send", "-s", "work", "recall"]).expect_code(0).stdout;
    assert_eq!(recalled.trim_end(), "I remember: hello");
    let recalled = here.run(&["send", "-s", "own", "recall"]).expect_code(0).stdout;
    assert!(recalled.starts_with("I remember: good morning | look"), "{recalled}");
    let shown = here.run(&["session", "show", "work", "--json"]).expect_code(0).json();
    assert_eq!(shown["dir"], serde_json::json!(project));
    // There it goes on, too.
    assert_eq!(desk.send("recall"), "I remember: hello");
}
