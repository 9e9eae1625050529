//! A project's directory: what its own rules leave out, and what that amounts to.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::{House, at, restore};
use crate::archive::{Packed, Packing, pack, survey};

fn write(dir: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn project(house: &mut House) -> std::path::PathBuf {
    house.session.managed = false;
    let dir = house.root.join("repository/project");
    fs::create_dir_all(house.root.join("repository/.git/info")).unwrap();
    write(
        &house.root.join("repository"),
        &[
            (".git/info/exclude", "secret\n"),
            (".gitignore", "*.log\n/elsewhere\n"),
            ("project/.gitignore", "target/\n!keep.log\nbuild\n"),
            ("project/main.rs", "fn main() {}"),
            ("project/a.log", "left out from above"),
            ("project/keep.log", "wanted after all"),
            ("project/secret", "left out by the repository"),
            ("project/elsewhere", "meant for the root alone"),
            ("project/target/debug/big", "0123456789"),
            ("project/target/.gitignore", "!*"),
            ("project/src/target", "a file of that name"),
            ("project/src/deep/.gitignore", "*\n!.gitignore\n"),
            ("project/src/deep/x", "left out right here"),
            ("project/build/keep.log", "nothing comes back out of what is left out"),
        ],
    );
    dir
}

fn packed(house: &House, dir: &Path, all_files: bool) -> Packed {
    let packing = Packing {
        session: &house.session,
        events: &mut std::iter::empty(),
        conversations: &[],
        conversation_files: &[],
        inbox: None,
        workspace: Some(dir),
        all_files,
        leave_out: true,
        now: at(0),
    };
    pack(packing, &house.archives(), &mut |_| {}, &AtomicBool::new(false)).unwrap()
}

fn files_of(packed: &Packed, house: &House) -> Vec<String> {
    let mut restored = restore(&packed.file, &house.root).unwrap();
    let target = house.root.join("out");
    restored.place_workspace(&target).unwrap();
    let picture = super::picture(&target);
    let files = picture.iter().filter(|(_, thing)| matches!(thing.content, super::Content::File(_)));
    files.map(|(name, _)| String::from_utf8(name.clone()).unwrap()).collect()
}

#[test]
fn what_gitignore_names_is_left_out_unless_it_is_asked_for() {
    let mut house = House::new();
    let dir = project(&mut house);
    let some = packed(&house, &dir, false);
    let names = [".gitignore", "elsewhere", "keep.log", "main.rs", "src/deep/.gitignore", "src/target"];
    assert_eq!(files_of(&some, &house), names);
    assert_eq!(
        some.manifest.ignored,
        [
            "workspace/a.log",
            "workspace/build",
            "workspace/secret",
            "workspace/src/deep/x",
            "workspace/target"
        ]
    );
    let all = packed(&house, &dir, true);
    assert_eq!(files_of(&all, &house).len(), 12);
    assert!(all.manifest.ignored.is_empty());
}

/// Both styles fit the name of the repository itself, and git asks neither about it.
#[test]
fn a_repository_is_packed_whatever_its_rules_say() {
    for rules in ["*\n!src/\n!src/**\n", ".*\n"] {
        let mut house = House::new();
        house.session.managed = false;
        let dir = house.root.join("repository");
        write(
            &dir,
            &[
                (".gitignore", rules),
                (".hidden", "left out"),
                (".git/HEAD", "ref: refs/heads/main"),
                (".git/.gitignore", "*"),
                (".git/objects/ab/cdef", "an object"),
                (".git/.keep", "kept"),
                ("src/main.rs", "fn main() {}"),
                ("src/.git", "gitdir: elsewhere"),
            ],
        );
        let names =
            [".git/.gitignore", ".git/.keep", ".git/HEAD", ".git/objects/ab/cdef", "src/.git", "src/main.rs"];
        assert_eq!(files_of(&packed(&house, &dir, false), &house), names, "{rules}");
    }
}

#[test]
fn a_directory_that_was_asked_for_is_packed_though_it_is_ignored() {
    for rules in ["scratch/\n*.log\n", "*\n", "scratch\n*.log\n!scratch/inner/\n"] {
        for below in ["scratch", "scratch/inner"] {
            let mut house = House::new();
            house.session.managed = false;
            let repository = house.root.join("repository");
            fs::create_dir_all(repository.join(".git")).unwrap();
            fs::write(repository.join(".gitignore"), rules).unwrap();
            let dir = repository.join(below);
            write(
                &dir,
                &[("a.log", "kept"), ("work/b", "kept"), ("work/.gitignore", "c\n"), ("work/c", "left out")],
            );
            let names = ["a.log", "work/.gitignore", "work/b"];
            assert_eq!(files_of(&packed(&house, &dir, false), &house), names, "{rules} {below}");
            let survey = survey(&dir, false, &AtomicBool::new(false)).unwrap();
            assert_eq!((survey.packed.files, survey.ignored.files), (3, 1));
        }
    }
}

/// It goes afterwards, so nothing of it may be missing.
#[test]
fn a_directory_of_our_own_is_packed_whole() {
    let mut house = House::new();
    let dir = project(&mut house);
    house.session.managed = true;
    assert_eq!(files_of(&packed(&house, &dir, false), &house).len(), 12);
}

#[test]
fn a_survey_counts_what_packing_would_do() {
    let mut house = House::new();
    let dir = project(&mut house);
    let survey = |all| survey(&dir, all, &AtomicBool::new(false)).unwrap();
    let some = survey(false);
    assert_eq!(some.packed, packed(&house, &dir, false).manifest.counts.workspace.unwrap());
    assert_eq!(some.ignored.files, 6);
    let largest: Vec<_> = some.largest_ignored.iter().map(|(path, bytes)| (path.as_str(), *bytes)).collect();
    assert_eq!(largest[0], ("build", 42));
    assert_eq!(largest[4], ("target", 12));
    assert_eq!(survey(true).ignored, Default::default());
}

#[test]
fn rules_that_are_none_leave_nothing_out() {
    let mut house = House::new();
    house.session.managed = false;
    let dir = house.workspace();
    fs::write(dir.join(".gitignore"), b"\xff\xfe[\n\\").unwrap();
    assert_eq!(packed(&house, &dir, false).manifest.ignored, [""; 0]);
    fs::remove_file(dir.join(".gitignore")).unwrap();
    // Opened, it would never end.
    rustix::fs::mknodat(
        rustix::fs::CWD,
        dir.join(".gitignore"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from(0o600),
        0,
    )
    .unwrap();
    assert_eq!(packed(&house, &dir, false).manifest.left_out.len(), 1);
}
