//! Cancelled, interrupted, changed under the hand: nothing is left behind, nothing is lost.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::temporary::{TemporaryDir, TemporaryFile};
use super::super::{Packing, Progress, Step, leftovers, remove_leftover, remove_tree, sweep};
use super::{House, names_in, picture, restore, set_mode, verify};
use crate::error::{Error, Kind};

/// Calls with a progress that cancels at its `n`th report, for every n, until it is through.
fn cancel_everywhere(
    mut work: impl FnMut(&mut dyn FnMut(Progress), &AtomicBool) -> Result<(), Error>,
) -> usize {
    for n in 0.. {
        let cancel = AtomicBool::new(n == 0);
        let mut reports = 0;
        let mut progress = |Progress { done, total, .. }: Progress| {
            assert!(done <= total, "{done} of {total}");
            reports += 1;
            cancel.store(reports >= n, Ordering::Relaxed);
        };
        match work(&mut progress, &cancel) {
            Ok(()) => return n,
            Err(e) => assert_eq!(e.kind, Kind::Denied, "{e}"),
        }
    }
    unreachable!()
}

#[test]
fn cancelled_anywhere_packing_leaves_nothing() {
    let house = House::new();
    let before = picture(&house.workspace());
    let points = cancel_everywhere(|progress, cancel| {
        let packed = house.pack_with(progress, cancel);
        if packed.is_err() {
            assert!(names_in(&house.archives()).is_empty());
        }
        packed.map(drop)
    });
    assert!(points > 5, "{points}");
    assert_eq!(names_in(&house.archives()).len(), 1);
    assert_eq!(picture(&house.workspace()), before);
}

#[test]
fn cancelled_anywhere_restoring_leaves_nothing() {
    let house = House::new();
    let packed = house.pack().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let points = cancel_everywhere(|progress, cancel| {
        let restored = super::super::restore(&packed.file, elsewhere.path(), progress, cancel);
        if restored.is_err() {
            assert!(names_in(elsewhere.path()).is_empty());
        }
        restored.map(drop)
    });
    assert!(points > 3, "{points}");
    assert!(names_in(elsewhere.path()).is_empty());
}

#[test]
fn progress_reaches_its_total() {
    let house = House::new();
    let mut ends = Vec::new();
    let mut note = |at: Progress| {
        if at.total > 0 && at.done == at.total {
            ends.push(at);
        }
    };
    let packed = house.pack_with(&mut note, &AtomicBool::new(false)).unwrap();
    super::super::verify(&packed.file, &mut note, &AtomicBool::new(false)).unwrap();
    ends.dedup();
    let total = packed.manifest.counts.bytes();
    let at = |step| Progress { step, done: total, total };
    // Packing reads what it wrote, and whoever asks may have it read again.
    assert_eq!(ends, [at(Step::Packing), at(Step::Verifying)]);
}

/// What a source does while it is packed, and what the error then names.
#[test]
fn sources_that_change_make_it_fail_with_their_name() {
    type Change = fn(&House);
    let changes: [(&str, Change); 6] = [
        ("grown", |house| fs::write(house.workspace().join("grown"), "much longer than before").unwrap()),
        ("shrunk", |house| fs::write(house.workspace().join("shrunk"), "").unwrap()),
        ("vanished", |house| fs::remove_file(house.workspace().join("vanished")).unwrap()),
        ("appeared", |house| fs::write(house.workspace().join("appeared"), "new").unwrap()),
        ("zlink", |house| {
            fs::remove_file(house.workspace().join("zlink")).unwrap();
            std::os::unix::fs::symlink("shrunk", house.workspace().join("zlink")).unwrap();
        }),
        ("replaced", |house| {
            let path = house.workspace().join("replaced");
            fs::remove_file(&path).unwrap();
            std::os::unix::net::UnixListener::bind(path).map(drop).unwrap();
        }),
    ];
    for (name, change) in changes {
        for when in [1, 4, usize::MAX] {
            let house = House::new();
            for file in ["grown", "shrunk", "vanished", "replaced"] {
                fs::write(house.workspace().join(file), "content").unwrap();
            }
            std::os::unix::fs::symlink("grown", house.workspace().join("zlink")).unwrap();
            let mut reports = 0;
            let mut changed = false;
            let failed = house
                .pack_with(
                    &mut |Progress { step, done, total }| {
                        reports += 1;
                        if !changed && (reports == when || (step == Step::Verifying && done == total)) {
                            changed = true;
                            change(&house);
                        }
                    },
                    &AtomicBool::new(false),
                )
                .unwrap_err();
            assert!(failed.message.contains(&format!("home/{name} changed")), "{name} {when}: {failed}");
            assert!(failed.hint.is_some());
            assert!(names_in(&house.archives()).is_empty());
        }
    }
}

#[test]
fn a_log_with_a_gap_or_an_error_is_not_archived() {
    let mut house = House::new();
    house.events.remove(1);
    assert!(house.pack().unwrap_err().message.contains("event 2 is numbered 3"));
    let packing = Packing {
        session: &house.session,
        events: &mut std::iter::once(Err(Error::failed("disk on fire"))),
        conversations: &[],
        conversation_files: &[],
        inbox: None,
        workspace: None,
        all_files: true,
        leave_out: true,
        now: super::at(0),
    };
    let failed =
        super::super::pack(packing, &house.archives(), &mut |_| {}, &AtomicBool::new(false)).unwrap_err();
    assert_eq!(failed.message, "disk on fire");
    assert!(names_in(&house.archives()).is_empty());
}

#[test]
fn an_archive_is_not_put_into_what_will_be_removed() {
    let house = House::new();
    let inside = house.workspace().join("archives");
    let workspace = house.workspace();
    let packing = Packing {
        session: &house.session,
        events: &mut std::iter::empty(),
        conversations: &[],
        conversation_files: &[],
        inbox: None,
        workspace: Some(&workspace),
        all_files: true,
        leave_out: true,
        now: super::at(0),
    };
    let failed = super::super::pack(packing, &inside, &mut |_| {}, &AtomicBool::new(false)).unwrap_err();
    assert_eq!(failed.kind, Kind::Usage);
}

#[test]
fn files_of_other_conversations_or_settings_are_not_packed() {
    let house = House::new();
    fs::write(house.claude().join("settings.json"), "{}").unwrap();
    let packing = Packing {
        session: &house.session,
        events: &mut std::iter::empty(),
        conversations: &[],
        conversation_files: &[(house.claude(), "settings.json".into())],
        inbox: None,
        workspace: None,
        all_files: true,
        leave_out: true,
        now: super::at(0),
    };
    let failed =
        super::super::pack(packing, &house.archives(), &mut |_| {}, &AtomicBool::new(false)).unwrap_err();
    assert!(failed.message.contains("settings.json"), "{failed}");
}

#[test]
fn what_a_killed_process_left_is_swept_and_what_is_in_use_is_not() {
    let house = House::new();
    let dir = house.archives();
    let file = TemporaryFile::create(&dir).unwrap();
    let staging = TemporaryDir::create(&dir).unwrap();
    let live = names_in(&dir);
    assert_eq!(live.len(), 2);
    // A killed process leaves the same names, without locks.
    fs::write(dir.join(".claudebot-0123.partial"), "half").unwrap();
    let dead = dir.join(".claudebot-0123.restoring");
    fs::create_dir_all(dead.join("workspace/locked")).unwrap();
    set_mode(&dead.join("workspace/locked"), 0o000);
    assert_eq!(leftovers(&dir).len(), 2);
    sweep(&dir);
    assert_eq!(names_in(&dir), live);
    drop((file, staging));
    assert!(names_in(&dir).is_empty());

    fs::write(dir.join(".claudebot-4567.partial"), "half").unwrap();
    house.pack().unwrap();
    assert_eq!(names_in(&dir).len(), 1, "packing sweeps too");
}

#[test]
fn what_was_found_left_is_not_removed_once_somebody_has_it() {
    let dir = tempfile::tempdir().unwrap();
    for (name, is_dir) in [(".claudebot-01.partial", false), (".claudebot-02.restoring", true)] {
        let path = dir.path().join(name);
        if is_dir {
            fs::create_dir(&path).unwrap();
        } else {
            fs::write(&path, "half").unwrap();
        }
        assert_eq!(leftovers(dir.path()), vec![path.clone()]);
        let user = fs::File::open(&path).unwrap();
        user.lock().unwrap();
        assert_eq!(remove_leftover(&path), Ok(false));
        assert!(path.exists());
        drop(user);
        assert_eq!(remove_leftover(&path), Ok(true));
        assert!(!path.exists());
        assert_eq!(remove_leftover(&path), Ok(true), "gone is as good");
    }
}

#[test]
fn of_a_directory_that_cannot_be_held_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(".claudebot-01.restoring");
    fs::create_dir(&path).unwrap();
    let sweeper = fs::File::open(&path).unwrap();
    sweeper.lock().unwrap();
    assert!(TemporaryDir::hold(path.clone()).unwrap().is_none());
    assert!(!path.exists());
}

/// The process that the test below kills: packs and restores for ever, and prints a line at each progress.
/// Run as a test, its working directory lacks the sign, and there is nothing to do.
#[test]
fn packs_until_killed() {
    let Ok(root) = fs::read_to_string("packs-until-killed") else { return };
    let house = House::at(Path::new(&root));
    let mut progress = |Progress { done, total, .. }: Progress| println!("{done}/{total}");
    let cancel = AtomicBool::new(false);
    loop {
        let packed = house.pack_with(&mut progress, &cancel).unwrap();
        let into = house.root.join("into");
        let mut restored = super::super::restore(&packed.file, &into, &mut progress, &cancel).unwrap();
        println!("restored");
        restored.place_workspace(&into.join("workspace")).unwrap();
        println!("placed");
    }
}

#[test]
fn killed_at_any_moment_only_whole_archives_have_a_name() {
    let house = House::new();
    let into = house.root.join("into");
    fs::create_dir(&into).unwrap();
    for size in [1, 300_000, 1_000_000] {
        fs::write(house.workspace().join(format!("{size}")), vec![7; size]).unwrap();
    }
    fs::write(house.root.join("packs-until-killed"), house.root.to_str().unwrap()).unwrap();
    let before = picture(&house.workspace());
    let mut whole = 0;
    for kill in 0..20_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "archive::tests::failing::packs_until_killed", "--nocapture"])
            .current_dir(&house.root)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Another moment each time, over some two rounds.
        assert_eq!(lines.take(3 + kill * 31 % 97).filter(Result::is_ok).count(), 3 + kill * 31 % 97);
        child.kill().unwrap();
        child.wait().unwrap();

        for name in names_in(&house.archives()).iter().filter(|name| name.ends_with(".tar.gz")) {
            verify(&house.archives().join(name)).unwrap();
            fs::remove_file(house.archives().join(name)).unwrap();
            whole += 1;
        }
        sweep(&house.archives());
        sweep(&into);
        assert!(names_in(&house.archives()).is_empty());
        // Placed and not yet taken back, if at all.
        assert!(names_in(&into).iter().all(|name| name == "workspace"));
        remove_tree(&into.join("workspace")).unwrap();
        assert_eq!(picture(&house.workspace()), before);
    }
    assert!(whole > 5, "{whole}");
}

#[test]
fn nothing_is_left_of_a_restore_that_fails_on_disk() {
    let house = House::new();
    let packed = house.pack().unwrap();
    assert!(restore(&packed.file, &house.root.join("absent")).is_err());
    assert!(restore(&packed.file, &house.workspace().join("nothing")).is_err());
    assert!(verify(&packed.file).is_ok());
}
