//! Requests of the agent that wait for a person: asked once, answered once, void when the process is gone.

use super::Actor;
use super::journal::Write;
use crate::error::{Error, Result};
use crate::host::translate;
use crate::host::turn::{Ask, Input};
use crate::ipc::Response;
use crate::model::{
    Approval, ApprovalId, ApprovalKind, ApprovalStatus, Decision, Detail, EventKind, NewEvent, Scope,
};
use crate::store::{Answered, Db, Fed};

/// One that waits, with what its answer needs.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) approval: Approval,
    ask: Ask,
}

#[derive(Debug, Default)]
pub(super) struct Asks {
    pending: Vec<Pending>,
}

impl Asks {
    pub(super) fn approvals(&self) -> Vec<Approval> {
        self.pending.iter().map(|pending| pending.approval.clone()).collect()
    }

    fn get(&self, id: ApprovalId) -> Option<&Pending> {
        self.pending.iter().find(|pending| pending.approval.id == id)
    }

    fn remove(&mut self, id: ApprovalId) {
        self.pending.retain(|pending| pending.approval.id != id);
    }

    /// Removes those that belong to these requests of the agent; their ids.
    fn take(&mut self, requests: &[String]) -> Vec<ApprovalId> {
        let ids: Vec<_> = self
            .pending
            .iter()
            .filter(|pending| requests.contains(&pending.ask.request))
            .map(|pending| pending.approval.id)
            .collect();
        self.pending.retain(|pending| !ids.contains(&pending.approval.id));
        ids
    }
}

impl Actor {
    /// Stores the request, so that it can be seen and answered from anywhere.
    pub(super) async fn ask(&mut self, ask: Ask) -> Option<Input> {
        self.flush().await;
        let approval = Approval {
            id: 0,
            session: self.session.name.clone(),
            kind: ask.kind,
            tool: ask.tool.clone(),
            summary: ask.summary.clone(),
            session_id: self.session.id,
            asked: jiff::Timestamp::now(),
            input: ask.input.clone(),
            questions: ask.questions.clone(),
            plan: ask.plan.clone(),
            rules: ask.rules.clone(),
            rules_file: self.rules_file(&ask),
        };
        let stored = self.shared.store.run(move |db| store_ask(db, approval)).await;
        match stored {
            Ok((approval, events)) => {
                self.asks.pending.push(Pending { approval, ask });
                self.show(events);
                None
            }
            Err(error) => {
                // Nobody could ever answer it: the agent is told so instead of waiting for good.
                let words = format!("claudebot cannot ask a person just now: {error}");
                let deny = Decision::Deny { message: Some(words) };
                self.write(translate::answer(&ask, &deny)).await;
                Some(Input::Resolved { request: ask.request })
            }
        }
    }

    pub(super) fn void(&mut self, requests: &[String]) {
        let ids = self.asks.take(requests);
        if !ids.is_empty() {
            self.writes.push(Write::Void(ids));
        }
    }

    /// Requests of a process that a former host had: nobody waits for their answer any more.
    pub(super) async fn void_leftovers(&mut self) {
        let id = self.session.id;
        match self.shared.store.run(move |db| db.pending_approvals(Some(id))).await {
            Ok(left) if left.is_empty() => {}
            Ok(left) => self.writes.push(Write::Void(left.iter().map(|approval| approval.id).collect())),
            Err(error) => tracing::warn!(session = %id, %error, "cannot read the pending approvals"),
        }
    }

    /// A person's answer; the first one counts, every later one is told who was first.
    pub(super) async fn answer(
        &mut self,
        id: ApprovalId,
        decision: Decision,
        by: String,
    ) -> Result<Response> {
        let Some(pending) = self.asks.get(id).cloned() else {
            return Err(self.too_late(id).await);
        };
        fits(&pending.approval, &decision)?;
        let event = NewEvent {
            kind: EventKind::ApprovalAnswered,
            text: in_words(&pending.approval, &decision, &by),
            prompt_id: None,
            detail: Some(Detail::Answered { approval: id, decision: Some(decision.clone()), by: by.clone() }),
        };
        let (session, name) = (self.session.id, self.session.name.clone());
        let Approval { tool, summary, .. } = &pending.approval;
        let subject = format!("{name}: {tool}: {summary}");
        let for_session = matches!(decision, Decision::Allow { scope: Scope::Session });
        let kept = if for_session { pending.approval.rules.clone() } else { Vec::new() };
        let stored = decision.clone();
        let events = self
            .shared
            .store
            .run(move |db| match db.answer(id, &stored, &by)? {
                Answered::First => {
                    db.audit(&by, audited(&stored), &subject)?;
                    db.keep_rules(session, &kept, &by)?;
                    for rule in &kept {
                        db.audit(&by, "rule_kept", &format!("{name}: {rule}"))?;
                    }
                    db.append(session, &[event])
                }
                Answered::TooLate(status) => Err(already(id, &status)),
            })
            .await?;
        self.asks.remove(id);
        self.show(events);
        self.write(translate::answer(&pending.ask, &decision)).await;
        self.apply(Input::Resolved { request: pending.ask.request }).await;
        Ok(Response::Said(told(&pending.approval, &decision)))
    }

    async fn too_late(&self, id: ApprovalId) -> Error {
        match self.shared.store.run(move |db| db.approval(id)).await {
            Ok((_, status)) => already(id, &status),
            Err(error) => error,
        }
    }
}

fn store_ask(db: &mut Db, mut approval: Approval) -> Result<(Approval, Vec<Fed>)> {
    approval.id = db.ask(&approval)?;
    let event = NewEvent {
        kind: EventKind::ApprovalAsked,
        text: format!("{}: {}", approval.tool, approval.summary),
        prompt_id: None,
        detail: Some(Detail::Asked { approval: Box::new(approval.clone()) }),
    };
    let events = db.append(approval.session_id, &[event])?;
    Ok((approval, events))
}

/// Why an approval cannot be answered any more.
pub(crate) fn already(id: ApprovalId, status: &ApprovalStatus) -> Error {
    match status {
        ApprovalStatus::Answered { decision, by, at } => Error::conflict(format!(
            "approval {id} was already answered: {} by {by} at {at:.0}",
            outcome(decision)
        )),
        ApprovalStatus::Void { at } => {
            Error::conflict(format!("approval {id} is no longer needed: what asked for it ended at {at:.0}"))
        }
        ApprovalStatus::Pending => {
            Error::conflict(format!("approval {id} belongs to a process that is gone; nothing waits for it"))
        }
    }
}

/// A question wants answers, a permission wants yes or no.
fn fits(approval: &Approval, decision: &Decision) -> Result<()> {
    let id = approval.id;
    match (approval.kind, decision) {
        (_, Decision::Deny { .. }) | (ApprovalKind::Question, Decision::Answers { .. }) => Ok(()),
        (ApprovalKind::Question, Decision::Allow { .. }) => {
            Err(Error::usage(format!("approval {id} is a question: it needs an answer, not a yes"))
                .hint(format!("claudebot approve {id} --answer 'QUESTION=LABEL'")))
        }
        (_, Decision::Answers { .. }) => {
            Err(Error::usage(format!("approval {id} is not a question: approve or deny it")))
        }
        (_, Decision::Allow { scope: Scope::Once }) => Ok(()),
        (_, Decision::Allow { .. }) if approval.rules.is_empty() => {
            Err(Error::usage(format!("approval {id} suggests no rule that could be kept"))
                .hint(format!("allow it once: claudebot approve {id}")))
        }
        (_, Decision::Allow { .. }) => Ok(()),
    }
}

fn in_words(approval: &Approval, decision: &Decision, by: &str) -> String {
    match decision {
        Decision::Deny { message: Some(message) } => format!("denied by {by}: {message}"),
        Decision::Answers { answers } => {
            // As they were asked.
            let asked = approval.questions.iter().map(|question| &question.question);
            let answers: Vec<_> =
                asked.filter_map(|question| Some(format!("{question} {}", answers.get(question)?))).collect();
            format!("answered by {by}: {}", answers.join("; "))
        }
        _ => format!("{} by {by}", outcome(decision)),
    }
}

/// What whoever answered is told: with the rules that are kept, and where.
fn told(approval: &Approval, decision: &Decision) -> String {
    let words = format!("{} {}", approval.tool, outcome(decision));
    let rules = approval.rules.join(", ");
    match (decision, &approval.rules_file) {
        (Decision::Allow { scope: Scope::Always }, Some(file)) => {
            format!("{words}: {rules}, in {}", file.display())
        }
        (Decision::Allow { scope: Scope::Session | Scope::Always }, _) => format!("{words}: {rules}"),
        _ => words,
    }
}

/// A decision in the audit.
const fn audited(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow { .. } => "approved",
        Decision::Deny { .. } => "denied",
        Decision::Answers { .. } => "answered",
    }
}

const fn outcome(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow { scope: Scope::Once } => "allowed",
        Decision::Allow { scope: Scope::Session } => "allowed for this session",
        Decision::Allow { scope: Scope::Always } => "allowed from now on",
        Decision::Deny { .. } => "denied",
        Decision::Answers { .. } => "answered",
    }
}
