//! The stand-in as teloxide sees it: its types read every answer, and it writes the bodies.

use teloxide_core::Bot;
use teloxide_core::net::Download as _;
use teloxide_core::payloads::{GetUpdatesSetters as _, SendDocumentSetters as _, SendMessageSetters as _};
use teloxide_core::requests::Requester as _;
use teloxide_core::types::{
    ChatId, InlineKeyboardButton, InlineKeyboardMarkup, InputFile, MediaKind, MessageEntity, MessageKind,
    UpdateKind, UserId,
};
use teloxide_core::{ApiError, RequestError};

use super::super::{Media, User};
use super::{BotApi, Chat, start};

fn talk(test: impl AsyncFnOnce(Bot, &BotApi, User, Chat)) {
    let (api, anna, chat) = start();
    let url = api.url().parse().expect("a URL");
    let bot = Bot::new(api.token()).set_api_url(url);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(test(bot, &api, anna, chat));
}

#[test]
fn teloxide_reads_the_answers() {
    talk(async |bot, api, anna, chat| {
        let me = bot.get_me().await.expect("getMe");
        assert_eq!((me.username(), me.id), (api.bot_username(), UserId(api.bot_id().unsigned_abs())));
        assert_eq!(bot.get_webhook_info().await.expect("getWebhookInfo").url, None);
        let place = ChatId(chat.id());
        let keyboard = InlineKeyboardMarkup::new([[InlineKeyboardButton::callback("Yes", "y")]]);
        let sent =
            bot.send_message(place, "bold").entities([MessageEntity::bold(0, 4)]).reply_markup(keyboard);
        let sent = sent.await.expect("sendMessage");
        assert_eq!((sent.text(), sent.entities().map(<[_]>::len)), (Some("bold"), Some(1)));
        assert_eq!(chat.wait_for_text("bold").labels(), ["Yes"]);
        let not_modified = bot.edit_message_reply_markup(place, sent.id).await;
        not_modified.expect("the keyboard goes");
        let again = bot.edit_message_text(place, sent.id, "bold").await.expect("the entity goes");
        assert!(again.edit_date().is_some());
        let error = bot.edit_message_text(place, sent.id, "bold").await.expect_err("not modified");
        assert!(matches!(error, RequestError::Api(ApiError::MessageNotModified)), "{error:?}");

        chat.say(&anna, "hello");
        chat.tap_stale(chat.wait_for_text("bold").id, "y", &anna);
        chat.block_bot(&anna);
        chat.unblock_bot(&anna);
        chat.message(&anna).file(Media::photo(b"p")).text("see").send();
        let updates = bot.get_updates().timeout(5).await.expect("getUpdates");
        let kinds: Vec<_> = updates.iter().map(|update| std::mem::discriminant(&update.kind)).collect();
        assert_eq!(kinds.len(), 5);
        for update in &updates {
            assert!(!matches!(update.kind, UpdateKind::Error(_)), "{update:?}");
        }
        let UpdateKind::Message(message) = &updates[4].kind else { panic!("{:?}", updates[4]) };
        assert!(
            matches!(&message.kind, MessageKind::Common(common) if matches!(common.media_kind, MediaKind::Photo(_)))
        );

        let forum = api.forum("Forum", &[anna]);
        let topic = bot.create_forum_topic(ChatId(forum.id()), "Work").await.expect("createForumTopic");
        assert_eq!(topic.name, "Work");
        for chat in [place, ChatId(forum.id())] {
            assert_eq!(bot.get_chat(chat).await.expect("getChat").id, chat);
            bot.get_chat_member(chat, me.id).await.expect("getChatMember");
        }
    });
}

#[test]
fn teloxide_sends_and_fetches_files() {
    talk(async |bot, api, anna, chat| {
        let place = ChatId(chat.id());
        let file = InputFile::memory(&b"one\r\n--two"[..]).file_name("ein \"größer\"; Text.md");
        let caption = bot.send_document(place, file).caption("the caption");
        let sent = caption.caption_entities([MessageEntity::italic(4, 7)]).await.expect("sendDocument");
        let seen = chat.wait_for_text("the caption");
        let kept = seen.file.clone().expect("it has a file");
        assert_eq!((kept.kind, kept.name.as_str()), ("document", "ein \"größer\"; Text.md"));
        assert_eq!((&kept.bytes[..], seen.marked("italic")), (&b"one\r\n--two"[..], vec!["caption"]));
        assert_eq!(sent.document().map(|document| document.file.id.0.clone()), Some(kept.id.clone()));

        // A file of unknown length comes in chunks.
        let large = vec![7; 300_000];
        let stream = InputFile::read(std::io::Cursor::new(large.clone())).file_name("large.bin");
        bot.send_document(place, stream).await.expect("a stream");
        let seen =
            chat.wait_for_message(|seen| seen.file.as_ref().is_some_and(|file| file.name == "large.bin"));
        assert!(*seen.file.expect("it has one").bytes == large[..]);
        let call = api.calls_of("sendDocument").pop().expect("it was noted");
        assert_eq!(call.payload["document"]["file_size"], 300_000);

        let error =
            bot.send_photo(place, InputFile::memory(&b"no picture"[..])).await.expect_err("no picture");
        assert!(matches!(error, RequestError::Api(ApiError::ImageProcessFailed)), "{error:?}");
        let empty = bot.send_document(place, InputFile::memory(&b""[..]).file_name("a")).await;
        assert!(empty.expect_err("empty").to_string().contains("file must be non-empty"));
        let picture = InputFile::memory(&b"\x89PNG and so on"[..]).file_name("a.png");
        bot.send_photo(place, picture).await.expect("sendPhoto");
        bot.send_voice(place, InputFile::file_id(kept.id.into())).await.expect("a known file");
        let long = bot.send_document(place, InputFile::memory(&b"a"[..])).caption("a".repeat(1025));
        let words = long.await.expect_err("too long").to_string();
        assert!(words.contains("message caption is too long"), "{words}");

        chat.message(&anna).file(Media::document("notes.txt", b"from Anna")).send();
        let updates = bot.get_updates().await.expect("getUpdates");
        let UpdateKind::Message(message) = &updates[0].kind else { panic!("{updates:?}") };
        let document = message.document().expect("a document");
        let file = bot.get_file(document.file.id.clone()).await.expect("getFile");
        let mut content = Vec::new();
        bot.download_file(&file.path, &mut content).await.expect("a download");
        assert_eq!(content, b"from Anna");
    });
}
