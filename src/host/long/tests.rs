//! A session that goes through an archive into another store is the same session.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::log_of;
use super::restore::tests::house;
use super::restore::{bring_back, plan};
use crate::archive;
use crate::error::Result;
use crate::model::{
    Agent, Delivery, Detail, Event, EventKind, NewEvent, Origin, Outcome, PromptId, Session, SessionId,
    SessionState, Stages, Usage,
};
use crate::store::Db;

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "\\PC{0,40}",
        2 => "[\\u{0}-\\u{1f}\\\\\"\\n\\r\\u{2028}\\u{feff}\\u{10ffff}a]{0,12}",
        1 => (0_usize..70_000).prop_map(|len| "日".repeat(len)),
    ]
}

fn prompt_id() -> impl Strategy<Value = Option<PromptId>> {
    proptest::option::of(any::<u128>().prop_map(|id| PromptId(Uuid::from_u128(id))))
}

fn detail() -> impl Strategy<Value = Option<Detail>> {
    let prompt = proptest::collection::vec(words(), 0..3)
        .prop_map(|attachments| Detail::Prompt { delivery: Delivery::Queue, attachments });
    let reply = (any::<u32>(), any::<u32>(), proptest::option::of(words()))
        .prop_map(|(turn, block, parent)| Detail::Reply { turn: turn.into(), block: block.into(), parent });
    let tool = (words(), words(), any::<f64>(), any::<i64>(), proptest::option::of(words())).prop_map(
        |(name, text, float, number, result)| Detail::Tool {
            turn: 1,
            block: 0,
            name,
            input: json!({ "z": text, "a": [float, number, null, { "nested": true }], "": {} }),
            result,
            is_error: false,
            parent: None,
        },
    );
    let turn =
        (0.0_f64..1e9, any::<u32>(), prompt_id()).prop_map(|(cost_usd, tokens, prompt)| Detail::Turn {
            turn: 3,
            origin: Origin::Prompt,
            outcome: Outcome::Done,
            prompts: prompt.into_iter().collect(),
            cost_usd,
            usage: Usage { input_tokens: tokens.into(), ..Usage::default() },
            stages: Stages::default(),
        });
    let file = (words(), any::<u64>()).prop_map(|(name, bytes)| Detail::File {
        path: PathBuf::from(format!("/tmp/{name}")),
        name,
        caption: None,
        bytes,
    });
    proptest::option::of(prop_oneof![prompt, reply, tool, turn, file])
}

fn new_event() -> impl Strategy<Value = NewEvent> {
    let kind = prop_oneof![
        Just(EventKind::Prompt),
        Just(EventKind::Reply),
        Just(EventKind::Tool),
        Just(EventKind::TurnEnded),
        Just(EventKind::Notice)
    ];
    (kind, words(), prompt_id(), detail()).prop_map(|(kind, text, prompt_id, detail)| NewEvent {
        kind,
        text,
        prompt_id,
        detail,
    })
}

fn session(name: String, tags: Vec<String>, cost_usd: f64, dir: PathBuf) -> Session {
    let now = Timestamp::from_microsecond(1_795_000_000_123_456).unwrap();
    Session {
        id: SessionId::random(),
        name,
        agent: Agent::Demo,
        persona: "default".to_owned(),
        dir,
        managed: false,
        tags,
        pinned: true,
        model: Some("opus".to_owned()),
        effort: None,
        permission_mode: Some("plan".to_owned()),
        created: now,
        last_active: now,
        cost_usd,
        state: SessionState::Asleep,
        conversation: Some(Uuid::from_u128(77)),
        hold: None,
        archive: None,
    }
}

fn whole_log(db: &Db, id: SessionId) -> Vec<Event> {
    log_of(db, id).collect::<Result<_>>().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_session_in_another_store_is_the_same(
        name in "[a-z0-9ü日][a-z0-9._ü日-]{0,30}",
        tags in proptest::collection::vec("[a-zü]{1,8}", 0..3),
        cost in 0.0_f64..1e6,
        events in proptest::collection::vec(new_event(), 0..12),
    ) {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("project");
        std::fs::create_dir(&dir).unwrap();
        let session = session(name, tags, cost, dir);
        let mut here = Db::in_memory();
        here.create_session(&session).unwrap();
        here.append(session.id, &events).unwrap();
        let session = here.session(session.id).unwrap();
        let packing = archive::Packing {
            session: &session,
            events: &mut log_of(&here, session.id),
            conversations: &[Uuid::from_u128(5)],
            conversation_files: &[],
            inbox: None,
            workspace: None,
            all_files: false,
            leave_out: false,
            now: Timestamp::now(),
        };
        let cancel = AtomicBool::new(false);
        let packed = archive::pack(packing, &home.path().join("archives"), &mut |_| {}, &cancel).unwrap();

        let restored = archive::restore(&packed.file, home.path(), &mut |_| {}, &cancel).unwrap();
        let mut there = Db::in_memory();
        let shared = house(home.path());
        let plan = plan(&shared, &restored.manifest, None, None, None).unwrap();
        bring_back(&mut there, "test", &plan, &restored.manifest, restored.events().unwrap()).unwrap();

        prop_assert_eq!(there.session(session.id).unwrap(), session.clone());
        prop_assert_eq!(whole_log(&there, session.id), whole_log(&here, session.id));
        let mut conversations = there.conversations(session.id).unwrap();
        conversations.sort();
        prop_assert_eq!(conversations, [Uuid::from_u128(5), Uuid::from_u128(77)]);
    }
}
