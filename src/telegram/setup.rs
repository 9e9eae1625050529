//! Setting a bot up, without a terminal: what Telegram says of it, where its token is kept, and waiting for whoever
//! takes up an invitation.
//!
//! What comes in meanwhile is stored like everything else, so that the bridge finds it later.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

use super::api::answers::Me;
use super::api::methods::{DeleteWebhook, GetChatMember, GetMe, GetWebhookInfo};
use super::api::{Api, Token};
use super::db::{Db, Incoming};
use super::poll::{PollState, PollTimes, Poller};
use super::update::{Update, UpdateKind};
use crate::config::TelegramConfig;
use crate::error::{Error, Result};
use crate::ipc::Request;
use crate::paths::Paths;

/// So many updates are looked through at a time.
const PAGE: u32 = 100;

/// A bot as Telegram describes it. Field names are documented JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BotFacts {
    pub(crate) bot: i64,
    /// Without `@`.
    pub(crate) username: String,
    pub(crate) name: String,
    /// Where Telegram sends updates instead of keeping them for us. Empty: nowhere.
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
        webhook: hook.url,
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

    /// Receives until somebody says `/start CODE`; who that was, as the claim to hand to the host. For when no bridge
    /// runs, which would do that itself.
    pub(crate) async fn wait_for_claim(&self, paths: &Paths, code: &str) -> Result<Request> {
        let db = Arc::new(Db::open(&paths.telegram_database())?);
        db.write(|tables| tables.adopt(self.facts.bot))?;
        let poller = Poller {
            api: self.api.clone(),
            db: Arc::clone(&db),
            wake: watch::Sender::new(0),
            state: watch::Sender::new(PollState::Starting),
            times: PollTimes::default(),
        };
        let news = poller.wake.subscribe();
        tokio::select! {
            claim = look_for(&db, news, code) => claim,
            ended = poller.run(std::future::pending()) => {
                ended.and_then(|()| Err(Error::unavailable("nothing is received from Telegram any more")))
            }
        }
    }
}

async fn look_for(db: &Db, mut moved: watch::Receiver<u64>, code: &str) -> Result<Request> {
    let mut after = 0;
    loop {
        let news = db.read(|tables| tables.new_updates(after, PAGE))?;
        if news.is_empty() {
            if moved.changed().await.is_err() {
                return Err(Error::unavailable("nothing is received from Telegram any more"));
            }
            continue;
        }
        for (position, incoming) in news {
            after = position;
            if let Some(claim) = claim(&incoming, code) {
                return Ok(claim);
            }
        }
    }
}

fn claim(incoming: &Incoming, code: &str) -> Option<Request> {
    let UpdateKind::Message(message) = Update::read(incoming.id, &incoming.raw).kind else { return None };
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
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::telegram::api::test_server::{Reply, Server, run};

    fn incoming(raw: Value) -> Incoming {
        Incoming { id: 1, at: Timestamp::UNIX_EPOCH, place: None, tries: 0, released: false, raw }
    }

    fn said(text: &str, kind: &str, is_bot: bool) -> Incoming {
        incoming(json!({ "update_id": 1, "message": { "message_id": 5, "date": 0, "text": text,
            "chat": { "id": 42, "type": kind }, "from": { "id": 42, "is_bot": is_bot, "first_name": "Ada" } } }))
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
            incoming(json!({ "update_id": 1, "poll": {} })),
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
            server.reply(Reply::ok(json!({ "url": "", "pending_update_count": 3 })));
            let bot = examine(Server::token(), &server.url).await.unwrap();
            assert_eq!((bot.facts.username.as_str(), bot.facts.waiting), ("b_bot", 3));
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
    fn a_link_fits_a_small_terminal_as_a_picture() {
        let picture = picture("https://t.me/a_rather_long_name_of_a_bot?start=ABCD2345").unwrap();
        assert!(picture.lines().count() <= 24, "{picture}");
        assert!(picture.lines().all(|line| line.chars().count() <= 60));
    }
}
