//! Archives that are damaged, cut, or made to harm: each is refused with its reason, and nothing is left.

use std::fs;
use std::io::{Read as _, Write as _};

use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};
use tar::{EntryType, Header};

use super::super::checksums::{Hasher, append_line};
use super::super::manifest::{Counts, FORMAT, Manifest, Tally};
use super::{CONVERSATION, House, at, names_in, restore, session, verify};

/// One tar entry as somebody else might write it.
struct Forged {
    name: Vec<u8>,
    kind: EntryType,
    target: Vec<u8>,
    content: Vec<u8>,
}

fn forged(name: impl AsRef<[u8]>, kind: EntryType, target: &str, content: &str) -> Forged {
    Forged { name: name.as_ref().into(), kind, target: target.into(), content: content.into() }
}

fn file(name: impl AsRef<[u8]>) -> Forged {
    forged(name, EntryType::Regular, "", "harm")
}

fn dir(name: &str) -> Forged {
    forged(name, EntryType::Directory, "", "")
}

fn link(name: &str, target: &str) -> Forged {
    forged(name, EntryType::Symlink, target, "")
}

/// A manifest that allows what the entries hold, so that it is not what refuses them.
fn manifest(entries: &[Forged]) -> Manifest {
    let [mut workspace, mut claude, mut inbox] = [Tally::default(); 3];
    for entry in entries {
        let tally = match &entry.name[..] {
            name if name.starts_with(b"claude") => &mut claude,
            name if name.starts_with(b"inbox") => &mut inbox,
            _ => &mut workspace,
        };
        match entry.kind {
            EntryType::Directory => tally.dirs += 1,
            EntryType::Symlink => tally.links += 1,
            _ => tally.files += 1,
        }
        tally.bytes += entry.content.len() as u64;
    }
    Manifest {
        format: FORMAT,
        claudebot: "0.0.0".into(),
        created: at(0),
        host_os: "linux".into(),
        original_dir: "/x".into(),
        managed: true,
        conversations: vec![CONVERSATION],
        counts: Counts {
            workspace: (workspace.dirs > 0).then_some(workspace),
            inbox: (inbox.dirs > 0).then_some(inbox),
            claude,
            ..Counts::default()
        },
        session: session(std::path::Path::new("/x")),
        left_out: Vec::new(),
        ignored: Vec::new(),
    }
}

fn tar(entries: &[Forged]) -> Vec<u8> {
    let mut tar = Vec::new();
    for entry in entries {
        let mut header = Header::new_gnu();
        let old = header.as_old_mut();
        old.name[..entry.name.len()].copy_from_slice(&entry.name);
        old.linkname[..entry.target.len()].copy_from_slice(&entry.target);
        header.set_entry_type(entry.kind);
        header.set_mode(0o777);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(entry.content.len() as u64);
        header.set_cksum();
        tar.extend_from_slice(header.as_bytes());
        tar.extend_from_slice(&entry.content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// All of an archive's entries but for the checksums.
fn entries_of(manifest: &str, entries: Vec<Forged>) -> Vec<Forged> {
    let mut all = vec![
        forged("manifest.toml", EntryType::Regular, "", manifest),
        forged("events.jsonl", EntryType::Regular, "", ""),
    ];
    all.extend(entries);
    all
}

fn checksums(entries: &[Forged]) -> Forged {
    let mut lines = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind == EntryType::Regular) {
        let mut hasher = Hasher::default();
        hasher.update(&entry.content);
        append_line(&mut lines, &hasher.finish(), &entry.name);
    }
    Forged { name: b"checksums".into(), kind: EntryType::Regular, target: Vec::new(), content: lines }
}

/// An archive that is proper but for what the entries are.
fn forge(entries: Vec<Forged>) -> Vec<u8> {
    let manifest = manifest(&entries).to_toml().unwrap();
    forge_with(&manifest, entries)
}

fn forge_with(manifest: &str, entries: Vec<Forged>) -> Vec<u8> {
    let mut all = entries_of(manifest, entries);
    all.push(checksums(&all));
    gzip(&tar(&all))
}

/// Neither verified nor restored, for this reason; and nothing is left, inside or out.
fn refused(archive: &[u8], reason: &str) {
    let root = tempfile::tempdir().unwrap();
    let (path, into) = (root.path().join("a.tar.gz"), root.path().join("into"));
    fs::write(&path, archive).unwrap();
    fs::create_dir(&into).unwrap();
    let verified = verify(&path).unwrap_err();
    let restored = restore(&path, &into).map(drop).unwrap_err();
    for error in [&verified, &restored] {
        assert!(error.hint.is_some(), "{error} should say what to do");
        assert!(error.message.contains(reason), "{error}\nshould say: {reason}");
        assert!(error.message.starts_with(&*path.to_string_lossy()), "{error}");
    }
    assert!(names_in(&into).is_empty());
    assert_eq!(names_in(root.path()), ["a.tar.gz", "into"]);
}

#[test]
fn the_forge_itself_is_sound() {
    let entries = vec![
        dir("claude"),
        dir("claude/projects"),
        dir("claude/projects/-x/"),
        file(format!("claude/projects/-x/{CONVERSATION}.jsonl")),
        dir("workspace"),
        dir("workspace/d"),
        file("workspace/d/f"),
        link("workspace/d/l", "../d/f"),
    ];
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a");
    fs::write(&path, forge(entries)).unwrap();
    verify(&path).unwrap();
    restore(&path, root.path()).unwrap();
}

#[test]
fn paths_that_lead_out() {
    let within = |entry| forge(vec![dir("workspace"), entry]);
    refused(&within(file("/etc/passwd")), "absolute");
    refused(&within(file("workspace/../../x")), "upwards");
    refused(&within(file("..")), "upwards");
    refused(&within(file("workspace/./x")), "plain form");
    refused(&within(file("workspace//x")), "plain form");
    refused(&within(file("workspace/x/")), "plain form");
    refused(&within(file("elsewhere")), "no part of an archive");
    refused(&within(file("workspace2/x")), "no part of an archive");
    refused(&within(file("workspace/absent/x")), "no directory is there");
    refused(&within(dir("workspace/absent/x")), "no directory is there");
    refused(&forge(vec![file("workspace")]), "should be a directory");
    refused(&within(file("workspace/\u{1b}[2J/../x")), "\\u{1b}[2J");
}

#[test]
fn links_that_lead_out() {
    for target in ["/etc/passwd", "..", "../x", "d/../../x", "./../x", "", "d/.."] {
        refused(&forge(vec![dir("workspace"), link("workspace/l", target)]), "links out");
    }
    // Each alone looks harmless; together they climb.
    let chain = vec![
        dir("workspace"),
        dir("workspace/a"),
        dir("workspace/a/b"),
        link("workspace/a/b/root", "../.."),
        link("workspace/out", "a/b/root/.."),
    ];
    refused(&forge(chain), "links out");
    // Through a link, even one that stays inside, nothing is written.
    let through = vec![dir("workspace"), dir("workspace/d"), link("workspace/l", "d"), file("workspace/l/f")];
    refused(&forge(through), "no directory is there");
    let over = vec![dir("workspace"), dir("workspace/d"), link("workspace/l", "d"), dir("workspace/l")];
    refused(&forge(over), "there twice");
}

#[test]
fn kinds_that_are_never_written() {
    let within = |kind| forge(vec![dir("workspace"), forged("workspace/x", kind, "manifest.toml", "")]);
    refused(&within(EntryType::Link), "hard link");
    refused(&within(EntryType::Char), "device");
    refused(&within(EntryType::Block), "device");
    refused(&within(EntryType::Fifo), "named pipe");
    refused(&within(EntryType::GNUSparse), "does not write");
    refused(&within(EntryType::XGlobalHeader), "does not write");
    refused(&forge(vec![dir("workspace"), forged("workspace/d", EntryType::Directory, "", "x")]), "content");
}

#[test]
fn claudes_own_configuration_is_out_of_reach() {
    let hook = format!("session-env/{CONVERSATION}/hook.sh");
    for path in ["settings.json", "projects/-x/settings.json", "CLAUDE.md", "commands/x.md", &hook] {
        let mut entries = vec![dir("claude"), dir("claude/projects"), dir("claude/projects/-x")];
        entries.push(file(format!("claude/{path}")));
        let reason = if ["commands/x.md", hook.as_str()].contains(&path) {
            "no directory"
        } else {
            "no part of the session's conversation"
        };
        refused(&forge(entries), reason);
    }
    // What would lead to a conversation must be a directory; and a link could lead to the settings.
    refuse_in_claude(file("claude/projects/-x"), "no part of the session's conversation");
    refuse_in_claude(file("claude/todos"), "no part of the session's conversation");
    let transcript = format!("claude/projects/{CONVERSATION}/{CONVERSATION}.jsonl");
    let entries =
        vec![dir("claude"), dir("claude/projects"), dir(&format!("claude/projects/{CONVERSATION}"))];
    let link = link(&transcript, "../../settings.json");
    refused(&forge(entries.into_iter().chain([link]).collect()), "links out");
    // What a hook wrote is run by every shell of the conversation.
    refuse_in_claude(dir("claude/session-env"), "no part of the session's conversation");
    refuse_in_claude(dir("claude/debug"), "no part of the session's conversation");
    let other = "projects/-x/00000000-0000-4000-8000-000000000000.jsonl";
    let entries = vec![
        dir("claude"),
        dir("claude/projects"),
        dir("claude/projects/-x"),
        file(format!("claude/{other}")),
    ];
    refused(&forge(entries), "no part of the session's conversation");
}

fn refuse_in_claude(entry: Forged, reason: &str) {
    refused(&forge(vec![dir("claude"), dir("claude/projects"), entry]), reason);
}

#[test]
fn what_was_sent_is_plain_files() {
    let inbox = |entry| forge(vec![dir("inbox"), entry]);
    refused(&inbox(link("inbox/l", "x")), "links out");
    refused(&forge(vec![file("inbox")]), "it should be a directory");
    refused(&inbox(file("inbox/../x")), "leads upwards");
    refused(&forge(vec![dir("workspace"), dir("inbox")]), "out of order");
    let claims = manifest(&[dir("inbox"), file("inbox/x")]).to_toml().unwrap();
    refused(&forge_with(&claims, vec![dir("inbox")]), "something is missing: inbox");
    refused(
        &forge_with(&manifest(&[]).to_toml().unwrap(), vec![dir("inbox")]),
        "more here than the manifest",
    );
}

#[test]
fn twice_out_of_order_too_much_too_little() {
    refused(&forge(vec![dir("workspace"), file("workspace/x"), file("workspace/x")]), "there twice");
    refused(&forge(vec![dir("workspace"), dir("workspace/x"), dir("workspace/x/")]), "there twice");
    refused(&forge(vec![dir("workspace"), dir("claude")]), "out of order");
    refused(&forge(vec![dir("workspace"), file("events.jsonl")]), "there twice");

    let claims = manifest(&[dir("workspace")]).to_toml().unwrap();
    refused(&forge_with(&claims, vec![dir("workspace"), file("workspace/x")]), "more here than the manifest");
    refused(&forge_with(&claims, vec![dir("workspace"), dir("workspace/x")]), "more here than the manifest");
    refused(
        &forge_with(&claims, vec![dir("workspace"), link("workspace/x", "y")]),
        "more here than the manifest",
    );
    let more = manifest(&[dir("workspace"), file("workspace/x")]).to_toml().unwrap();
    refused(&forge_with(&more, vec![dir("workspace")]), "something is missing");
    refused(&forge_with(&claims, vec![]), "something is missing");

    let mut events = manifest(&[]);
    events.counts.events = 1;
    refused(&forge_with(&events.to_toml().unwrap(), vec![]), "something is missing");
    events.counts.events_bytes = 1;
    refused(&forge_with(&events.to_toml().unwrap(), vec![]), "entry events.jsonl: its size");
}

#[test]
fn bombs() {
    // Small as a file, large when unpacked, and not announced: refused before its content is looked at.
    let claims = manifest(&[dir("workspace"), file("workspace/x")]).to_toml().unwrap();
    let mut bomb = file("workspace/x");
    bomb.content = vec![0; 16 << 20];
    refused(&forge_with(&claims, vec![dir("workspace"), bomb]), "more here than the manifest");
    // Announced, but no disk holds it.
    let mut vast = manifest(&[dir("workspace"), file("workspace/x")]);
    vast.counts.workspace = Some(Tally { bytes: 1 << 60, files: 1, dirs: 1, links: 0 });
    let archive = forge_with(&vast.to_toml().unwrap(), vec![dir("workspace"), file("workspace/x")]);
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a"), archive).unwrap();
    let refused_restore = restore(&root.path().join("a"), root.path()).map(drop).unwrap_err();
    assert!(refused_restore.message.contains("needs 1024 PB, and only"), "{refused_restore}");
    assert!(refused_restore.hint.as_deref().is_some_and(|hint| hint.contains("--dir")));
    // Empty files without end: each name would be remembered.
    let mut many = manifest(&[dir("workspace"), file("workspace/x")]);
    for (files, dirs, links) in [(10_000_001, 1, 0), (1, 10_000_000, 0), (1, 1, 1 << 62)] {
        many.counts.workspace = Some(Tally { bytes: 4, files, dirs, links });
        let archive = forge_with(&many.to_toml().unwrap(), vec![dir("workspace"), file("workspace/x")]);
        refused(&archive, "more than the 10000000 that one archive can hold");
    }
    // A name, a manifest, a line of zeros without end.
    let mut name = forged("././@LongLink", EntryType::GNULongName, "", "");
    name.content = vec![b'x'; 1 << 20];
    refused(&forge(vec![dir("workspace"), name, file("workspace/x")]), "too long a name");
    refused(
        &gzip(&tar(&[forged("manifest.toml", EntryType::Regular, "", &" ".repeat(17 << 20))])),
        "too large",
    );
    let mut endless = tar(&entries_of(&manifest(&[]).to_toml().unwrap(), vec![]));
    let sums = checksums(&entries_of(&manifest(&[]).to_toml().unwrap(), vec![]));
    endless.truncate(endless.len() - 1024);
    endless.extend(tar(&[sums]));
    endless.resize(endless.len() + (1 << 20), 0);
    refused(&gzip(&endless), "follows the end");
}

#[test]
fn manifests() {
    let good = manifest(&[]).to_toml().unwrap();
    let newer = good.replace("format = 2", "format = 3\nfuture = { of = \"archives\" }");
    refused(&forge_with(&newer, vec![]), "format 3");
    refused(&forge_with("format = 99", vec![]), "reads up to format 2");
    refused(&forge_with("format = 0", vec![]), "no format 0");
    refused(&forge_with("format = 1", vec![]), "missing field");
    refused(&forge_with("this is no toml", vec![]), "manifest.toml");
    refused(&forge_with("", vec![]), "missing field");
    refused(&gzip(&tar(&[file("events.jsonl")])), "manifest.toml should stand first");
    refused(&gzip(&tar(&[])), "empty");
    // Keys of a later release that this one may ignore.
    let richer = format!("shiny = true\n{good}[more]\nthings = [1, 2]\n");
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a"), forge_with(&richer, vec![])).unwrap();
    verify(&root.path().join("a")).unwrap();
}

#[test]
fn checksums_that_do_not_fit() {
    let entries = || entries_of(&manifest(&[]).to_toml().unwrap(), vec![]);
    let with = |change: &dyn Fn(&mut Forged)| {
        let mut all = entries();
        let mut sums = checksums(&all);
        change(&mut sums);
        all.push(sums);
        gzip(&tar(&all))
    };
    refused(&gzip(&tar(&entries())), "no checksums");
    refused(&with(&|sums| sums.content[3] ^= 1), "entry manifest.toml: its content does not match");
    refused(&with(&|sums| sums.content.clear()), "not among the checksums");
    refused(&with(&|sums| sums.content.extend(sums.content.clone())), "has a checksum but is missing");
    refused(&with(&|sums| sums.content.extend(b"garbage\n")), "entry checksums: a line is malformed");
    refused(&with(&|sums| sums.content.truncate(sums.content.len() - 1)), "last line is cut off");
    refused(&with(&|sums| sums.content = vec![b'x'; 1 << 20]), "entry checksums: a line is too long");
    let mut late = entries();
    late.push(checksums(&late));
    late.push(dir("workspace"));
    refused(&gzip(&tar(&late)), "follows the checksums");
}

#[test]
fn logs_that_are_not_whole() {
    let archive = |log: &str, count: u64| {
        let mut manifest = manifest(&[]);
        manifest.counts.events = count;
        manifest.counts.events_bytes = log.len() as u64;
        let mut all = entries_of(&manifest.to_toml().unwrap(), vec![]);
        all[1].content = log.into();
        all.push(checksums(&all));
        gzip(&tar(&all))
    };
    let line = |seq| serde_json::to_string(&super::events(seq).pop().unwrap()).unwrap() + "\n";
    refused(&archive(&(line(1) + &line(3)), 2), "entry events.jsonl: event 2 is numbered 3");
    refused(&archive(&line(2), 1), "event 1 is numbered 2");
    refused(&archive("{}\n", 1), "line 1 is not an event");
    refused(&archive(line(1).trim_end(), 1), "last line is cut off");
    refused(&archive(&line(1), 2), "something is missing");
}

#[test]
fn cut_off_after_any_number_of_bytes() {
    let house = House::new();
    let whole = fs::read(house.pack().unwrap().file).unwrap();
    for length in 0..whole.len() {
        // Coarser in the middle: each attempt reads all that is there.
        if length > 64 && length + 64 < whole.len() && length % 7 != 0 {
            continue;
        }
        refused(&whole[..length], "cut off");
    }
}

#[test]
fn any_byte_flipped() {
    let house = House::new();
    let whole = fs::read(house.pack().unwrap().file).unwrap();
    let content = gunzip(&whole).unwrap();
    let mut harmless = 0;
    for position in (0..whole.len()).filter(|position| *position < 64 || position % 7 == 0) {
        let mut flipped = whole.clone();
        flipped[position] ^= 1 << (position % 8);
        // A few bits mean nothing: gzip's time stamp, its name for an extra field, and what fills up the last byte.
        if gunzip(&flipped).is_ok_and(|bytes| bytes == content) {
            harmless += 1;
        } else {
            refused(&flipped, "");
        }
    }
    assert!(harmless <= 24, "{harmless}");
}

fn gunzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut content)?;
    Ok(content)
}

#[test]
fn something_after_the_end() {
    let house = House::new();
    let whole = fs::read(house.pack().unwrap().file).unwrap();
    refused(&[&whole[..], b"more"].concat(), "");
    refused(&[&whole[..], &[0; 4096]].concat(), "");
    refused(
        &[&whole[..], b"some sixty bytes that are by no means the header of a gzip member"].concat(),
        "follows",
    );
    refused(&[&whole[..], &gzip(b"more")].concat(), "follows the end");
    refused(b"not a gzip file at all, only some words", "no gzip file");
}

/// Whoever packed it, and in whatever members.
#[test]
fn many_gzip_members_are_one_archive() {
    let mut all = entries_of(&manifest(&[]).to_toml().unwrap(), vec![]);
    all.push(checksums(&all));
    let members: Vec<u8> = tar(&all).chunks(100).flat_map(gzip).collect();
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a"), &members).unwrap();
    verify(&root.path().join("a")).unwrap();
    // Cut between members, each is whole; the tar within is not.
    let first = gzip(&tar(&all)[..1000]);
    refused(&first, "cut off");
}
