//! Messages, topics and people.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Media, Origin, Outcome};
use super::{done, refused, start};

fn next_update(api: &super::BotApi) -> Value {
    let updates = done(api, "getUpdates", &json!({ "offset": -1 }));
    updates[0].clone()
}

#[test]
fn messages_are_edited_deleted_and_tapped() {
    let (api, anna, chat) = start();
    let keyboard = json!({ "inline_keyboard": [[{ "text": "Yes", "callback_data": "y" }]] });
    let options = json!({ "is_disabled": true });
    let question = json!({ "chat_id": chat.id(), "text": "Go?", "reply_markup": keyboard, "link_preview_options": options });
    let id = done(&api, "sendMessage", &question)["message_id"].as_i64().expect("a message has an id");
    let seen = chat.wait_for_text("Go?");
    assert_eq!((seen.labels(), seen.edits, seen.preview, seen.by_bot), (vec!["Yes"], 0, false, true));
    assert_eq!((seen.from, seen.thread, seen.reply_to), (Some(api.bot_id()), None, None));

    let query = chat.tap(id, "Yes", &anna);
    let update = next_update(&api);
    assert_eq!(
        (&update["callback_query"]["data"], &update["callback_query"]["id"]),
        (&json!("y"), &json!(query))
    );
    done(
        &api,
        "answerCallbackQuery",
        &json!({ "callback_query_id": query, "text": "Done", "show_alert": true }),
    );
    assert_eq!(api.wait_for_answer(&query), ("Done".to_owned(), true));
    let stale = chat.tap_stale(id, "y", &anna);
    api.expire_query(&stale);
    let words = refused(&api, "answerCallbackQuery", &json!({ "callback_query_id": stale }));
    assert_eq!(words, "Bad Request: query is too old and response timeout expired or query ID is invalid");

    let mut edit = question.clone();
    edit["message_id"] = json!(id);
    assert!(refused(&api, "editMessageText", &edit).starts_with("Bad Request: message is not modified"));
    edit["text"] = json!("Went.");
    edit.as_object_mut().expect("an object").remove("reply_markup");
    assert!(done(&api, "editMessageText", &edit)["edit_date"].is_u64());
    let seen = chat.wait_for_text("Went.");
    assert_eq!((seen.edits, seen.labels().len()), (1, 0), "an edit without a keyboard takes it away");
    let empty = json!({ "chat_id": chat.id(), "message_id": id, "reply_markup": { "inline_keyboard": [] } });
    assert!(refused(&api, "editMessageReplyMarkup", &empty).contains("message is not modified"));

    let place = |id: i64| json!({ "chat_id": chat.id(), "message_id": id });
    let theirs = chat.say(&anna, "mine");
    let text = |id: i64| json!({ "chat_id": chat.id(), "message_id": id, "text": "new" });
    assert_eq!(refused(&api, "editMessageText", &text(theirs)), "Bad Request: message can't be edited");
    assert_eq!(refused(&api, "editMessageText", &text(999)), "Bad Request: message to edit not found");
    assert_eq!(
        refused(
            &api,
            "editMessageText",
            &json!({ "chat_id": chat.id(), "message_id": id, "text": "a".repeat(4097) })
        ),
        "Bad Request: MESSAGE_TOO_LONG"
    );
    let reaction = json!([{ "type": "emoji", "emoji": "👀" }]);
    let react = |emoji: Value| json!({ "chat_id": chat.id(), "message_id": theirs, "reaction": emoji });
    done(&api, "setMessageReaction", &react(reaction));
    assert_eq!(chat.messages()[1].reaction.as_deref(), Some("👀"));
    let unknown = react(json!([{ "type": "emoji", "emoji": "🦀" }]));
    assert_eq!(refused(&api, "setMessageReaction", &unknown), "Bad Request: REACTION_INVALID");
    done(&api, "pinChatMessage", &place(id));
    assert!(chat.messages()[0].pinned && !chat.messages()[1].pinned);
    assert_eq!(next_update(&api)["message"]["pinned_message"]["message_id"], id);
    done(&api, "unpinChatMessage", &place(id));
    assert_eq!(refused(&api, "unpinChatMessage", &place(id)), "Bad Request: message to unpin not found");
    done(&api, "deleteMessage", &place(id));
    assert_eq!(refused(&api, "deleteMessage", &place(id)), "Bad Request: message to delete not found");
    chat.delete(theirs);
    assert!(chat.bot_messages().is_empty() && !api.refused().is_empty());
}

#[test]
fn people_say_all_kinds_of_things() {
    let (api, anna, chat) = start();
    let ben = api.user("Ben");
    let first = chat.say(&anna, "/start@claudebot_test_bot 😀 @ben");
    let message = next_update(&api)["message"].clone();
    assert_eq!(message["entities"][0], json!({ "type": "bot_command", "offset": 0, "length": 25 }));
    assert_eq!(message["entities"][1]["offset"], 29, "offsets count UTF-16 units");
    chat.edit(first, "better");
    assert_eq!(next_update(&api)["edited_message"]["text"], "better");
    chat.message(&anna).text("this").reply_to(first).quoting("bet").send();
    let message = next_update(&api)["message"].clone();
    assert_eq!(
        (&message["reply_to_message"]["text"], &message["quote"]["text"]),
        (&json!("better"), &json!("bet"))
    );
    assert_eq!(chat.messages()[1].reply_to, Some(first));

    let channel = api.channel("News");
    let post = channel.post("news");
    assert_eq!(next_update(&api)["channel_post"]["sender_chat"]["title"], "News");
    channel.edit(post, "newer");
    assert_eq!(next_update(&api)["edited_channel_post"]["text"], "newer");
    for (origin, kind) in [
        (Origin::User(ben), "user"),
        (Origin::Hidden("Somebody".into()), "hidden_user"),
        (Origin::Channel(channel.id(), post), "channel"),
        (Origin::Chat(channel.id()), "chat"),
    ] {
        chat.message(&anna).text("look").forwarded_from(origin).send();
        assert_eq!(next_update(&api)["message"]["forward_origin"]["type"], kind);
    }
    let album = chat.album(&anna, "both", &[Media::photo(b"1"), Media::video("a.mp4", b"2")]);
    let updates = done(&api, "getUpdates", &json!({ "offset": -2 }));
    assert_eq!(updates[0]["message"]["media_group_id"], updates[1]["message"]["media_group_id"]);
    assert_eq!((updates[0]["message"]["caption"].as_str(), album.len()), (Some("both"), 2));
    for (file, kind) in [
        (Media::voice(b"v"), "voice"),
        (Media::audio("a.mp3", b"a"), "audio"),
        (Media::video_note(b"n"), "video_note"),
    ] {
        chat.message(&anna).file(file).send();
        assert!(next_update(&api)["message"][kind]["file_id"].is_string());
    }
}

#[test]
fn files_are_fetched_up_to_their_limit() {
    let (api, anna, chat) = start();
    chat.message(&anna).file(Media::document("notes.txt", b"content")).text("read this").send();
    let file = next_update(&api)["message"]["document"].clone();
    assert_eq!((&file["file_name"], &file["file_size"]), (&json!("notes.txt"), &json!(7)));
    let found = done(&api, "getFile", &json!({ "file_id": file["file_id"] }));
    let path = found["file_path"].as_str().expect("a path");
    let target = format!("/file/bot{}/{}", api.token(), path.replace('/', "%2F"));
    assert_eq!(api.request(&target, "", b"").body, b"content");
    assert_eq!(api.request(&format!("/file/bot{}/nothing", api.token()), "", b"").status, 404);
    let call = api.calls_of("download").remove(0);
    assert_eq!((call.text("path"), call.took_effect()), (path, true));
    chat.message(&anna).file(Media::document("large", b"x").said_to_have((20 << 20) + 1)).send();
    let id = &next_update(&api)["message"]["document"]["file_id"];
    assert_eq!(refused(&api, "getFile", &json!({ "file_id": id })), "Bad Request: file is too big");
    assert_eq!(refused(&api, "getFile", &json!({ "file_id": "x" })), "Bad Request: invalid file_id");
}

#[test]
fn topics_come_and_go() {
    let (api, anna, chat) = start();
    assert_eq!(
        refused(&api, "createForumTopic", &json!({ "chat_id": chat.id(), "name": "a" })),
        "Bad Request: the chat is not a forum"
    );
    let forum = api.forum("Forum", &[anna]);
    let created = done(&api, "createForumTopic", &json!({ "chat_id": forum.id(), "name": "Work" }));
    let thread = created["message_thread_id"].as_i64().expect("a topic has an id");
    assert!(
        next_update(&api)["message"]["forum_topic_created"].is_object(),
        "the bot hears of its own topic"
    );
    let send = |thread: i64| json!({ "chat_id": forum.id(), "message_thread_id": thread, "text": "in it" });
    assert_eq!(done(&api, "sendMessage", &send(thread))["is_topic_message"], true);
    assert_eq!(forum.wait_for_text("in it").thread, Some(thread));
    assert_eq!(refused(&api, "sendMessage", &send(1)), "Bad Request: message thread not found");
    let topic = json!({ "chat_id": forum.id(), "message_thread_id": thread });
    done(
        &api,
        "editForumTopic",
        &json!({ "chat_id": forum.id(), "message_thread_id": thread, "name": "Play" }),
    );
    assert_eq!(forum.topics(), [(thread, "Play".to_owned())]);
    done(&api, "closeForumTopic", &topic);
    assert_eq!(refused(&api, "closeForumTopic", &topic), "Bad Request: TOPIC_NOT_MODIFIED");
    done(&api, "reopenForumTopic", &topic);
    forum.message(&anna).text("hello").in_topic(thread).send();
    assert_eq!(next_update(&api)["message"]["message_thread_id"], thread);
    let general = forum.say(&anna, "in General");
    assert_eq!(next_update(&api)["message"].get("message_thread_id"), None);
    forum.message(&anna).text("an answer").reply_to(general).send();
    let reply = next_update(&api)["message"].clone();
    assert_eq!((&reply["message_thread_id"], reply.get("is_topic_message")), (&json!(general), None));
    forum.delete_topic(thread);
    assert_eq!(refused(&api, "sendMessage", &send(thread)), "Bad Request: message thread not found");
    let typing = json!({ "chat_id": forum.id(), "message_thread_id": thread, "action": "typing" });
    assert_eq!(done(&api, "sendChatAction", &typing), true, "as Telegram does");
    let theirs = forum.topic(&anna, "Anna's");
    forum.close_topic(&anna, theirs);
    forum.unblock_bot(&anna);
    assert_eq!(refused(&api, "sendMessage", &send(theirs)), "Bad Request: TOPIC_CLOSED");
    assert!(
        refused(&api, "createForumTopic", &json!({ "chat_id": forum.id(), "name": "a" })).contains("rights")
    );
    forum.make_bot_administrator(&anna);
    done(&api, "deleteForumTopic", &json!({ "chat_id": forum.id(), "message_thread_id": theirs }));
    api.set_private_topics(true);
    done(&api, "createForumTopic", &json!({ "chat_id": chat.id(), "name": "a" }));
}

#[test]
fn drafts_last_until_a_message_or_half_a_minute() {
    let (api, anna, chat) = start();
    let draft = json!({ "chat_id": chat.id(), "draft_id": 7, "text": "typing" });
    done(&api, "sendMessageDraft", &draft);
    assert_eq!(chat.drafts(), [(None, "typing".to_owned())]);
    assert!(chat.messages().is_empty());
    api.advance(Duration::from_secs(30));
    assert!(chat.drafts().is_empty());
    done(&api, "sendMessageDraft", &draft);
    done(&api, "sendMessage", &json!({ "chat_id": chat.id(), "text": "said" }));
    assert!(chat.drafts().is_empty());
    let group = api.group("Group", &[anna]);
    let draft = json!({ "chat_id": group.id(), "draft_id": 7, "text": "typing" });
    assert_eq!(refused(&api, "sendMessageDraft", &draft), "Bad Request: TEXTDRAFT_PEER_INVALID");
}

#[test]
fn chats_are_blocked_migrated_and_asked_about() {
    let (api, anna, chat) = start();
    let send = |chat: i64| json!({ "chat_id": chat, "text": "a" });
    assert_eq!(refused(&api, "sendMessage", &send(12345)), "Bad Request: chat not found");
    assert!(api.chat_with_id(12345).is_none() && api.chat_with_id(chat.id()).is_some());
    chat.block_bot(&anna);
    assert_eq!(next_update(&api)["my_chat_member"]["new_chat_member"]["status"], "kicked");
    assert_eq!(refused(&api, "sendMessage", &send(chat.id())), "Forbidden: bot was blocked by the user");
    chat.unblock_bot(&anna);
    done(&api, "sendMessage", &send(chat.id()));

    let ben = api.user("Ben");
    let group = api.group("Group", &[anna]);
    group.add_member(&ben);
    assert_eq!(next_update(&api)["message"]["new_chat_members"][0]["first_name"], "Ben");
    let member = |user: i64| json!({ "chat_id": group.id(), "user_id": user });
    assert_eq!(done(&api, "getChatMember", &member(anna.id))["status"], "creator");
    assert_eq!(done(&api, "getChatMember", &member(ben.id))["status"], "member");
    group.remove_member(&ben);
    assert_eq!(done(&api, "getChatMember", &member(ben.id))["status"], "left");
    assert_eq!(done(&api, "getChat", &json!({ "chat_id": group.id() }))["type"], "group");
    let larger = group.migrate(&anna);
    let answer = api.call("sendMessage", &send(group.id()));
    assert_eq!(answer.description(), "Bad Request: group chat was upgraded to a supergroup chat");
    assert_eq!(answer.json()["parameters"]["migrate_to_chat_id"], larger.id());
    larger.block_bot(&anna);
    assert_eq!(
        refused(&api, "sendMessage", &send(larger.id())),
        "Forbidden: bot was kicked from the supergroup chat"
    );
    let call = api.calls_of("sendMessage").pop().expect("it was noted");
    assert!(matches!(&call.outcome, Outcome::Refused(refusal) if refusal.code == 403));
    assert!(call.ended.is_some_and(|ended| ended >= call.at) && call.number > 1);
    assert_eq!((call.chat, call.thread), (Some(larger.id()), None));
}

#[test]
fn groups_have_privacy_and_anonymous_voices() {
    let (api, anna, _) = start();
    let other = api.other_bot("Other");
    let group = api.supergroup("Group", &[anna]);
    group.unblock_bot(&anna);
    assert_eq!(done(&api, "getMe", &Value::Null)["can_read_all_group_messages"], true);
    api.set_privacy_mode(true);
    done(&api, "getUpdates", &json!({ "offset": -1 }));
    let before = api.unread();
    group.say(&anna, "among us");
    assert_eq!(api.unread(), before);
    group.say(&anna, &format!("hello @{}", api.bot_username()));
    group.say(&other, "/status");
    assert_eq!(api.unread(), before + 2);
    assert_eq!(next_update(&api)["message"]["from"]["is_bot"], true);
    group.message(&anna).text("/stop").in_the_name_of(group.id()).send();
    let message = next_update(&api)["message"].clone();
    assert_eq!(message["sender_chat"]["id"], group.id());
    assert_eq!(message["from"]["username"], "GroupAnonymousBot");
}

#[test]
fn calls_are_noted_with_their_time() {
    let (api, _, chat) = start();
    let before = api.nanos();
    done(&api, "sendMessage", &json!({ "chat_id": chat.id(), "text": "a" }));
    let call = api.calls().pop().expect("it was noted");
    let ended = call.ended.expect("it is over");
    let times = [before, call.at, ended, api.nanos()];
    assert!(times.is_sorted(), "{times:?}");
}
