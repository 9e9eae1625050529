//! The words a persona or a session's settings may use: names, models, efforts, permission modes.

use crate::config::not_an_option;
use crate::error::{Error, Result, did_you_mean, nearest};

/// The aliases Claude Code resolves to a current model itself.
pub(crate) const MODELS: [&str; 10] = [
    "default",
    "opus",
    "sonnet",
    "haiku",
    "fable",
    "best",
    "opusplan",
    "opus[1m]",
    "sonnet[1m]",
    "fable[1m]",
];

pub(crate) const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

/// The modes that every supported release takes and that need no other flag.
pub(crate) const PERMISSION_MODES: [&str; 5] = ["default", "acceptEdits", "plan", "auto", "dontAsk"];

const LONGEST_NAME: usize = 64;

/// A model for `--model`: an alias, or (with a warning) one pinned version.
pub(crate) fn check_model(model: &str) -> Result<Option<String>> {
    let warning = judge_model(model).map_err(|words| setting("model", &words))?;
    Ok(warning.map(|words| format!("`model` {words}")))
}

pub(crate) fn check_effort(effort: &str) -> Result<()> {
    judge_effort(effort).map(drop).map_err(|words| setting("effort", &words))
}

pub(crate) fn check_permission_mode(mode: &str) -> Result<()> {
    judge_permission_mode(mode).map(drop).map_err(|words| setting("permission_mode", &words))
}

fn setting(key: &str, words: &str) -> Error {
    Error::usage(format!("`{key}` {words}"))
}

pub(super) fn judge_model(model: &str) -> Result<Option<String>, String> {
    if MODELS.contains(&model) {
        return Ok(None);
    }
    if is_pinned(model) {
        return Ok(Some(format!(
            "is `{model}`, one pinned version, which will be retired; an alias ({}) follows the current ones",
            MODELS[1..4].join(", ")
        )));
    }
    let mut words = format!("is `{model}`, which is no model alias ({})", MODELS.join(", "));
    // Only the letters count: `Opus 5` and `claude_opus` mean `opus`.
    let lower = model.to_lowercase();
    let family = MODELS[1..5].iter().copied().find(|family| lower.contains(family));
    words.push_str(&did_you_mean(family.or_else(|| nearest(model, MODELS))));
    Err(words)
}

/// A full name as the API or a cloud provider spells it: `claude-opus-5-5`, `us.anthropic.claude-…`, an ARN.
fn is_pinned(model: &str) -> bool {
    let spelled = model.bytes().all(|byte| byte.is_ascii_graphic());
    let named = model
        .split_once("claude-")
        .is_some_and(|(_, version)| version.contains(|c: char| c.is_ascii_digit()));
    spelled && (named || model.starts_with("arn:aws"))
}

pub(super) fn judge_effort(effort: &str) -> Result<Option<String>, String> {
    if EFFORTS.contains(&effort) { Ok(None) } else { Err(not_an_option(effort, &EFFORTS)) }
}

pub(super) fn judge_permission_mode(mode: &str) -> Result<Option<String>, String> {
    match mode {
        _ if PERMISSION_MODES.contains(&mode) => Ok(None),
        "bypassPermissions" => Err("is `bypassPermissions`, which Claude Code takes only with \
             --dangerously-skip-permissions, and claudebot does not pass that; list tools in `allowed_tools`, or use \
             `auto` or `dontAsk`"
            .to_owned()),
        "manual" => Err("is `manual`, which only newer releases know; every release knows it as `default`".to_owned()),
        _ => Err(not_an_option(mode, &PERMISSION_MODES)),
    }
}

/// A persona's name is a file's name and is typed in a shell.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if first && rest && name.len() <= LONGEST_NAME {
        return Ok(());
    }
    Err(Error::usage(format!("`{name}` cannot be the name of a persona")).hint(format!(
        "use at most {LONGEST_NAME} letters, digits, `-`, `_` and `.`, beginning with a letter or digit"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_pass_and_pinned_versions_are_warned_about() {
        for model in MODELS {
            assert_eq!(check_model(model), Ok(None), "{model}");
        }
        for model in
            ["claude-opus-5-5", "us.anthropic.claude-sonnet-5-v1:0", "claude-opus-4@2025", "arn:aws:x"]
        {
            assert_eq!(
                check_model(model).unwrap().unwrap(),
                format!(
                    "`model` is `{model}`, one pinned version, which will be retired; \
                     an alias (opus, sonnet, haiku) follows the current ones"
                )
            );
        }
    }

    #[test]
    fn garbage_is_no_model_and_names_what_was_meant() {
        let start = |model: &str| {
            format!(
                "`model` is `{model}`, which is no model alias (default, opus, sonnet, haiku, fable, best, \
                 opusplan, opus[1m], sonnet[1m], fable[1m])"
            )
        };
        for (model, meant) in [
            ("opsu", "; did you mean `opus`?"),
            ("sonet", "; did you mean `sonnet`?"),
            ("Opus", "; did you mean `opus`?"),
            ("Opus 5", "; did you mean `opus`?"),
            ("claude-opus", "; did you mean `opus`?"),
            ("gpt-7", ""),
            ("--help", ""),
            ("", ""),
        ] {
            assert_eq!(check_model(model).unwrap_err().message, start(model) + meant);
        }
    }

    #[test]
    fn efforts_and_modes_are_those_the_cli_knows() {
        assert!(EFFORTS.iter().all(|effort| check_effort(effort).is_ok()));
        assert!(PERMISSION_MODES.iter().all(|mode| check_permission_mode(mode).is_ok()));
        assert_eq!(
            check_effort("hihg").unwrap_err().message,
            "`effort` is `hihg`, which is none of low, medium, high, xhigh, max; did you mean `high`?"
        );
        assert_eq!(
            check_permission_mode("acceptedits").unwrap_err().message,
            "`permission_mode` is `acceptedits`, which is none of default, acceptEdits, plan, auto, dontAsk; \
             did you mean `acceptEdits`?"
        );
        assert_eq!(
            check_permission_mode("bypassPermissions").unwrap_err().message,
            "`permission_mode` is `bypassPermissions`, which Claude Code takes only with \
             --dangerously-skip-permissions, and claudebot does not pass that; list tools in `allowed_tools`, \
             or use `auto` or `dontAsk`"
        );
        assert!(check_permission_mode("manual").unwrap_err().message.ends_with("as `default`"));
    }

    #[test]
    fn names_are_safe_as_files_and_arguments() {
        for name in ["a", "home-lab_2", "v1.2", "9"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "-x", ".hidden", "..", "a/b", "a b", "ä", &"x".repeat(65)] {
            let error = check_name(name).unwrap_err();
            assert_eq!(error.message, format!("`{name}` cannot be the name of a persona"));
        }
    }
}
