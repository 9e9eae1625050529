//! The life of the bridge: find the token, meet the bot, start the parts, end them in order.
//!
//! It lasts as long as the host does. Whatever keeps it from serving (no token, a token that is refused, a file that
//! is in use, a part that has fallen over) is said once and tried again: nothing that it has to know after that lies
//! anywhere but in its file, so it begins anew as if after a restart.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::again::again;
use super::api::answers::Me;
use super::api::methods::GetMe;
use super::api::{Api, ApiError, Token};
use super::bridge::{Bridge, Personas, SharedAccess};
use super::crew::Crew;
use super::db::{Adopted, Db};
use super::gate::Bot;
use super::link::Link;
use super::live::Live;
use super::outbox::{Order, Outbox};
use super::poll::{PollState, PollTimes, Poller, in_full};
use super::{commands, ending, feed, gone, intake, live, outbox};
use crate::config::TelegramConfig;
use crate::error::{Error, Result};
use crate::ipc::ServedBot;
use crate::model::SessionId;
use crate::paths::Paths;

/// How soon what did not work is tried again.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How often it is looked whether setting up has kept another token.
const LOOK: Duration = Duration::from_secs(2);

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
    /// Told what the bridge keeps, once it has its file open.
    pub(crate) keeps: Box<dyn Fn(Kept) + Send>,
    /// Told which bot is served, and when none is any more.
    pub(crate) serves: Box<dyn Fn(Option<ServedBot>) + Send>,
}

/// What the bridge keeps, for whoever moves it to another machine.
#[derive(Clone)]
pub(crate) struct Kept(Arc<Db>);

impl Kept {
    pub(crate) fn give(&self) -> Result<serde_json::Value> {
        super::moving::give_of(&self.0)
    }

    pub(crate) fn take(&self, settings: &serde_json::Value) -> Result<()> {
        super::moving::take_into(&self.0, settings)
    }
}

/// Runs the bridge on this thread. From `draining` on nothing more is received; after `drained` what is on its way out
/// gets a few seconds, and this returns. It does so earlier only by a bug.
pub(crate) fn run(
    options: &Options,
    draining: impl Future<Output = ()> + Send + 'static,
    drained: impl Future<Output = ()> + Send + 'static,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "the Telegram bridge cannot start"),
    };
    runtime.block_on(async {
        let life = Life { draining: ending::when(draining), drained: ending::when(drained) };
        serve(options, life).await;
    });
}

/// What the bridge is told of the host's life.
struct Life {
    draining: watch::Receiver<bool>,
    drained: watch::Receiver<bool>,
}

/// Why the parts have ended.
enum End {
    /// The host ends.
    Over,
    /// There is another token.
    OtherToken,
    /// One of them has fallen over.
    Broken(&'static str),
}

/// What is there as long as this process, however often the bridge is begun anew in it.
struct Lasting {
    /// Stays open: what is left of a former life may still write to it.
    db: Option<Arc<Db>>,
    /// What asks goes on with the process: so do the buttons that answer it.
    epoch: String,
    is_begun_anew: bool,
}

async fn serve(options: &Options, mut life: Life) {
    let kept = options.paths.telegram_token();
    let mut lasting = Lasting { db: None, epoch: Uuid::new_v4().simple().to_string(), is_begun_anew: false };
    let mut patience = Patience::default();
    loop {
        let found = tokio::select! {
            biased;
            () = ending::told(&mut life.draining) => return,
            found = Token::load(&options.telegram, &kept) => found,
        };
        let token = found.as_ref().ok().cloned().flatten();
        let begun = tokio::select! {
            biased;
            () = ending::told(&mut life.draining) => return,
            () = another(options, token.as_ref()) => continue,
            begun = begin(options, found, &mut lasting) => begun,
        };
        match begun {
            Ok(parts) => match parts.serve(options, token.as_ref(), &mut life).await {
                End::Over => return,
                End::OtherToken => {
                    tracing::info!("there is another token of a Telegram bot, which is used from now on");
                    patience = Patience::default();
                    continue;
                }
                End::Broken(part) => {
                    patience.begin_again();
                    tracing::error!("Telegram: {part} has ended: everything there is begun anew");
                }
            },
            Err(error) => patience.say(&error),
        }
        tokio::select! {
            () = ending::told(&mut life.draining) => return,
            () = another(options, token.as_ref()) => {}
            () = sleep(patience.next()) => {}
        }
    }
}

/// Waits longer from time to time, and says the same only once.
#[derive(Default)]
struct Patience {
    wait: Option<Duration>,
    waited: Option<Instant>,
    said: Option<String>,
}

impl Patience {
    fn next(&mut self) -> Duration {
        let wait = self.wait.map_or(FIRST_WAIT, |before| LONGEST_WAIT.min(before * 2));
        (self.wait, self.waited) = (Some(wait), Some(Instant::now() + wait));
        wait
    }

    /// What went well for so long is no reason to wait any longer than at first.
    fn begin_again(&mut self) {
        if self.waited.is_none_or(|waited| waited.elapsed() > LONGEST_WAIT) {
            *self = Self::default();
        }
    }

    fn say(&mut self, error: &Error) {
        let words = in_full(error);
        if self.said.as_ref() != Some(&words) {
            tracing::warn!("Telegram is not served: {words}; it is tried again and again");
            self.said = Some(words);
        }
    }
}

/// Until there is another token than this one in the file that holds it. What the configuration holds itself, or a
/// command gives, stays as it was.
async fn another(options: &Options, known: Option<&Token>) {
    if options.telegram.token.is_some() || options.telegram.token_command.is_some() {
        return std::future::pending().await;
    }
    loop {
        sleep(LOOK).await;
        let kept = Token::load(&options.telegram, &options.paths.telegram_token()).await;
        if kept.is_ok_and(|kept| kept.is_some() && kept.as_ref() != known) {
            return;
        }
    }
}

/// Everything that runs, before it does. Ends only in an error, or with all that it takes.
async fn begin(options: &Options, token: Result<Option<Token>>, lasting: &mut Lasting) -> Result<Parts> {
    let Some(token) = token? else {
        tracing::info!(
            "no Telegram bot yet: talk to @BotFather in Telegram (/newbot), then run `claudebot telegram setup`; \
             the shell is served meanwhile"
        );
        return std::future::pending().await;
    };
    let api = Api::new(token, &options.telegram.api_url)?;
    let me = meet(&api).await;
    let db = open(&options.paths, me.id, &mut lasting.db)?;
    (options.keeps)(Kept(Arc::clone(&db)));
    let (outbox, orders) = Outbox::new();
    let (live, wished) = Live::new(outbox.clone());
    let (watched, asked) = mpsc::unbounded_channel();
    let bridge = Arc::new(bridge(options, api, &me, (db, lasting), outbox, watched));
    lasting.is_begun_anew = true;
    Ok(Parts { bridge, live, orders, wished, asked })
}

fn open(paths: &Paths, bot: i64, opened: &mut Option<Arc<Db>>) -> Result<Arc<Db>> {
    let db = match opened {
        Some(db) => Arc::clone(db),
        None => Arc::clone(opened.insert(Arc::new(Db::open(&paths.telegram_database())?))),
    };
    if let Adopted::Other { former, unsent } = db.write(|tables| tables.adopt(bot))? {
        tracing::warn!(former, unsent, "another bot was served before; what it still had to say is dropped");
    }
    Ok(db)
}

fn bridge(
    options: &Options,
    api: Api,
    me: &Me,
    (db, lasting): (Arc<Db>, &Lasting),
    outbox: Outbox,
    watched: mpsc::UnboundedSender<SessionId>,
) -> Bridge {
    let Options { paths, telegram, stale_after, projects, scratch, personas, keeps: _, serves: _ } = options;
    Bridge {
        api,
        db,
        link: Link::new(paths.clone()),
        bot: Bot { id: me.id, username: me.username.clone(), has_topics: me.has_topics_enabled },
        outbox,
        config: telegram.clone(),
        stale_after: *stale_after,
        projects: projects.clone(),
        downloads: paths.telegram_downloads(),
        home: paths.home().to_owned(),
        scratch: scratch.clone(),
        personas: Arc::clone(personas),
        epoch: lasting.epoch.clone(),
        is_begun_anew: lasting.is_begun_anew,
        access: SharedAccess::default(),
        watched,
    }
}

struct Parts {
    bridge: Arc<Bridge>,
    live: Live,
    orders: mpsc::UnboundedReceiver<Order>,
    wished: mpsc::UnboundedReceiver<SessionId>,
    asked: mpsc::UnboundedReceiver<SessionId>,
}

impl Parts {
    async fn serve(self, options: &Options, token: Option<&Token>, life: &mut Life) -> End {
        let Bot { id, username, .. } = self.bridge.bot.clone();
        tracing::info!("serving Telegram as @{username}");
        (options.serves)(Some(ServedBot { id, username }));
        let end = self.run(another(options, token), life).await;
        (options.serves)(None);
        end
    }

    async fn run(self, other_token: impl Future<Output = ()>, life: &mut Life) -> End {
        let Self { bridge, live, orders, wished, asked } = self;
        let wake = watch::Sender::new(0);
        let news = wake.subscribe();
        let poll = watch::Sender::new(PollState::Starting);
        let heard = poll.subscribe();

        // What happened meanwhile is told to whoever is let in: nobody may be unknown by then.
        if let Err(trouble) = intake::learn(&bridge).await {
            tracing::warn!("Telegram: it is not known yet who is let in: {trouble:?}");
        }
        let of = || Arc::clone(&bridge);
        let (mut senders, mut tellers, mut receivers) = (Crew::new(), Crew::new(), Crew::new());
        senders.start("what sends", |stop| outbox::run(of(), orders, stop));
        tellers.start("what tells of sessions", |stop| feed::run(of(), live.clone(), stop));
        tellers.start("what shows running turns", |stop| live::run(of(), live.clone(), wished, stop));
        tellers.start("what sets that going", |stop| watch_what_is_asked(live.clone(), asked, stop));
        tellers.start("what looks for deleted sessions", |stop| gone::run(of(), stop));
        tellers.start("what keeps its file small", |stop| keep_house(of(), stop));
        receivers.start("what receives", |stop| receive(of(), wake, poll, stop));
        receivers.start("what handles updates", |stop| act(of(), news, heard, stop));

        let end = tokio::select! {
            biased;
            () = ending::told(&mut life.draining) => End::Over,
            part = receivers.broken() => End::Broken(part),
            part = tellers.broken() => End::Broken(part),
            part = senders.broken() => End::Broken(part),
            () = other_token => End::OtherToken,
        };
        receivers.end().await;
        if matches!(end, End::Over) {
            ending::told(&mut life.drained).await;
        }
        // The feed reads on until it is silent: what the last turns brought is told before the last words go out.
        tellers.end().await;
        senders.end().await;
        end
    }
}

async fn receive(
    bridge: Arc<Bridge>,
    wake: watch::Sender<u64>,
    state: watch::Sender<PollState>,
    mut stop: watch::Receiver<bool>,
) {
    let poller = Poller {
        api: bridge.api.clone(),
        db: Arc::clone(&bridge.db),
        wake,
        state,
        times: PollTimes::default(),
    };
    if let Err(error) = poller.run(ending::told(&mut stop)).await {
        tracing::error!("nothing is received from Telegram: {}", error.message);
    }
}

async fn act(
    bridge: Arc<Bridge>,
    news: watch::Receiver<u64>,
    poll: watch::Receiver<PollState>,
    mut stop: watch::Receiver<bool>,
) {
    let mut stopped = stop.clone();
    let menu = async {
        let menu = commands::menu();
        if let Err(error) = again(Duration::MAX, || bridge.api.call(&menu)).await {
            tracing::warn!("the bot's menu is not brought up to date: {}", Error::from(error).message);
        }
    };
    let menu = async {
        tokio::select! {
            () = menu => {}
            () = ending::told(&mut stopped) => {}
        }
    };
    let handle = intake::run(Arc::clone(&bridge), news, poll, ending::told(&mut stop));
    let ((), handled) = tokio::join!(menu, handle);
    if let Err(error) = handled {
        tracing::error!("nothing that people write is handled: {}", error.message);
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
            () = sleep(HOUSEKEEPING) => {}
            () = ending::told(&mut stop) => return,
        }
    }
}

/// Who the token belongs to, as soon as Telegram can be reached and takes it.
async fn meet(api: &Api) -> Me {
    let mut patience = Patience::default();
    loop {
        let error = match api.call(&GetMe {}).await {
            Ok(me) => return me,
            Err(error) => error,
        };
        let asked = if let ApiError::RetryAfter(wait) = &error { *wait } else { Duration::ZERO };
        patience.say(&error.into());
        sleep(patience.next().max(asked)).await;
    }
}
