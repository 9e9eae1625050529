//! What the host's own process takes: with ten thousand sessions of which none is live, and with live ones on top.
//!
//! The live sessions run on the stub, which is another program: the demo agent is the host's own, so that its pages
//! would count as shared.

use serde_json::json;

use crate::client::Client;
use crate::host;
use crate::list;
use crate::measure::{Row, mb};
use crate::process::pss;

const LIVE: usize = 30;

pub(crate) fn run() -> Vec<Row> {
    let home = list::filled();
    host::install_stub(&home);
    home.write_config("[host]\nmax_live = 100\n");
    let host = host::start(&home);
    let fresh = pss(host.pid);
    let mut client = Client::connect(&host);
    let list =
        json!({ "type": "session_list", "channel": "local", "archived": false, "all": false, "tag": null });
    for _ in 0..3 {
        client.call(&list);
    }
    let used = pss(host.pid);
    let names = host::names("live", LIVE);
    host::create_sessions(&mut client, &names, "claude", &home.project());
    let before = pss(host.pid);
    host::wake(&mut client, &names, "0 20");
    let each = (pss(host.pid) - before) / LIVE as f64;
    vec![
        Row::new(
            "the host, 10,000 sessions stored, none live (PSS)",
            "≤ 15 MB",
            format!("{} at its start, {} after three whole lists", mb(fresh), mb(used)),
            fresh <= 15e6,
        ),
        Row::new(
            "· each live session on top, in the host (PSS)",
            "≤ 1 MB",
            format!("{:.2} MB ({LIVE} sessions after a turn)", each / 1e6),
            each <= 1e6,
        ),
    ]
}
