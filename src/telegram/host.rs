//! Asking the host on behalf of somebody in a chat.

use super::bridge::Bridge;
use super::place::Place;
use crate::error::{Error, Kind};
use crate::ipc::{Request, Response, Selector};
use crate::model::{Approval, ApprovalId, SessionId, SessionView};

/// Why something could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The host is about to end: what was not done is for the next one.
    Ending,
    /// It says no, in words for whoever asked.
    Refused(Error),
    /// Something of the bridge's own failed: worth another try.
    Failed(Error),
}

pub(crate) type Outcome<T> = Result<T, Trouble>;

/// An error of the bridge's own parts.
impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// No: said by the bridge itself.
pub(crate) fn refuse<T>(error: Error) -> Outcome<T> {
    Err(Trouble::Refused(error))
}

pub(crate) fn exactly(session: SessionId) -> Selector {
    Selector::Exact(session.to_string())
}

impl Bridge {
    /// Asks once, and once more if a connection was lost under a request that may be asked twice.
    pub(crate) async fn ask(&self, request: Request) -> Outcome<Response> {
        let again = request.is_repeatable().then(|| request.clone());
        let error = match self.link.call(request).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        // A session that cannot start is unavailable too; only the host itself can tell.
        if error.kind != Kind::Unavailable {
            return refuse(error);
        }
        if self.link.call(Request::HostStatus).await.is_err() {
            return Err(Trouble::Ending);
        }
        let Some(request) = again else { return refuse(error) };
        match self.link.call(request).await {
            Ok(response) => Ok(response),
            Err(error) => refuse(error),
        }
    }

    /// A session as the place sees it.
    pub(crate) async fn show(&self, session: Selector, place: Place) -> Outcome<SessionView> {
        match self.ask(Request::SessionShow { session, channel: place.channel() }).await? {
            Response::Session(session) => Ok(session),
            other => unexpected(&other),
        }
    }

    /// All sessions, the last used first.
    pub(crate) async fn sessions(&self, place: Place, archived: bool) -> Outcome<Vec<SessionView>> {
        let request = Request::SessionList { channel: place.channel(), archived, all: false, tag: None };
        match self.ask(request).await? {
            Response::Sessions(mut sessions) => {
                sessions.sort_by_key(|session| std::cmp::Reverse(session.last_active));
                Ok(sessions)
            }
            other => unexpected(&other),
        }
    }

    /// What waits for a person: in one session, or everywhere.
    pub(crate) async fn approvals(&self, session: Option<SessionId>) -> Outcome<Vec<Approval>> {
        match self.ask(Request::Approvals { session: session.map(exactly) }).await? {
            Response::Approvals(approvals) => Ok(approvals),
            other => unexpected(&other),
        }
    }

    /// A request that still waits.
    pub(crate) async fn approval(&self, id: ApprovalId) -> Outcome<Option<Approval>> {
        Ok(self.approvals(None).await?.into_iter().find(|approval| approval.id == id))
    }

    /// What the host says to something that needs no more than words.
    pub(crate) async fn tell(&self, request: Request) -> Outcome<Option<String>> {
        match self.ask(request).await? {
            Response::Said(words) => Ok(Some(words)),
            Response::Done | Response::Session(_) | Response::State(_) => Ok(None),
            other => unexpected(&other),
        }
    }
}

pub(crate) fn unexpected<T>(response: &Response) -> Outcome<T> {
    let words = serde_json::to_value(response).ok();
    let kind = words.as_ref().and_then(|value| value.get("type")).and_then(|kind| kind.as_str());
    let kind = kind.unwrap_or("something unknown").to_owned();
    Err(Trouble::Failed(Error::failed(format!(
        "the host answers {kind}, which is no answer to what was asked"
    ))))
}
