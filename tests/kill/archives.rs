//! A session that is killed on its way into an archive, or out of one: either it is there, or its verified archive is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chance::{Chance, given, pause};
use super::client::Client;
use super::rig::Rig;

const ROUNDS: u64 = 8;
/// Files of the session's directory: enough that a kill meets packing, reading back and removing.
const FILES: usize = 80;

/// Kills host and agents at a random moment of what the request begins, and starts another host.
fn kill_in(rig: &Rig, request: &Value, moment: Duration) {
    let mut client = Client::wait(&rig.home);
    client.send(request).unwrap();
    pause(moment);
    rig.kill_both(false);
    // Gone before, it would not have wanted the archive any more.
    drop(client);
    rig.start_host();
}

/// Every file below a directory, by its path within, with what is in it.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting
                .extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        } else {
            let below = path.strip_prefix(dir).unwrap_or(&path).to_owned();
            found.insert(below, std::fs::read(&path).unwrap_or_default());
        }
    }
    found
}

/// What is in a session's directory.
fn contents(rig: &Rig, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    files(Path::new(rig.session(name)["dir"].as_str().unwrap_or_default()))
}

fn make(rig: &Rig, name: &str, chance: &mut Chance) {
    rig.home.run(&["session", "new", name, "--agent", "demo", "--scratch"]).expect_code(0);
    let dir = rig.home.data_dir().join("sessions").join(name);
    for number in 0..FILES {
        let place = dir.join(format!("{}", number % 7));
        std::fs::create_dir_all(&place).unwrap_or_else(|error| panic!("{error}"));
        let content: Vec<u8> = (0..4_000).flat_map(|_| chance.below(u64::MAX).to_le_bytes()).collect();
        std::fs::write(place.join(format!("f{number}")), content).unwrap_or_else(|error| panic!("{error}"));
    }
    let prompt = rig.accepted(name, &format!("first:{name}"), "remember this", "queue");
    rig.ended(name, prompt);
}

fn archive(name: &str) -> Value {
    json!({ "type": "session_archive", "session": { "exact": name }, "options": { "with_dir": false } })
}

/// How long it takes when nobody interferes, and a little more.
fn span(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed().mul_f64(1.1)
}

#[test]
fn into_an_archive_and_out_of_it() {
    let rig = Rig::demo(&[]);
    let mut chance = Chance::new(given("CLAUDEBOT_TEST_SEED", 4));
    make(&rig, "measure", &mut chance);
    let packing = span(|| drop(rig.home.run(&["session", "archive", "measure"]).expect_code(0)));
    let unpacking = span(|| drop(rig.home.run(&["session", "restore", "measure"]).expect_code(0)));
    let [mut archived, mut restored] = [0; 2];
    for round in 0..ROUNDS {
        let name = format!("a{round}");
        make(&rig, &name, &mut chance);
        let (before, log) = (contents(&rig, &name), rig.log(&name).len());
        kill_in(&rig, &archive(&name), chance.up_to(packing));
        if rig.session(&name)["state"] == "archived" {
            archived += 1;
        } else {
            assert_eq!((contents(&rig, &name) == before, rig.log(&name).len()), (true, log), "round {round}");
            rig.home.run(&["session", "archive", &name]).expect_code(0);
        }
        rig.home.run(&["archive", "verify", &name]).expect_code(0);

        let file = rig.session(&name)["archive"].clone();
        let restore = json!({ "type": "session_restore", "archive": file, "dir": null, "name": null });
        kill_in(&rig, &restore, chance.up_to(unpacking));
        if rig.session(&name)["state"] == "archived" {
            rig.home.run(&["archive", "verify", &name]).expect_code(0);
            rig.home.run(&["session", "restore", &name]).expect_code(0);
        } else {
            restored += 1;
        }
        assert!(contents(&rig, &name) == before, "round {round}: other files came back");
        let prompt = rig.accepted(&name, &format!("recall:{round}"), "recall", "queue");
        assert_eq!(rig.ended(&name, prompt)["outcome"], "done");
        let said = rig.log(&name);
        let reply = said.iter().rfind(|event| event["kind"] == "reply").cloned().unwrap_or_default();
        assert!(reply["text"].as_str().is_some_and(|text| text.contains("remember this")), "{reply}");
    }
    eprintln!("before the kill: {archived} of {ROUNDS} archived, {restored} restored");
    let left: Vec<_> = files(&rig.home.data_dir()).into_keys().collect();
    let left = left.iter().filter(|path| path.to_string_lossy().contains(".claudebot-"));
    assert_eq!(left.count(), 0, "what killed hosts left is swept by the next");
    rig.end();
}
