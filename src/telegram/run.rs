//! The life of the bridge: find the token, meet the bot, start the parts, end them in order.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::api::answers::Me;
use super::api::methods::GetMe;
use super::api::{Api, ApiError, Token};
use crate::config::TelegramConfig;
use crate::error::{Error, Result};
use crate::paths::Paths;

/// How soon a Telegram that does not answer is asked again.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What the bridge is started with.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) paths: Paths,
    pub(crate) telegram: TelegramConfig,
    /// `host.stale_after`.
    pub(crate) stale_after: Duration,
    /// Short names of directories.
    pub(crate) projects: BTreeMap<String, PathBuf>,
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
    tracing::info!("serving Telegram as @{}", me.username);
    Ok(())
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
