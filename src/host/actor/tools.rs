//! Tools of ours that Claude uses: they run here, within its turn.

use std::path::PathBuf;

use super::Actor;
use super::journal::Write;
use crate::claude::mcp;
use crate::claude::wire::{Answer, Outgoing};
use crate::host::tools::{self, Sendable, Use};
use crate::model::{Detail, EventKind, NewEvent};
use crate::persona;

impl Actor {
    /// There is one tool: it sends a file.
    pub(super) async fn use_tool(&mut self, used: Use) {
        let (dirs, input) = (self.directories(), used.input);
        let looked = tokio::task::spawn_blocking(move || tools::sendable(&input, &dirs)).await;
        let outcome = match looked {
            Ok(Ok(file)) => Ok(self.send_file(file).await),
            Ok(Err(why)) => Err(why),
            Err(error) => Err(format!("the file was not sent, because of a bug: {error}")),
        };
        let answer = Answer::Mcp(mcp::used(&used.id, &outcome));
        self.write(Outgoing::answer(&used.request, &answer)).await;
    }

    /// Whoever watches the session gets it from the log; what Claude is told.
    async fn send_file(&mut self, file: Sendable) -> String {
        let Sendable { path, name, caption, bytes } = file;
        let said = format!("{name} ({bytes} bytes) was handed to the user.");
        let text = match &caption {
            Some(caption) => format!("sent the file {name}: {caption}"),
            None => format!("sent the file {name}"),
        };
        self.writes.push(Write::Event(NewEvent {
            kind: EventKind::Notice,
            text,
            prompt_id: self.state.answered_prompt(),
            detail: Some(Detail::File { path, name, caption, bytes }),
        }));
        self.flush().await;
        said
    }

    /// Where its files may lie: the working directory first, those of the persona, and what people sent.
    fn directories(&self) -> Vec<PathBuf> {
        let persona = persona::load(&self.session.persona, &self.shared.paths).ok();
        let inbox = self.shared.paths.session_dir(&self.session.id.to_string()).join("inbox");
        let added = persona.into_iter().flat_map(|persona| persona.add_dirs);
        [self.session.dir.clone()].into_iter().chain(added).chain([inbox]).collect()
    }
}
