//! A question to the person at the terminal, as a conversation in lines. Pure: lines in, words and a decision out.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cli::text;
use crate::model::{Approval, ApprovalId, ApprovalKind, Decision, Question, Scope};

/// More lines of a tool's input than this are counted, not shown; a command is always shown whole.
const INPUT_LINES: usize = 24;

const REASON: &str = "why, or what instead? › ";

/// What a typed line leads to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Say this and read another line.
    Again(String),
    Decided(Decision),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Choose,
    /// Denied; the line says why.
    Reason,
    /// Answering the question of this index.
    Question(usize),
}

#[derive(Debug)]
pub(crate) struct Asking {
    approval: Approval,
    stage: Stage,
    answers: BTreeMap<String, String>,
}

impl Asking {
    pub(crate) fn new(approval: Approval) -> Self {
        let stage = match approval.kind {
            ApprovalKind::Question if !approval.questions.is_empty() => Stage::Question(0),
            _ => Stage::Choose,
        };
        Self { approval, stage, answers: BTreeMap::new() }
    }

    pub(crate) const fn id(&self) -> ApprovalId {
        self.approval.id
    }

    /// What is asked, and for what input; ends where the person types.
    pub(crate) fn opening(&self) -> String {
        match self.stage {
            Stage::Question(index) => self.question(index),
            _ => format!("{}{}", describe(&self.approval), self.choices()),
        }
    }

    pub(crate) fn line(&mut self, line: &str) -> Step {
        let line = line.trim();
        match self.stage {
            Stage::Choose => self.choose(line),
            Stage::Reason => {
                let message = (!line.is_empty()).then(|| line.to_owned());
                Step::Decided(Decision::Deny { message })
            }
            Stage::Question(index) => self.answer(index, line),
        }
    }

    /// What can be typed now: for when something else was printed in between.
    pub(crate) fn again(&self) -> String {
        match self.stage {
            Stage::Choose => self.choices(),
            Stage::Reason => REASON.to_owned(),
            Stage::Question(index) => self.question(index),
        }
    }

    fn choices(&self) -> String {
        match self.approval.kind {
            ApprovalKind::Plan => {
                "y approve · n keep planning · r keep planning, say why; then Enter › ".to_owned()
            }
            _ if self.approval.rules.is_empty() => {
                "y allow · n deny · r deny, say why; then Enter › ".to_owned()
            }
            _ => "y once · s this session · a always · n deny · r deny, say why; then Enter › ".to_owned(),
        }
    }

    fn choose(&mut self, line: &str) -> Step {
        let may_last = self.approval.kind == ApprovalKind::Tool && !self.approval.rules.is_empty();
        match line.to_lowercase().as_str() {
            "y" | "yes" => Step::Decided(Decision::Allow { scope: Scope::Once }),
            "s" if may_last => Step::Decided(Decision::Allow { scope: Scope::Session }),
            "a" if may_last => Step::Decided(Decision::Allow { scope: Scope::Always }),
            "n" | "no" => Step::Decided(Decision::Deny { message: None }),
            "r" => {
                self.stage = Stage::Reason;
                Step::Again(REASON.to_owned())
            }
            _ => Step::Again(self.choices()),
        }
    }

    fn question(&self, index: usize) -> String {
        let Some(question) = self.approval.questions.get(index) else { return String::new() };
        let mut words = format!("\n{}", question_in_words(question));
        words.push_str(if question.multi {
            "numbers with commas, or your own words (- declines), then Enter › "
        } else {
            "number, or your own words (- declines), then Enter › "
        });
        words
    }

    fn answer(&mut self, index: usize, line: &str) -> Step {
        if line == "-" {
            return Step::Decided(Decision::Deny { message: None });
        }
        let Some(question) = self.approval.questions.get(index) else {
            return Step::Decided(Decision::Answers { answers: std::mem::take(&mut self.answers) });
        };
        match parse(question, line) {
            Err(why) => return Step::Again(format!("{why} › ")),
            Ok(answer) => self.answers.insert(question.question.clone(), answer),
        };
        self.stage = Stage::Question(index + 1);
        if index + 1 < self.approval.questions.len() {
            return Step::Again(self.question(index + 1));
        }
        Step::Decided(Decision::Answers { answers: std::mem::take(&mut self.answers) })
    }
}

fn question_in_words(question: &Question) -> String {
    let mut words = format!("? {}\n", text::spelled_out(&question.question));
    for (index, choice) in question.options.iter().enumerate() {
        words.push_str(&format!("  {}) {}", index + 1, text::one_line(&choice.label)));
        if !choice.description.is_empty() {
            words.push_str(&format!(" – {}", text::one_line(&choice.description)));
        }
        words.push('\n');
    }
    words
}

/// The answer that a line means: labels for numbers and labels, else the words themselves.
pub(crate) fn parse(question: &Question, line: &str) -> Result<String, String> {
    let line = line.trim();
    if line.is_empty() {
        return Err("type a number or an answer".to_owned());
    }
    let parts: Vec<&str> = line.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let numbers: Option<Vec<usize>> = parts.iter().map(|part| part.parse().ok()).collect();
    let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty()) else {
        let known = question.options.iter().find(|choice| choice.label.eq_ignore_ascii_case(line));
        return Ok(known.map_or_else(|| line.to_owned(), |choice| choice.label.clone()));
    };
    if question.options.is_empty() {
        return Ok(line.to_owned());
    }
    if numbers.len() > 1 && !question.multi {
        return Err("only one of them can be chosen".to_owned());
    }
    let labels: Result<Vec<&str>, String> =
        numbers.into_iter().map(|number| label(question, number)).collect();
    labels.map(|labels| labels.join(", "))
}

fn label(question: &Question, number: usize) -> Result<&str, String> {
    let choice = number.checked_sub(1).and_then(|index| question.options.get(index));
    choice
        .map(|choice| choice.label.as_str())
        .ok_or_else(|| format!("{number} is not one of 1 to {}", question.options.len()))
}

/// What a permission is asked for: nobody should agree to what they cannot see.
pub(crate) fn describe(approval: &Approval) -> String {
    within(approval, INPUT_LINES)
}

/// The same with every line of the input, and every question.
pub(crate) fn describe_whole(approval: &Approval) -> String {
    match approval.kind {
        ApprovalKind::Question => {
            approval.questions.iter().map(|question| format!("\n{}", question_in_words(question))).collect()
        }
        _ => within(approval, usize::MAX),
    }
}

fn within(approval: &Approval, lines: usize) -> String {
    let tool = text::one_line(&approval.tool);
    match (&approval.plan, approval.kind) {
        (Some(plan), _) => format!("\n▤ a plan to agree to:\n\n{}\n\n", text::spelled_out(plan).trim_end()),
        (None, ApprovalKind::Plan) => "\n▤ a plan to agree to\n".to_owned(),
        (None, _) => {
            let mut words = format!("\n! {tool} asks for permission (approval {})\n", approval.id);
            words.push_str(&indented(&input(&approval.input, &approval.summary, lines)));
            if !approval.rules.is_empty() {
                let rules = approval.rules.join(", ");
                let rules = text::spelled_out(&rules);
                let rules = text::one_line(&rules);
                words.push_str(&format!("  for the session or always: {rules}\n"));
                if let Some(file) = &approval.rules_file {
                    let file = file.display().to_string();
                    words.push_str(&format!("  always is written to: {}\n", text::one_line(&file)));
                }
            }
            words
        }
    }
}

fn input(input: &Value, summary: &str, lines: usize) -> String {
    let Some(fields) = input.as_object().filter(|fields| !fields.is_empty()) else {
        return summary.to_owned();
    };
    let field = |(key, value): (&String, &Value)| match value {
        Value::String(text) if text.contains('\n') => {
            format!("{key}:\n{}", indented(&head(text, lines)).trim_end())
        }
        Value::String(text) => format!("{key}: {text}"),
        other => format!("{key}: {}", head(&other.to_string(), lines)),
    };
    // A command stands above the rest, which may decide where and how it runs.
    let command = fields.get("command").and_then(Value::as_str).map(str::to_owned);
    let rest = fields.iter().filter(|(key, value)| *key != "command" || !value.is_string());
    command.into_iter().chain(rest.map(field)).collect::<Vec<_>>().join("\n")
}

/// The first lines, and how many more there are.
fn head(text: &str, lines: usize) -> String {
    let more = text.lines().count().saturating_sub(lines);
    let mut head = text.lines().take(lines).collect::<Vec<_>>().join("\n");
    if more > 0 {
        head.push_str(&format!("\n… {more} more lines; `claudebot approvals --full` has them all"));
    }
    head
}

fn indented(words: &str) -> String {
    text::spelled_out(words).lines().map(|line| format!("  {line}\n")).collect()
}

/// A decision in a few words.
pub(crate) fn in_words(decision: &Decision) -> String {
    match decision {
        Decision::Allow { scope: Scope::Once } => "allowed".to_owned(),
        Decision::Allow { scope: Scope::Session } => "allowed for this session".to_owned(),
        Decision::Allow { scope: Scope::Always } => "allowed from now on".to_owned(),
        Decision::Deny { message: None } => "denied".to_owned(),
        Decision::Deny { message: Some(why) } => format!("denied: {}", text::one_line(why)),
        Decision::Answers { answers } => {
            let answers: Vec<&str> = answers.values().map(String::as_str).collect();
            format!("answered: {}", text::one_line(&answers.join("; ")))
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::{Choice, SessionId};
    use serde_json::json;

    pub(crate) fn question(text: &str, multi: bool, labels: &[&str]) -> Question {
        let choice = |label: &&str| Choice { label: (*label).to_owned(), description: String::new() };
        Question {
            question: text.to_owned(),
            header: String::new(),
            options: labels.iter().map(choice).collect(),
            multi,
        }
    }

    pub(crate) fn approval(kind: ApprovalKind) -> Approval {
        Approval {
            id: 12,
            session: "work".to_owned(),
            kind,
            tool: "Bash".to_owned(),
            summary: "mkdir zz".to_owned(),
            session_id: SessionId::random(),
            asked: jiff::Timestamp::UNIX_EPOCH,
            input: json!({"command": "mkdir zz\u{1b}[2J\nrm -rf yy"}),
            questions: Vec::new(),
            plan: None,
            rules: vec!["Bash(mkdir *)".to_owned()],
            rules_file: Some("/p/.claude/settings.local.json".into()),
        }
    }

    #[test]
    fn a_command_is_shown_whole_and_harmless() {
        let asking = Asking::new(approval(ApprovalKind::Tool));
        let opening = asking.opening();
        assert!(opening.contains("  mkdir zz\\u{1b}[2J\n  rm -rf yy\n"), "{opening:?}");
        assert!(opening.contains("  for the session or always: Bash(mkdir *)\n"));
        assert!(opening.contains("  always is written to: /p/.claude/settings.local.json\n"));
        assert!(!opening.contains('\u{1b}'));
    }

    #[test]
    fn what_comes_with_a_command_is_shown_too() {
        let input = json!({"command": "ls", "dangerouslyDisableSandbox": true, "host": "production"});
        let opening = Asking::new(Approval { input, ..approval(ApprovalKind::Tool) }).opening();
        let shown = "  ls\n  dangerouslyDisableSandbox: true\n  host: production\n";
        assert!(opening.contains(shown), "{opening:?}");
    }

    #[test]
    fn a_permission_is_given_by_one_letter() {
        let allow = |scope| Step::Decided(Decision::Allow { scope });
        for (line, step) in [
            ("y", allow(Scope::Once)),
            (" YES\n", allow(Scope::Once)),
            ("s", allow(Scope::Session)),
            ("a", allow(Scope::Always)),
            ("n", Step::Decided(Decision::Deny { message: None })),
        ] {
            assert_eq!(Asking::new(approval(ApprovalKind::Tool)).line(line), step, "{line}");
        }
        let mut asking = Asking::new(approval(ApprovalKind::Tool));
        assert!(matches!(asking.line("what"), Step::Again(_)));
        assert!(matches!(asking.line(""), Step::Again(_)), "Enter alone must not allow anything");
    }

    #[test]
    fn lasting_permission_needs_rules() {
        let no_rules = Approval { rules: Vec::new(), ..approval(ApprovalKind::Tool) };
        assert!(matches!(Asking::new(no_rules).line("a"), Step::Again(_)));
    }

    #[test]
    fn a_denial_may_say_why() {
        let mut asking = Asking::new(approval(ApprovalKind::Tool));
        assert!(asking.again().contains("a always"));
        assert!(matches!(asking.line("r"), Step::Again(_)));
        assert_eq!(asking.again(), REASON);
        let message = Some("use git".to_owned());
        assert_eq!(asking.line("use git\n"), Step::Decided(Decision::Deny { message }));
    }

    #[test]
    fn a_plan_is_shown_and_approved() {
        let plan = Approval { plan: Some("# Plan\n1. do".to_owned()), ..approval(ApprovalKind::Plan) };
        let mut asking = Asking::new(plan);
        assert!(asking.opening().contains("# Plan\n1. do"));
        assert_eq!(asking.line("y"), Step::Decided(Decision::Allow { scope: Scope::Once }));
    }

    #[test]
    fn questions_are_asked_one_after_the_other() {
        let questions = vec![
            question("Which?", false, &["SQLite", "Postgres"]),
            question("Tests?", true, &["unit", "e2e"]),
        ];
        let mut asking = Asking::new(Approval { questions, ..approval(ApprovalKind::Question) });
        assert!(asking.opening().contains("  2) Postgres"));
        assert!(matches!(asking.line("3"), Step::Again(why) if why.contains("1 to 2")));
        assert!(matches!(asking.line("1"), Step::Again(next) if next.contains("Tests?")));
        let answers = [("Which?", "SQLite"), ("Tests?", "unit, e2e")];
        let answers = answers.map(|(question, answer)| (question.to_owned(), answer.to_owned())).into();
        assert_eq!(asking.line("1, 2"), Step::Decided(Decision::Answers { answers }));
    }

    #[test]
    fn an_answer_is_a_number_a_label_or_free_text() {
        let one = question("?", false, &["Yes", "No"]);
        let many = question("?", true, &["a", "b", "c"]);
        for (question, line, answer) in [
            (&one, "2", Ok("No")),
            (&one, "yes", Ok("Yes")),
            (&one, "maybe, later", Ok("maybe, later")),
            (&one, "1,2", Err(())),
            (&one, "0", Err(())),
            (&one, "", Err(())),
            (&many, "1,3", Ok("a, c")),
            (&many, "3", Ok("c")),
            (&many, "1, x", Ok("1, x")),
        ] {
            assert_eq!(parse(question, line).map_err(drop), answer.map(str::to_owned), "{line:?}");
        }
        assert_eq!(parse(&question("How many?", false, &[]), "7"), Ok("7".to_owned()));
    }

    #[test]
    fn a_question_can_be_declined() {
        let questions = vec![question("Which?", false, &["a"])];
        let mut asking = Asking::new(Approval { questions, ..approval(ApprovalKind::Question) });
        assert_eq!(asking.line("-"), Step::Decided(Decision::Deny { message: None }));
    }
}
