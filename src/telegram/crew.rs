//! Parts that run side by side, and end when they are told. One that ends before that has fallen over.

use std::collections::HashMap;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

/// They end with it.
#[derive(Debug)]
pub(crate) struct Crew {
    stop: watch::Sender<bool>,
    parts: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Crew {
    pub(crate) fn new() -> Self {
        Self { stop: watch::Sender::new(false), parts: JoinSet::new(), names: HashMap::new() }
    }

    /// `part` is given what tells it to end.
    pub(crate) fn start<F>(&mut self, name: &'static str, part: impl FnOnce(watch::Receiver<bool>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let part = self.parts.spawn(part(self.stop.subscribe()));
        self.names.insert(part.id(), name);
    }

    /// Until one of them has ended untold. Gives its name. Cancel-safe.
    pub(crate) async fn broken(&mut self) -> &'static str {
        match self.parts.join_next_with_id().await {
            Some(ended) => self.over(ended),
            None => std::future::pending().await,
        }
    }

    /// Tells all of them, and waits for them. A bug in one does not keep the others from ending.
    pub(crate) async fn end(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.parts.join_next_with_id().await {
            self.over(ended);
        }
    }

    fn over(&mut self, ended: Result<(Id, ()), JoinError>) -> &'static str {
        let (id, bug) = match ended {
            Ok((id, ())) => (id, None),
            Err(bug) => (bug.id(), Some(bug)),
        };
        let name = self.names.remove(&id).unwrap_or("a part");
        if let Some(bug) = bug {
            tracing::error!(%bug, "Telegram: {name} has ended in a bug");
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::ending;

    async fn diligent(mut stop: watch::Receiver<bool>) {
        ending::told(&mut stop).await;
    }

    #[tokio::test]
    async fn one_that_falls_over_is_named_and_the_others_end_when_told() {
        let mut crew = Crew::new();
        let (done, is_done) = tokio::sync::oneshot::channel();
        crew.start("the diligent", |stop| async {
            diligent(stop).await;
            done.send(()).unwrap();
        });
        crew.start("the clumsy", |_| async { panic!("over my own feet") });
        assert_eq!(crew.broken().await, "the clumsy");
        crew.end().await;
        is_done.await.unwrap();
    }

    #[tokio::test]
    async fn one_that_leaves_early_is_named_too() {
        let mut crew = Crew::new();
        crew.start("the diligent", diligent);
        crew.start("the lazy", |_| async {});
        assert_eq!(crew.broken().await, "the lazy");
    }
}
