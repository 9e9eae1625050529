//! Small programs in the place of Claude Code that do one thing wrong.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::support::home::Home;

/// Makes this shell script the `claude` of the home.
pub(crate) fn claude(home: &Home, script: &str) -> PathBuf {
    let path = home.write("bin/claude", format!("#!/bin/sh\n{script}\n"));
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&path, executable)
        .unwrap_or_else(|error| panic!("cannot make {} executable: {error}", path.display()));
    path
}

/// Answers the request with which every start begins, and nothing else.
pub(crate) const GREET: &str = r#"read request
id=$(echo "$request" | sed 's/.*"request_id":"\([^"]*\)".*/\1/')
echo '{"type":"control_response","response":{"subtype":"success","request_id":"'$id'","response":{}}}'"#;

/// The demo agent as Claude Code: its output goes through this shell filter.
pub(crate) fn demo_through(home: &Home, filter: &str) -> PathBuf {
    let program = env!("CARGO_BIN_EXE_claudebot");
    claude(
        home,
        &format!("export CLAUDE_CONFIG_DIR=\"$HOME/.claude\"\n{program} demo-agent \"$@\" | {filter}"),
    )
}
