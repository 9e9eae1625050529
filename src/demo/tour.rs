//! The short conversation that `claudebot demo` plays when nobody is at the terminal.

/// What is said before the first prompt.
pub(crate) const INTRO: &str = "\
This is claudebot with its built-in demo agent: no account, no network, and a
home that is thrown away afterwards. The agent's answers are scripted; the host,
the queue, the approvals and the log are the real ones.";

/// One prompt, and how what it asks is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DemoStep {
    pub(crate) prompt: &'static str,
    /// One for each approval or set of questions that the prompt leads to, in order.
    pub(crate) answers: &'static [DemoAnswer],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DemoAnswer {
    Allow,
    /// Question text to chosen label; several labels are joined with `, `.
    Answers(&'static [(&'static str, &'static str)]),
}

pub(crate) const SCRIPT: &[DemoStep] = &[
    DemoStep { prompt: "Hello, who are you?", answers: &[] },
    DemoStep { prompt: "List files, please", answers: &[DemoAnswer::Allow] },
    DemoStep {
        prompt: "Ask me something",
        answers: &[DemoAnswer::Answers(&[
            ("Which colour do you like best?", "Blue"),
            ("Where will you reach your sessions from?", "Shell, Phone"),
        ])],
    },
    DemoStep { prompt: "What did I say?", answers: &[] },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::script::{Step, answer};
    use crate::demo::tools::{Tool, answers};

    #[test]
    fn every_answer_has_its_question() {
        let mut earlier = Vec::new();
        for step in SCRIPT {
            let steps = answer(&[step.prompt.to_owned()], &earlier);
            let asked: Vec<&Tool> = steps
                .iter()
                .filter_map(|step| match step {
                    Step::Use(tool) if tool.asks() => Some(tool),
                    _ => None,
                })
                .collect();
            assert_eq!(asked.len(), step.answers.len(), "{}", step.prompt);
            for (tool, given) in asked.into_iter().zip(step.answers) {
                let DemoAnswer::Answers(given) = given else { continue };
                let as_json =
                    given.iter().map(|(question, label)| (question.to_string(), (*label).into())).collect();
                assert_eq!(
                    answers(&serde_json::Value::Object(as_json)).len(),
                    given.len(),
                    "{}",
                    step.prompt
                );
                let input = tool.input().to_string();
                for label in given.iter().flat_map(|(_, labels)| labels.split(", ")) {
                    assert!(input.contains(&format!("\"label\":\"{label}\"")), "{label}");
                }
            }
            earlier.push(step.prompt.to_owned());
        }
    }
}
