//! The end of the actor for somebody who takes the whole session.

use tokio::sync::oneshot;

use super::{Actor, Closing, Subscribers};
use crate::error::{Error, Result};
use crate::host::turn::{Input, Phase};

impl Actor {
    pub(super) async fn close(&mut self, how: Closing, done: oneshot::Sender<Result<Subscribers>>) {
        if let Some(reason) = self.why_not_close(how) {
            done.send(Err(reason)).ok();
            return;
        }
        if let Some(lending) = self.lending.take() {
            let name = &self.session.name;
            lending.refuse(Error::conflict(format!("session {name} is deleted meanwhile")));
            self.not_lent().await;
        }
        self.closing = Some(done);
        self.draining = true;
        self.apply(if how == Closing::ByForce { Input::Close } else { Input::Drain }).await;
        if self.process.is_some() {
            self.apply(Input::Sleep).await;
        }
    }

    /// By force what runs and what waits is given up; a process that is not ours is still waited for.
    fn why_not_close(&self, how: Closing) -> Option<Error> {
        let force = how == Closing::ByForce;
        let name = &self.session.name;
        if self.state.is_lent() {
            return Some(self.lent_already());
        }
        if self.lending.is_some() && !force {
            return Some(
                Error::conflict(format!("session {name} is about to be handed over"))
                    .hint("try again once it is back"),
            );
        }
        if self.orphan.is_some() {
            let message = format!("session {name} is busy: a process of a former host still works in it");
            return Some(Error::conflict(message).hint("try again in a moment"));
        }
        if !force && (!self.state.is_quiet() || self.state.phase == Phase::Recovering) {
            let busy = Error::conflict(format!("session {name} is busy"));
            return Some(busy.hint(format!("stop it first: claudebot session stop {name}")));
        }
        let waiting = self.state.waiting().count();
        (how == Closing::Gently && waiting > 0).then(|| {
            let prompts = if waiting == 1 { "1 prompt waits" } else { &format!("{waiting} prompts wait") };
            Error::conflict(format!("{prompts} in session {name}"))
                .hint(format!("claudebot session queue {name} --run, or --clear"))
        })
    }
}
