//! `approve` and `deny`: a decision from another terminal, or a script.

use std::collections::BTreeMap;

use super::approvals::pending;
use super::args::{ApproveArgs, DenyArgs};
use super::ask::{self, ask};
use super::ctx::Ctx;
use super::screen::{DONE, Finish, Stop};
use super::send::asking::{describe, in_words, parse};
use super::{send, text};
use crate::error::{Error, Kind, Result};
use crate::ipc::{Request, Response, Selector};
use crate::model::{Approval, ApprovalId, ApprovalKind, Decision, Question, Scope};

pub(crate) fn approve(ctx: &Ctx, args: ApproveArgs) -> Finish {
    let (id, approval) = find(ctx, &args.which)?;
    let decision = decision(approval.as_ref(), &args)?;
    let shown =
        approval.filter(|asked| ctx.screen.stderr_is_terminal && asked.kind != ApprovalKind::Question);
    if let Some(approval) = shown {
        ctx.screen.talk(&describe(&approval));
    }
    answer(ctx, id, decision)
}

pub(crate) fn deny(ctx: &Ctx, args: DenyArgs) -> Finish {
    let (id, _) = find(ctx, &args.which)?;
    answer(ctx, id, Decision::Deny { message: args.message })
}

fn answer(ctx: &Ctx, approval: ApprovalId, decision: Decision) -> Finish {
    let words = in_words(&decision);
    match ask(ctx, Request::Answer { approval, decision, by: send::BY.to_owned() })? {
        Response::Done => ctx.screen.say(&format!("approval {approval}: {words}")),
        Response::Said(said) => ctx.screen.say(&said),
        other => return Err(ask::unexpected(&other)),
    }
    Ok(DONE)
}

/// The approval of a number, or the only one of a session. A number that does not wait any more goes to the
/// host all the same: it knows who was first.
fn find(ctx: &Ctx, which: &str) -> Result<(ApprovalId, Option<Approval>), Stop> {
    if let Ok(id) = which.parse::<ApprovalId>() {
        let found = pending(ctx, None)?.into_iter().find(|approval| approval.id == id);
        return Ok((id, found));
    }
    let approvals = pending(ctx, Some(Selector::Name(which.to_owned())))?;
    let only = only(which, approvals)?;
    Ok((only.id, Some(only)))
}

fn only(which: &str, mut approvals: Vec<Approval>) -> Result<Approval> {
    match (approvals.pop(), approvals.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(Error::not_found(format!("nothing waits for an answer in {which}"))),
        (Some(last), false) => {
            let describe =
                |approval: &Approval| format!("{} ({}: {})", approval.id, approval.tool, approval.summary);
            let all: Vec<String> = approvals.iter().chain([&last]).map(describe).collect();
            Err(Error::new(Kind::Ambiguous, format!("{} approvals wait in {which}", all.len()))
                .candidates(all))
        }
    }
}

fn decision(approval: Option<&Approval>, args: &ApproveArgs) -> Result<Decision> {
    let scope = match (args.session, args.always) {
        (true, _) => Scope::Session,
        (_, true) => Scope::Always,
        _ => Scope::Once,
    };
    match approval {
        Some(approval) if approval.kind == ApprovalKind::Question => {
            let answers = answers(&approval.questions, &args.answers)?;
            Ok(Decision::Answers { answers })
        }
        Some(approval) if !args.answers.is_empty() => Err(Error::usage(format!(
            "approval {} asks no question, so there is nothing to --answer",
            approval.id
        ))),
        Some(approval) if scope != Scope::Once && approval.rules.is_empty() => {
            Err(Error::usage("Claude offers no rule to allow the like of this; it can only be allowed once"))
        }
        _ => Ok(Decision::Allow { scope }),
    }
}

/// Every question with its answer.
fn answers(questions: &[Question], given: &[String]) -> Result<BTreeMap<String, String>> {
    let mut answers = BTreeMap::new();
    for given in given {
        let (question, words) = matched(questions, given)?;
        let answer = parse(question, words).map_err(|why| {
            Error::usage(format!("{}: {why}", question.question)).candidates(labels(question))
        })?;
        answers.insert(question.question.clone(), answer);
    }
    match questions.iter().find(|question| !answers.contains_key(&question.question)) {
        Some(open) => Err(Error::usage(format!("this question needs an answer: {}", open.question))
            .hint(usage(open))
            .candidates(labels(open))),
        None => Ok(answers),
    }
}

/// The question that `QUESTION=ANSWER` is for, by its text or header; without one, the only question.
fn matched<'a>(questions: &'a [Question], given: &'a str) -> Result<(&'a Question, &'a str)> {
    for question in questions {
        for name in [&question.question, &question.header] {
            let rest = given.strip_prefix(name.as_str()).filter(|_| !name.is_empty());
            if let Some(words) = rest.and_then(|rest| rest.strip_prefix('=')) {
                return Ok((question, words));
            }
        }
    }
    match questions {
        [only] => Ok((only, given)),
        _ => Err(Error::usage(format!("no question fits --answer {given}"))
            .hint("write it as --answer \"QUESTION=ANSWER\"")
            .candidates(questions.iter().map(|question| question.question.clone()).collect())),
    }
}

fn labels(question: &Question) -> Vec<String> {
    question.options.iter().map(|choice| choice.label.clone()).collect()
}

fn usage(question: &Question) -> String {
    let example = question.options.first().map_or("…", |choice| choice.label.as_str());
    format!("--answer \"{}={}\"", text::one_line(&question.question), text::one_line(example))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::send::asking::tests::{approval, question};

    fn given(words: &[&str]) -> Vec<String> {
        words.iter().map(|words| (*words).to_owned()).collect()
    }

    #[test]
    fn answers_are_matched_to_their_questions() {
        let db = question("Which = best?", false, &["SQLite", "Postgres"]);
        let tests = Question { header: "Tests".to_owned(), ..question("Tests too?", true, &["unit", "e2e"]) };
        let both = [db.clone(), tests];
        let found = answers(&both, &given(&["Which = best?=2", "Tests=1,2"])).unwrap();
        assert_eq!(found["Which = best?"], "Postgres");
        assert_eq!(found["Tests too?"], "unit, e2e");

        assert_eq!(
            answers(std::slice::from_ref(&db), &given(&["sqlite"])).unwrap()["Which = best?"],
            "SQLite"
        );
        let missing = answers(&both, &given(&["Tests=1"])).unwrap_err();
        assert!(missing.message.contains("Which = best?"), "{missing}");
        assert_eq!(missing.candidates, ["SQLite", "Postgres"]);
        assert_eq!(answers(&both, &given(&["SQLite"])).unwrap_err().kind, Kind::Usage);
        assert!(answers(&[db], &[]).unwrap_err().hint.is_some());
    }

    #[test]
    fn a_session_must_have_exactly_one() {
        let one = || approval(ApprovalKind::Tool);
        assert_eq!(only("work", Vec::new()).unwrap_err().kind, Kind::NotFound);
        assert_eq!(only("work", vec![one()]).unwrap().id, 12);
        let error = only("work", vec![one(), one()]).unwrap_err();
        assert_eq!((error.kind, error.candidates.len()), (Kind::Ambiguous, 2));
    }

    #[test]
    fn lasting_permission_needs_a_rule() {
        let args =
            |always| ApproveArgs { which: "12".to_owned(), session: false, always, answers: Vec::new() };
        let tool = approval(ApprovalKind::Tool);
        let allow = |scope| Ok(Decision::Allow { scope });
        assert_eq!(decision(Some(&tool), &args(true)), allow(Scope::Always));
        assert_eq!(decision(None, &args(false)), allow(Scope::Once));
        let no_rules = Approval { rules: Vec::new(), ..tool };
        assert!(decision(Some(&no_rules), &args(true)).is_err());
    }
}
