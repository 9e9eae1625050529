//! What was allowed for the session, as far as the process has to do with it.

use std::path::PathBuf;

use super::Actor;
use crate::claude::project;
use crate::host::Replier;
use crate::host::turn::{Ask, Input};
use crate::ipc::Response;
use crate::model::Agent;

impl Actor {
    /// Ends a process that has rules which hold no more, now or as soon as it is idle.
    pub(super) async fn let_go_of_rules(&mut self, name: String, rules: Vec<String>, reply: Replier) {
        self.sleeps_next = self.process.is_some() || self.orphan.is_some();
        self.sleep_next().await;
        let (session, live) = (self.session.id, self.sleeps_next);
        reply.ok(Response::RulesRevoked { session, name, rules, live });
    }

    /// Pinned or not: the next prompt starts another process.
    pub(super) async fn sleep_next(&mut self) {
        if self.sleeps_next && self.state.may_sleep() {
            self.sleeps_next = false;
            self.apply(Input::Sleep).await;
        }
    }

    /// Where "always" would write the rules; the demo agent has a place of its own.
    pub(super) fn rules_file(&self, ask: &Ask) -> Option<PathBuf> {
        let writes = !ask.rules.is_empty() && self.session.agent == Agent::Claude;
        writes.then(|| project::local_settings(&self.session.dir, self.shared.paths.home(), self.release))
    }
}
