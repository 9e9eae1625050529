//! Brings each request to whoever carries it out: the short handler, a session's actor, or a long task.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::mpsc;

use super::actor::{Command, Copies};
use super::connection::Inbound;
use super::shared::{Ending, Shared};
use super::{Replier, feed, history, lease, long, short};
use crate::error::{Error, Result};
use crate::ipc::{Handover, HostStatus, PROTOCOL, Request, Response, Selector, SendPrompt, StopWhen};
use crate::model::{PromptId, Session, SessionId, SessionState};

/// Serves the requests of one connection in the order in which they came.
pub(super) async fn serve(shared: Arc<Shared>, mut inbox: mpsc::Receiver<Inbound>) {
    while let Some(Inbound { request, reply, client, .. }) = inbox.recv().await {
        let received = Instant::now();
        route(&shared, &client.client, request, reply, received).await;
    }
}

async fn route(shared: &Arc<Shared>, who: &str, request: Request, reply: Replier, received: Instant) {
    match &request {
        Request::Send(send) if !send.attachments.is_empty() => {
            with_files(shared, send.clone(), reply, received).await;
        }
        Request::Send(send) => to_actor(shared, send.session.clone(), request, reply, received).await,
        Request::Continue { session, .. }
        | Request::Subscribe { session, .. }
        | Request::Context { session }
        | Request::SessionStop { session, .. }
        | Request::SessionSleep { session, .. }
        | Request::Prewarm { session }
        | Request::QueueRun { session }
        | Request::QueueClear { session }
        | Request::SessionHandover(Handover { session, .. }) => {
            to_actor(shared, session.clone(), request, reply, received).await;
        }
        Request::PromptTakeBack { prompt } | Request::PromptEdit { prompt, .. } => {
            let prompt = *prompt;
            let owner = shared.store.read(move |db| db.prompt(prompt)).await.map(|prompt| prompt.session);
            hand_over(shared, owner, request, reply, received);
        }
        Request::Answer { approval, .. } => {
            let id = *approval;
            let owner = shared.store.read(move |db| db.approval(id)).await.map(|(asked, _)| asked.session_id);
            hand_over(shared, owner, request, reply, received);
        }
        Request::SessionTakeBack { session } => {
            tokio::spawn(lease::take_back(Arc::clone(shared), session.clone(), reply));
        }
        Request::SessionRulesRevoke { .. } => revoke(shared, who, request, reply).await,
        Request::AgentCommands { session } => {
            let found = shared.store.glance(|db| short::find(db, session));
            reply.reply(found.map(|session| Response::Commands(shared.commands(&session))));
        }
        Request::Feed { since } => feed::follow(shared, *since, reply),
        Request::HostStatus => reply.ok(Response::Host(status(shared))),
        Request::HostStop { when } => {
            reply.ok(Response::Done);
            shared.end(if *when == StopWhen::Now { Ending::Now } else { Ending::WhenIdle });
        }
        Request::SessionDelete { confirmed: true, .. }
        | Request::Clean { .. }
        | Request::SessionArchive { .. }
        | Request::SessionAdopt(_)
        | Request::ArchivePlan { .. }
        | Request::SessionRestore { .. }
        | Request::HouseOut { .. }
        | Request::HouseIn(_) => {
            let job = long::Job { shared: Arc::clone(shared), who: who.to_owned(), reply };
            // What takes long must not keep the connection's other requests waiting.
            tokio::spawn(job.run(request));
        }
        Request::Search { .. } => {
            // It may have to read a gigabyte first.
            tokio::spawn(search(Arc::clone(shared), who.to_owned(), request, reply));
        }
        _ => shortly(shared, who, request, reply).await,
    }
}

/// What is not up to date in the index of plain conversations is read before the answer, or else after it.
async fn search(shared: Arc<Shared>, who: String, request: Request, reply: Replier) {
    let looked = match &request {
        Request::Search { fresh: true, .. } => history::look(&shared).await,
        _ => Ok(()),
    };
    let answered = shared.answer_shortly(&who, request).await;
    let answered = answered
        .and_then(|found| found.ok_or_else(|| Error::failed("this host does not know how to search")));
    let response = answered.map(|response| short::with_trouble(response, looked));
    // A terminal asks again by itself.
    if let Ok(Response::Found { plain, .. }) = &response
        && plain.stale
        && who != "cli"
    {
        history::look_soon(&shared);
    }
    reply.reply(response);
}

/// Finds the session and lets its actor do it.
async fn to_actor(
    shared: &Arc<Shared>,
    selector: Selector,
    request: Request,
    reply: Replier,
    received: Instant,
) {
    let found = shared.store.glance(|db| short::find(db, &selector));
    let owner = found.and_then(|session| in_use(&session).map(|()| session.id));
    hand_over(shared, owner, request, reply, received);
}

/// Copies the files first: only this connection waits for that, and who has gone meanwhile wants nothing sent.
async fn with_files(shared: &Arc<Shared>, mut send: SendPrompt, reply: Replier, received: Instant) {
    let found = shared.store.glance(|db| short::find(db, &send.session));
    let owner = match found.and_then(|session| in_use(&session).map(|()| session.id)) {
        Ok(owner) => owner,
        Err(error) => return reply.error(error),
    };
    let id = PromptId::random();
    let inbox = shared.paths.session_dir(&owner.to_string()).join("inbox");
    match Copies::make(inbox, id, std::mem::take(&mut send.attachments)).await {
        Ok(_) if reply.is_closed() => {}
        Ok(copies) => {
            send.attachments = copies.files().to_vec();
            shared.deliver(owner, Command::Attached { id, send, copies, reply, received });
        }
        Err(error) => reply.error(error),
    }
}

fn hand_over(
    shared: &Arc<Shared>,
    owner: Result<SessionId>,
    request: Request,
    reply: Replier,
    received: Instant,
) {
    match owner {
        Ok(id) => shared.deliver(id, Command::Request { request, reply, received }),
        Err(error) => reply.error(error),
    }
}

pub(super) async fn find(shared: &Shared, selector: Selector) -> Result<Session> {
    shared.store.read(move |db| short::find(db, &selector)).await
}

/// An archived session has nothing that could answer.
fn in_use(session: &Session) -> Result<()> {
    let name = &session.name;
    match (session.state, &session.archive) {
        (SessionState::Archived, Some(file)) => Err(Error::conflict(format!("session {name} is archived"))
            .hint(format!("bring it back: claudebot session restore {}", file.display()))),
        (SessionState::Archived, None) => Err(Error::conflict(format!(
            "session {name} was archived, and its archive was kept long enough and removed"
        ))
        .hint(format!("what was said is still there: claudebot log {}", session.id))),
        _ => Ok(()),
    }
}

/// A request that only needs the store, and what live sessions have to know of it.
async fn shortly(shared: &Arc<Shared>, who: &str, request: Request, reply: Replier) {
    let answered = match request.clone() {
        Request::SessionSet { session, key, value } => set(shared, session, key, value).await.map(Some),
        asked => shared.answer_shortly(who, asked).await,
    };
    let mut result = answered
        .and_then(|response| response.ok_or_else(|| Error::failed("this host does not know how to do that")));
    if let Ok(Response::Status { host, .. }) = &mut result {
        *host = Some(status(shared));
    }
    if let Ok(response) = &result {
        tell_actors(shared, &request, response);
    }
    reply.reply(result);
}

/// Stores a setting; a live process hears of it afterwards.
async fn set(shared: &Shared, session: Selector, key: String, value: Option<String>) -> Result<Response> {
    let listed = shared
        .store
        .run(move |db| {
            let id = short::find(db, &session)?.id;
            short::set(db, id, &key, value.as_deref())?;
            db.listed(id)
        })
        .await?;
    Ok(Response::Session(shared.view(listed)))
}

/// A process that has the rules is put to sleep; whoever looks after it says whether it can be at once.
async fn revoke(shared: &Arc<Shared>, who: &str, request: Request, reply: Replier) {
    match shared.answer_shortly(who, request).await {
        Ok(Some(Response::RulesRevoked { session, name, rules, live: true })) => {
            shared.deliver(session, Command::Revoked { name, rules, reply });
        }
        Ok(Some(response)) => reply.ok(response),
        Ok(None) => reply.error(Error::failed("this host does not know how to do that")),
        Err(error) => reply.error(error),
    }
}

fn tell_actors(shared: &Arc<Shared>, request: &Request, response: &Response) {
    let Response::Session(view) = response else { return };
    match request {
        Request::SessionRename { .. } | Request::SessionTag { .. } | Request::SessionPin { .. } => {
            shared.tell(view.id, Command::Refresh);
        }
        Request::SessionSet { key, value, .. } => {
            shared.tell(view.id, Command::Set { key: key.clone(), value: value.clone() });
        }
        // Whoever switches is about to type: the first turn is warm too.
        Request::SessionSwitch { .. } => shared.deliver(view.id, Command::Wake),
        _ => {}
    }
}

fn status(shared: &Shared) -> HostStatus {
    let presence = shared.presence();
    let busy = presence
        .values()
        .filter(|one| matches!(one.state, SessionState::Busy | SessionState::Waiting))
        .count();
    let about = &shared.about;
    HostStatus {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        started: about.started,
        socket: about.socket.clone(),
        data_dir: shared.paths.data_dir().to_owned(),
        live: count(shared.places.taken()),
        busy: count(busy),
        clients: shared.clients.load(Ordering::Relaxed),
        mode: about.mode.to_owned(),
        draining: shared.is_draining(),
        bot: shared.served.borrow().clone(),
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
