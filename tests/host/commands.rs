//! The slash commands that a session's agent knows.

use serde_json::{Value, json};

use super::client::Client;
use crate::support::home::Home;

fn named(client: &mut Client, session: &str) -> Vec<String> {
    let request = json!({ "type": "agent_commands", "session": { "exact": session } });
    let commands = client.ask(&request).expect("a list");
    let name = |command: &Value| command["name"].as_str().expect("a name").to_owned();
    commands.as_array().expect("a list").iter().map(name).collect()
}

#[test]
fn a_sleeping_session_has_the_last_list_of_its_agent() {
    let home = Home::new();
    for (name, agent) in [("work", "demo"), ("other", "demo"), ("real", "claude")] {
        home.run(&["session", "new", name, "--agent", agent, "--scratch"]).expect_code(0);
    }
    let mut host = home.spawn(&["host", "run"]);
    host.expect_stderr("ready", crate::support::PATIENCE);
    let mut client = Client::connect(&home);
    assert_eq!(named(&mut client, "work"), Vec::<String>::new(), "nobody has said any yet");
    home.run(&["send", "-s", "work", "echo hello"]).expect_code(0);
    let known = named(&mut client, "work");
    assert!(known.contains(&"compact".to_owned()), "{known:?}");
    assert_eq!(named(&mut client, "other"), known);
    home.run(&["session", "sleep", "work"]).expect_code(0);
    assert_eq!(named(&mut client, "work"), known);
    assert_eq!(named(&mut client, "real"), Vec::<String>::new());
    let unknown = json!({ "type": "agent_commands", "session": { "exact": "nope" } });
    assert_eq!(client.ask(&unknown).expect_err("no such session")["kind"], "not_found");
}
