//! Where Claude keeps what belongs to a conversation.

use std::fs;
use std::os::unix::fs::symlink;

use uuid::Uuid;

use crate::claude::conversation::Stored;
use crate::claude::files::{belongs_to, find, left_behind, of_conversation};

#[test]
fn a_conversation_is_found_in_any_project() {
    let dir = tempfile::tempdir().unwrap();
    let id = Uuid::from_u128(9);
    assert_eq!(find(dir.path(), &id).unwrap(), None);
    assert!(of_conversation(dir.path(), &id).unwrap().is_empty());
    let (old, new) = (dir.path().join("projects/-old"), dir.path().join("projects/-new"));
    fs::create_dir_all(old.join(id.to_string())).unwrap();
    fs::create_dir_all(&new).unwrap();
    let name = format!("{id}.jsonl");
    fs::write(old.join(&name), "").unwrap();
    let past = fs::File::options().write(true).open(old.join(&name)).unwrap();
    past.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    fs::write(new.join(&name), "").unwrap();
    // Neither is a project: nothing can lie in them.
    fs::write(dir.path().join("projects/note.txt"), "").unwrap();
    symlink("nowhere", dir.path().join("projects/-gone")).unwrap();
    assert_eq!(find(dir.path(), &id).unwrap(), Some(new.join(&name)));
    assert_eq!(
        of_conversation(dir.path(), &id).unwrap(),
        [new.join(&name), old.join(id.to_string()), old.join(&name)]
    );
}

#[test]
fn what_cannot_be_looked_into_is_not_empty() {
    let id = Uuid::from_u128(9);
    let no_directory = tempfile::tempdir().unwrap();
    fs::write(no_directory.path().join("projects"), "").unwrap();
    let closed = tempfile::tempdir().unwrap();
    fs::create_dir(closed.path().join("projects")).unwrap();
    // A link to itself cannot be followed, by root neither.
    symlink("-loop", closed.path().join("projects/-loop")).unwrap();
    for dir in [no_directory.path(), closed.path()] {
        let error = find(dir, &id).unwrap_err();
        assert!(error.to_string().starts_with(dir.join("projects").to_str().unwrap()), "{error}");
        assert!(of_conversation(dir, &id).is_err());
        assert!(Stored::find(dir, &id).is_err());
    }
}

#[test]
fn what_lies_beside_belongs_to_it() {
    let home = tempfile::tempdir().unwrap();
    let (id, other) = (Uuid::from_u128(9), Uuid::from_u128(10));
    let make = |place: String| {
        let path = home.path().join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        path
    };
    for id in [id, other] {
        for place in
            ["projects/-p/ID.jsonl", "file-history/ID/a@v1", "tasks/ID/1.json", "todos/ID-agent-ID.json"]
        {
            make(place.replace("ID", &id.to_string()));
        }
        make(format!("image-cache/{id}/1.png"));
        make(format!("uploads/{id}/a.txt"));
        make(format!("session-env/{id}/hook.sh"));
        make(format!("debug/{id}.txt"));
    }
    make("plans/of-nobody.md".to_owned());
    let below = |path: &std::path::PathBuf| {
        path.strip_prefix(home.path()).unwrap().to_str().unwrap().replace(&id.to_string(), "ID")
    };
    let found = of_conversation(home.path(), &id).unwrap();
    let names: Vec<_> = found.iter().map(below).collect();
    assert_eq!(
        names,
        [
            "file-history/ID",
            "image-cache/ID",
            "projects/-p/ID.jsonl",
            "tasks/ID",
            "todos/ID-agent-ID.json",
            "uploads/ID"
        ]
    );
    let left: Vec<_> = left_behind(home.path(), &id).unwrap().iter().map(below).collect();
    assert_eq!(left, ["session-env/ID", "debug/ID.txt"]);
    // What is kept of one conversation is taken back of that one, and what runs things is not.
    for path in &found {
        let name = path.strip_prefix(home.path()).unwrap().to_str().unwrap().as_bytes();
        assert!(belongs_to(name, false, &[id]) && !belongs_to(name, false, &[other]), "{path:?}");
    }
    for stranger in [
        "settings.json",
        "session-env/ID/hook.sh",
        "debug/ID.txt",
        "commands/ID",
        "tasks",
        "tasks/x",
        "plans/ID",
    ] {
        assert!(!belongs_to(stranger.replace("ID", &id.to_string()).as_bytes(), false, &[id]), "{stranger}");
    }
    for leading in ["projects", "projects/-p", "tasks", "todos", "uploads"] {
        assert!(belongs_to(leading.as_bytes(), true, &[id]) && !belongs_to(leading.as_bytes(), false, &[id]));
    }
}
