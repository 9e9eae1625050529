//! Starting hosts for real: the processes are this test binary, run as a host that does next to nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::mpsc;

use super::connection::{Inbound, serve};
use super::lock::HostLock;
use super::socket::HostSocket;
use crate::error::{Error, Kind, Result};
use crate::ipc::autostart::Starter;
use crate::ipc::client::{Client, Identity};
use crate::ipc::codec::{FrameReader, FrameWriter};
use crate::ipc::contact::FROZEN_STOP;
use crate::ipc::readiness::{Readiness, announce, detach};
use crate::ipc::reconnect::Reconnecting;
use crate::ipc::{PROTOCOL, Request, Response, Selector, SendPrompt, StopWhen, Welcome};
use crate::model::Delivery;
use crate::paths::{Env, Paths};

/// Set in the processes: `serve`, `fail`.
const TOY: &str = "CLAUDEBOT_TEST_TOY_HOST";

/// No toy outlives a test that went wrong by more than this.
const LIFE: Duration = Duration::from_secs(60);

/// Not a test of its own: the host process of the tests below.
#[test]
fn toy_host_process() {
    let env = Env::from_process();
    let Some(mode) = env.get(TOY) else { return };
    detach().unwrap();
    if mode == "fail" {
        return announce(&Readiness::Error(Error::failed("the database is newer").hint("upgrade"))).unwrap();
    }
    let paths = Paths::resolve(&env).unwrap();
    let lock = match HostLock::try_acquire(&paths).unwrap() {
        Ok(lock) => Arc::new(lock),
        Err(holder) => return announce(&Readiness::Taken(holder)).unwrap(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(LIFE, toy_host(&paths, lock)).await }).unwrap();
}

async fn toy_host(paths: &Paths, lock: Arc<HostLock>) {
    let mut socket = HostSocket::bind(paths, lock).await.unwrap();
    announce(&Readiness::Ready(true)).unwrap();
    let (sender, mut requests) = mpsc::channel(16);
    loop {
        tokio::select! {
            stream = socket.accept() => drop(tokio::spawn(serve(stream, sender.clone()))),
            Some(inbound) = requests.recv() => if answer(inbound, &paths.data_dir().join("died")) { return },
        }
    }
}

/// True: the host ends. The first prompt of a data directory is the host's death.
fn answer(inbound: Inbound, died: &Path) -> bool {
    match inbound.request {
        Request::HostStop { .. } => return true,
        Request::Send(_) | Request::QueueRun { .. } if !died.exists() => {
            std::fs::write(died, "").unwrap();
            std::process::exit(9);
        }
        Request::Send(prompt) => inbound.reply.ok(Response::Said(prompt.key)),
        _ => inbound.reply.ok(Response::Done),
    }
    false
}

/// A home of its own, whose hosts are toys.
fn home(mode: &str) -> (TempDir, Starter) {
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let env = Env::from_pairs([("HOME", dir.path().as_os_str()), (TOY, mode.as_ref())]);
    let paths = Paths::resolve(&env).unwrap();
    let starter = Starter {
        paths,
        identity: Identity::new("cli", None),
        env,
        program: std::env::current_exe().unwrap(),
        args: ["--exact", "host::start_tests::toy_host_process", "--nocapture"].map(OsString::from).to_vec(),
        notice: |_| {},
    };
    (dir, starter)
}

async fn stop(mut client: Client) {
    client.send(Request::HostStop { when: StopWhen::Now }).await.unwrap();
    while client.next().await.unwrap().is_some() {}
}

#[tokio::test]
async fn clients_that_start_a_host_at_once_meet_at_the_winner() {
    let (_home, starter) = home("serve");
    let connect = || starter.connect();
    let (a, b, c) = tokio::join!(connect(), connect(), connect());
    let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
    let pid = a.welcome().pid;
    assert_ne!(pid, std::process::id());
    assert_eq!((b.welcome().pid, c.welcome().pid), (pid, pid));
    let found = Client::connect(&starter.paths, &starter.identity).await.unwrap().unwrap();
    assert_eq!(found.welcome().pid, pid);
    drop((b, c, found));
    stop(a).await;
}

#[tokio::test]
async fn the_host_has_a_session_of_its_own_and_its_log() {
    let (_home, starter) = home("serve");
    let client = starter.connect().await.unwrap();
    let pid = rustix::process::Pid::from_raw(client.welcome().pid.try_into().unwrap()).unwrap();
    assert_eq!(rustix::process::getsid(Some(pid)).unwrap(), pid);
    assert!(starter.paths.host_log().exists());
    stop(client).await;
}

#[tokio::test]
async fn a_host_that_cannot_start_says_why() {
    let (_home, starter) = home("fail");
    let error = starter.connect().await.unwrap_err();
    assert_eq!(error, Error::failed("the database is newer").hint("upgrade"));
}

#[tokio::test]
async fn a_host_that_dies_without_a_word_points_at_the_log() {
    let (_home, mut starter) = home("serve");
    (starter.program, starter.args) = ("/bin/sh".into(), vec!["-c".into(), "echo boo; exit 3".into()]);
    let error = starter.connect().await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert_eq!(error.message, "the host ended at its start (exit status: 3)");
    assert_eq!(error.hint, Some(format!("see {}", starter.paths.host_log().display())));

    starter.program = PathBuf::from("/nonexistent/claudebot");
    let error = starter.connect().await.unwrap_err();
    assert!(error.message.contains("cannot start the host, /nonexistent/claudebot"), "{error}");
}

fn prompt() -> Request {
    Request::Send(SendPrompt {
        session: Selector::Name("work".to_owned()),
        key: "cli:1".to_owned(),
        text: "hello".to_owned(),
        attachments: Vec::new(),
        delivery: Delivery::Queue,
    })
}

#[tokio::test]
async fn a_prompt_survives_the_host_with_its_key() {
    let (_home, starter) = home("serve");
    let mut connection = Reconnecting::start(starter.clone()).await.unwrap();
    let first = connection.client().welcome().pid;
    let answer = connection.call_with_retry(&prompt()).await;
    assert_eq!(answer, Ok(Response::Said("cli:1".to_owned())));
    assert_ne!(connection.client().welcome().pid, first);
    stop(starter.connect().await.unwrap()).await;
}

#[tokio::test]
async fn what_must_not_be_done_twice_is_not_repeated() {
    let (_home, starter) = home("serve");
    let mut connection = Reconnecting::start(starter).await.unwrap();
    let request = Request::QueueRun { session: Selector::Name("work".to_owned()) };
    let error = connection.call_with_retry(&request).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.message.ends_with("may or may not have done this"), "{error}");
}

/// A host of the release before the oldest that is still served.
async fn old_host(paths: &Paths, listener: UnixListener, lock: HostLock) -> Result<()> {
    let (read, write) = listener.accept().await.unwrap().0.into_split();
    let (mut reader, mut writer) = (FrameReader::new(read), FrameWriter::new(write));
    reader.line().await.unwrap();
    writer.push(&Welcome { claudebot: "0.0.1".to_owned(), protocol: 0, oldest: 0, pid: 1, error: None })?;
    writer.flush().await.unwrap();
    assert_eq!(reader.line().await.unwrap(), Some(FROZEN_STOP));
    std::fs::remove_file(paths.socket()).unwrap();
    drop(lock);
    Ok(())
}

#[tokio::test]
async fn an_older_host_makes_room_for_a_new_one() {
    let (_home, starter) = home("serve");
    let socket = starter.paths.prepare_socket().unwrap();
    let lock = HostLock::try_acquire(&starter.paths).unwrap().unwrap();
    let listener = UnixListener::bind(socket).unwrap();
    let (client, old) = tokio::join!(starter.connect(), old_host(&starter.paths, listener, lock));
    old.unwrap();
    let client = client.unwrap();
    assert_eq!(client.welcome().protocol, PROTOCOL);
    stop(client).await;
}

#[tokio::test]
async fn a_newer_host_is_left_alone() {
    let (_home, mut starter) = home("serve");
    let client = starter.connect().await.unwrap();
    starter.identity.protocol = 0;
    let error = starter.connect().await.unwrap_err();
    assert!(error.hint.unwrap().starts_with("upgrade this claudebot"));
    stop(client).await;
}
