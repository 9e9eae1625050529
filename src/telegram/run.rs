//! The life of the bridge: find the token, meet the bot, start the parts, end them in order.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::api::answers::Me;
use super::api::methods::GetMe;
use super::api::{Api, ApiError, Token};
use super::bridge::{Bridge, Personas, SharedAccess};
use super::db::{Adopted, Db};
use super::gate::Bot;
use super::link::Link;
use super::live::Live;
use super::outbox::{Order, Outbox};
use super::poll::{PollState, PollTimes, Poller};
use super::{commands, ending, feed, gone, intake, live, outbox};
use crate::config::TelegramConfig;
use crate::error::{Error, Result};
use crate::model::SessionId;
use crate::paths::Paths;

/// How soon a Telegram that does not answer is asked again.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

const HOUSEKEEPING: Duration = Duration::from_secs(60 * 60);

/// What the bridge is started with.
pub(crate) struct Options {
    pub(crate) paths: Paths,
    pub(crate) telegram: TelegramConfig,
    /// `host.stale_after`.
    pub(crate) stale_after: Duration,
    /// Short names of directories.
    pub(crate) projects: BTreeMap<String, PathBuf>,
    /// Where scratch directories are made.
    pub(crate) scratch: PathBuf,
    /// Personas lie in another room.
    pub(crate) personas: Personas,
}

/// Runs the bridge on this thread. From `draining` on nothing more is received; after `drained` what is on its way out
/// gets a few seconds. Whatever goes wrong here is said in the log: the host serves the shell all the same.
pub(crate) fn run(options: Options, draining: impl Future<Output = ()>, drained: impl Future<Output = ()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "the Telegram bridge cannot start"),
    };
    if let Err(error) = runtime.block_on(serve(options, draining, drained)) {
        let hint = error.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
        tracing::error!("Telegram is not served: {}{hint}", error.message);
    }
}

async fn serve(
    options: Options,
    draining: impl Future<Output = ()>,
    drained: impl Future<Output = ()>,
) -> Result<()> {
    let Some(token) = Token::load(&options.telegram, &options.paths.telegram_token()).await? else {
        tracing::info!(
            "no Telegram bot yet: talk to @BotFather in Telegram (/newbot), then run `claudebot telegram setup`; \
             the shell is served meanwhile"
        );
        return Ok(());
    };
    let api = Api::new(token, &options.telegram.api_url)?;
    tokio::pin!(draining);
    let me = tokio::select! {
        me = meet(&api) => me?,
        () = &mut draining => return Ok(()),
    };
    let db = open(&options.paths, me.id)?;
    let (outbox, orders) = Outbox::new();
    let (live, wished) = Live::new(outbox.clone());
    let (watched, asked) = mpsc::unbounded_channel();
    let bridge = Arc::new(bridge(options, api, &me, db, outbox, watched));
    let parts = Parts { bridge, live, orders, wished, asked };
    tracing::info!("serving Telegram as @{}", me.username);
    parts.run(draining, drained).await
}

fn open(paths: &Paths, bot: i64) -> Result<Arc<Db>> {
    let db = Db::open(&paths.telegram_database())?;
    if let Adopted::Other { former, unsent } = db.write(|tables| tables.adopt(bot))? {
        tracing::warn!(former, unsent, "another bot was served before; what it still had to say is dropped");
    }
    Ok(Arc::new(db))
}

fn bridge(
    options: Options,
    api: Api,
    me: &Me,
    db: Arc<Db>,
    outbox: Outbox,
    watched: mpsc::UnboundedSender<SessionId>,
) -> Bridge {
    let Options { paths, telegram, stale_after, projects, scratch, personas } = options;
    Bridge {
        api,
        db,
        link: Link::new(paths.clone()),
        bot: Bot { id: me.id, username: me.username.clone(), has_topics: me.has_topics_enabled },
        outbox,
        config: telegram,
        stale_after,
        projects,
        downloads: paths.telegram_downloads(),
        home: paths.home().to_owned(),
        scratch,
        personas,
        epoch: Uuid::new_v4().simple().to_string(),
        access: SharedAccess::default(),
        watched,
    }
}

/// Everything that runs, before it does.
struct Parts {
    bridge: Arc<Bridge>,
    live: Live,
    orders: mpsc::UnboundedReceiver<Order>,
    wished: mpsc::UnboundedReceiver<SessionId>,
    asked: mpsc::UnboundedReceiver<SessionId>,
}

impl Parts {
    async fn run(self, draining: impl Future<Output = ()>, drained: impl Future<Output = ()>) -> Result<()> {
        let Self { bridge, live, orders, wished, asked } = self;
        let (stop_receiving, receiving) = watch::channel(false);
        let (stop_telling, telling) = watch::channel(false);
        let (stop_sending, sending) = watch::channel(false);
        let (authorised, _) = watch::channel(true);
        let wake = watch::Sender::new(0);
        let news = wake.subscribe();

        // What happened meanwhile is told to whoever is let in: nobody may be unknown by then.
        if let Err(trouble) = intake::learn(&bridge).await {
            tracing::warn!("Telegram: it is not known yet who is let in: {trouble:?}");
        }
        let sender = tokio::spawn(outbox::run(Arc::clone(&bridge), orders, authorised, sending));
        let mut tellers = JoinSet::new();
        tellers.spawn(feed::run(Arc::clone(&bridge), live.clone(), telling.clone()));
        tellers.spawn(live::run(Arc::clone(&bridge), live.clone(), wished, telling.clone()));
        tellers.spawn(watch_what_is_asked(live, asked, telling.clone()));
        tellers.spawn(gone::run(Arc::clone(&bridge), telling.clone()));
        tellers.spawn(keep_house(Arc::clone(&bridge), telling));
        let mut receivers = JoinSet::new();
        receivers.spawn(receive(Arc::clone(&bridge), wake, receiving.clone()));
        receivers.spawn(act(Arc::clone(&bridge), news, receiving));

        draining.await;
        stop_receiving.send_replace(true);
        finished(receivers).await;
        drained.await;
        // The feed reads on until it is silent: what the last turns brought is told before the last words go out.
        stop_telling.send_replace(true);
        finished(tellers).await;
        stop_sending.send_replace(true);
        sender.await.map_err(|bug| Error::failed(format!("a bug ended what sends to Telegram: {bug}")))
    }
}

async fn receive(bridge: Arc<Bridge>, wake: watch::Sender<u64>, mut stop: watch::Receiver<bool>) {
    let poller = Poller {
        api: bridge.api.clone(),
        db: Arc::clone(&bridge.db),
        wake,
        state: watch::Sender::new(PollState::Starting),
        times: PollTimes::default(),
    };
    // Why it ended before its time it has said itself.
    poller.run(ending::told(&mut stop)).await.ok();
    ending::told(&mut stop).await;
}

async fn act(bridge: Arc<Bridge>, news: watch::Receiver<u64>, mut stop: watch::Receiver<bool>) {
    let mut stopped = stop.clone();
    let menu = async {
        if let Err(error) = bridge.api.call(&commands::menu()).await {
            tracing::warn!("the bot's menu is not brought up to date: {}", Error::from(error).message);
        }
    };
    let menu = async {
        tokio::select! {
            () = menu => {}
            () = ending::told(&mut stopped) => {}
        }
    };
    let handle = intake::run(Arc::clone(&bridge), news, ending::told(&mut stop));
    let ((), handled) = tokio::join!(menu, handle);
    if let Err(error) = handled {
        tracing::error!("nothing that people write is handled any more: {}", error.message);
    }
}

async fn watch_what_is_asked(
    live: Live,
    mut asked: mpsc::UnboundedReceiver<SessionId>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            Some(session) = asked.recv() => live.watch(session),
            () = ending::told(&mut stop) => return,
        }
    }
}

/// Old rows go, once in a while.
async fn keep_house(bridge: Arc<Bridge>, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = bridge.db.write(|tables| tables.prune(Timestamp::now())) {
            tracing::warn!(%error, "old rows stay in telegram.db");
        }
        tokio::select! {
            () = tokio::time::sleep(HOUSEKEEPING) => {}
            () = ending::told(&mut stop) => return,
        }
    }
}

/// A bug in one of them is said, and does not keep the others from ending.
async fn finished(mut parts: JoinSet<()>) {
    while let Some(ended) = parts.join_next().await {
        if let Err(bug) = ended {
            tracing::error!(%bug, "a part of the Telegram bridge ended in a bug");
        }
    }
}

/// Who the token belongs to, as soon as Telegram can be reached.
async fn meet(api: &Api) -> Result<Me> {
    let mut wait = FIRST_WAIT;
    loop {
        match api.call(&GetMe {}).await {
            Ok(me) => return Ok(me),
            Err(error @ ApiError::Unauthorized) => return Err(error.into()),
            Err(error) => {
                let error = Error::from(error);
                tracing::warn!("Telegram cannot be reached: {}; trying again in {wait:?}", error.message);
                tokio::time::sleep(wait).await;
                wait = LONGEST_WAIT.min(wait * 2);
            }
        }
    }
}
