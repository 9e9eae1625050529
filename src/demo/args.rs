//! The arguments of `claude` that matter to the demo; all others are accepted and ignored.

use std::ffi::OsString;

use serde_json::Value;
use uuid::Uuid;

/// Which conversation to speak in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    New(Uuid),
    Resume(Uuid),
}

impl Start {
    pub(super) const fn id(self) -> Uuid {
        match self {
            Self::New(id) | Self::Resume(id) => id,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Args {
    pub(super) version: bool,
    pub(super) start: Start,
    pub(super) model: String,
    pub(super) permission_mode: String,
    /// Launched with `--dangerously-skip-permissions`, without which `bypassPermissions` is refused.
    pub(super) may_bypass: bool,
    /// Tools and rules that need no approval.
    pub(super) allowed: Vec<String>,
}

impl Args {
    /// Takes both `--flag value` and `--flag=value`.
    pub(super) fn parse(args: Vec<OsString>) -> Result<Self, String> {
        let mut parsed = Self {
            version: false,
            start: Start::New(Uuid::new_v4()),
            model: "demo".to_owned(),
            permission_mode: "default".to_owned(),
            may_bypass: false,
            allowed: Vec::new(),
        };
        let mut words = args.into_iter().map(|word| word.to_string_lossy().into_owned()).peekable();
        while let Some(word) = words.next() {
            let (flag, mut value) = match word.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
                _ => (word, None),
            };
            let takes_value = matches!(
                flag.as_str(),
                "--session-id"
                    | "--resume"
                    | "-r"
                    | "--model"
                    | "--permission-mode"
                    | "--allowedTools"
                    | "--allowed-tools"
                    | "--settings"
            );
            if takes_value && value.is_none() {
                value = words.next_if(|next| !next.starts_with("--"));
            }
            parsed.take(&flag, value)?;
            if matches!(flag.as_str(), "--allowedTools" | "--allowed-tools") {
                while let Some(tool) = words.next_if(|next| !next.starts_with('-')) {
                    parsed.allow(&tool);
                }
            }
        }
        Ok(parsed)
    }

    fn take(&mut self, flag: &str, value: Option<String>) -> Result<(), String> {
        match (flag, value) {
            ("--version" | "-v", _) => self.version = true,
            ("--dangerously-skip-permissions", _) => {
                self.may_bypass = true;
                "bypassPermissions".clone_into(&mut self.permission_mode);
            }
            ("--allow-dangerously-skip-permissions", _) => self.may_bypass = true,
            ("--session-id", Some(id)) => self.start = Start::New(session_id(&id)?),
            ("--resume" | "-r", Some(id)) => self.start = Start::Resume(session_id(&id)?),
            ("--model", Some(model)) => self.model = model,
            ("--permission-mode", Some(mode)) => self.permission_mode = mode,
            ("--allowedTools" | "--allowed-tools", Some(tools)) => self.allow(&tools),
            ("--settings", Some(settings)) => self.allowed.extend(allowed_by(&settings)?),
            _ => {}
        }
        Ok(())
    }

    /// Rules are separated by commas; a rule's own parentheses may hold spaces, so spaces do not separate.
    fn allow(&mut self, tools: &str) {
        self.allowed
            .extend(tools.split(',').map(|tool| tool.trim().to_owned()).filter(|tool| !tool.is_empty()));
    }
}

/// The rules in settings, which are JSON or a file with it. A rule there is taken as it is.
fn allowed_by(settings: &str) -> Result<Vec<String>, String> {
    let text = match settings.trim_start().starts_with('{') {
        true => settings.to_owned(),
        false => std::fs::read_to_string(settings)
            .map_err(|_| format!("Error: Settings file not found: {settings}"))?,
    };
    let settings: Value =
        serde_json::from_str(&text).map_err(|_| "Error: Invalid JSON provided to --settings".to_owned())?;
    let rules = settings["permissions"]["allow"].as_array().into_iter().flatten();
    Ok(rules.filter_map(|rule| rule.as_str().map(str::to_owned)).collect())
}

fn session_id(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| format!("Error: Invalid session ID. Must be a valid UUID, not {text:?}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Args {
        Args::parse(words.iter().map(OsString::from).collect()).unwrap()
    }

    #[test]
    fn takes_the_hosts_arguments_and_ignores_the_rest() {
        let id = "5e551000-0000-4000-8000-000000000001";
        let args = parse(&[
            "-p",
            "--verbose",
            "--input-format",
            "stream-json",
            "--resume",
            id,
            "--model=haiku",
            "--permission-mode",
            "plan",
            "--allowedTools",
            "Bash(git log *),Read",
            "Write",
            "--append-system-prompt-file",
            "/x",
            "--nonsense",
        ]);
        assert_eq!(args.start, Start::Resume(id.parse().unwrap()));
        assert_eq!((args.model.as_str(), args.permission_mode.as_str()), ("haiku", "plan"));
        assert_eq!(args.allowed, ["Bash(git log *)", "Read", "Write"]);
        assert!(!args.version && !args.may_bypass);
    }

    #[test]
    fn rules_in_settings_are_taken_as_they_are() {
        let settings = r#"{"permissions": {"allow": ["Bash(echo \") Bash (\")", "Read"]}}"#;
        assert_eq!(parse(&["--settings", settings]).allowed, [r#"Bash(echo ") Bash (")"#, "Read"]);
        let missing = Args::parse(vec!["--settings=/no/such/file".into()]).unwrap_err();
        assert!(missing.contains("Settings file not found"), "{missing}");
    }

    #[test]
    fn an_id_that_is_none_is_refused() {
        assert!(Args::parse(vec!["--resume".into(), "yesterday".into()]).unwrap_err().contains("yesterday"));
    }

    #[test]
    fn version_wins_over_everything() {
        assert!(parse(&["--version"]).version);
    }
}
