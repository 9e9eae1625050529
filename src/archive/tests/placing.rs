//! Conversations go where Claude finds them, and come away again when the rest fails.

use std::fs;

use super::super::remove_tree;
use super::{CONVERSATION, House, names_in, restore};
use crate::claude::project::project_name;
use crate::error::Kind;

#[test]
fn a_conversation_moves_to_its_new_directory() {
    let house = House::new();
    let packed = house.pack().unwrap();
    remove_tree(&house.claude()).unwrap();
    let mut restored = restore(&packed.file, &house.root).unwrap();
    let cwd = house.root.join("new");
    restored.place_workspace(&cwd).unwrap();
    let files = restored.place_conversation(&house.claude(), &cwd).unwrap();
    restored.keep();

    let project = house.claude().join("projects").join(project_name(&fs::canonicalize(&cwd).unwrap()));
    let transcript = project.join(format!("{CONVERSATION}.jsonl"));
    let subagent = project.join(format!("{CONVERSATION}/subagents/a.jsonl"));
    assert_eq!(fs::read(&transcript).unwrap(), b"{\"said\":1}\n");
    assert_eq!(fs::read(&subagent).unwrap(), b"{}\n");
    assert_eq!(files, [subagent, transcript]);
    assert_eq!(names_in(&house.root), ["archives", "claude", "home", "new"]);
}

#[test]
fn of_a_conversation_under_two_directories_the_newer_goes_on() {
    let house = House::new();
    let (old, newer) = (house.claude().join("projects/-old"), house.claude().join("projects/-newer"));
    let transcript = format!("{CONVERSATION}.jsonl");
    fs::create_dir(&newer).unwrap();
    fs::write(newer.join(&transcript), "newer").unwrap();
    super::set_mtime(&old.join(&transcript), 1_000, 0);
    let files = [old, newer].map(|project| (house.claude(), project.join(&transcript)));
    let packing = crate::archive::Packing {
        session: &house.session,
        events: &mut std::iter::empty(),
        conversations: &[],
        conversation_files: &files,
        inbox: None,
        workspace: None,
        all_files: true,
        leave_out: true,
        now: super::at(0),
    };
    let cancel = std::sync::atomic::AtomicBool::new(false);
    let packed = crate::archive::pack(packing, &house.archives(), &mut |_| {}, &cancel).unwrap();
    remove_tree(&house.claude()).unwrap();
    let mut restored = restore(&packed.file, &house.root).unwrap();
    let placed = restored.place_conversation(&house.claude(), &house.root).unwrap();
    assert_eq!(placed.len(), 1);
    assert_eq!(fs::read(&placed[0]).unwrap(), b"newer");
}

#[test]
fn a_conversation_that_exists_is_not_made_a_second_time() {
    let house = House::new();
    let packed = house.pack().unwrap();
    let before = super::picture(&house.claude());
    let mut restored = restore(&packed.file, &house.root).unwrap();
    let elsewhere = restored.place_conversation(&house.claude(), &house.root).unwrap_err();
    assert_eq!(elsewhere.kind, Kind::Conflict);
    assert!(elsewhere.message.contains("-old"), "{elsewhere}");
    drop(restored);
    assert_eq!(super::picture(&house.claude()), before);
}

#[test]
fn a_changed_conversation_in_the_same_place_is_not_overwritten() {
    let house = House::new();
    let packed = house.pack().unwrap();
    remove_tree(&house.claude()).unwrap();
    let place = || {
        let mut restored = restore(&packed.file, &house.root).unwrap();
        let placed = restored.place_conversation(&house.claude(), &house.workspace());
        restored.keep();
        placed
    };
    let files = place().unwrap();
    assert!(place().unwrap().is_empty(), "the same bytes may lie there already");
    fs::write(&files[0], "longer than before").unwrap();
    assert_eq!(place().unwrap_err().kind, Kind::Conflict);
    assert_eq!(fs::read(&files[0]).unwrap(), b"longer than before");
}

#[test]
fn what_is_not_kept_is_taken_back() {
    let house = House::new();
    super::set_mode(&house.workspace().join("src"), 0o555);
    super::set_mode(&house.workspace(), 0o555);
    let packed = house.pack().unwrap();
    remove_tree(&house.claude()).unwrap();
    fs::create_dir(house.claude()).unwrap();
    let empty = house.root.join("empty");
    fs::create_dir(&empty).unwrap();

    for cwd in [house.root.join("absent"), empty.clone()] {
        let mut restored = restore(&packed.file, &house.root).unwrap();
        restored.place_workspace(&cwd).unwrap();
        assert!(!restored.place_conversation(&house.claude(), &cwd).unwrap().is_empty());
        drop(restored);
        assert_eq!(names_in(&house.root), ["archives", "claude", "empty", "home"]);
        assert!(names_in(&house.claude()).is_empty() && names_in(&empty).is_empty());
    }
    remove_tree(&house.workspace()).unwrap();
}

#[test]
fn a_directory_in_use_is_not_replaced() {
    let house = House::new();
    let packed = house.pack().unwrap();
    let before = super::picture(&house.workspace());
    let mut restored = restore(&packed.file, &house.root).unwrap();
    assert_eq!(restored.place_workspace(&house.workspace()).unwrap_err().kind, Kind::Conflict);
    let file = house.workspace().join("nothing");
    assert!(restored.place_workspace(&file).is_err());
    drop(restored);
    assert_eq!(super::picture(&house.workspace()), before);
}

#[test]
fn files_that_were_sent_to_it_come_back_beside_others() {
    let mut house = House::new();
    house.session.managed = false;
    let inbox = house.root.join("inbox");
    fs::create_dir_all(inbox.join("1")).unwrap();
    fs::write(inbox.join("1/note.txt"), "remember me").unwrap();
    let packing = crate::archive::Packing {
        session: &house.session,
        events: &mut std::iter::empty(),
        conversations: &[],
        conversation_files: &[],
        inbox: Some(&inbox),
        workspace: None,
        all_files: false,
        leave_out: false,
        now: super::at(0),
    };
    let cancel = std::sync::atomic::AtomicBool::new(false);
    let packed = crate::archive::pack(packing, &house.archives(), &mut |_| {}, &cancel).unwrap();
    assert_eq!(packed.manifest.counts.inbox.unwrap().files, 1);
    let target = house.root.join("new/inbox");
    let place = |keep: bool| {
        let mut restored = restore(&packed.file, &house.root).unwrap();
        let placed = restored.place_inbox(&target);
        if keep {
            restored.keep();
        }
        placed
    };
    place(false).unwrap();
    assert!(!house.root.join("new").exists(), "it was taken back");
    place(true).unwrap();
    fs::write(target.join("other"), "").unwrap();
    // Nothing is to be done where it lies already, and nothing is written over.
    place(true).unwrap();
    fs::write(target.join("1/note.txt"), "changed").unwrap();
    assert_eq!(place(false).unwrap_err().kind, Kind::Conflict);
    assert_eq!(fs::read(target.join("1/note.txt")).unwrap(), b"changed");
    assert_eq!(names_in(&target), ["1", "other"]);
}
