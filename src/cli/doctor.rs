//! `doctor`: looks at everything a session needs and says what to do about what is wrong. Changes nothing
//! unless it is asked to (--fix), and never reads a credential: whether one seems to be there is all it says.

mod claude;
mod files;
mod retention;
mod telegram;

use serde::Serialize;

use super::args::DoctorArgs;
use super::ctx::{self, Ctx};
use super::screen::{DONE, Finish};
use super::text;
use crate::config::Config;
use crate::error::Error;
use crate::persona;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warn,
    Fail,
}

/// What was looked at, how it is, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    status: Status,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, message: message.into(), hint: None }
    }

    fn warn(check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, status: Status::Warn, message: message.into(), hint: Some(hint.into()) }
    }

    fn fail(check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, status: Status::Fail, message: message.into(), hint: Some(hint.into()) }
    }

    fn error(check: &'static str, error: Error) -> Self {
        Self { check, status: Status::Fail, message: error.message, hint: error.hint }
    }
}

/// Where the words of a finding begin.
const MARGIN: usize = 17;

pub(crate) fn run(ctx: &Ctx, args: &DoctorArgs) -> Finish {
    let findings = examine(ctx);
    let mut out = ctx.screen.out();
    if args.json {
        out.json(&findings)?;
    } else {
        for finding in &findings {
            out.line(&line(finding, ctx.screen.columns.unwrap_or(usize::MAX)))?;
        }
    }
    out.flush()?;
    if args.fix {
        return retention::fix(ctx, args);
    }
    Ok(if findings.iter().any(|finding| finding.status == Status::Fail) { 1 } else { DONE })
}

fn examine(ctx: &Ctx) -> Vec<Finding> {
    let mut findings = files::examine(ctx);
    let config = configuration(ctx, &mut findings);
    findings.push(personas(ctx));
    match ctx::runtime() {
        Ok(runtime) => runtime.block_on(async {
            findings.push(host(ctx).await);
            findings.extend(claude::examine(ctx, config.as_ref()).await);
            if config.is_some() {
                findings.extend(retention::examine(ctx).await);
            }
            // What is wrong with the configuration has been said.
            if config.is_some() {
                findings.extend(telegram::examine(ctx).await);
            }
        }),
        Err(_) => findings.push(Finding::fail("host", "the event loop does not start", "check ulimit -n")),
    }
    findings
}

fn configuration(ctx: &Ctx, findings: &mut Vec<Finding>) -> Option<Config> {
    const CHECK: &str = "configuration";
    match ctx.config() {
        Ok(config) => {
            let edit = "claudebot config show lists every setting and where it comes from";
            findings
                .extend(config.warnings.iter().map(|warning| Finding::warn(CHECK, warning.clone(), edit)));
            if config.warnings.is_empty() {
                findings.push(Finding::ok(CHECK, "valid"));
            }
            Some(config)
        }
        Err(error) => {
            findings.push(Finding::error(CHECK, error));
            None
        }
    }
}

fn personas(ctx: &Ctx) -> Finding {
    const CHECK: &str = "personas";
    let listed = match persona::list(&ctx.paths) {
        Ok(listed) => listed,
        Err(error) => return Finding::error(CHECK, error),
    };
    let number = u64::try_from(listed.len()).unwrap_or(u64::MAX);
    match listed.into_iter().find_map(|listed| listed.persona.err()) {
        Some(error) => Finding::error(CHECK, error),
        None => Finding::ok(CHECK, format!("{}, all valid", text::count(number, "persona"))),
    }
}

async fn host(ctx: &Ctx) -> Finding {
    const CHECK: &str = "host";
    match super::host::present(ctx).await {
        Ok(None) => Finding::ok(CHECK, "none runs; it starts when it is needed"),
        Ok(Some(status)) if status.version == env!("CARGO_PKG_VERSION") => {
            Finding::ok(CHECK, format!("running, process {}, {} live", status.pid, status.live))
        }
        Ok(Some(status)) => Finding::warn(
            CHECK,
            format!("claudebot {} runs, this is {}", status.version, env!("CARGO_PKG_VERSION")),
            "claudebot host restart",
        ),
        Err(error) => Finding::error(CHECK, error),
    }
}

fn line(finding: &Finding, columns: usize) -> String {
    let mark = match finding.status {
        Status::Ok => '✓',
        Status::Warn => '!',
        Status::Fail => '✗',
    };
    let message = text::wrap(&text::one_line(&finding.message), MARGIN, MARGIN, columns);
    let mut line = format!("{mark} {:<14} {message}", finding.check);
    if let Some(hint) = &finding.hint {
        let hint = text::wrap(&text::one_line(hint), MARGIN + 2, MARGIN + 2, columns);
        line.push_str(&format!("\n{:MARGIN$}→ {hint}", ""));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_what_to_do() {
        let finding = Finding::fail("claude", "not found", "npm install -g @anthropic-ai/claude-code");
        assert_eq!(
            line(&finding, 80),
            "✗ claude         not found\n                 → npm install -g @anthropic-ai/claude-code"
        );
        assert_eq!(
            serde_json::to_string(&Finding::ok("host", "up")).unwrap(),
            r#"{"check":"host","status":"ok","message":"up"}"#
        );
    }
}
