//! The demo's tools: fixed, harmless, and asked for as Claude asks.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// A tool to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tool {
    /// Lists the working directory, after an approval.
    List,
    /// Takes its time and needs no approval.
    Wait(Duration),
    /// Two questions.
    Ask,
    /// A plan to agree to.
    Plan,
    /// Comes back at once; a turn follows later by itself.
    Background(Duration),
}

/// How a tool came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Done(String),
    /// Question and answer, in the order asked.
    Answered(Vec<(String, String)>),
    Denied(String),
    /// stdin ended before an answer came.
    Unheard,
}

pub(super) const LIST_COMMAND: &str = "ls -p";

/// What Claude shows for a background task, and the demo too.
pub(super) const TASK_DESCRIPTION: &str = "wait a moment";

const PLAN: &str = "\
# Tidy the working directory

1. **Look** at what is there
2. **Sort** it into folders by kind
3. **Check** that nothing is missing
";

impl Tool {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::List | Self::Wait(_) | Self::Background(_) => "Bash",
            Self::Ask => "AskUserQuestion",
            Self::Plan => "ExitPlanMode",
        }
    }

    pub(super) fn input(&self) -> Value {
        match self {
            Self::List => json!({"command": LIST_COMMAND, "description": "List the working directory"}),
            Self::Wait(time) => {
                json!({"command": format!("sleep {}", time.as_secs_f64()), "description": "Wait"})
            }
            Self::Background(time) => json!({
                "command": format!("sleep {}", time.as_secs_f64()), "description": TASK_DESCRIPTION,
                "run_in_background": true,
            }),
            Self::Ask => json!({"questions": questions()}),
            Self::Plan => json!({"plan": PLAN}),
        }
    }

    /// Whether a person must be asked; the questions themselves always reach one.
    pub(super) const fn asks(&self) -> bool {
        matches!(self, Self::List | Self::Ask | Self::Plan)
    }

    /// Questions and plans are for a person and cannot be allowed in advance.
    pub(super) const fn needs_a_person(&self) -> bool {
        matches!(self, Self::Ask | Self::Plan)
    }

    /// The `can_use_tool` request.
    pub(super) fn request(&self, tool_use: &str) -> Value {
        let mut request = json!({
            "subtype": "can_use_tool", "tool_name": self.name(), "display_name": self.name(), "input": self.input(),
            "tool_use_id": tool_use,
        });
        if self.needs_a_person() {
            request["requires_user_interaction"] = json!(true);
        } else {
            request["description"] = self.input()["description"].take();
            request["permission_suggestions"] = json!([{
                "type": "addRules", "rules": [{"toolName": "Bash", "ruleContent": LIST_COMMAND}],
                "behavior": "allow", "destination": "localSettings",
            }]);
        }
        request
    }
}

fn questions() -> Value {
    json!([
        {
            "question": "Which colour do you like best?", "header": "Colour", "multiSelect": false,
            "options": [
                {"label": "Red", "description": "warm"},
                {"label": "Blue", "description": "cool"},
                {"label": "Green", "description": "calm"},
            ],
        },
        {
            "question": "Where will you reach your sessions from?", "header": "Places", "multiSelect": true,
            "options": [
                {"label": "Shell", "description": "claudebot send"},
                {"label": "Terminal", "description": "the full-screen browser"},
                {"label": "Phone", "description": "Telegram"},
            ],
        },
    ])
}

/// In the order in which the questions were asked; answers to anything else are ignored.
pub(super) fn answers(given: &Value) -> Vec<(String, String)> {
    let questions = questions();
    let asked =
        questions.as_array().into_iter().flatten().filter_map(|question| question["question"].as_str());
    asked.filter_map(|text| Some((text.to_owned(), given[text].as_str()?.to_owned()))).collect()
}

/// `ls -p`, without a shell or a process.
pub(super) fn list(cwd: &Path) -> String {
    let entries = match std::fs::read_dir(cwd) {
        Ok(entries) => entries,
        Err(error) => return format!("ls: {error}"),
    };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| {
            let slash = if entry.file_type().is_ok_and(|kind| kind.is_dir()) { "/" } else { "" };
            format!("{}{slash}", entry.file_name().to_string_lossy())
        })
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    if names.is_empty() { "(empty)".to_owned() } else { names.join("\n") }
}

/// The rules in `updatedPermissions` that allow something, and whether they are to outlive the process.
pub(super) fn granted(response: &Value) -> Vec<(String, bool)> {
    let updates = response["updatedPermissions"].as_array().into_iter().flatten();
    let adding = updates.filter(|update| update["type"] == "addRules" && update["behavior"] == "allow");
    adding
        .flat_map(|update| {
            let lasting = update["destination"] != "session";
            update["rules"].as_array().into_iter().flatten().map(move |rule| (rule_text(rule), lasting))
        })
        .collect()
}

/// The permission mode that `updatedPermissions` asks for.
pub(super) fn granted_mode(response: &Value) -> Option<String> {
    let mut updates = response["updatedPermissions"].as_array()?.iter();
    updates.find(|update| update["type"] == "setMode")?["mode"].as_str().map(str::to_owned)
}

/// What the model would read as the tool's result.
pub(super) fn result_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(text) | Outcome::Denied(text) => text.clone(),
        Outcome::Answered(answers) => {
            let list: Vec<String> =
                answers.iter().map(|(asked, said)| format!("\"{asked}\"=\"{said}\"")).collect();
            format!(
                "Your questions have been answered: {}. You can now continue with these answers in mind.",
                list.join(", ")
            )
        }
        Outcome::Unheard => {
            "Tool permission request failed: AbortError: Tool permission stream closed before response \
                             received"
                .to_owned()
        }
    }
}

fn rule_text(rule: &Value) -> String {
    let tool = rule["toolName"].as_str().unwrap_or_default();
    rule["ruleContent"].as_str().map_or_else(|| tool.to_owned(), |content| format!("{tool}({content})"))
}

/// Whether one of the rules covers the listing: the whole tool, the exact command, or a prefix with a star.
pub(super) fn allows_listing(rules: &[String]) -> bool {
    rules.iter().any(|rule| {
        let content = rule.strip_prefix("Bash(").and_then(|rest| rest.strip_suffix(')'));
        match content {
            None => rule == "Bash",
            Some(content) => match content.strip_suffix(":*").or_else(|| content.strip_suffix('*')) {
                Some(prefix) => LIST_COMMAND.starts_with(prefix.trim_end()),
                None => content == LIST_COMMAND,
            },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_cover_the_listing_or_not() {
        for rule in ["Bash", "Bash(ls -p)", "Bash(ls *)", "Bash(ls:*)", "Bash(*)"] {
            assert!(allows_listing(&[rule.to_owned()]), "{rule}");
        }
        for rule in ["Read", "Bash(rm *)", "Bash(ls)", "BashOutput"] {
            assert!(!allows_listing(&[rule.to_owned()]), "{rule}");
        }
    }

    #[test]
    fn answers_are_read_and_noise_is_ignored() {
        let given = json!({"Which colour do you like best?": "Blue", "Something else?": "yes"});
        assert_eq!(answers(&given), [("Which colour do you like best?".to_owned(), "Blue".to_owned())]);
        assert_eq!(answers(&Value::Null), []);
    }

    #[test]
    fn the_listing_is_sorted_marks_folders_and_hides_dots() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("b.txt"), "").unwrap();
        std::fs::write(directory.path().join(".hidden"), "").unwrap();
        std::fs::create_dir(directory.path().join("a")).unwrap();
        assert_eq!(list(directory.path()), "a/\nb.txt");
        assert_eq!(list(&directory.path().join("a")), "(empty)");
    }

    #[test]
    fn granted_rules_say_how_long_they_last() {
        let response = json!({"updatedPermissions": [
            {"type": "addRules", "rules": [{"toolName": "Bash", "ruleContent": "ls -p"}], "behavior": "allow", "destination": "session"},
            {"type": "setMode", "mode": "acceptEdits", "destination": "session"},
            {"type": "addRules", "rules": [{"toolName": "Read"}], "behavior": "allow", "destination": "localSettings"},
        ]});
        assert_eq!(granted(&response), [("Bash(ls -p)".to_owned(), false), ("Read".to_owned(), true)]);
    }
}
