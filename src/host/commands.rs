//! The slash commands that agents say they know.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{Agent, AgentCommand, SessionId};

/// Those of each live session, and the last that any session of an agent had: most lists are the same, and kept once.
#[derive(Debug, Default)]
pub(super) struct Commands {
    live: HashMap<SessionId, Arc<[AgentCommand]>>,
    last: HashMap<Agent, Arc<[AgentCommand]>>,
}

impl Commands {
    pub(super) fn keep(&mut self, session: SessionId, agent: Agent, commands: Vec<AgentCommand>) {
        let known = self.last.get(&agent).filter(|last| ***last == *commands);
        let kept = known.cloned().unwrap_or_else(|| commands.into());
        self.last.insert(agent, Arc::clone(&kept));
        self.live.insert(session, kept);
    }

    pub(super) fn forget(&mut self, session: SessionId) {
        self.live.remove(&session);
    }

    /// Of a session that is asleep the best guess; nothing where nothing is known yet.
    pub(super) fn of(&self, session: SessionId, agent: Agent) -> Vec<AgentCommand> {
        let known = self.live.get(&session).or_else(|| self.last.get(&agent));
        known.map(|commands| commands.to_vec()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Vec<AgentCommand> {
        let (name, description, argument_hint) = (name.to_owned(), String::new(), String::new());
        vec![AgentCommand { name, description, argument_hint }]
    }

    #[test]
    fn each_live_session_has_its_own_and_a_sleeping_one_the_last() {
        let [a, b, c] = [(); 3].map(|()| SessionId::random());
        let mut commands = Commands::default();
        assert_eq!(commands.of(a, Agent::Claude), []);
        commands.keep(a, Agent::Claude, named("deploy"));
        commands.keep(b, Agent::Claude, named("review"));
        commands.keep(c, Agent::Demo, named("demo"));
        assert_eq!(commands.of(a, Agent::Claude), named("deploy"));
        commands.forget(a);
        assert_eq!(commands.of(a, Agent::Claude), named("review"));
        commands.forget(c);
        assert_eq!(commands.of(c, Agent::Demo), named("demo"));
    }

    #[test]
    fn equal_lists_are_kept_once() {
        let [a, b] = [(); 2].map(|()| SessionId::random());
        let mut commands = Commands::default();
        commands.keep(a, Agent::Claude, named("review"));
        commands.keep(b, Agent::Claude, named("review"));
        assert!(Arc::ptr_eq(&commands.live[&a], &commands.live[&b]));
    }
}
