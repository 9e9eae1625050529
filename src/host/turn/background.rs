//! What the agent does beside the conversation. It keeps the process from being idle.

use super::input::Task;

#[derive(Debug, Default)]
pub(super) struct Background {
    tasks: Vec<Task>,
    /// The agent lists all of them at every change; what it says of single ones is no news then.
    lists: bool,
}

impl Background {
    pub(super) fn listed(&mut self, tasks: Vec<Task>) {
        self.tasks = tasks;
        self.lists = true;
    }

    pub(super) fn started(&mut self, task: Task) {
        if !self.lists && self.tasks.iter().all(|known| known.id != task.id) {
            self.tasks.push(task);
        }
    }

    pub(super) fn ended(&mut self, id: &str) {
        if !self.lists {
            self.tasks.retain(|task| task.id != id);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(super) fn in_words(&self) -> Option<String> {
        match self.tasks.as_slice() {
            [] => None,
            [one] => Some(format!("background: {}", one.description)),
            several => Some(format!("{} background tasks", several.len())),
        }
    }
}
