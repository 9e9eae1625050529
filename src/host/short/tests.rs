//! The handler over a real store and real directories.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::*;
use crate::error::Kind;
use crate::ipc::{NewSession, Selector};
use crate::model::{
    Agent, Approval, ApprovalKind, Decision, Delivery, Prompt, PromptId, PromptStatus, Scope, SessionView,
};
use crate::paths::Env;

struct House {
    home: tempfile::TempDir,
    paths: Paths,
    db: Db,
    live: HashMap<SessionId, Presence>,
}

impl House {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::resolve(&Env::from_pairs([("HOME", home.path())])).unwrap();
        Self { home, paths, db: Db::in_memory(), live: HashMap::new() }
    }

    fn ask(&mut self, request: &Request) -> Option<Result<Response>> {
        let config = || Ok(Config::defaults(&self.paths));
        let channel = Channel::local();
        let ctx = ShortCtx {
            paths: &self.paths,
            config: &config,
            who: "cli",
            channel: &channel,
            live: Some(&self.live),
        };
        answer(&mut self.db, &ctx, request)
    }

    fn get(&mut self, request: &Request) -> Response {
        self.ask(request).expect("no host is needed").expect("it works")
    }

    fn error(&mut self, request: &Request) -> Error {
        self.ask(request).expect("no host is needed").expect_err("it is refused")
    }

    fn session(&mut self, request: &Request) -> SessionView {
        match self.get(request) {
            Response::Session(view) => view,
            other => panic!("{other:?}"),
        }
    }

    fn made(&mut self, name: &str) -> SessionView {
        self.session(&Request::SessionNew(new(name)))
    }

    fn dir(&self, name: &str) -> PathBuf {
        let dir = self.home.path().join(name);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    fn prompt(&mut self, session: SessionId, text: &str) -> PromptId {
        let prompt = Prompt {
            id: PromptId::random(),
            session,
            key: format!("cli:{}", PromptId::random()),
            text: text.to_owned(),
            attachments: Vec::new(),
            delivery: Delivery::Queue,
            status: PromptStatus::Queued,
            accepted: Timestamp::now(),
            set: None,
            given_as: None,
        };
        self.db.accept(&prompt, false).unwrap().prompt.id
    }

    fn wake(&mut self, session: SessionId, state: SessionState) {
        self.live.insert(session, Presence { state, activity: Some("running Bash".to_owned()) });
    }
}

fn new(name: &str) -> NewSession {
    NewSession {
        name: name.to_owned(),
        persona: None,
        dir: None,
        agent: Agent::Claude,
        model: None,
        tags: Vec::new(),
        switch: None,
        allow_wide_dir: false,
    }
}

fn by_name(name: &str) -> Selector {
    Selector::Name(name.to_owned())
}

fn list() -> Request {
    Request::SessionList { channel: Channel::local(), archived: false, all: false, tag: None }
}

#[test]
fn a_scratch_session_gets_a_private_directory_of_its_own() {
    let mut house = House::new();
    let view = house.made("idea");
    assert_eq!(view.dir, house.paths.sessions_dir().join("idea"));
    assert_eq!(fs::metadata(&view.dir).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(house.db.session(view.id).unwrap().managed);
    assert!(!view.current);

    house.session(&Request::SessionRename { session: by_name("idea"), name: "plan".to_owned() });
    assert!(house.made("idea").dir.ends_with("idea-2"), "what the first one has there is not touched");
}

#[test]
fn a_session_can_be_made_in_a_project_and_be_current_at_once() {
    let mut house = House::new();
    let dir = house.dir("project");
    let request = NewSession {
        dir: Some(dir.clone()),
        switch: Some(Channel::local()),
        tags: vec!["a".to_owned(), "a".to_owned()],
        model: Some("opus".to_owned()),
        ..new("work")
    };
    let view = house.session(&Request::SessionNew(request));
    assert_eq!((&view.dir, view.current, view.tags.len()), (&dir, true, 1));
    assert!(!house.db.session(view.id).unwrap().managed);
    let Response::Audit(lines) = house.get(&Request::Audit { limit: 9 }) else { panic!("no audit") };
    assert_eq!((&lines[0]["what"], &lines[0]["who"]), (&"session_created".into(), &"cli".into()));
}

#[test]
fn unusable_directories_are_refused_and_nothing_is_made() {
    let mut house = House::new();
    let home = house.home.path().to_owned();
    fs::write(home.join("file"), "").unwrap();
    std::os::unix::fs::symlink("/", home.join("root")).unwrap();
    let in_dir = |dir: &Path| Request::SessionNew(NewSession { dir: Some(dir.to_owned()), ..new("work") });
    for (dir, words) in [
        (Path::new("relative"), "not absolute"),
        (&home.join("none"), "does not exist"),
        (&home.join("file"), "not a directory"),
        (Path::new("/"), "far more than one project"),
        (&home, "far more than one project"),
        (home.parent().unwrap(), "far more than one project"),
        (&home.join("root"), "far more than one project"),
    ] {
        let error = house.error(&in_dir(dir));
        assert!(error.kind == Kind::Usage && error.message.contains(words), "{error}");
    }
    assert!(house.error(&in_dir(&home)).hint.unwrap().contains("--yes"));
    let wide = NewSession { dir: Some(home), allow_wide_dir: true, ..new("work") };
    house.session(&Request::SessionNew(wide));
}

#[test]
fn bad_words_are_refused_before_a_directory_is_made() {
    let mut house = House::new();
    house.made("taken");
    let bad = [
        new("bad name"),
        new("taken"),
        NewSession { persona: Some("nobody".to_owned()), ..new("work") },
        NewSession { model: Some("gpt".to_owned()), ..new("work") },
        NewSession { tags: vec!["a b".to_owned()], ..new("work") },
    ];
    let kinds: Vec<_> = bad.into_iter().map(|new| house.error(&Request::SessionNew(new)).kind).collect();
    assert_eq!(kinds, [Kind::Usage, Kind::Conflict, Kind::NotFound, Kind::Usage, Kind::Usage]);
    let made = fs::read_dir(house.paths.sessions_dir()).unwrap().count();
    assert_eq!(made, 1, "only that of the session that exists");
}

#[test]
fn the_list_shows_the_last_used_first_with_what_only_the_host_knows() {
    let mut house = House::new();
    let (first, second) = (house.made("first"), house.made("second"));
    house.prompt(first.id, "hello");
    house.wake(first.id, SessionState::Busy);
    house.get(&Request::SessionSwitch { channel: Channel::local(), session: by_name("second") });
    let Response::Sessions(views) = house.get(&list()) else { panic!("no list") };
    let rows: Vec<_> =
        views.iter().map(|view| (view.name.as_str(), view.state, view.queued, view.current)).collect();
    assert_eq!(rows, [("first", SessionState::Busy, 1, false), ("second", SessionState::Asleep, 0, true)]);
    assert_eq!(views[0].activity.as_deref(), Some("running Bash"));

    house.made("third");
    let Response::Status { total, sessions, .. } = house.get(&Request::Status { channel: Channel::local() })
    else {
        panic!("no status")
    };
    let names: Vec<_> = sessions.iter().map(|view| view.name.as_str()).collect();
    assert_eq!((total, names), (3, vec!["first", "second"]), "{}", second.name);
}

#[test]
fn tags_pin_and_settings_change() {
    let mut house = House::new();
    house.made("work");
    let tag = |add: &[&str], remove: &[&str]| Request::SessionTag {
        session: by_name("work"),
        add: add.iter().map(ToString::to_string).collect(),
        remove: remove.iter().map(ToString::to_string).collect(),
    };
    house.get(&tag(&["a", "b"], &[]));
    assert_eq!(house.session(&tag(&["c", "b"], &["a"])).tags, ["b", "c"]);
    assert_eq!(way(&tag(&[], &[])), Way::Read);
    assert_eq!(house.session(&tag(&[], &[])).tags, ["b", "c"]);
    assert!(house.session(&Request::SessionPin { session: by_name("work"), pinned: true }).pinned);

    let set = |key: &str, value: Option<&str>| Request::SessionSet {
        session: by_name("work"),
        key: key.to_owned(),
        value: value.map(str::to_owned),
    };
    assert_eq!(house.session(&set("model", Some("opus"))).model.as_deref(), Some("opus"));
    assert_eq!(house.session(&set("model", None)).model, None);
    for bad in
        [set("modle", None), set("effort", Some("much")), set("permission_mode", Some("bypassPermissions"))]
    {
        assert_eq!(house.error(&bad).kind, Kind::Usage);
    }
}

#[test]
fn what_a_live_process_has_to_hear_of_is_left_to_the_host() {
    let mut house = House::new();
    let id = house.made("work").id;
    let prompt = house.prompt(id, "hello");
    house.wake(id, SessionState::Idle);
    let session = by_name("work");
    for request in [
        Request::SessionSet { session: session.clone(), key: "model".to_owned(), value: None },
        Request::SessionStop { session: session.clone(), turn: None },
        Request::SessionSleep { session: session.clone(), force: false },
        Request::QueueRun { session: session.clone() },
        Request::QueueClear { session: session.clone() },
        Request::PromptTakeBack { prompt },
        Request::PromptEdit { prompt, text: "bye".to_owned() },
        Request::SessionDelete { session: session.clone(), confirmed: true },
        Request::HostStatus,
    ] {
        assert_eq!(house.ask(&request), None, "{request:?}");
    }
    assert_eq!(house.db.waiting(id).unwrap().len(), 1);
    house.live.clear();
    assert_eq!(house.ask(&Request::QueueRun { session }), None, "it takes a process to run what waits");
}

#[test]
fn waiting_prompts_of_a_sleeping_session_are_changed_and_the_log_says_so() {
    let mut house = House::new();
    let id = house.made("work").id;
    let [a, b, _] = ["a", "b", "c"].map(|text| house.prompt(id, text));
    let session = by_name("work");
    let Response::Key(key) = house.get(&Request::PromptKey { prompt: a }) else { panic!() };
    assert!(key.starts_with("cli:"), "{key}");
    assert_eq!(house.error(&Request::PromptKey { prompt: PromptId::random() }).kind, Kind::NotFound);
    assert_eq!(
        house.get(&Request::SessionStop { session: session.clone(), turn: None }),
        Response::Stopped { turn: None, held: 3 }
    );
    assert_eq!(house.db.session(id).unwrap().hold.as_deref(), Some("stopped"));
    assert_eq!(house.get(&Request::PromptEdit { prompt: a, text: "A".to_owned() }), Response::Done);
    assert_eq!(house.error(&Request::PromptEdit { prompt: a, text: " ".to_owned() }).kind, Kind::Usage);
    assert_eq!(house.get(&Request::PromptTakeBack { prompt: b }), Response::Done);
    assert_eq!(house.get(&Request::PromptTakeBack { prompt: b }), Response::Done, "twice is once");
    let cleared = house.get(&Request::QueueClear { session: session.clone() });
    assert_eq!(cleared, Response::Said("2 waiting prompts dropped".to_owned()));
    assert_eq!(house.db.session(id).unwrap().hold, None);
    assert_eq!(
        house.get(&Request::QueueRun { session: session.clone() }),
        Response::Said("nothing waits in work".to_owned())
    );

    let Response::Events(events) = house.get(&Request::Log { session, since: 3, limit: 9 }) else {
        panic!("no log")
    };
    let lines: Vec<_> = events.iter().map(|event| (event.text.as_str(), event.prompt_id)).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!((lines[0], lines[1].1), (("A", Some(a)), Some(b)));
}

#[test]
fn the_same_edit_twice_is_one_though_the_prompt_has_begun_meanwhile() {
    let mut house = House::new();
    let id = house.made("work").id;
    let prompt = house.prompt(id, "a");
    let edit = |text: &str| Request::PromptEdit { prompt, text: text.to_owned() };
    assert_eq!(house.get(&edit("A")), Response::Done);
    house.db.mark_sent(&[prompt]).unwrap();
    assert_eq!(house.get(&edit("A")), Response::Done);
    assert_eq!(house.error(&edit("B")).kind, Kind::Conflict);
    let edited = house.db.events(id, 0, 9).unwrap();
    assert_eq!(edited.iter().filter(|event| event.text == "A").count(), 1);
}

#[test]
fn a_stop_is_the_hosts_while_a_process_may_have_outlived_it() {
    let mut house = House::new();
    let id = house.made("work").id;
    let prompt = house.prompt(id, "hello");
    house.db.mark_sent(&[prompt]).unwrap();
    assert_eq!(house.ask(&Request::SessionStop { session: by_name("work"), turn: None }), None);
    assert_eq!(house.ask(&Request::SessionSleep { session: by_name("work"), force: false }), None);
}

#[test]
fn answers_that_nobody_waits_for_are_told_so() {
    let mut house = House::new();
    let id = house.made("work").id;
    let approval = Approval {
        id: 0,
        session: "work".to_owned(),
        kind: ApprovalKind::Tool,
        tool: "Bash".to_owned(),
        summary: "ls".to_owned(),
        session_id: id,
        asked: Timestamp::now(),
        input: serde_json::Value::Null,
        questions: Vec::new(),
        plan: None,
        rules: Vec::new(),
        rules_file: None,
    };
    let approval = house.db.ask(&approval).unwrap();
    let decision = Decision::Allow { scope: Scope::Once };
    let answer = Request::Answer { approval, decision: decision.clone(), by: "shell".to_owned() };
    let shown = |house: &mut House| match house.get(&Request::Approvals { session: None }) {
        Response::Approvals(approvals) => approvals.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(house.error(&answer).message, "nobody waits for this answer any more");
    assert_eq!(shown(&mut house), 0);
    house.wake(id, SessionState::Waiting);
    assert_eq!(house.ask(&answer), None);
    assert_eq!(shown(&mut house), 1);
    house.db.answer(approval, &decision, "telegram:eve").unwrap();
    assert_eq!(house.error(&answer).message, "telegram:eve has answered this already");
}

#[test]
fn a_deletion_says_what_goes_and_what_stays() {
    let mut house = House::new();
    let dir = house.dir("project");
    house.session(&Request::SessionNew(NewSession { dir: Some(dir.clone()), ..new("work") }));
    let scratch = house.made("idea").dir;
    let preview = |house: &mut House, name| match house
        .get(&Request::SessionDelete { session: by_name(name), confirmed: false })
    {
        Response::WouldDelete { removes, keeps, .. } => (removes, keeps),
        other => panic!("{other:?}"),
    };
    let (removes, keeps) = preview(&mut house, "work");
    assert_eq!((removes.len(), keeps), (1, vec![dir.display().to_string()]));
    let (removes, keeps) = preview(&mut house, "idea");
    assert_eq!(
        (removes[1].as_str(), keeps.len()),
        (format!("everything in {}", scratch.display()).as_str(), 0)
    );

    let session = house.db.find(crate::store::Wanted::Exact("idea")).unwrap();
    house.prompt(session.id, "zanzibar");
    delete_rows(&mut house.db, "cli", &session).unwrap();
    let search =
        Request::Search { query: "zanzibar".to_owned(), limit: 5, dir: None, plain: false, fresh: false };
    assert_eq!(house.get(&search), Response::Hits(Vec::new()));
    let Response::Sessions(left) = house.get(&list()) else { panic!("no list") };
    assert_eq!(left.len(), 1);
}

#[test]
fn a_broken_configuration_does_not_stop_the_list() {
    let mut house = House::new();
    let config = || Err(Error::usage("the file is broken"));
    let (paths, channel) = (house.paths.clone(), Channel::local());
    let ctx = ShortCtx { paths: &paths, config: &config, who: "cli", channel: &channel, live: None };
    assert!(answer(&mut house.db, &ctx, &list()).unwrap().is_ok());
    let error = answer(&mut house.db, &ctx, &Request::SessionNew(new("work"))).unwrap().unwrap_err();
    assert_eq!(error.message, "the file is broken");
}
