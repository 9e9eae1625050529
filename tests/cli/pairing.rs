//! Who may talk to the bot, as the terminal shows and changes it.

use rusqlite::Connection;

use super::Shell;

#[test]
fn people_and_groups() {
    let mut shell = Shell::new();
    shell.home.write_config("[telegram]\nallowed_users = [42]\nallowed_chats = [-43]\n");
    shell.run(&["pair", "--chat", "-1001234567890", "--name", "family"]).expect_code(0);
    shell.run(&["pair", "--chat", "-44"]).expect_code(0);
    shell.run(&["pair", "--list"]).expect_code(0);
    shell.run(&["pair", "--list", "--json"]).expect_code(0);
    shell.run(&["pair", "--chat", "44"]).expect_code(2);
    shell.run(&["pair", "--remove", "-44"]).expect_code(0);
    shell.run(&["pair", "--remove", "-44"]).expect_code(3);
    shell.run(&["pair", "--remove", "-43"]).expect_code(1);
    shell.run(&["pair", "--remove", "42"]).expect_code(1);
    shell.run(&["pair", "--remove", "7"]).expect_code(3);
    shell.run(&["log", "--audit"]).expect_code(0);
    shell.matches("pairing_people_and_groups");
    assert!(shell.home.host().is_none(), "none is needed");
}

#[test]
fn codes_that_are_none() {
    let mut shell = Shell::new();
    shell.run(&["pair", "--list"]).expect_code(0);
    shell.run(&["pair", "hello"]).expect_code(2);
    shell.run(&["pair", "k7wd-2mxp"]).expect_code(3);
    shell.run(&["pair"]).expect_code(2);
    shell.home.set("CLAUDEBOT_SESSION", "work");
    shell.run(&["pair", "K7WD2MXP"]).expect_code(6);
    shell.matches("pairing_codes_that_are_none");
}

/// Right after an upgrade, and without a host.
#[test]
fn looking_upgrades_an_older_database() {
    let shell = Shell::new();
    shell.home.mkdir(".data/claudebot");
    let file = shell.home.data_dir().join("claudebot.db");
    let conn = Connection::open(&file).expect("it opens");
    conn.execute_batch(include_str!("../../src/store/migrations/0001.sql")).expect("it is writable");
    conn.execute_batch("PRAGMA application_id = 0x636c6274; PRAGMA user_version = 1")
        .expect("it is writable");
    conn.close().expect("it closes");
    let list = shell.home.run(&["session", "list", "--json"]).expect_code(0);
    assert_eq!(list.stdout, "[]\n");
    assert!(shell.home.host().is_none());
}
