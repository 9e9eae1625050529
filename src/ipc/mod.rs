//! The host's socket: what can be asked, what comes back, and how a client finds or starts a host.
//!
//! Newline-delimited JSON over a Unix socket. This room knows words and bytes; it must not know how a request
//! is carried out (`host`) or how an answer is shown (`cli`, `tui`, `telegram`).

pub(crate) mod autostart;
pub(crate) mod client;
pub(crate) mod codec;
pub(crate) mod contact;
pub(crate) mod house;
pub(crate) mod lock_file;
pub(crate) mod readiness;
pub(crate) mod reconnect;
pub(crate) mod request;
pub(crate) mod response;

pub(crate) use house::{Arrived, ArrivedAs, FileAs, HouseArrival, HouseFile, HouseIn, HousePacked};
pub(crate) use request::{
    Adopt, ArchiveOptions, Handover, NewSession, Request, Selector, SendPrompt, StopWhen,
};
pub(crate) use response::{
    Accepted, Adoptable, ArchivePlan, ClientFrame, DirectoryPlan, Granted, Hello, Hit, HostFrame, HostStatus,
    PlainIndex, Push, Response, ServedBot, Welcome,
};

/// The protocol this build speaks. It changes when a message changes incompatibly, not with the release.
pub(crate) const PROTOCOL: u32 = 2;

/// The oldest protocol this build's host still serves.
pub(crate) const OLDEST_PROTOCOL: u32 = PROTOCOL - 1;
