//! Everything on its way out: one queue per chat, within Telegram's limits.
//!
//! What must arrive is a row of `outgoing`, written by whoever wants it said, in the transaction that makes it due;
//! [`Outbox::wake`] then says that there is one. What only helps while it is fresh (the live message of a running
//! turn, the typing sign, answers to pressed buttons) goes through the handle alone and is never stored. This part
//! must not know why something is said.

mod budget;
mod call;
mod chat;
mod desk;
mod payload;
mod row;
mod run;
mod settle;
mod step;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

pub(crate) use payload::{
    FileContent, FileOut, Final, Key, Keyboard, Message, Note, Payload, Press, Target, head, priority,
};

use super::bridge::Bridge;
use super::place::Place;
use super::render::Rich;
use crate::model::{SessionId, TurnId};
use run::Carrier;

/// Sends until `stop` says true, and for at most ten seconds more what must arrive.
pub(crate) async fn run(
    bridge: Arc<Bridge>,
    orders: mpsc::UnboundedReceiver<Order>,
    stop: watch::Receiver<bool>,
) {
    let api = bridge.api.clone();
    let call = move |call: call::Call| {
        let api = api.clone();
        async move { call.carry_out(&api).await }
    };
    Carrier::new(&bridge.db, call).run(orders, stop).await;
}

/// Which live message: the one of a turn in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LiveKey {
    pub(crate) place: Place,
    pub(crate) session: SessionId,
    pub(crate) turn: TurnId,
}

/// What a live message shows now; a newer one replaces it unsent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LiveView {
    pub(crate) rich: Rich,
    pub(crate) buttons: Keyboard,
    pub(crate) reply_to: Option<i64>,
    pub(crate) note: Note,
}

/// What is asked of the outbox beside the stored rows.
#[derive(Debug)]
pub(crate) enum Order {
    /// The chat has rows that are due.
    Wake(i64),
    Show {
        key: LiveKey,
        view: Box<LiveView>,
    },
    /// The turn is over; its live message is left to whatever ends it.
    Forget(LiveKey),
    /// Something is being done for this place.
    Typing {
        place: Place,
        on: bool,
    },
    /// A pressed button wants its answer; costs nothing of the limits.
    Answer {
        callback: String,
        text: Option<String>,
        alert: bool,
    },
}

/// The handle that the rest of the bridge has.
#[derive(Debug, Clone)]
pub(crate) struct Outbox(mpsc::UnboundedSender<Order>);

impl Outbox {
    /// The handle, and what its orders come out of.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Order>) {
        let (orders, inbox) = mpsc::unbounded_channel();
        (Self(orders), inbox)
    }

    /// An outbox that is gone has nobody to tell.
    pub(crate) fn order(&self, order: Order) {
        self.0.send(order).ok();
    }

    pub(crate) fn wake(&self, chat: i64) {
        self.order(Order::Wake(chat));
    }
}
