//! Who decides what the agent asks for: the person at this terminal, somebody elsewhere, or (in the demo) a script.

use std::collections::VecDeque;

use super::asking::{Asking, Step, in_words};
use super::tty::Tty;
use crate::cli::screen::Screen;
use crate::cli::text;
use crate::error::{Error, Result};
use crate::model::{Approval, ApprovalId, ApprovalKind, Decision};

/// How decisions are come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Asked at the terminal.
    Terminal,
    /// Somebody has to run `claudebot approve`.
    Command,
    /// The answers are known beforehand: for the demo that plays by itself.
    Scripted,
}

#[derive(Debug)]
pub(crate) struct Asker {
    screen: Screen,
    way: Way,
    tty: Option<Tty>,
    current: Option<Asking>,
    waiting: VecDeque<Approval>,
    /// Decided here; the host's word about them is no news.
    decided: Vec<ApprovalId>,
    script: VecDeque<Decision>,
}

impl Asker {
    /// Needs a running tokio runtime.
    pub(crate) fn new(screen: Screen, way: Way) -> Self {
        let tty = if way == Way::Terminal { Tty::open() } else { None };
        let way = if way == Way::Terminal && tty.is_none() { Way::Command } else { way };
        let (waiting, script) = (VecDeque::new(), VecDeque::new());
        Self { screen, way, tty, current: None, waiting, decided: Vec::new(), script }
    }

    /// Answers by itself, in this order; what comes on top is denied.
    pub(crate) fn scripted(screen: Screen, script: impl Iterator<Item = Decision>) -> Self {
        Self { script: script.collect(), ..Self::new(screen, Way::Scripted) }
    }

    /// Takes up a question. A decision comes back at once only where nobody is asked.
    pub(crate) fn ask(&mut self, approval: Approval) -> Option<(ApprovalId, Decision)> {
        match self.way {
            Way::Terminal => {
                self.waiting.push_back(approval);
                self.next();
                None
            }
            Way::Command => {
                self.screen.say(&elsewhere(&approval));
                None
            }
            Way::Scripted => {
                let decision = self.script.pop_front().unwrap_or(Decision::Deny { message: None });
                let about = about(&approval);
                self.screen
                    .say(&format!("? {about}\n  {} (the demo answers by itself)", in_words(&decision)));
                self.decided.push(approval.id);
                Some((approval.id, decision))
            }
        }
    }

    /// A line from the terminal; never ends while nothing is asked. Cancel-safe.
    pub(crate) async fn line(&mut self) -> Result<Option<String>> {
        match (&self.current, &mut self.tty) {
            (Some(_), Some(tty)) => read(tty).await,
            _ => std::future::pending().await,
        }
    }

    /// Somebody at this terminal is asked.
    pub(crate) const fn is_asking(&self) -> bool {
        self.current.is_some()
    }

    /// Says again what can be typed.
    pub(crate) fn again(&self) {
        if let Some(asking) = &self.current {
            self.screen.talk(&asking.again());
        }
    }

    /// A line when nothing is asked: the next prompt of an interactive conversation. Cancel-safe.
    pub(crate) async fn typed_line(&mut self) -> Result<Option<String>> {
        let Some(tty) = &mut self.tty else { return Ok(None) };
        read(tty).await
    }

    /// What the typed line decides, if it does. None for the line: the input has ended.
    pub(crate) fn typed(&mut self, line: Option<String>) -> Option<(ApprovalId, Decision)> {
        let asking = self.current.as_mut()?;
        let Some(line) = line else {
            self.give_up();
            return None;
        };
        match asking.line(&line) {
            Step::Again(words) => {
                self.screen.talk(&words);
                None
            }
            Step::Decided(decision) => {
                let id = asking.id();
                self.current = None;
                self.decided.push(id);
                self.next();
                Some((id, decision))
            }
        }
    }

    /// Somebody else was first, or the question is void.
    pub(crate) fn settled(&mut self, id: ApprovalId, decision: Option<&Decision>, by: &str) {
        if self.decided.contains(&id) || self.way == Way::Scripted {
            return;
        }
        let what = match decision {
            Some(decision) => format!("approval {id}: {} by {}", in_words(decision), text::one_line(by)),
            None => format!("approval {id} is no longer asked for"),
        };
        self.waiting.retain(|approval| approval.id != id);
        if self.current.as_ref().is_some_and(|asking| asking.id() == id) {
            self.current = None;
        }
        self.screen.say(&what);
        self.next();
    }

    /// The host did not take the decision; it said why.
    pub(crate) fn refused(&mut self, error: &Error) {
        self.screen.complain(error);
    }

    /// The connection is gone: what is still open will be asked again.
    pub(crate) fn reset(&mut self) {
        self.current = None;
        self.waiting.clear();
        self.decided.clear();
    }

    fn next(&mut self) {
        if self.current.is_some() {
            return;
        }
        let Some(approval) = self.waiting.pop_front() else { return };
        if let Some(tty) = &mut self.tty {
            tty.forget_typed();
        }
        let asking = Asking::new(approval);
        self.screen.talk(&asking.opening());
        self.current = Some(asking);
    }

    /// The terminal's input has ended: the rest can only be answered elsewhere.
    fn give_up(&mut self) {
        self.way = Way::Command;
        self.tty = None;
        self.screen.talk("\n");
        if let Some(asking) = self.current.take() {
            self.screen.say(&commands(asking.id()));
        }
        for approval in std::mem::take(&mut self.waiting) {
            self.screen.say(&elsewhere(&approval));
        }
    }
}

async fn read(tty: &mut Tty) -> Result<Option<String>> {
    tty.line().await.map_err(|error| Error::failed(format!("cannot read from the terminal: {error}")))
}

/// `Bash: ls -la`
fn about(approval: &Approval) -> String {
    text::one_line(&text::spelled_out(&format!("{}: {}", approval.tool, approval.summary))).into_owned()
}

fn commands(id: ApprovalId) -> String {
    format!("  claudebot approve {id}   or   claudebot deny {id}")
}

fn elsewhere(approval: &Approval) -> String {
    let what = match approval.kind {
        ApprovalKind::Tool => "waiting for permission",
        ApprovalKind::Question => "waiting for an answer",
        ApprovalKind::Plan => "waiting for a yes to the plan",
    };
    let about = about(approval);
    let command = match approval.kind {
        ApprovalKind::Question => format!("  claudebot approve {} --answer \"…\"", approval.id),
        ApprovalKind::Tool | ApprovalKind::Plan => commands(approval.id),
    };
    format!("{what}: {about}\n{command}")
}

#[cfg(test)]
mod tests {
    use super::super::asking::tests::approval;
    use super::*;
    use crate::model::Scope;

    #[test]
    fn where_nobody_can_be_asked_the_command_is_named() {
        let mut asker = Asker::new(Screen::plain(), Way::Command);
        assert_eq!(asker.ask(approval(ApprovalKind::Tool)), None);
        let words = elsewhere(&approval(ApprovalKind::Tool));
        assert!(words.contains("Bash: mkdir zz") && words.contains("claudebot approve 12"), "{words}");
    }

    #[test]
    fn the_demo_answers_by_itself() {
        let allowed = Decision::Allow { scope: Scope::Once };
        let mut asker = Asker::scripted(Screen::plain(), [allowed.clone()].into_iter());
        assert_eq!(asker.ask(approval(ApprovalKind::Tool)), Some((12, allowed)));
        let denied = Decision::Deny { message: None };
        assert_eq!(asker.ask(approval(ApprovalKind::Plan)), Some((12, denied)));
    }
}
