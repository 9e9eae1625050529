//! Holds the order of the house: which room may know which, and where the vendors' types end.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use source::Source;

/// Rooms, and the rooms that they may import. A room may always name itself.
const ARROWS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("paths", &["error"]),
    ("config", &["error", "paths"]),
    ("model", &["error"]),
    ("search", &["error", "model"]),
    ("claude", &[]),
    ("sqlite", &["error"]),
    ("store", &["error", "paths", "config", "model", "search", "sqlite"]),
    ("persona", &["error", "paths", "config", "model"]),
    ("archive", &["error", "paths", "config", "model", "claude"]),
    ("highlight", &[]),
    ("export", &["model", "highlight"]),
    ("ipc", &["error", "paths", "model"]),
    (
        "host",
        &["error", "paths", "config", "model", "search", "claude", "store", "persona", "archive", "ipc"],
    ),
    ("demo", &["error", "paths", "config", "model"]),
    ("tui", &["error", "paths", "config", "model", "ipc"]),
    ("telegram", &["error", "paths", "config", "model", "sqlite", "ipc"]),
    (
        "cli",
        &[
            "error", "paths", "config", "model", "search", "persona", "archive", "export", "ipc", "host",
            "demo", "tui", "telegram",
        ],
    ),
];

/// Crates whose types stay in these rooms.
const VENDORS: &[(&str, &[&str])] = &[
    ("teloxide", &["telegram"]),
    ("teloxide_core", &["telegram"]),
    ("reqwest", &["telegram"]),
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
    // The bridge has a file of its own.
    ("rusqlite", &["sqlite", "store", "telegram"]),
];

/// Files that may be longer than [`LONGEST`], each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];
const LONGEST: usize = 600;

/// What a visitor sees first.
const TOP_LEVEL: [&str; 8] =
    ["Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "completions", "personas", "src", "tests"];

#[test]
fn rooms_import_only_what_the_arrows_allow() {
    let rooms: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for file in files() {
        // The root may name every room: it is the map.
        let Some(room) = file.module.first() else { continue };
        let Some(allowed) = rooms.get(room.as_str()) else {
            wrong.push(format!("{}: the room `{room}` has no arrows in tests/architecture.rs", file.name));
            continue;
        };
        for named in file.source.paths(&file.module) {
            let Some(target) = named.path.first() else { continue };
            if target == room || allowed.contains(&target.as_str()) {
                continue;
            }
            let place = format!("{}:{}: `crate::{}`", file.name, named.line, named.path.join("::"));
            wrong.push(if rooms.contains_key(target.as_str()) {
                format!("{place}: `{room}` must not know `{target}`, only {allowed:?}")
            } else {
                format!("{place}: `{target}` is no room; what rooms share lies in a leaf")
            });
        }
    }
    assert!(wrong.is_empty(), "imports against the arrows:\n{}", wrong.join("\n"));
}

#[test]
fn arrows_have_no_circle() {
    let mut settled = BTreeSet::new();
    while settled.len() < ARROWS.len() {
        let next = ARROWS.iter().filter(|(room, _)| !settled.contains(room));
        let free: Vec<&str> = next
            .filter(|(_, allowed)| allowed.iter().all(|room| settled.contains(room)))
            .map(|(room, _)| *room)
            .collect();
        assert!(!free.is_empty(), "the arrows go in a circle among what is not in {settled:?}");
        settled.extend(free);
    }
}

#[test]
fn vendor_types_stay_in_their_room() {
    let mut wrong = Vec::new();
    for file in files() {
        for (vendor, rooms) in VENDORS {
            if file.module.first().is_some_and(|first| rooms.contains(&first.as_str())) {
                continue;
            }
            let lines = file.source.lines_with(vendor);
            wrong.extend(
                lines.iter().map(|line| format!("{}:{line}: `{vendor}` belongs in {rooms:?}", file.name)),
            );
        }
    }
    assert!(wrong.is_empty(), "vendors outside their rooms:\n{}", wrong.join("\n"));
}

#[test]
fn the_map_in_lib_rs_shows_every_room() {
    let map = read(&root().join("src/lib.rs"));
    let listed: BTreeSet<String> = map
        .lines()
        .filter_map(|line| line.strip_prefix("//! | [`")?.split('`').next().map(str::to_owned))
        .collect();
    let built: BTreeSet<String> =
        files().into_iter().filter_map(|file| file.module.first().cloned()).collect();
    let missing: Vec<_> = listed.difference(&built).collect();
    let unlisted: Vec<_> = built.difference(&listed).collect();
    assert!(missing.is_empty(), "src/lib.rs lists rooms that do not exist: {missing:?}");
    assert!(unlisted.is_empty(), "src/lib.rs does not list these rooms: {unlisted:?}");
}

#[test]
fn no_file_is_too_long() {
    let mut long = Vec::new();
    for file in files() {
        let is_known = LONG_FILES.iter().any(|(known, _)| *known == file.name);
        if file.lines > LONGEST && !is_known {
            long.push(format!("{}: {} lines", file.name, file.lines));
        }
    }
    assert!(
        long.is_empty(),
        "over {LONGEST} lines: split these, or give the reason in LONG_FILES:\n{}",
        long.join("\n")
    );
}

#[test]
fn the_top_level_is_tidy() {
    let listed = std::process::Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let listed = listed.unwrap_or_else(|error| panic!("cannot run git: {error}"));
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    let visible: BTreeSet<&str> = names
        .split('\0')
        .filter_map(|name| name.split('/').next())
        .filter(|name| !name.is_empty() && !name.starts_with('.'))
        .collect();
    let extra: Vec<_> = visible.iter().filter(|name| !TOP_LEVEL.contains(name)).collect();
    assert!(extra.is_empty(), "nobody expects these at the top level: {extra:?}");
}

/// A file of `src` that is not only for tests.
struct File {
    /// From the top of the project.
    name: String,
    /// Empty for the crate's roots.
    module: Vec<String>,
    source: Source,
    lines: usize,
}

fn files() -> Vec<File> {
    let mut found = Vec::new();
    let mut paths = Vec::new();
    collect(&root().join("src"), &mut paths);
    let mut only_tests = BTreeSet::new();
    for path in paths {
        let text = read(&path);
        let source = Source::read(&text);
        let relative = path.strip_prefix(root()).unwrap_or(&path);
        let module = module_of(relative);
        only_tests.extend(
            source.test_modules.iter().map(|name| [&module[..], std::slice::from_ref(name)].concat()),
        );
        found.push(File {
            name: relative.display().to_string(),
            module,
            source,
            lines: text.lines().count(),
        });
    }
    found.retain(|file| !only_tests.iter().any(|module| file.module.starts_with(module)));
    found
}

fn module_of(path: &Path) -> Vec<String> {
    let path = path.with_extension("");
    let mut module: Vec<String> =
        path.iter().skip(1).map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        module.pop();
    }
    module
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
