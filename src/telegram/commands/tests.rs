//! Reading commands.

use std::collections::HashSet;

use super::*;

#[test]
fn ours_win_and_the_rest_is_claudes() {
    for (text, wanted) in [
        ("/stop", Ok((Which::Stop, ""))),
        ("/STOP now ", Ok((Which::Stop, "now"))),
        ("/new lab: fix\nit", Ok((Which::New, "lab: fix\nit"))),
        ("/now\ntext", Ok((Which::Now, "text"))),
        ("/compact", Ok((Which::Compact, ""))),
        ("//stop now", Err("/stop now")),
        ("//compact", Err("/compact")),
        ("/init", Err("/init")),
        ("/usr/bin/env is missing", Err("/usr/bin/env is missing")),
        ("/stops", Err("/stops")),
        ("/", Err("/")),
        ("//", Err("/")),
        ("hello /stop", Err("hello /stop")),
        ("/ stop", Err("/ stop")),
    ] {
        let parsed = match parse(text) {
            Parsed::Ours(command, args) => Ok((command.which, args)),
            Parsed::Claude(text) => Err(text),
        };
        assert_eq!(parsed, wanted, "{text}");
    }
}

#[test]
fn the_table_is_sound() {
    let names: HashSet<&str> = TABLE.iter().map(|command| command.name).collect();
    assert_eq!(names.len(), TABLE.len());
    let kinds: HashSet<String> = TABLE.iter().map(|command| format!("{:?}", command.which)).collect();
    assert_eq!(kinds.len(), TABLE.len());
    for command in TABLE {
        assert!(command.name.bytes().all(|b| b.is_ascii_lowercase()), "{}", command.name);
        assert!((3..=256).contains(&command.help.len()), "{}", command.name);
    }
}

#[test]
fn the_menu_has_what_people_need_most() {
    let menu = menu();
    let names: Vec<&str> = menu.commands.iter().map(|command| command.command.as_str()).collect();
    assert_eq!(names, ["new", "session", "inbox", "stop", "status", "archive", "search", "mute", "help"]);
}

#[test]
fn what_ends_in_a_prompt_may_come_too_late() {
    assert!(is_prompt(Which::Now, "x") && is_prompt(Which::New, "a: b"));
    assert!(!is_prompt(Which::New, "a") && !is_prompt(Which::Stop, ""));
}
