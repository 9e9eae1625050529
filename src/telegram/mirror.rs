//! Where a session is shown though it was not asked from there.

use std::collections::BTreeSet;

use super::bridge::Bridge;
use super::place::Place;
use crate::error::Result;
use crate::ipc::{Request, Response, Selector};
use crate::model::SessionId;

impl Bridge {
    /// Whether anything may be said there just now.
    pub(crate) fn is_allowed(&self, place: Place) -> bool {
        let access = self.access();
        access.users.contains(&place.chat) || access.chats.contains(&place.chat)
    }

    /// Whether somebody who asked there, or was asked, is still to hear of it. While it is not known who is let in,
    /// nothing is kept back.
    pub(crate) fn may_hear(&self, place: Place) -> bool {
        self.known_access().is_none() || self.is_allowed(place)
    }

    /// Topics that are the session's, and places whose current session it is. None of them with `mirror = "off"`.
    pub(crate) async fn mirrors(&self, session: SessionId) -> Result<Vec<Place>> {
        if self.config.mirror == "off" {
            return Ok(Vec::new());
        }
        let (topics, asked) =
            self.db.read(|tables| Ok((tables.topics_of(session)?, tables.places_of(session)?)))?;
        let access = self.access();
        let chats = access.users.iter().chain(&access.chats).map(|chat| Place::chat(*chat));
        let candidates: BTreeSet<Place> =
            chats.chain(asked).filter(|place| self.is_allowed(*place)).collect();
        let mut mirrors: Vec<Place> =
            topics.iter().filter(|topic| !topic.closed).map(|topic| topic.place).collect();
        mirrors.retain(|place| self.is_allowed(*place));
        for place in candidates {
            // A topic of its own shows its session, whatever was current there once.
            let is_bound = self.db.read(|tables| tables.topic_at(place))?.is_some();
            if !is_bound && self.is_current(place, session).await {
                mirrors.push(place);
            }
        }
        Ok(mirrors)
    }

    async fn is_current(&self, place: Place, session: SessionId) -> bool {
        let selector = Selector::Exact(session.to_string());
        let request = Request::SessionShow { session: selector, channel: place.channel() };
        match self.link.call(request).await {
            Ok(Response::Session(view)) => view.current,
            Ok(_) => false,
            Err(error) => {
                tracing::debug!(%session, %error, "cannot ask where a session is current");
                false
            }
        }
    }
}
