//! A host in a home of its own, with sessions in it.

use std::path::Path;

use crate::client::{self, Client};
use crate::support::home::{Home, HostLock};

/// The program that plays the agent: this one, under the agent's name.
pub(crate) fn install_stub(home: &Home) {
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("where am I? {error}"));
    home.install_claude(&program);
}

/// Starts a host in the background, as a first `send` does.
#[track_caller]
pub(crate) fn start(home: &Home) -> HostLock {
    home.run(&["host", "restart"]).expect_code(0);
    home.host().unwrap_or_else(|| panic!("no host runs"))
}

/// As `session new` does, so many times.
#[track_caller]
pub(crate) fn create_sessions(client: &mut Client, names: &[String], agent: &str, dir: &Path) {
    // More may not be under way at once.
    for names in names.chunks(128) {
        let ids: Vec<u64> =
            names.iter().map(|name| client.send(&client::new_session(name, agent, dir)).0).collect();
        for id in ids {
            client.answer(id);
        }
    }
}

/// `prefix-0`, `prefix-1` …
pub(crate) fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}-{number}")).collect()
}

/// Makes the sessions live: each has answered one prompt.
#[track_caller]
pub(crate) fn wake(client: &mut Client, names: &[String], prompt: &str) {
    for name in names {
        client.call(&client::subscribe(name));
        client.send(&client::send_prompt(name, prompt));
        while client.next().value["push"]["push"]["event"]["kind"] != "turn_ended" {}
    }
}
