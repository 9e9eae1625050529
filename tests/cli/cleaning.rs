//! What is freed, what stays, and who is asked.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Shell;
use crate::support::PATIENCE;

const GONE: &str = "00000000-0000-4000-8000-00000000000a";
const YOUNG: &str = "00000000-0000-4000-8000-00000000000b";
const LINK: &str = "00000000-0000-4000-8000-00000000000c";

/// As if nobody had touched it for so many days.
fn age(path: &Path, days: u64) {
    let then = SystemTime::now() - Duration::from_secs(days * 86_400);
    std::fs::File::open(path).and_then(|file| file.set_modified(then)).expect("its time can be set");
}

/// The one entry of a directory.
fn only(dir: &Path) -> PathBuf {
    let mut entries: Vec<_> =
        std::fs::read_dir(dir).expect("it is there").flatten().map(|one| one.path()).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.remove(0)
}

struct Mess {
    shell: Shell,
    goes: Vec<PathBuf>,
    stays: Vec<PathBuf>,
}

/// Some of everything.
fn mess() -> Mess {
    let shell = Shell::with_session();
    let home = &shell.home;
    home.write("project/notes.txt", "notes");
    home.run(&["send", "-f", "notes.txt", "read this"]).expect_code(0);
    let id = home.run(&["session", "show", "--json"]).json()["id"].as_str().expect("an id").to_owned();
    let sessions = home.data_dir().join("sessions");
    let sent = only(&sessions.join(&id).join("inbox"));
    home.run(&["send", "-f", "notes.txt", "and this"]).expect_code(0);
    age(&sent, 40);
    let under = |name: &str| format!(".data/claudebot/{name}");
    let gone = home
        .write(under(&format!("sessions/{GONE}/inbox/x")), "x")
        .ancestors()
        .nth(2)
        .expect("above")
        .to_owned();
    let young = home
        .write(under(&format!("sessions/{YOUNG}/inbox/x")), "x")
        .ancestors()
        .nth(2)
        .expect("above")
        .to_owned();
    let scratch = home.write(under("sessions/scratch/file"), "work").parent().expect("above").to_owned();
    let download = home.write(under("telegram/photo-1.jpg"), "photo");
    let leftover = home.write(under("sessions_archive/.claudebot-0123.partial"), "half");
    let archive = home.write(under("sessions_archive/other.tar.gz"), "not ours to remove");
    let log = home.write(".state/claudebot/log/host.log.1", "long ago");
    let link = sessions.join(LINK);
    std::os::unix::fs::symlink(home.project(), &link).expect("a link");
    for old in [&gone, &scratch, &download, &archive, &log, &home.project()] {
        age(old, 40);
    }
    // Nobody has used the session since either.
    let database = rusqlite::Connection::open(home.data_dir().join("claudebot.db")).expect("it opens");
    let sql = "UPDATE session SET last_active = last_active - 40 * 86400 * 1000000";
    assert_eq!(database.execute(sql, []), Ok(1));
    let notes = home.project().join("notes.txt");
    let stays = vec![young, scratch, archive, link, notes, home.state_dir().join("log/host.log")];
    Mess { goes: vec![sent, gone, download, leftover, log], stays, shell }
}

impl Mess {
    #[track_caller]
    fn is_there(&self, there: bool) {
        self.goes.iter().for_each(|path| assert_eq!(path.exists(), there, "{}", path.display()));
        self.stays.iter().for_each(|path| assert!(path.exists(), "{}", path.display()));
    }
}

/// With a host, which owns the files.
#[test]
fn asked_and_freed() {
    let mut mess = mess();
    mess.shell.run(&["clean", "--dry-run"]).expect_code(0);
    mess.shell.run(&["clean", "--dry-run", "--older-than", "60d"]).expect_code(0);
    mess.shell.run(&["clean"]).expect_code(2);
    mess.shell.run(&["clean", "--older-than", "soon"]).expect_code(2);
    let mut terminal = mess.shell.home.pty(&["clean"], 80, 24);
    terminal.expect("[y/N]", PATIENCE);
    terminal.send("n\r");
    terminal.wait(PATIENCE).expect_code(6);
    mess.is_there(true);
    mess.shell.run(&["clean", "--yes"]).expect_code(0);
    mess.is_there(false);
    mess.shell.run(&["clean"]).expect_code(0);
    mess.shell.matches("cleaning_asked");
}

/// Without a host it is done here, and no host is started for it.
#[test]
fn without_a_host() {
    let mess = mess();
    let home = &mess.shell.home;
    home.run(&["host", "stop"]).expect_code(0);
    let found = home.run(&["clean", "--dry-run", "--json"]).expect_code(0).json();
    assert_eq!(
        (&found["freed"], found["items"].as_array().map(Vec::len)),
        (&false.into(), Some(5)),
        "{found}"
    );
    mess.is_there(true);
    let freed = home.run(&["clean", "--yes", "--json"]).expect_code(0).json();
    assert_eq!((&freed["freed"], &freed["items"]), (&true.into(), &found["items"]));
    mess.is_there(false);
    assert!(home.host().is_none(), "a host was started");
}

/// A session may not clean up around itself, and what cannot be removed is told.
#[test]
fn refused() {
    let mut mess = mess();
    let mut inside = mess.shell.home.command(&["clean", "--dry-run"]);
    inside.env("CLAUDEBOT_SESSION", GONE);
    let refused = crate::support::process::Running::spawn(inside).wait(PATIENCE).expect_code(6);
    assert!(refused.stderr.contains("cannot be asked"), "{refused:?}");
    mess.shell.home.write_config("[archive]\nkeep = \"1h\"\n");
    mess.shell.run(&["config", "check"]).expect_code(2);
    mess.shell.home.write_config("[archive]\nkeep = \"soon\"\n");
    mess.shell.run(&["config", "check"]).expect_code(2);
    mess.is_there(true);
    mess.shell.matches("cleaning_refused");
}
