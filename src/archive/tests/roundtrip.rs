//! Packed and restored is the same.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use proptest::prelude::*;

use super::super::stream::{Entry, Kind, Mtime, Reader, Writer};
use super::{CONVERSATION, Content, House, picture, restore, set_mode, set_mtime, verify};
use crate::archive::manifest::LeftOut;
use crate::archive::remove_tree;

#[test]
fn a_session_comes_back_as_it_was() {
    let house = House::new();
    let before = picture(&house.workspace());
    let packed = house.pack().unwrap();

    assert_eq!(packed.file.file_name().unwrap(), "work-20261118T110649Z.tar.gz");
    assert_eq!(packed.bytes, fs::metadata(&packed.file).unwrap().len());
    verify(&packed.file).unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    let mut restored = restore(&packed.file, elsewhere.path()).unwrap();
    assert_eq!(restored.manifest, packed.manifest);
    assert_eq!(restored.manifest.session, house.session);
    assert_eq!(restored.manifest.conversations, [CONVERSATION]);
    assert!(restored.events().unwrap().map(Result::unwrap).eq(house.events.iter().cloned()));
    let target = elsewhere.path().join("here");
    restored.place_workspace(&target).unwrap();
    restored.keep();
    assert_eq!(picture(&target), before);
    assert_eq!(super::names_in(elsewhere.path()), ["here"]);
}

#[test]
fn a_session_that_said_nothing_and_has_no_directory_of_its_own() {
    let mut house = House::new();
    house.events.clear();
    house.session.conversation = None;
    let packing = crate::archive::Packing {
        session: &house.session,
        events: &mut std::iter::empty(),
        conversations: &[],
        conversation_files: &[],
        inbox: None,
        workspace: None,
        all_files: true,
        leave_out: true,
        now: super::at(0),
    };
    let cancel = std::sync::atomic::AtomicBool::new(false);
    let packed = crate::archive::pack(packing, &house.archives(), &mut |_| {}, &cancel).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut restored = restore(&packed.file, elsewhere.path()).unwrap();
    assert!(restored.place_workspace(&elsewhere.path().join("x")).is_err());
    assert_eq!(restored.events().unwrap().count(), 0);
    assert!(restored.place_conversation(&elsewhere.path().join("c"), elsewhere.path()).unwrap().is_empty());
}

#[test]
fn the_same_name_twice_in_a_second_gets_a_number() {
    let house = House::new();
    let files: Vec<_> = (0..3).map(|_| house.pack().unwrap().file).collect();
    let name = |n: usize| files[n].file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name(1).ends_with("Z-2.tar.gz") && name(2).ends_with("Z-3.tar.gz"), "{files:?}");
}

#[test]
fn names_that_would_not_do_as_file_names() {
    for (name, stem) in [("../../etc", "_.._.._etc"), ("", "_"), (".hidden", "_.hidden"), ("日本", "日本")]
    {
        let mut house = House::new();
        house.session.name = name.into();
        let file = house.pack().unwrap().file;
        assert_eq!(file.parent().unwrap(), house.archives());
        assert!(file.file_name().unwrap().to_str().unwrap().starts_with(&format!("{stem}-2026")), "{file:?}");
    }
    let mut house = House::new();
    house.session.name = "ü".repeat(400);
    house.pack().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn links_out_and_special_files_are_left_out_and_named() {
    let house = House::new();
    let dir = house.workspace();
    symlink("/usr/bin/env", dir.join("abs")).unwrap();
    symlink("../../x", dir.join("src/up")).unwrap();
    symlink("../nothing", dir.join("src/inside")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.join("sock")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        dir.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from(0o600),
        0,
    )
    .unwrap();
    let packed = house.pack().unwrap();
    let left_out =
        |path: &str, what: &str| LeftOut { path: format!("workspace/{path}"), what: what.to_owned() };
    assert_eq!(
        packed.manifest.left_out,
        [
            left_out("abs", "link to /usr/bin/env"),
            left_out("pipe", "named pipe"),
            left_out("sock", "socket"),
            left_out("src/up", "link to ../../x"),
        ]
    );
    let elsewhere = tempfile::tempdir().unwrap();
    let mut restored = restore(&packed.file, elsewhere.path()).unwrap();
    restored.place_workspace(&elsewhere.path().join("w")).unwrap();
    assert_eq!(fs::read_link(elsewhere.path().join("w/src/inside")).unwrap(), Path::new("../nothing"));
    assert!(fs::symlink_metadata(elsewhere.path().join("w/src/up")).is_err());
}

#[test]
fn large_files_long_names_and_deep_directories() {
    let house = House::new();
    let mut deep = house.workspace();
    for _ in 0..12 {
        deep.push("d".repeat(200));
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("f".repeat(255)), "deep").unwrap();
    symlink("x".repeat(3000), deep.join("long-link")).unwrap();
    // Both block boundaries and more than one chunk.
    for size in [511, 512, 513, 128 * 1024, 5_000_001] {
        let content: Vec<u8> = (0..size).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        fs::write(house.workspace().join(format!("size-{size}")), content).unwrap();
    }
    let before = picture(&house.workspace());
    let packed = house.pack().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut restored = restore(&packed.file, elsewhere.path()).unwrap();
    let target = elsewhere.path().join("w");
    restored.place_workspace(&target).unwrap();
    assert!(picture(&target) == before);
}

#[test]
fn sizes_beyond_eight_gib_fit_the_header() {
    let size = 9 << 30;
    let mtime = Mtime { secs: 1, nanos: 0 };
    let entry = Entry { name: b"big".into(), kind: Kind::File, size, mode: 0o644, mtime, uid: 0, gid: 0 };
    let mut writer = Writer::new(Vec::new());
    writer.begin(&entry).unwrap();
    let header = writer.finish().unwrap();
    let mut reader = Reader::new(&header[..]);
    assert_eq!(reader.next().unwrap().unwrap(), entry);
}

/// Whoever has no claudebot any more still has the archive.
#[cfg(target_os = "linux")]
#[test]
fn plain_tar_and_sha256sum_read_it() {
    let house = House::new();
    let dir = house.workspace();
    let odd = dir.join(OsStr::from_bytes(b"odd \\ \n \xff name"));
    fs::write(&odd, "odd").unwrap();
    set_mtime(&odd, 5, 250_000_001);
    fs::write(dir.join("n".repeat(200)), "long").unwrap();
    symlink("src//empty/", dir.join("link")).unwrap();
    let before = picture(&dir);
    let packed = house.pack().unwrap();

    let out = tempfile::tempdir().unwrap();
    let run = |program: &str, args: &[&OsStr]| {
        let output = std::process::Command::new(program).args(args).current_dir(out.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    };
    run("tar", &[OsStr::new("xpzf"), packed.file.as_os_str()]);
    run("sha256sum", &[OsStr::new("--strict"), OsStr::new("-c"), OsStr::new("checksums")]);
    assert_eq!(picture(&out.path().join("workspace")), before);
    assert_eq!(
        super::names_in(out.path()),
        ["checksums", "claude", "events.jsonl", "manifest.toml", "workspace"]
    );
}

/// Something to create below a directory.
#[derive(Debug, Clone)]
struct Seed {
    path: Vec<Vec<u8>>,
    content: Content,
    mode: u32,
    mtime: (i64, i64),
}

fn seed() -> impl Strategy<Value = Seed> {
    let byte = prop_oneof![Just(b'\n'), Just(b'\\'), Just(b' '), Just(b'.'), b'a'..=b'c', 1_u8..=255];
    let odd = proptest::collection::vec(byte, 1..20);
    let long = (b'a'..=b'z', 90_usize..=255).prop_map(|(byte, len)| vec![byte; len]);
    let common = prop_oneof![Just(b"a".to_vec()), Just(b"b".to_vec()), Just("é".into()), Just("日本".into())];
    let name = prop_oneof![4 => common, 4 => odd, 1 => long];
    let name =
        name.prop_filter("a usable name", |name| !name.contains(&b'/') && name != b"." && name != b"..");
    let target = proptest::collection::vec(prop_oneof!["\\.\\.", "[ab]", "", "\\."], 0..4)
        .prop_map(|parts| Content::Link(format!("a{}", parts.join("/")).into()));
    let content = prop_oneof![
        2 => Just(Content::Dir),
        4 => proptest::collection::vec(any::<u8>(), 0..3000).prop_map(Content::File),
        1 => (0_usize..300_000).prop_map(|len| Content::File(vec![b'x'; len])),
        1 => target,
    ];
    let path = proptest::collection::vec(name, 1..5);
    let mtime = (-1_000_000_000_i64..4_000_000_000, prop_oneof![Just(0_i64), 0_i64..1_000_000_000]);
    (path, content, 0_u32..0o1000, mtime).prop_map(|(path, content, mode, mtime)| Seed {
        path,
        content,
        mode,
        mtime,
    })
}

/// Creates what can be: seeds that contradict each other are skipped.
fn sow(root: &Path, seeds: &[Seed]) {
    let mut made = Vec::new();
    for seed in seeds {
        let mut path = root.to_owned();
        path.extend(seed.path.iter().map(|part| OsStr::from_bytes(part)));
        let parent_made = path.parent().is_some_and(|parent| {
            !parent.ancestors().any(|dir| dir.starts_with(root) && dir.is_symlink())
                && fs::create_dir_all(parent).is_ok()
        });
        if !parent_made || fs::symlink_metadata(&path).is_ok() {
            continue;
        }
        match &seed.content {
            Content::Dir => fs::create_dir(&path).unwrap(),
            Content::File(bytes) => fs::write(&path, bytes).unwrap(),
            Content::Link(target) => symlink(target, &path).unwrap(),
        }
        made.push((path, seed));
    }
    for (path, seed) in made.iter().rev() {
        match seed.content {
            // Its owner must be able to read it, or it could not be packed.
            Content::Dir => set_mode(path, seed.mode | 0o500),
            Content::File(_) => set_mode(path, seed.mode | 0o400),
            Content::Link(_) => {}
        }
        set_mtime(path, seed.mtime.0, seed.mtime.1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn restoring_is_the_inverse_of_packing(seeds in proptest::collection::vec(seed(), 0..25), log in 0_u64..40) {
        let mut house = House::new();
        house.events = super::events(log);
        sow(&house.workspace(), &seeds);
        let mut before = picture(&house.workspace());
        let packed = house.pack().unwrap();
        for gone in &packed.manifest.left_out {
            prop_assert!(gone.what.starts_with("link to "), "{gone:?}");
        }
        before.retain(|name, thing| match &thing.content {
            Content::Link(target) => super::super::format::link_stays_inside(
                &[b"workspace/", &name[..]].concat(),
                target.as_os_str().as_bytes(),
            ),
            _ => true,
        });
        let elsewhere = tempfile::tempdir().unwrap();
        let mut restored = restore(&packed.file, elsewhere.path()).unwrap();
        let target = elsewhere.path().join("w");
        restored.place_workspace(&target).unwrap();
        prop_assert!(restored.events().unwrap().map(Result::unwrap).eq(house.events.iter().cloned()));
        restored.keep();
        let after = picture(&target);
        // Directories of this very test are not writable: the temporary directory could not be removed.
        remove_tree(&target).unwrap();
        remove_tree(&house.workspace()).unwrap();
        prop_assert_eq!(after, before);
    }

    #[test]
    fn every_time_survives_the_header(secs in any::<i32>(), nanos in 0_u32..1_000_000_000) {
        for nanos in [0, nanos] {
            let mtime = Mtime { secs: secs.into(), nanos };
            let entry = Entry { name: b"n".into(), kind: Kind::Dir, size: 0, mode: 0, mtime, uid: 0, gid: 0 };
            let mut writer = Writer::new(Vec::new());
            writer.begin(&entry).unwrap();
            let bytes = writer.finish().unwrap();
            prop_assert_eq!(Reader::new(&bytes[..]).next().unwrap().unwrap().mtime, mtime);
        }
    }
}
