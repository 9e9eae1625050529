//! Setting a bot up, without a terminal: what Telegram says of it, where its token is kept, and looking for whoever
//! takes up an invitation.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::api::answers::Me;
use super::api::methods::{DeleteWebhook, GetChatMember, GetMe, GetUpdates, GetWebhookInfo};
use super::api::{Api, Token};
use super::update::{ALLOWED, Update, UpdateKind};
use crate::config::TelegramConfig;
use crate::error::{Error, Result};
use crate::ipc::Request;
use crate::paths::Paths;

/// Telegram shows no more updates at a time.
const MOST: u8 = 100;

/// A bot as Telegram describes it. Field names are documented JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BotFacts {
    pub(crate) bot: i64,
    /// Without `@`.
    pub(crate) username: String,
    pub(crate) name: String,
    /// The server to which Telegram sends updates instead of keeping them for us. Empty: none.
    pub(crate) webhook: String,
    /// It hears everything in groups, not only what is meant for it.
    pub(crate) reads_groups: bool,
    pub(crate) joins_groups: bool,
    /// Private chats with it may have topics.
    pub(crate) topics: bool,
    /// Updates that wait at Telegram.
    pub(crate) waiting: u64,
}

/// A bot whose token works.
pub(crate) struct Candidate {
    api: Api,
    pub(crate) facts: BotFacts,
}

/// The token in force, wherever it comes from.
pub(crate) async fn token(config: &TelegramConfig, paths: &Paths) -> Result<Option<Token>> {
    Token::load(config, &paths.telegram_token()).await
}

/// Asks Telegram whose token this is.
pub(crate) async fn examine(token: Token, api_url: &str) -> Result<Candidate> {
    let api = Api::new(token, api_url)?;
    let me = api.call(&GetMe {}).await?;
    let hook = api.call(&GetWebhookInfo {}).await?;
    let Me { id, first_name, username, can_join_groups, can_read_all_group_messages, has_topics_enabled } =
        me;
    let facts = BotFacts {
        bot: id,
        username,
        name: first_name,
        webhook: hook.server().unwrap_or_default(),
        reads_groups: can_read_all_group_messages,
        joins_groups: can_join_groups,
        topics: has_topics_enabled,
        waiting: hook.pending_update_count,
    };
    Ok(Candidate { api, facts })
}

impl Candidate {
    /// From now on updates are kept for whoever polls.
    pub(crate) async fn remove_webhook(&mut self) -> Result<()> {
        self.api.call(&DeleteWebhook {}).await?;
        self.facts.webhook.clear();
        Ok(())
    }

    /// Whether the bot is a member of a group.
    pub(crate) async fn is_in(&self, chat_id: i64) -> Result<bool> {
        let member = self.api.call(&GetChatMember { chat_id, user_id: self.facts.bot }).await?;
        Ok(!matches!(member.status.as_str(), "left" | "kicked"))
    }

    /// Keeps the token where only its owner can read it: aside first, so that the former one stays whole until then.
    pub(crate) fn keep(&self, path: &Path) -> Result<()> {
        if let Some(dir) = path.parent() {
            Paths::create_private(dir)?;
        }
        let aside = path.with_extension("new");
        let failed = |error: std::io::Error| Error::io("write the token to", path, &error);
        // One that an interrupted run left behind may have another mode.
        match std::fs::remove_file(&aside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(failed)?;
        writeln!(file, "{}", self.api.token().reveal()).and_then(|()| file.sync_all()).map_err(failed)?;
        std::fs::rename(&aside, path).map_err(failed)
    }

    /// The address that opens a chat with the bot and hands it the code.
    pub(crate) fn link(&self, code: &str) -> String {
        format!("https://t.me/{}?start={code}", self.facts.username)
    }

    /// Who has said `/start CODE`, as the claim to hand to the host. What waits at Telegram is only looked at: it stays
    /// there for the bridge. Not for a bot that a bridge receives for already, which is disturbed by this.
    pub(crate) async fn look_for_claim(&self, code: &str) -> Result<Option<Request>> {
        let look = GetUpdates { offset: None, limit: MOST, timeout: 0, allowed_updates: ALLOWED };
        let waiting = self.api.poll(&look).await?;
        let claim = waiting.iter().find_map(|raw| claim(raw, code));
        if claim.is_none() && waiting.len() >= usize::from(MOST) {
            let words = "so much waits for the bot at Telegram that nothing new can be seen";
            return Err(Error::conflict(words)
                .hint("start `claudebot serve` in another terminal, which takes it in; this goes on then"));
        }
        Ok(claim)
    }
}

fn claim(raw: &Value, code: &str) -> Option<Request> {
    let UpdateKind::Message(message) = Update::read(Update::id_of(raw)?, raw).kind else { return None };
    let said = message.text.as_deref()?.trim().strip_prefix("/start")?.trim();
    let from = message.from.filter(|from| !from.is_bot && message.chat.is_private())?;
    (said == code).then(|| Request::PairClaim { code: code.to_owned(), user: from.id, name: from.name() })
}

/// The address as a picture of dark and light blocks, two rows to a line, for a terminal. None: it is too long.
pub(crate) fn picture(link: &str) -> Option<String> {
    let code = qrcode::QrCode::with_error_correction_level(link, qrcode::EcLevel::L).ok()?;
    Some(code.render::<qrcode::render::unicode::Dense1x2>().quiet_zone(true).build())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::telegram::api::test_server::{Reply, Server, run};

    fn said(text: &str, kind: &str, is_bot: bool) -> Value {
        json!({ "update_id": 1, "message": { "message_id": 5, "date": 0, "text": text,
            "chat": { "id": 42, "type": kind }, "from": { "id": 42, "is_bot": is_bot, "first_name": "Ada" } } })
    }

    fn facts() -> BotFacts {
        BotFacts {
            bot: 42,
            username: "b_bot".to_owned(),
            name: "B".to_owned(),
            webhook: String::new(),
            reads_groups: false,
            joins_groups: false,
            topics: false,
            waiting: 0,
        }
    }

    #[test]
    fn only_the_code_in_a_private_chat_is_a_claim() {
        let claimed = claim(&said("/start ABCD2345", "private", false), "ABCD2345");
        assert_eq!(
            claimed,
            Some(Request::PairClaim { code: "ABCD2345".to_owned(), user: 42, name: "Ada".to_owned() })
        );
        for other in [
            said("/start", "private", false),
            said("/start ABCD2346", "private", false),
            said("ABCD2345", "private", false),
            said("/start ABCD2345", "group", false),
            said("/start ABCD2345", "private", true),
            json!({ "update_id": 1, "poll": {} }),
        ] {
            assert_eq!(claim(&other, "ABCD2345"), None, "{other:?}");
        }
    }

    #[test]
    fn a_token_is_kept_for_its_owner_alone_and_replaces_the_former() {
        use std::os::unix::fs::PermissionsExt as _;
        run(async {
            let server = Server::start().await;
            server.reply(Reply::ok(
                json!({ "id": 42, "is_bot": true, "first_name": "B", "username": "b_bot" }),
            ));
            server
                .reply(Reply::ok(json!({ "url": "https://bots.example/secret", "pending_update_count": 3 })));
            let bot = examine(Server::token(), &server.url).await.unwrap();
            assert_eq!((bot.facts.username.as_str(), bot.facts.waiting), ("b_bot", 3));
            assert_eq!(bot.facts.webhook, "https://bots.example");
            assert_eq!(bot.link("X"), "https://t.me/b_bot?start=X");
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("claudebot/telegram-token");
            bot.keep(&path).unwrap();
            bot.keep(&path).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), Server::token().reveal());
        });
    }

    #[test]
    fn a_claim_is_looked_for_and_nothing_is_taken_away() {
        run(async {
            let mut server = Server::start().await;
            let bot = Candidate { api: server.api(), facts: facts() };
            server.reply(Reply::ok(json!([said("hello", "private", false)])));
            assert_eq!(bot.look_for_claim("ABCD2345").await.unwrap(), None);
            let polled = server.seen().await.json();
            assert_eq!((&polled["offset"], &polled["timeout"]), (&Value::Null, &json!(0)));
            server.reply(Reply::ok(json!([
                said("hello", "private", false),
                said("/start ABCD2345", "private", false)
            ])));
            assert!(bot.look_for_claim("ABCD2345").await.unwrap().is_some());
            // It may stand behind all that Telegram shows.
            server.reply(Reply::ok(json!(vec![said("hello", "private", false); 100])));
            let error = bot.look_for_claim("ABCD2345").await.unwrap_err();
            assert!(error.hint.unwrap().contains("claudebot serve"));
        });
    }

    #[test]
    fn a_link_fits_a_small_terminal_as_a_picture() {
        let picture = picture("https://t.me/a_rather_long_name_of_a_bot?start=ABCD2345").unwrap();
        assert!(picture.lines().count() <= 24, "{picture}");
        assert!(picture.lines().all(|line| line.chars().count() <= 60));
    }
}
