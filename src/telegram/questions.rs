//! Questions of the agent: one after the other in one message, by buttons or in own words. Pure.
//!
//! How far somebody is lies in the buttons themselves, so that nothing has to be remembered.

use super::action::{Action, Answering};
use super::approvals;
use super::render::{Rich, Style};
use super::view::{Button, View, button};
use super::words;
use crate::model::{Approval, Decision, Question};

/// A question is no permission: of a very long one the beginning will do.
const QUESTION: usize = 1500;
const DESCRIPTION: usize = 160;

/// What an answer leads to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Next {
    /// More is to be said.
    Show(Answering),
    Decide(Decision),
}

pub(crate) fn view(approval: &Approval, heading: &str, answering: &Answering) -> View {
    let mut rich = approvals::title(approval, heading);
    let Some(question) = approval.questions.get(answering.at) else { return View::new(rich) };
    if approval.questions.len() > 1 {
        rich.push(&format!("{} of {}\n", answering.at + 1, approval.questions.len()), Style::Italic);
    }
    rich.push(&words::cut(question.question.trim(), QUESTION), Style::Bold);
    for (index, option) in question.options.iter().enumerate() {
        rich.push(&format!("\n{}. {}", index + 1, words::line(&option.label, 100)), Style::Plain);
        if !option.description.is_empty() {
            let description = words::line(&option.description, DESCRIPTION);
            rich.push(" – ", Style::Plain).push(&description, Style::Italic);
        }
    }
    let in_words = button("In my own words", Action::AnswerInWords(answering.clone()));
    let deny = button("Deny", Action::Deny { approval: approval.id });
    let mut view = View::new(rich).rows_of(columns(question), options(question, answering));
    if question.multi {
        view = view.row([button("Done", Action::Chosen(answering.clone()))]);
    }
    view.row([in_words, deny])
}

/// What was asked, without what could be chosen.
pub(crate) fn asked(approval: &Approval, heading: &str) -> Rich {
    let mut rich = approvals::title(approval, heading);
    let questions: Vec<_> =
        approval.questions.iter().map(|question| words::cut(question.question.trim(), QUESTION)).collect();
    rich.push(&words::cut(&questions.join("\n"), 2 * QUESTION), Style::Bold);
    rich
}

/// Short labels fit side by side.
fn columns(question: &Question) -> usize {
    let longest = question.options.iter().map(|option| option.label.chars().count()).max().unwrap_or(0);
    if longest <= 14 { 2 } else { 1 }
}

fn options(question: &Question, answering: &Answering) -> Vec<Button> {
    let option = |(index, label): (usize, &String)| {
        let action = Action::Choose { option: index, answering: answering.clone() };
        let mark = match (question.multi, answering.marked.contains(&index)) {
            (false, _) => "",
            (true, true) => "☑ ",
            (true, false) => "☐ ",
        };
        button(format!("{mark}{label}"), action)
    };
    question.options.iter().map(|option| &option.label).enumerate().map(option).collect()
}

/// An option was pressed. `None`: there is no such option (any more).
pub(crate) fn choose(approval: &Approval, mut answering: Answering, option: usize) -> Option<Next> {
    let question = approval.questions.get(answering.at)?;
    let label = &question.options.get(option)?.label;
    if !question.multi {
        return answer(approval, answering, label.clone());
    }
    if !answering.marked.remove(&option) {
        answering.marked.insert(option);
    }
    Some(Next::Show(answering))
}

/// What is marked is the answer. `None`: nothing is.
pub(crate) fn chosen(approval: &Approval, answering: Answering) -> Option<Next> {
    let question = approval.questions.get(answering.at)?;
    let labels =
        answering.marked.iter().filter_map(|index| Some(question.options.get(*index)?.label.as_str()));
    let labels: Vec<&str> = labels.collect();
    if labels.is_empty() {
        return None;
    }
    let words = labels.join(", ");
    answer(approval, answering, words)
}

/// The question that is shown is answered. Then the next one is, or all are.
pub(crate) fn answer(approval: &Approval, mut answering: Answering, words: String) -> Option<Next> {
    let question = approval.questions.get(answering.at)?;
    answering.answers.insert(question.question.clone(), words);
    answering.at += 1;
    answering.marked.clear();
    Some(if answering.at < approval.questions.len() {
        Next::Show(answering)
    } else {
        Next::Decide(Decision::Answers { answers: answering.answers })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ApprovalKind, Choice, SessionId};
    use crate::telegram::view::tests::shown;

    fn question(text: &str, multi: bool, labels: &[&str]) -> Question {
        let choice =
            |label: &&str| Choice { label: (*label).to_owned(), description: format!("why {label}") };
        let options = labels.iter().map(choice).collect();
        Question { question: text.to_owned(), header: String::new(), options, multi }
    }

    fn approval(questions: Vec<Question>) -> Approval {
        Approval {
            id: 12,
            session: "work".to_owned(),
            kind: ApprovalKind::Question,
            tool: "AskUserQuestion".to_owned(),
            summary: String::new(),
            session_id: SessionId::random(),
            asked: jiff::Timestamp::UNIX_EPOCH,
            input: serde_json::Value::Null,
            questions,
            plan: None,
            rules: Vec::new(),
            rules_file: None,
        }
    }

    fn both() -> Approval {
        approval(vec![
            question("Which one?", false, &["SQLite", "Postgres"]),
            question("Which tests?", true, &["unit", "all of them, and twice"]),
        ])
    }

    #[test]
    fn one_question_after_the_other_is_answered_by_buttons() {
        let approval = both();
        let first = Answering::new(12);
        assert_eq!(
            shown(&view(&approval, "work", &first)),
            "**work**\n❓ a question\n_1 of 2_\n**Which one?**\n1. SQLite – _why SQLite_\n2. Postgres – \
             _why Postgres_\n[SQLite] [Postgres]\n[In my own words] [Deny]"
        );
        let Some(Next::Show(second)) = choose(&approval, first, 1) else { panic!() };
        assert!(
            shown(&view(&approval, "", &second)).contains("\n[☐ unit]\n[☐ all of them, and twice]\n[Done]\n")
        );
        assert_eq!(chosen(&approval, second.clone()), None, "nothing is marked");
        let Some(Next::Show(marked)) = choose(&approval, second, 0) else { panic!() };
        assert!(shown(&view(&approval, "", &marked)).contains("[☑ unit]"));
        let Some(Next::Show(marked)) = choose(&approval, marked, 1) else { panic!() };
        let answers = [("Which one?", "Postgres"), ("Which tests?", "unit, all of them, and twice")];
        let answers = answers.map(|(question, answer)| (question.to_owned(), answer.to_owned())).into();
        assert_eq!(chosen(&approval, marked.clone()), Some(Next::Decide(Decision::Answers { answers })));
        let Some(Next::Show(unmarked)) = choose(&approval, marked, 0) else { panic!() };
        assert_eq!(unmarked.marked, [1].into());
    }

    #[test]
    fn own_words_are_an_answer() {
        let approval = approval(vec![question("Why?", false, &[])]);
        let answers = [("Why?".to_owned(), "because".to_owned())].into();
        let answered = answer(&approval, Answering::new(12), "because".to_owned());
        assert_eq!(answered, Some(Next::Decide(Decision::Answers { answers })));
    }

    #[test]
    fn what_is_not_there_is_not_chosen() {
        let approval = both();
        assert_eq!(choose(&approval, Answering::new(12), 2), None);
        assert_eq!(choose(&approval, Answering { at: 7, ..Answering::new(12) }, 0), None);
        assert!(view(&approval, "", &Answering { at: 7, ..Answering::new(12) }).rows.is_empty());
    }
}
