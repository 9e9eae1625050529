//! What a host does while nobody wants anything of it.

use std::time::Duration;

use crate::client::Client;
use crate::host;
use crate::measure::{Row, pass};
use crate::process::{Usage, children};
use crate::support::home::Home;

const LIVE: usize = 10;
const WINDOW: Duration = Duration::from_secs(10);

pub(crate) fn run() -> Vec<Row> {
    let home = Home::new();
    home.write_config("[host]\nmax_live = 100\n");
    let host = host::start(&home);
    let mut client = Client::connect(&host);
    let names = host::names("idle", LIVE);
    host::create_sessions(&mut client, &names, "demo", &home.project());
    host::wake(&mut client, &names, "echo hello");
    drop(client);
    // What follows a turn and a client's departure is not idleness: the threads that read end only after ten seconds.
    pass(Duration::from_secs(12));
    let agents = children(host.pid);
    assert_eq!(agents.len(), LIVE, "all are live");
    let all = |pids: &[u32]| pids.iter().map(|pid| Usage::of(*pid)).collect::<Vec<_>>();
    let (before, before_agents) = (Usage::of(host.pid), all(&agents));
    pass(WINDOW);
    let used = Usage::of(host.pid).since(before);
    let agents: u64 = all(&agents).iter().zip(before_agents).map(|(now, then)| now.since(then).waits).sum();
    let words = format!(
        "{} wake-ups and {:.2} ms of processor time in {} s; the demo agents: {agents} wake-ups",
        used.waits,
        used.cpu as f64 / 1e6,
        WINDOW.as_secs(),
    );
    vec![Row::new("an idle host with ten idle demo sessions", "about none", words, used.waits <= 10)]
}
