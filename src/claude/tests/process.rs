use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use uuid::Uuid;

use super::install;
use crate::claude::command::{Conversation, Launch};
use crate::claude::process::{Exit, ExitReason, Output, Process, SendError, StartError, spawn};
use crate::claude::tree::{self, Identity};
use crate::claude::wire::{Incoming, Outgoing};

/// Nothing here takes nearly as long, unless it hangs.
const LONG: Duration = Duration::from_secs(60);

/// A child that runs this instead of Claude.
fn shell(dir: &Path, body: &str) -> Launch {
    let mut launch = Launch::new("/bin/sh".into(), Conversation::New(Uuid::from_u128(1)), dir.to_owned());
    launch.leading_args = vec!["-c".into(), body.into()];
    launch.env = vec![("PATH".into(), "/usr/bin:/bin".into())];
    launch
}

fn start(body: &str) -> (TempDir, Process) {
    let dir = tempfile::tempdir().unwrap();
    let process = spawn(&shell(dir.path(), body)).unwrap();
    (dir, process)
}

/// Reads to the end.
async fn finish(process: &mut Process) -> (Vec<Incoming>, Exit) {
    let mut messages = Vec::new();
    loop {
        match tokio::time::timeout(LONG, process.next()).await.expect("the process hangs") {
            Output::Message(message) => messages.push(message),
            Output::Written { .. } => {}
            Output::Exited(exit) => return (messages, exit),
        }
    }
}

async fn exit_of(body: &str) -> Exit {
    let (_dir, mut process) = start(body);
    finish(&mut process).await.1
}

/// Waits for a message of this type, which the script prints when it has come so far; returns its `pid`.
async fn wait_for(process: &mut Process, wanted: &str) -> u32 {
    loop {
        match tokio::time::timeout(LONG, process.next()).await.expect("the process hangs") {
            Output::Message(Incoming::Unknown { kind, raw }) if kind == wanted => {
                let value: serde_json::Value = serde_json::from_str(&raw).unwrap();
                return value["pid"].as_u64().and_then(|pid| pid.try_into().ok()).unwrap_or(0);
            }
            Output::Exited(exit) => panic!("ended before {wanted}: {exit:?}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_process_that_cannot_start_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let launch = |program: &Path, cwd: &Path| {
        Launch::new(program.to_owned(), Conversation::New(Uuid::from_u128(1)), cwd.to_owned())
    };
    let missing = spawn(&launch(&dir.path().join("none"), dir.path())).unwrap_err();
    assert!(matches!(missing, StartError::NotInstalled { .. }), "{missing}");
    let gone = spawn(&launch(Path::new("/bin/sh"), &dir.path().join("gone"))).unwrap_err();
    assert!(matches!(gone, StartError::DirectoryGone { .. }), "{gone}");

    let file = |name: &str, content: &[u8], mode: &str| {
        let path = dir.path().join(name);
        install(&path, content, mode);
        spawn(&launch(&path, dir.path())).unwrap_err()
    };
    let script = b"#!/no/such/interpreter\n".as_slice();
    for refused in
        [file("plain", script, "644"), file("script", script, "755"), file("broken", b"\x7fELF\0", "755")]
    {
        assert!(matches!(refused, StartError::NotExecutable { .. }), "{refused}");
    }
}

#[tokio::test]
async fn every_end_has_its_reason() {
    let cases = [
        ("exit 0", ExitReason::Finished),
        ("exit 7", ExitReason::Other),
        ("echo 'error: unknown option --x' >&2; exit 1", ExitReason::BadOption),
        ("echo 'Error: Session ID abc is already in use.' >&2; exit 1", ExitReason::ConversationInUse),
        ("echo 'Error parsing streaming input line (type=unknown)' >&2; exit 1", ExitReason::BadInput),
        ("echo 'Invalid API key · Please run /login' >&2; exit 1", ExitReason::NotLoggedIn),
        ("kill -KILL $$", ExitReason::Killed(9)),
        ("exit 143", ExitReason::Killed(15)),
    ];
    for (body, reason) in cases {
        let exit = exit_of(body).await;
        assert_eq!(exit.reason, reason, "{body}: {exit:?}");
        assert!(!exit.asked && exit.is_crash());
    }
    let unknown = r#"echo '{"type":"result","subtype":"error_during_execution","is_error":true,"errors":["No conversation found with session ID: x"]}'; exit 1"#;
    let exit = exit_of(unknown).await;
    assert_eq!(exit.reason, ExitReason::UnknownConversation);
    insta::assert_snapshot!(exit.to_string(), @"does not know the conversation: No conversation found with session ID: x");
    insta::assert_snapshot!(exit_of("echo Error: no luck >&2; echo '  at x' >&2; exit 7").await.to_string(), @"exited with code 7: Error: no luck");
}

#[tokio::test]
async fn only_the_end_of_stderr_is_kept() {
    let exit = exit_of("head -c 300000 /dev/zero | tr '\\0' x >&2; echo last words >&2; exit 3").await;
    assert!(exit.stderr.ends_with("xlast words") && exit.stderr.len() <= 64 << 10);
    assert_eq!(exit.code, Some(3));
}

#[tokio::test]
async fn prompts_are_written_in_order_and_stdin_closes_when_all_are() {
    let (_dir, mut process) = start("cat; echo; echo '{\"type\":\"keep_alive\"}'");
    let uuids: Vec<Uuid> = (0..20).map(|_| Uuid::new_v4()).collect();
    for uuid in &uuids {
        process.send(Outgoing::prompt(*uuid, ["hello".into()], None)).unwrap();
    }
    process.close_stdin();
    assert!(matches!(
        process.send(Outgoing::prompt(uuids[0], ["x".into()], None)),
        Err(SendError::Closed(_))
    ));
    let (mut written, mut echoed) = (Vec::new(), Vec::new());
    let exit = loop {
        match process.next().await {
            Output::Written { uuid, .. } => written.push(uuid),
            Output::Message(Incoming::User(user)) => echoed.extend(user.uuid),
            Output::Message(_) => {}
            Output::Exited(exit) => break exit,
        }
    };
    assert_eq!(written, uuids);
    assert_eq!(echoed, uuids);
    assert_eq!((exit.reason, exit.code), (ExitReason::Stopped, Some(0)));
    assert!(matches!(process.next().await, Output::Exited(again) if again == exit));
}

#[tokio::test]
async fn large_prompts_in_both_directions_do_not_block_each_other() {
    let (_dir, mut process) = start("cat");
    let text = "x".repeat(5 << 20);
    for _ in 0..3 {
        process.send(Outgoing::prompt(Uuid::new_v4(), [text.as_str().into()], None)).unwrap();
    }
    process.close_stdin();
    let (messages, exit) = finish(&mut process).await;
    assert_eq!((messages.len(), exit.code), (3, Some(0)));
}

#[tokio::test]
async fn garbage_huge_lines_and_a_half_line_are_reported_and_passed_over() {
    let body = "echo warning: old node; printf '\\n\\n'; head -c 70000000 /dev/zero | tr '\\0' y; echo; \
                echo '{\"type\":\"keep_alive\"}'; printf '{\"type\":\"assist'";
    let (_dir, mut process) = start(body);
    let (messages, _) = finish(&mut process).await;
    let kinds: Vec<String> = messages
        .iter()
        .map(|message| match message {
            Incoming::Malformed { line, error } => {
                format!("malformed {:.12} {}", line, if error.contains("bytes") { error } else { "" })
            }
            other => format!("{other:?}"),
        })
        .collect();
    insta::assert_snapshot!(kinds.join("\n"), @r#"
    malformed warning: old 
    malformed yyyyyyyyyyyy a line of 70000000 bytes, more than 67108864
    KeepAlive
    malformed {"type":"ass 
    "#);
}

#[tokio::test]
async fn a_stop_is_no_crash_however_it_comes_about() {
    let (_dir, mut process) = start("cat >/dev/null");
    process.stop(LONG);
    let (_, exit) = finish(&mut process).await;
    assert_eq!((exit.reason, exit.code, exit.asked), (ExitReason::Stopped, Some(0), true));

    // It does not mind the end of stdin, but a SIGTERM.
    let (_dir, mut process) = start("trap 'exit 143' TERM; echo '{\"type\":\"ready\"}'; sleep 1000 & wait");
    wait_for(&mut process, "ready").await;
    process.stop(Duration::from_secs(2));
    let (_, exit) = finish(&mut process).await;
    assert_eq!((exit.reason, exit.code), (ExitReason::Stopped, Some(143)));

    // It minds neither.
    let (_dir, mut process) =
        start("trap '' TERM; echo '{\"type\":\"ready\"}'; while :; do sleep 0.05; done");
    wait_for(&mut process, "ready").await;
    let begun = Instant::now();
    process.stop(Duration::from_millis(400));
    let (_, exit) = finish(&mut process).await;
    assert_eq!((exit.reason, exit.signal), (ExitReason::Stopped, Some(9)));
    assert!(begun.elapsed() >= Duration::from_millis(400));
    assert!(!tree::is_alive(&process.identity()));
}

#[tokio::test]
async fn a_second_stop_can_be_harder() {
    let (_dir, mut process) =
        start("trap '' TERM; echo '{\"type\":\"ready\"}'; while :; do sleep 0.05; done");
    wait_for(&mut process, "ready").await;
    process.stop(LONG * 10);
    process.stop(Duration::ZERO);
    let (_, exit) = finish(&mut process).await;
    assert_eq!(exit.signal, Some(9));
}

#[tokio::test]
async fn what_runs_in_a_session_of_its_own_is_stopped_too() {
    // As Claude's Bash: its own session, so no signal to the group reaches it; and it keeps stdout open.
    let body = "setsid sh -c 'echo \"{\\\"type\\\":\\\"tool\\\",\\\"pid\\\":$$}\"; while :; do sleep 0.1; done' & \
                cat >/dev/null";
    let (_dir, mut process) = start(body);
    let tool = Identity::of(wait_for(&mut process, "tool").await).unwrap();
    assert!(tree::descendants(process.pid()).contains(&tool));
    process.stop(LONG);
    finish(&mut process).await;
    assert!(!tree::is_alive(&tool));
}

#[tokio::test]
async fn a_crash_leaves_nothing_of_its_group() {
    let body = "sh -c 'echo \"{\\\"type\\\":\\\"tool\\\",\\\"pid\\\":$$}\"; while :; do sleep 0.1; done' & \
                read line; exit 1";
    let (_dir, mut process) = start(body);
    let tool = Identity::of(wait_for(&mut process, "tool").await).unwrap();
    process.send(Outgoing::prompt(Uuid::new_v4(), ["crash".into()], None)).unwrap();
    let (_, exit) = finish(&mut process).await;
    assert!(exit.is_crash() && exit.code == Some(1));
    assert!(!tree::is_alive(&tool));
}

#[tokio::test]
async fn a_dropped_handle_leaves_no_zombie() {
    let (_dir, process) = start("cat >/dev/null; head -c 1000000 /dev/zero");
    let identity = process.identity();
    drop(process);
    assert!(tree::wait_gone(&identity, LONG).await);
    // Reaped, not only ended: the process table knows it no more.
    let reaped = async {
        while Identity::of(identity.pid) == Some(identity) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, reaped).await.expect("a zombie is left");
}

#[tokio::test]
async fn the_input_queue_is_bounded() {
    let (_dir, mut process) = start("echo '{\"type\":\"ready\"}'; exec sleep 1000");
    wait_for(&mut process, "ready").await;
    let text = "x".repeat(100_000);
    let refused = (0..1000)
        .find_map(|_| process.send(Outgoing::prompt(Uuid::new_v4(), [text.as_str().into()], None)).err());
    assert!(matches!(refused, Some(SendError::Full(_))));
    process.stop(Duration::ZERO);
    finish(&mut process).await;
}

#[tokio::test]
async fn a_tree_without_a_host_is_stopped_and_a_recycled_pid_is_not() {
    let mark = Uuid::new_v4().to_string();
    let dir = tempfile::tempdir().unwrap();
    let body = "setsid sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' & \
                echo \"{\\\"type\\\":\\\"ready\\\"}\"; while :; do sleep 0.1; done";
    let mut launch = shell(dir.path(), body);
    launch.env.push(("TEST_MARK".into(), mark.clone().into()));
    let mut process = spawn(&launch).unwrap();
    wait_for(&mut process, "ready").await;
    let identity = process.identity();

    let other = Identity { start: identity.start + 1, ..identity };
    assert!(!tree::is_alive(&other));
    assert!(tree::stop_tree(&other, Duration::ZERO).await, "nothing is left of what is not there");
    assert!(tree::is_alive(&identity), "a process that only has the pid is left alone");
    assert!(!tree::wait_gone(&identity, Duration::from_millis(50)).await);
    if cfg!(target_os = "linux") {
        assert!(tree::marked("TEST_MARK", &mark).contains(&identity));
    }

    let stopped = tokio::join!(tree::stop_tree(&identity, Duration::from_millis(300)), finish(&mut process));
    assert!(stopped.0);
    assert!(tree::marked("TEST_MARK", &mark).is_empty());
}
