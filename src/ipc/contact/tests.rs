use std::fs::{File, OpenOptions};
use std::path::PathBuf;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::net::UnixListener;

use super::*;
use crate::error::Kind;

/// A data directory whose lock and socket a test plays with.
struct Scene {
    dir: TempDir,
    lock: PathBuf,
    socket: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let (lock, socket) = (dir.path().join("host.lock"), dir.path().join("s.sock"));
        Self { dir, lock, socket }
    }

    fn info(&self) -> LockInfo {
        LockInfo {
            pid: 4242,
            start: 1,
            protocol: PROTOCOL,
            socket: self.socket.clone(),
            version: "9.9.9".to_owned(),
            since: Timestamp::UNIX_EPOCH,
        }
    }

    fn write(&self, info: &LockInfo) -> File {
        std::fs::write(&self.lock, format!("{}\n", serde_json::to_string(info).unwrap())).unwrap();
        OpenOptions::new().write(true).open(&self.lock).unwrap()
    }

    fn hold(&self) -> File {
        let file = self.write(&self.info());
        file.lock().unwrap();
        file
    }

    fn listen(&self) -> UnixListener {
        UnixListener::bind(&self.socket).unwrap()
    }

    async fn contact(&self) -> Result<Contact, Miss> {
        contact_within(&self.lock, &cli(), Duration::from_secs(10)).await
    }
}

fn cli() -> Identity {
    Identity::new("cli", None)
}

/// A host of any release, line by line.
struct Script {
    reader: FrameReader<OwnedReadHalf>,
    writer: FrameWriter<OwnedWriteHalf>,
}

impl Script {
    async fn accept(listener: &UnixListener) -> Self {
        let (read, write) = listener.accept().await.unwrap().0.into_split();
        Self { reader: FrameReader::new(read), writer: FrameWriter::new(write) }
    }

    async fn hear(&mut self) -> String {
        String::from_utf8(self.reader.line().await.unwrap().unwrap().to_vec()).unwrap()
    }

    async fn say(&mut self, line: &str) {
        self.writer.push_parts(&[line.as_bytes()]);
        self.writer.flush().await.unwrap();
    }
}

fn unserved(contact: Result<Contact, Miss>) -> Unserved {
    match contact {
        Ok(Contact::Unserved(unserved)) => unserved,
        other => panic!("{other:?}"),
    }
}

fn error(contact: Result<Contact, Miss>) -> Error {
    match contact {
        Err(Miss::Error(e)) => e,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn no_lock_file_is_no_host() {
    assert!(matches!(Scene::new().contact().await, Ok(Contact::Absent)));
}

#[tokio::test]
async fn what_a_dead_host_left_behind_is_no_host() {
    let scene = Scene::new();
    let _unlocked = scene.write(&scene.info());
    assert!(matches!(scene.contact().await, Ok(Contact::Absent)));

    let stale = scene.listen();
    rustix::net::shutdown(&stale, rustix::net::Shutdown::Both).unwrap();
    assert!(matches!(scene.contact().await, Ok(Contact::Absent)));

    let _file = scene.write(&LockInfo { socket: "/".repeat(300).into(), ..scene.info() });
    assert!(matches!(scene.contact().await, Ok(Contact::Absent)));
}

#[tokio::test]
async fn greets_in_the_frozen_words() {
    let scene = Scene::new();
    let (_held, listener) = (scene.hold(), scene.listen());
    let host = async {
        let mut host = Script::accept(&listener).await;
        let hello = format!(
            r#"{{"claudebot":"{}","protocol":{PROTOCOL},"client":"cli"}}"#,
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(host.hear().await, hello);
        host.say(&format!(r#"{{"claudebot":"9.9.9","protocol":{PROTOCOL},"oldest":1,"pid":7,"more":[]}}"#))
            .await;
    };
    let (contact, ()) = tokio::join!(scene.contact(), host);
    let Ok(Contact::Served(client)) = contact else { panic!("{contact:?}") };
    assert_eq!(client.welcome().pid, 7);
}

#[tokio::test]
async fn a_silent_holder_is_named() {
    let scene = Scene::new();
    let _held = scene.hold();
    let result = contact_within(&scene.lock, &cli(), Duration::from_millis(30)).await;
    let Err(Miss::Silent(info)) = result else { panic!("{result:?}") };
    let error = silent_holder(&scene.lock, Path::new("/log"), info);
    assert_eq!(error.kind, Kind::Unavailable);
    let start = "process 4242 (claudebot 9.9.9, since 1970-01-01T00:00:00Z) holds ";
    assert!(error.message.starts_with(start), "{error}");
    assert!(error.message.contains(&scene.socket.display().to_string()), "{error}");
    assert!(error.hint.unwrap().contains("kill 4242"));
}

#[tokio::test]
async fn a_hung_host_is_not_waited_for_forever() {
    let scene = Scene::new();
    let (_held, _listener) = (scene.hold(), scene.listen());
    let result = contact_within(&scene.lock, &cli(), Duration::from_millis(30)).await;
    assert!(matches!(result, Err(Miss::Silent(Some(_)))), "{result:?}");
}

#[tokio::test]
async fn a_starting_host_is_waited_for() {
    let scene = Scene::new();
    // At first not even the line is there.
    std::fs::write(&scene.lock, "").unwrap();
    let held = OpenOptions::new().write(true).open(&scene.lock).unwrap();
    held.lock().unwrap();
    let host = async {
        tokio::task::yield_now().await;
        let _same = scene.write(&scene.info());
        tokio::task::yield_now().await;
        let mut host = Script::accept(&scene.listen()).await;
        host.hear().await;
        host.say(&serde_json::to_string(&welcome(&hello(PROTOCOL))).unwrap()).await;
    };
    let (contact, ()) = tokio::join!(scene.contact(), host);
    assert!(matches!(contact, Ok(Contact::Served(_))), "{contact:?}");
}

#[tokio::test]
async fn an_ending_host_is_seen_to_be_gone() {
    let scene = Scene::new();
    let (held, listener) = (scene.hold(), scene.listen());
    let host = async {
        drop(Script::accept(&listener).await);
        rustix::net::shutdown(&listener, rustix::net::Shutdown::Both).unwrap();
        held.unlock().unwrap();
    };
    let (contact, ()) = tokio::join!(scene.contact(), host);
    assert!(matches!(contact, Ok(Contact::Absent)), "{contact:?}");
}

#[tokio::test]
async fn something_else_that_answers_is_named() {
    let scene = Scene::new();
    let (_held, listener) = (scene.hold(), scene.listen());
    let host = async {
        let mut host = Script::accept(&listener).await;
        host.say("220 mail ready").await;
        host.hear().await;
    };
    let (contact, ()) = tokio::join!(scene.contact(), host);
    let error = error(contact);
    assert!(error.message.contains("is no claudebot host") && error.message.contains("220 mail"), "{error}");
}

#[tokio::test]
async fn a_path_beyond_the_limit_is_explained() {
    let scene = Scene::new();
    let held = scene.write(&LockInfo { socket: scene.dir.path().join("x".repeat(120)), ..scene.info() });
    held.lock().unwrap();
    let error = error(scene.contact().await);
    assert!(error.message.contains("bytes long"), "{error}");
    assert!(error.hint.unwrap().contains("XDG_RUNTIME_DIR"));
}

fn hello(protocol: u32) -> Hello {
    Hello { claudebot: "0.0.1".to_owned(), protocol, client: "cli".to_owned(), inside: None }
}

#[tokio::test]
async fn an_older_host_is_asked_to_go_in_the_frozen_words() {
    let scene = Scene::new();
    let (_held, listener) = (scene.hold(), scene.listen());
    let host = async {
        let mut host = Script::accept(&listener).await;
        host.hear().await;
        // A release from before there was an `error` would serve on; the client sees by the numbers.
        host.say(r#"{"claudebot":"0.0.1","protocol":0,"oldest":0,"pid":7}"#).await;
        assert_eq!(host.hear().await, r#"{"id":1,"request":{"type":"host_stop","when":"when_idle"}}"#);
        host.say(r#"{"ok":{"id":1,"response":{"type":"of another age"}}}"#).await;
    };
    let client = async {
        let unserved = unserved(scene.contact().await);
        assert!(unserved.host_is_older());
        let error = unserved.error();
        assert!(error.hint.unwrap().contains("host restart"));
        unserved.stop_when_idle().await
    };
    let (stopped, ()) = tokio::join!(client, host);
    assert_eq!(stopped, Ok(()));
}

#[tokio::test]
async fn a_host_that_refuses_to_go_says_why() {
    let scene = Scene::new();
    let (_held, listener) = (scene.hold(), scene.listen());
    let host = async {
        let mut host = Script::accept(&listener).await;
        host.hear().await;
        host.say(r#"{"claudebot":"0.0.1","protocol":0,"oldest":0,"pid":7}"#).await;
        host.hear().await;
        host.say(r#"{"error":{"id":1,"error":{"kind":"denied","message":"not from here"}}}"#).await;
        host.reader.line().await.unwrap();
    };
    let client = async { unserved(scene.contact().await).stop_when_idle().await };
    let (stopped, ()) = tokio::join!(client, host);
    assert_eq!(stopped.unwrap_err(), Error::new(Kind::Denied, "not from here"));
}

#[test]
fn a_host_serves_this_protocol_and_the_one_before() {
    for (protocol, served) in [(PROTOCOL, true), (PROTOCOL - 1, true), (PROTOCOL + 1, false)] {
        assert_eq!(welcome(&hello(protocol)).error.is_none(), served, "{protocol}");
    }
    let too_old = welcome(&hello(PROTOCOL - 2)).error.unwrap();
    assert_eq!(too_old.kind, Kind::Unavailable);
    assert!(too_old.message.contains("serves protocols 1 to 2, this client speaks 0"), "{too_old}");
    assert!(too_old.hint.unwrap().starts_with("upgrade this claudebot"));
}

#[test]
fn the_frozen_line_is_a_request_of_this_release_too() {
    let frame: crate::ipc::ClientFrame = serde_json::from_slice(FROZEN_STOP).unwrap();
    assert_eq!(serde_json::to_vec(&frame).unwrap(), FROZEN_STOP);
}
