use serde_json::json;

use super::*;

fn read(raw: Value) -> UpdateKind {
    Update::read(Update::id_of(&raw).unwrap(), &raw).kind
}

fn message(body: Value) -> Message {
    let mut whole = json!({
        "message_id": 5,
        "date": 1_700_000_000,
        "chat": { "id": 7, "type": "private" },
        "from": { "id": 7, "is_bot": false, "first_name": "Ann" },
    });
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    match read(json!({ "update_id": 1, "message": whole })) {
        UpdateKind::Message(message) => *message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_is_read_whatever_else_it_holds() {
    // What the library's own types lose the whole text for.
    let message = message(json!({
        "text": "hello",
        "entities": [{ "type": "hologram", "offset": 0, "length": 5 }, { "type": "bold" }],
        "link_preview_options": { "is_disabled": "perhaps" },
        "gift_of_tomorrow": { "deep": [1, 2, 3] },
        "photo": null,
        "is_topic_message": null,
    }));
    assert_eq!(message.words().0, "hello");
    assert_eq!(message.words().1.len(), 2);
    assert!(message.media().is_none() && !message.is_service());
}

#[test]
fn every_kind_that_is_asked_for_is_known() {
    let user = json!({ "id": 7, "is_bot": false, "first_name": "Ann" });
    let chat = json!({ "id": -1_005, "type": "supergroup", "title": "Home" });
    let message = json!({ "message_id": 5, "date": 0, "chat": chat, "from": user });
    let bodies = [
        message.clone(),
        message.clone(),
        json!({ "id": "q", "from": user, "message": message, "chat_instance": "x", "data": "d" }),
        json!({ "chat": chat, "from": user, "date": 0, "new_chat_member": { "status": "kicked", "user": user } }),
    ];
    assert_eq!(bodies.len(), ALLOWED.len());
    for (kind, body) in ALLOWED.iter().zip(bodies) {
        let raw = json!({ "update_id": 3, *kind: body });
        let update = Update::read(3, &raw);
        assert_eq!(update.place(), Some(Place::chat(-1_005)), "{kind}");
    }
}

#[test]
fn what_is_not_known_is_named_and_no_error() {
    for (raw, name) in [
        (json!({ "update_id": 1, "chat_boost": { "chat": {} } }), "chat_boost"),
        (json!({ "update_id": 1, "channel_post": { "message_id": 1, "chat": { "id": 1 } } }), "channel_post"),
        (json!({ "update_id": 1 }), "nothing"),
    ] {
        assert_eq!(read(raw), UpdateKind::Unknown { kind: name.to_owned() });
    }
    assert_eq!(Update::id_of(&json!({ "update_id": "1" })), None);
    assert_eq!(Update::id_of(&json!("1")), None);
}

#[test]
fn what_is_malformed_says_why_and_repeats_nothing() {
    for (body, wanted) in [
        (json!({ "chat": { "id": 1 } }), "missing field `message_id`"),
        (json!({ "message_id": 1 }), "missing field `chat`"),
        (
            json!({ "message_id": "a secret, expected i64", "chat": { "id": 1 } }),
            "invalid type, expected i64",
        ),
        (
            json!({ "message_id": 1, "chat": { "id": 1 }, "from": "a secret" }),
            "invalid type, expected struct User",
        ),
        (json!({ "message_id": 1, "chat": { "id": 1 }, "from": { "id": 1 } }), "missing field `is_bot`"),
        (json!("a secret"), "invalid type, expected struct Message"),
    ] {
        let UpdateKind::Malformed { kind, reason } = read(json!({ "update_id": 1, "message": body })) else {
            panic!("{body}");
        };
        assert_eq!((kind.as_str(), reason.as_str()), ("message", wanted));
    }
}

#[test]
fn a_topic_is_a_place_and_a_chain_of_answers_is_none() {
    for (body, thread) in [
        (json!({ "message_thread_id": 9, "is_topic_message": true }), Some(9)),
        (json!({ "message_thread_id": 9 }), None),
        (json!({ "message_thread_id": 1, "is_topic_message": true }), None),
        (json!({}), None),
    ] {
        assert_eq!(message(body).place(), Place { chat: 7, thread });
    }
    let body = json!({ "id": "q", "from": { "id": 7, "is_bot": false }, "data": "d", "message": {
        "message_id": 5, "date": 0, "chat": { "id": -1 }, "message_thread_id": 9, "is_topic_message": true } });
    let update = Update::read(1, &json!({ "callback_query": body }));
    assert_eq!(update.place(), Some(Place { chat: -1, thread: Some(9) }));
}

#[test]
fn the_file_of_a_message_is_found() {
    let file = |id: &str| json!({ "file_id": id, "file_unique_id": "u", "file_size": 5_000_000_000_u64 });
    for (body, media, id) in [
        (json!({ "photo": [file("small"), file("large")], "caption": "c" }), Media::Photo, "large"),
        (json!({ "document": file("d") }), Media::Document, "d"),
        (json!({ "animation": file("a"), "document": file("d") }), Media::Animation, "a"),
        (json!({ "voice": file("v") }), Media::Voice, "v"),
        (json!({ "audio": file("v") }), Media::Audio, "v"),
        (json!({ "video": file("v") }), Media::Video, "v"),
        (json!({ "video_note": file("v") }), Media::VideoNote, "v"),
    ] {
        let message = message(body);
        let (found, attachment) = message.media().unwrap();
        assert_eq!((found, attachment.file_id.as_str()), (media, id));
        assert_eq!(attachment.file_size, Some(5_000_000_000));
    }
}

#[test]
fn what_happened_to_a_chat_is_told_from_what_was_said() {
    let ann = json!({ "id": 7, "is_bot": false });
    for body in [
        json!({ "migrate_to_chat_id": -1_007 }),
        json!({ "new_chat_members": [ann] }),
        json!({ "left_chat_member": ann }),
        json!({ "forum_topic_created": { "name": "x" } }),
        json!({ "forum_topic_edited": {} }),
        json!({ "forum_topic_closed": {} }),
        json!({ "forum_topic_reopened": {} }),
        json!({ "pinned_message": { "message_id": 3, "date": 0, "chat": { "id": 7 }, "text": "x" } }),
        json!({ "message_auto_delete_timer_changed": { "message_auto_delete_time": 86_400 } }),
        json!({ "new_chat_title": "x" }),
        json!({ "group_chat_created": true }),
    ] {
        assert!(message(body.clone()).is_service(), "{body}");
    }
    for body in [
        json!({ "forum_topic_closed": null }),
        json!({ "pinned_message": null }),
        json!({ "content_of_tomorrow": {} }),
        json!({ "sticker": { "file_id": "s" } }),
    ] {
        assert!(!message(body.clone()).is_service(), "{body}");
    }
}

#[test]
fn people_and_sources_have_names() {
    let user = |body| serde_json::from_value::<User>(body).unwrap().name();
    assert_eq!(user(json!({ "id": 7, "is_bot": false, "first_name": "Ann", "last_name": "Lee" })), "Ann Lee");
    assert_eq!(user(json!({ "id": 7, "is_bot": false, "first_name": "", "username": "ann" })), "@ann");
    assert_eq!(user(json!({ "id": 7, "is_bot": false, "first_name": null })), "7");
    for (origin, name) in [
        (
            json!({ "type": "user", "sender_user": { "id": 1, "is_bot": false, "first_name": "Bo" } }),
            Some("Bo"),
        ),
        (json!({ "type": "hidden_user", "sender_user_name": "Somebody" }), Some("Somebody")),
        (json!({ "type": "chat", "sender_chat": { "id": -1, "title": "Team" } }), Some("Team")),
        (
            json!({ "type": "channel", "chat": { "id": -1, "username": "news" }, "message_id": 3 }),
            Some("@news"),
        ),
        (json!({ "type": "hologram" }), None),
    ] {
        let message = message(json!({ "forward_origin": origin }));
        assert_eq!(message.forward_origin.unwrap().name().as_deref(), name);
    }
}
