//! Something the agent asks a person: a permission, a question, a plan to agree to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ApprovalId, SessionId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ApprovalKind {
    /// May this tool run?
    Tool,
    /// A question with choices.
    Question,
    /// A plan to agree to before work begins.
    Plan,
}

/// A request that waits (or waited) for a person. `id session kind tool summary` are the documented JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Approval {
    pub(crate) id: ApprovalId,
    /// The session's name: when it was asked, and in lists of what waits the present one.
    pub(crate) session: String,
    pub(crate) kind: ApprovalKind,
    pub(crate) tool: String,
    /// One line: the command, the file, the first question.
    pub(crate) summary: String,
    pub(crate) session_id: SessionId,
    pub(crate) asked: Timestamp,
    /// The tool's whole input.
    pub(crate) input: Value,
    /// For questions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) questions: Vec<Question>,
    /// For plans: Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<String>,
    /// The rules that "allow for session" or "always" would add, as the agent writes them: `Bash(mkdir -p zz)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<String>,
    /// The file that "always" would write them to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rules_file: Option<PathBuf>,
}

/// A rule that was allowed for a session. `rule added by` are the documented JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) rule: String,
    pub(crate) added: Timestamp,
    /// Who allowed it: `shell`, `telegram:ID (NAME)`.
    pub(crate) by: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) question: String,
    pub(crate) header: String,
    pub(crate) options: Vec<Choice>,
    /// Several options may be chosen.
    pub(crate) multi: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Choice {
    pub(crate) label: String,
    pub(crate) description: String,
}

/// How long an allowance lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    Once,
    /// The suggested rules hold for the session, until they are revoked.
    Session,
    /// The suggested rules are written to the project's settings.
    Always,
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub(crate) enum Decision {
    Allow {
        scope: Scope,
    },
    Deny {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// Question text to chosen label (several joined with `, `) or free text.
    Answers {
        answers: BTreeMap<String, String>,
    },
}

/// Where an approval stands in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(crate) enum ApprovalStatus {
    Pending,
    Answered {
        decision: Decision,
        by: String,
        at: Timestamp,
    },
    /// The turn or the process that asked is gone.
    Void {
        at: Timestamp,
    },
}
