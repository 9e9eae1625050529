//! Every kind of update, from everyone, everywhere.

use serde_json::{Value, json};

use super::*;

const ANN: i64 = 7;
const EVE: i64 = 666;
const HOME: i64 = -1_001;
const ELSEWHERE: i64 = -1_002;

fn access() -> Access {
    Access { users: BTreeSet::from([ANN]), chats: BTreeSet::from([HOME]) }
}

fn decide_as(access: &Access, raw: &Value) -> Gate {
    let bot = Bot { id: 42, username: "my_bot".to_owned(), has_topics: false };
    decide(access, &bot, &Update::read(1, raw))
}

fn decided(raw: &Value) -> Gate {
    decide_as(&access(), raw)
}

fn user(id: i64) -> Value {
    let name = if id == ANN { "Ann" } else { "Eve" };
    json!({ "id": id, "is_bot": false, "first_name": name })
}

fn chat(id: i64) -> Value {
    let kind = if id > 0 { "private" } else { "supergroup" };
    json!({ "id": id, "type": kind, "title": "A group" })
}

/// A message by somebody in a chat, with what else it holds.
fn message(from: i64, at: i64, more: Value) -> Value {
    let mut whole = json!({ "message_id": 5, "date": 0, "chat": chat(at), "from": user(from) });
    whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    whole
}

fn new(from: i64, at: i64, more: Value) -> Value {
    json!({ "update_id": 1, "message": message(from, at, more) })
}

fn edited(from: i64, at: i64, more: Value) -> Value {
    json!({ "update_id": 1, "edited_message": message(from, at, more) })
}

fn pressed(from: i64, at: i64) -> Value {
    let message = json!({ "message_id": 5, "date": 0, "chat": chat(at) });
    json!({ "update_id": 1, "callback_query": { "id": "q", "from": user(from), "message": message, "data": "d" } })
}

fn joined(from: i64, at: i64, status: &str) -> Value {
    json!({ "update_id": 1, "my_chat_member": {
        "chat": chat(at), "from": user(from), "date": 0, "new_chat_member": { "status": status, "user": user(42) } } })
}

fn text(text: &str) -> Value {
    json!({ "text": text })
}

fn to_bot(words: &str) -> Value {
    json!({ "text": format!("@my_bot {words}"), "entities": [{ "type": "mention", "offset": 0, "length": 7 }] })
}

fn answer_to(id: i64) -> Value {
    json!({ "text": "yes", "reply_to_message": { "message_id": 4, "from": { "id": id, "is_bot": true } } })
}

fn from_ann(at: i64) -> Accepted {
    Accepted {
        place: Place::chat(at),
        private: at > 0,
        user: ANN,
        name: "Ann".to_owned(),
        text: String::new(),
        may_command: false,
        foreign: false,
    }
}

fn said(at: i64, text: &str) -> Gate {
    Gate::Accept(Accepted { text: text.to_owned(), may_command: true, ..from_ann(at) })
}

#[test]
fn an_allowed_user_is_heard_in_private() {
    assert_eq!(decided(&new(ANN, ANN, text("hello"))), said(ANN, "hello"));
    assert_eq!(decided(&new(ANN, ANN, answer_to(ANN))), said(ANN, "yes"));
    assert_eq!(decided(&new(ANN, ANN, to_bot("is me"))), said(ANN, "@my_bot is me"));
    assert_eq!(
        decided(&edited(ANN, ANN, text("hello"))),
        Gate::Accept(Accepted { text: "hello".to_owned(), ..from_ann(ANN) })
    );
    for raw in [pressed(ANN, ANN), joined(ANN, ANN, "kicked")] {
        assert_eq!(decided(&raw), Gate::Accept(from_ann(ANN)), "{raw}");
    }
}

#[test]
fn an_allowed_user_is_heard_in_an_allowed_group_when_the_bot_is_meant() {
    assert_eq!(decided(&new(ANN, HOME, to_bot("hello"))), said(HOME, "hello"));
    assert_eq!(decided(&new(ANN, HOME, answer_to(42))), said(HOME, "yes"));
    let command =
        json!({ "text": "/stop@My_Bot", "entities": [{ "type": "bot_command", "offset": 0, "length": 12 }] });
    assert_eq!(decided(&new(ANN, HOME, command)), said(HOME, "/stop"));
    let caption = json!({ "caption": "@my_bot look", "caption_entities": [{ "type": "mention", "offset": 0, "length": 7 }] });
    assert_eq!(
        decided(&new(ANN, HOME, caption)),
        Gate::Accept(Accepted { text: "look".to_owned(), ..from_ann(HOME) })
    );
    for raw in [pressed(ANN, HOME), joined(ANN, HOME, "administrator")] {
        assert_eq!(decided(&raw), Gate::Accept(from_ann(HOME)), "{raw}");
    }
}

#[test]
fn in_a_group_what_is_not_for_the_bot_is_not_heard() {
    let command = |text: &str| json!({ "text": text, "entities": [{ "type": "bot_command", "offset": 0, "length": text.len() }] });
    for (body, reason) in [
        (text("hello"), Reason::NotAddressed),
        (text("@my_bot is a name nobody marked"), Reason::NotAddressed),
        (answer_to(43), Reason::NotAddressed),
        (json!({ "text": "x", "reply_to_message": { "message_id": 4 } }), Reason::NotAddressed),
        (command("/stop"), Reason::NotAddressed),
        (command("/stop@other_bot"), Reason::OtherBot),
    ] {
        assert_eq!(decided(&new(ANN, HOME, body.clone())), Gate::Ignore(reason.clone()), "{body}");
        assert_eq!(decided(&edited(ANN, HOME, body.clone())), Gate::Ignore(reason), "{body}");
    }
    // Even as an answer to this bot.
    let mut other = command("/stop@other_bot");
    other.as_object_mut().unwrap().extend(
        json!({ "reply_to_message": answer_to(42)["reply_to_message"] }).as_object().unwrap().clone(),
    );
    assert_eq!(decided(&new(ANN, HOME, other)), Gate::Ignore(Reason::OtherBot));
}

#[test]
fn the_first_message_of_a_topic_is_not_what_is_answered() {
    let in_topic = |replied: Value| json!({ "text": "x", "message_thread_id": 4, "is_topic_message": true, "reply_to_message": replied });
    let bot = json!({ "id": 42, "is_bot": true });
    let place = Place { chat: HOME, thread: Some(4) };
    for replied in [
        json!({ "message_id": 4, "from": bot }),
        json!({ "message_id": 4, "from": bot, "forum_topic_created": { "name": "work" } }),
    ] {
        let gate = decided(&new(ANN, HOME, in_topic(replied)));
        assert_eq!(gate, Gate::Ignore(Reason::NotAddressed));
    }
    let Gate::Accept(accepted) = decided(&new(ANN, HOME, in_topic(json!({ "message_id": 9, "from": bot }))))
    else {
        panic!()
    };
    assert_eq!(accepted.place, place);
}

#[test]
fn nobody_else_is_heard_anywhere() {
    for at in [EVE, HOME, ELSEWHERE] {
        for raw in [
            edited(EVE, at, to_bot("hello")),
            pressed(EVE, at),
            joined(EVE, at, "member"),
            new(EVE, at, json!({ "forum_topic_closed": {} })),
        ] {
            assert_eq!(decided(&raw), Gate::Ignore(Reason::Stranger), "{raw}");
        }
    }
    for at in [HOME, ELSEWHERE] {
        for body in [to_bot("hello"), answer_to(42), text("/start CODE")] {
            assert_eq!(decided(&new(EVE, at, body)), Gate::Ignore(Reason::Stranger));
        }
    }
}

#[test]
fn empty_lists_let_nobody_in() {
    let nobody = Access::default();
    for at in [ANN, HOME] {
        for raw in [
            new(ANN, at, to_bot("hello")),
            edited(ANN, at, to_bot("hello")),
            pressed(ANN, at),
            joined(ANN, at, "member"),
        ] {
            let gate = decide_as(&nobody, &raw);
            let heard = matches!(gate, Gate::Accept(_) | Gate::WithAlbum(_) | Gate::Hint(Hint::Group { .. }));
            assert!(!heard, "{raw}: {gate:?}");
        }
    }
    // A group that is allowed lets in nobody who is not.
    let group = Access { chats: BTreeSet::from([HOME]), ..Access::default() };
    assert_eq!(decide_as(&group, &new(ANN, HOME, to_bot("x"))), Gate::Ignore(Reason::Stranger));
    // A group's number among the users, or the other way round, means nothing.
    let mixed = Access { users: BTreeSet::from([HOME]), chats: BTreeSet::from([ANN]) };
    assert_eq!(decide_as(&mixed, &new(ANN, HOME, to_bot("x"))), Gate::Ignore(Reason::Stranger));
    assert!(matches!(decide_as(&mixed, &new(ANN, ANN, text("x"))), Gate::Hint(Hint::Stranger { .. })));
}

#[test]
fn a_stranger_who_writes_in_private_may_be_told_how_to_pair() {
    let hint = |start: Option<&str>| {
        let start = start.map(str::to_owned);
        Gate::Hint(Hint::Stranger { user: EVE, name: "Eve".to_owned(), start })
    };
    let forward = json!({ "text": "/start CODE", "forward_origin": { "type": "hidden_user", "sender_user_name": "x" } });
    for (body, wanted) in [
        (text("hello"), hint(None)),
        (json!({ "voice": { "file_id": "f" } }), hint(None)),
        (text("/start"), hint(None)),
        (text("/start ABCD2345"), hint(Some("ABCD2345"))),
        (text("/start@my_bot ABCD2345 more"), hint(Some("ABCD2345"))),
        (text("/started ABCD2345"), hint(None)),
        (text(&format!("/start {}", "x".repeat(65))), hint(None)),
        (json!({ "caption": "/start CODE" }), hint(None)),
        (forward, hint(None)),
    ] {
        assert_eq!(decided(&new(EVE, EVE, body.clone())), wanted, "{body}");
    }
}

#[test]
fn an_allowed_user_may_be_told_how_to_allow_a_group() {
    let hint = Gate::Hint(Hint::Group { chat: ELSEWHERE, title: "A group".to_owned(), user: ANN });
    assert_eq!(decided(&new(ANN, ELSEWHERE, to_bot("hello"))), hint);
    assert_eq!(decided(&joined(ANN, ELSEWHERE, "member")), hint);
    for raw in [
        new(ANN, ELSEWHERE, text("hello")),
        edited(ANN, ELSEWHERE, to_bot("hello")),
        pressed(ANN, ELSEWHERE),
        joined(ANN, ELSEWHERE, "left"),
    ] {
        assert_eq!(decided(&raw), Gate::Ignore(Reason::ChatNotAllowed), "{raw}");
    }
}

#[test]
fn bots_and_those_who_hide_are_refused_though_their_number_be_allowed() {
    let anonymous = json!({ "sender_chat": { "id": HOME, "type": "supergroup" }, "text": "@my_bot x" });
    let channel = json!({ "sender_chat": { "id": -1_009, "type": "channel" }, "text": "x" });
    assert_eq!(decided(&new(ANN, HOME, anonymous.clone())), Gate::Ignore(Reason::Anonymous));
    assert_eq!(decided(&edited(ANN, HOME, anonymous)), Gate::Ignore(Reason::Anonymous));
    assert_eq!(decided(&new(ANN, HOME, channel)), Gate::Ignore(Reason::Anonymous));
    let bot = json!({ "from": { "id": ANN, "is_bot": true }, "text": "x" });
    assert_eq!(decided(&new(ANN, ANN, bot.clone())), Gate::Ignore(Reason::Bot));
    assert_eq!(decided(&edited(ANN, HOME, bot)), Gate::Ignore(Reason::Bot));
    assert_eq!(
        decided(&new(ANN, HOME, json!({ "from": null, "text": "x" }))),
        Gate::Ignore(Reason::NobodyNamed)
    );
    let mut press = pressed(ANN, ANN);
    press["callback_query"]["from"]["is_bot"] = json!(true);
    assert_eq!(decided(&press), Gate::Ignore(Reason::Bot));
}

#[test]
fn other_chats_than_private_ones_and_groups_do_not_exist() {
    for kind in ["channel", "", "hologram"] {
        let place = json!({ "chat": { "id": HOME, "type": kind }, "text": "x" });
        assert_eq!(decided(&new(ANN, HOME, place)), Gate::Ignore(Reason::NoSuchChat), "{kind}");
    }
    // Nobody else is in a private chat.
    assert_eq!(decided(&new(ANN, EVE, text("x"))), Gate::Ignore(Reason::NoSuchChat));
    assert_eq!(decided(&pressed(ANN, EVE)), Gate::Ignore(Reason::NoSuchChat));
    let inline = json!({ "update_id": 1, "callback_query": { "id": "q", "from": user(ANN), "inline_message_id": "i", "data": "d" } });
    assert_eq!(decided(&inline), Gate::Ignore(Reason::NoSuchChat));
}

#[test]
fn every_other_kind_is_refused_by_its_name() {
    for kind in [
        "channel_post",
        "edited_channel_post",
        "business_connection",
        "business_message",
        "edited_business_message",
        "deleted_business_messages",
        "message_reaction",
        "message_reaction_count",
        "inline_query",
        "chosen_inline_result",
        "shipping_query",
        "pre_checkout_query",
        "purchased_paid_media",
        "poll",
        "poll_answer",
        "chat_member",
        "chat_join_request",
        "chat_boost",
        "removed_chat_boost",
        "of_tomorrow",
    ] {
        let raw = json!({ "update_id": 1, kind: message(ANN, ANN, text("hello")) });
        assert_eq!(decided(&raw), Gate::Ignore(Reason::Kind(kind.to_owned())));
    }
    let broken = json!({ "update_id": 1, "message": { "from": user(ANN) } });
    let reason = Reason::Malformed("message: missing field `message_id`".to_owned());
    assert_eq!(decided(&broken), Gate::Ignore(reason));
}

#[test]
fn words_of_others_command_nothing() {
    let accepted = |body: Value| match decided(&new(ANN, ANN, body)) {
        Gate::Accept(accepted) => (accepted.may_command, accepted.foreign),
        other => panic!("{other:?}"),
    };
    let forward = json!({ "type": "channel", "chat": { "id": -1, "type": "channel", "title": "x" } });
    assert_eq!(accepted(text("/stop")), (true, false));
    assert_eq!(accepted(json!({ "text": "/stop", "forward_origin": forward })), (false, true));
    assert_eq!(accepted(json!({ "text": "/stop", "forward_origin": {} })), (false, true));
    assert_eq!(accepted(json!({ "text": "/stop", "via_bot": { "id": 3, "is_bot": true } })), (false, true));
    assert_eq!(accepted(json!({ "caption": "/stop", "document": { "file_id": "f" } })), (false, false));
}

#[test]
fn the_parts_of_an_album_go_with_the_one_that_has_the_words() {
    let part = json!({ "media_group_id": "g", "photo": [{ "file_id": "f" }] });
    assert_eq!(decided(&new(ANN, HOME, part.clone())), Gate::WithAlbum(from_ann(HOME)));
    assert_eq!(decided(&new(EVE, HOME, part.clone())), Gate::Ignore(Reason::Stranger));
    assert_eq!(decided(&new(ANN, ELSEWHERE, part.clone())), Gate::Ignore(Reason::ChatNotAllowed));
    assert_eq!(decided(&new(ANN, ANN, part)), Gate::Accept(from_ann(ANN)));
    let with_words = json!({ "media_group_id": "g", "caption": "for somebody else" });
    assert_eq!(decided(&new(ANN, HOME, with_words)), Gate::Ignore(Reason::NotAddressed));
}

#[test]
fn what_happens_to_a_group_is_known() {
    let body = json!({ "migrate_to_chat_id": -1_077 });
    for from in [ANN, EVE] {
        assert_eq!(decided(&new(from, HOME, body.clone())), Gate::Moved { from: HOME, to: -1_077 });
        assert_eq!(decided(&new(from, ELSEWHERE, body.clone())), Gate::Ignore(Reason::ChatNotAllowed));
    }
    let closed = json!({ "forum_topic_closed": {}, "message_thread_id": 4, "is_topic_message": true });
    let place = Place { chat: HOME, thread: Some(4) };
    assert_eq!(decided(&new(ANN, HOME, closed)), Gate::Accept(Accepted { place, ..from_ann(HOME) }));
}
