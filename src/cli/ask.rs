//! One request, one response, whoever can give it: the host if one is up, else the same handler in this
//! process, else a host that is started for it.

use super::ctx::{self, Ctx};
use super::screen::Stop;
use crate::error::{Error, Kind, Result};
use crate::host::in_process::{self, Asker};
use crate::ipc::client::Client;
use crate::ipc::request::{PermissionScope, denied};
use crate::ipc::{HostFrame, Push, Request, Response};
use crate::model::Channel;

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

/// [`ask`] inside a runtime.
pub(crate) async fn answer(ctx: &Ctx, request: Request) -> Result<Response> {
    // The host asks the same; without one nobody else would.
    request.permit(ctx::CLIENT, ctx.inside().as_deref())?;
    for again in [true, false] {
        let Some(mut client) = Client::connect(&ctx.paths, &ctx.identity()).await? else { break };
        match client.call(request.clone()).await {
            // It ended at this very moment. Whoever answers now may be asked as well.
            Err(error) if again && error.kind == Kind::Unavailable && request.is_repeatable() => {}
            answered => return answered,
        }
    }
    match in_process(ctx, &request)? {
        Some(response) => Ok(response),
        None => ctx.starter()?.connect().await?.call(request).await,
    }
}

/// Answers with the host's own handler, without a host. None where it takes one.
pub(crate) fn in_process(ctx: &Ctx, request: &Request) -> Result<Option<Response>> {
    if let Some(session) = ctx.inside().filter(|_| request.scope() == PermissionScope::Local) {
        return Err(denied(&format!("from inside session {session}")));
    }
    let config = || ctx.config();
    let channel = Channel::local();
    let asker = Asker { paths: &ctx.paths, config: &config, who: ctx::CLIENT, channel: &channel };
    in_process::answer(&asker, request)
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
    use tokio::net::UnixListener;

    use super::*;
    use crate::cli::screen::Screen;
    use crate::host::lock::HostLock;
    use crate::ipc::codec::{FrameReader, FrameWriter};
    use crate::ipc::contact::welcome;
    use crate::ipc::{Hello, Selector};
    use crate::paths::{Env, Paths};

    #[test]
    fn before_the_first_session_there_is_nothing_and_nothing_is_made() {
        let home = tempfile::tempdir().unwrap();
        let env = Env::from_pairs([("HOME", home.path())]);
        let ctx = Ctx::new(env, Screen::plain()).unwrap();
        let request = Request::Approvals { session: None };
        assert_eq!(in_process(&ctx, &request), Ok(Some(Response::Approvals(Vec::new()))));
        let request = Request::Log { session: Selector::Name("x".to_owned()), since: 0, limit: 1 };
        assert_eq!(in_process(&ctx, &request).unwrap_err().kind, Kind::NotFound);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }

    /// A host that greets, reads a request, and ends.
    async fn ending_host(paths: &Paths) {
        let socket = paths.prepare_socket().unwrap();
        let lock = HostLock::try_acquire(paths).unwrap().unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        let (read, write) = listener.accept().await.unwrap().0.into_split();
        let (mut reader, mut writer) = (FrameReader::new(read), FrameWriter::new(write));
        let hello = reader.frame::<Hello>().await.unwrap().unwrap();
        writer.push(&welcome(&hello)).unwrap();
        writer.flush().await.unwrap();
        assert!(reader.line().await.unwrap().is_some());
        std::fs::remove_file(socket).unwrap();
        drop(lock);
    }

    #[tokio::test]
    async fn what_a_host_ends_upon_is_asked_again_if_twice_is_as_good_as_once() {
        let home = tempfile::tempdir_in("/tmp").unwrap();
        let ctx = Ctx::new(Env::from_pairs([("HOME", home.path())]), Screen::plain()).unwrap();
        let approvals = Request::Approvals { session: None };
        let ((), read) = tokio::join!(ending_host(&ctx.paths), answer(&ctx, approvals));
        assert_eq!(read, Ok(Response::Approvals(Vec::new())));
        let run = Request::QueueRun { session: Selector::Name("work".to_owned()) };
        let ((), lost) = tokio::join!(ending_host(&ctx.paths), answer(&ctx, run));
        assert_eq!(lost.unwrap_err().kind, Kind::Unavailable);
    }

    #[test]
    fn a_wrong_answer_is_named() {
        let Stop::Error(error) = unexpected(&Response::Done) else { panic!("not an error") };
        assert!(error.message.contains("`done`"), "{error}");
    }
}
