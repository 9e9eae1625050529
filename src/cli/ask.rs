//! One request, one response, whoever can give it: the host if one is up, else the same handler in this
//! process, else a host that is started for it.

use super::ctx::{self, Ctx};
use super::pending::client::Client;
use super::pending::host::{self, HostLock, ShortCtx};
use super::pending::store::{Db, Mode};
use super::screen::Stop;
use crate::error::{Error, Kind, Result};
use crate::ipc::{HostFrame, Push, Request, Response};
use crate::model::Stats;

/// What a request needs where no host is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// The database, read only, no lock.
    Reading,
    /// The database under the host's lock.
    Writing,
    /// A live host.
    Host,
}

const fn need(request: &Request) -> Need {
    match request {
        Request::SessionList { .. }
        | Request::SessionShow { .. }
        | Request::Log { .. }
        | Request::Search { .. }
        | Request::Audit { .. }
        | Request::Status { .. }
        | Request::Stats { .. }
        | Request::Names { .. }
        | Request::Approvals { .. }
        | Request::SessionDelete { confirmed: false, .. } => Need::Reading,
        Request::SessionNew(_)
        | Request::SessionRename { .. }
        | Request::SessionTag { .. }
        | Request::SessionPin { .. }
        | Request::SessionSwitch { .. }
        | Request::SessionStop { .. }
        | Request::SessionSleep { .. }
        | Request::SessionDelete { confirmed: true, .. }
        | Request::SessionSet { .. }
        | Request::QueueClear { .. }
        | Request::PromptTakeBack { .. }
        | Request::PromptEdit { .. }
        | Request::Answer { .. } => Need::Writing,
        Request::SessionArchive { .. }
        | Request::SessionRestore { .. }
        | Request::Send(_)
        | Request::QueueRun { .. }
        | Request::Continue { .. }
        | Request::Subscribe { .. }
        | Request::Feed { .. }
        | Request::Prewarm { .. }
        | Request::Context { .. }
        | Request::HostStatus
        | Request::HostStop { .. } => Need::Host,
    }
}

/// Asks; starts a host only where nothing less will do.
pub(crate) fn ask(ctx: &Ctx, request: Request) -> Result<Response, Stop> {
    ctx::runtime()?.block_on(answer(ctx, request)).map_err(Stop::Error)
}

/// Asks with news about the progress of long work.
pub(crate) fn ask_long(
    ctx: &Ctx,
    request: Request,
    mut progress: impl FnMut(u64, u64, &str),
) -> Result<Response, Stop> {
    let work = async {
        let mut client = ctx.starter()?.connect().await?;
        let id = client.send(request).await?;
        loop {
            match client.next().await? {
                Some(HostFrame::Ok { id: answered, response }) if answered == id => {
                    return Ok(response);
                }
                Some(HostFrame::Error { id: answered, error }) if answered == id => {
                    return Err(error);
                }
                Some(HostFrame::Push { push: Push::Progress { done, total, what }, .. }) => {
                    progress(done, total, &what);
                }
                Some(_) => {}
                None => return Err(lost()),
            }
        }
    };
    ctx::runtime()?.block_on(work).map_err(Stop::Error)
}

async fn answer(ctx: &Ctx, request: Request) -> Result<Response> {
    if let Some(mut client) = Client::connect(&ctx.paths, &ctx.identity()).await? {
        return client.call(request).await;
    }
    let short = match need(&request) {
        Need::Reading => read(ctx, &request)?,
        Need::Writing => write(ctx, &request)?,
        Need::Host => None,
    };
    match short {
        Some(response) => Ok(response),
        None => ctx.starter()?.connect().await?.call(request).await,
    }
}

/// Answers from the database without a lock; None where only a host can.
pub(crate) fn read(ctx: &Ctx, request: &Request) -> Result<Option<Response>> {
    if !ctx.paths.database().exists() {
        return empty(request).map(Some);
    }
    let mut db = Db::open(&ctx.paths.database(), Mode::ReadOnly)?;
    in_process(ctx, &mut db, request)
}

/// Answers under the host's lock; None where a host took it meanwhile, or only a host can.
fn write(ctx: &Ctx, request: &Request) -> Result<Option<Response>> {
    let Ok(_lock) = HostLock::try_acquire(&ctx.paths)? else { return Ok(None) };
    let mut db = Db::open(&ctx.paths.database(), Mode::ReadWrite)?;
    in_process(ctx, &mut db, request)
}

fn in_process(ctx: &Ctx, db: &mut Db, request: &Request) -> Result<Option<Response>> {
    let config = ctx.config()?;
    let short = ShortCtx { paths: &ctx.paths, env: &ctx.env, config: &config };
    host::answer(db, &short, request).transpose()
}

/// What a reader gets before anything was ever stored.
fn empty(request: &Request) -> Result<Response> {
    match request {
        Request::SessionList { .. } => Ok(Response::Sessions(Vec::new())),
        Request::Search { .. } => Ok(Response::Hits(Vec::new())),
        Request::Audit { .. } => Ok(Response::Audit(Vec::new())),
        Request::Status { .. } => {
            Ok(Response::Status { sessions: Vec::new(), approvals: Vec::new(), host: None })
        }
        Request::Stats { session: None, .. } => Ok(Response::Stats(Stats::default())),
        Request::Names { .. } => Ok(Response::Names(Vec::new())),
        Request::Approvals { session: None } => Ok(Response::Approvals(Vec::new())),
        _ => Err(no_session()),
    }
}

fn no_session() -> Error {
    Error::not_found("there is no session yet").hint("make one: claudebot session new NAME --switch")
}

/// The host went away in the middle of a request.
pub(crate) fn lost() -> Error {
    Error::unavailable("the host ended before it answered")
        .hint("run the command again; `claudebot host status` and `claudebot doctor` say more")
}

/// The host answered something else than was asked for: a bug, or a host of another release.
pub(crate) fn unexpected(response: &Response) -> Stop {
    let name = serde_json::to_value(response)
        .ok()
        .and_then(|value| value.get("type").and_then(|kind| kind.as_str().map(str::to_owned)))
        .unwrap_or_else(|| "nothing".to_owned());
    Stop::Error(
        Error::new(Kind::Failed, format!("the host answered with `{name}`, which does not fit the request"))
            .hint("claudebot host restart"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc::Selector;
    use crate::model::Channel;

    #[test]
    fn listing_and_looking_never_need_a_host() {
        let channel = Channel::local();
        let list = Request::SessionList { channel: channel.clone(), archived: false, all: false, tag: None };
        assert_eq!(need(&list), Need::Reading);
        assert_eq!(need(&Request::Status { channel }), Need::Reading);
        let session = Selector::Exact("x".to_owned());
        assert_eq!(
            need(&Request::SessionDelete { session: session.clone(), confirmed: false }),
            Need::Reading
        );
        assert_eq!(need(&Request::SessionDelete { session, confirmed: true }), Need::Writing);
    }

    #[test]
    fn before_the_first_session_lists_are_empty_and_names_unknown() {
        let request = Request::Approvals { session: None };
        assert_eq!(empty(&request), Ok(Response::Approvals(Vec::new())));
        let request = Request::Log { session: Selector::Name("x".to_owned()), since: 0, limit: 1 };
        assert_eq!(empty(&request).unwrap_err().kind, Kind::NotFound);
    }

    #[test]
    fn a_wrong_answer_is_named() {
        let Stop::Error(error) = unexpected(&Response::Done) else { panic!("not an error") };
        assert!(error.message.contains("`done`"), "{error}");
    }
}
