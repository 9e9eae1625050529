//! The support itself: the scripted API with the real CLI alone, and a home that keeps its house clean.

use serde_json::json;

use crate::support::PATIENCE;
use crate::support::agent::Agent;
use crate::support::claude::Release;
use crate::support::home::Home;
use crate::support::messages_api::{Outcome, Purpose};

/// The same talk with each release: what one of them does otherwise shows here first.
mod talk {
    use super::*;

    pub(super) fn hello_and_recall(release: Release) {
        let (api, home) = Home::with_claude(release);
        let mut agent = Agent::start(&home, &[]);
        agent.prompt("hello");
        assert_eq!(agent.result(), "Echo: hello");
        agent.prompt("words 3 0");
        assert_eq!(agent.result(), "w0 w1 w2");
        agent.prompt("recall");
        assert_eq!(agent.result(), "I remember: hello | words 3 0");
        assert_eq!(agent.end().code, 0);
        assert_eq!(api.prompts(), ["hello", "words 3 0", "recall"]);
    }

    pub(super) fn bash_allowed_and_denied(release: Release) {
        let (_api, home) = Home::with_claude(release);
        let mut agent = Agent::start(&home, &[]);
        agent.prompt("bash mkdir made && echo done");
        let (id, request) = agent.asked();
        assert_eq!(request["tool_name"], "Bash");
        agent.allow(&id, &request["input"]);
        assert_eq!(agent.result(), "Result: done");
        assert!(home.project().join("made").is_dir());

        agent.prompt("bash rmdir made");
        let (id, _) = agent.asked();
        agent.answer(&id, json!({ "behavior": "deny", "message": "Keep it." }));
        assert_eq!(agent.result(), "Result: Keep it.");
        assert!(home.project().join("made").is_dir());
    }

    pub(super) fn hold_and_release(release: Release) {
        let (api, home) = Home::with_claude(release);
        let mut agent = Agent::start(&home, &[]);
        agent.prompt("hold door");
        agent.text("Holding ");
        assert_eq!(api.wait_held("door", PATIENCE).purpose, Purpose::Turn);
        api.release("door");
        assert_eq!(agent.result(), "Holding door");
    }

    /// A reply that is interrupted ends at the API too.
    pub(super) fn interrupt(release: Release) {
        let (api, home) = Home::with_claude(release);
        let mut agent = Agent::start(&home, &[]);
        agent.prompt("hold never");
        agent.text("Holding ");
        agent.control("stop", json!({ "subtype": "interrupt" }));
        agent.until(|message| message["type"] == "result");
        api.wait_for(|request| request.outcome == Outcome::Broken, PATIENCE);
        agent.prompt("recall");
        assert_eq!(agent.result(), "I remember: hold never");
    }

    /// Prompts that come while a tool runs are handed over with its result.
    pub(super) fn steered(release: Release) {
        let (api, home) = Home::with_claude(release);
        let mut agent = Agent::start(&home, &[]);
        agent.prompt("bash mkdir here");
        let (id, request) = agent.asked();
        agent.prompt("one");
        agent.prompt("two\nlines");
        agent.allow(&id, &request["input"]);
        let result = agent.result();
        assert!(result.ends_with(" | and: one | and: two\nlines"), "{result}");
        let steered =
            api.wait_for(|request| request.conversation.steered() == ["one", "two\nlines"], PATIENCE);
        assert_eq!(steered.conversation.prompts(), ["bash mkdir here", "one", "two\nlines"]);
    }

    pub(super) fn background_task(release: Release) {
        let (_api, home) = Home::with_claude(release);
        let gate = home.path().join("gate");
        let wait = format!("until [ -e {} ]; do sleep 0.05; done", gate.display());
        let mut agent = Agent::start(&home, &["--allowedTools", "Bash"]);
        agent.prompt(&format!("background {wait}"));
        assert!(agent.result().starts_with("Result: Command running in background"));
        home.write("gate", "");
        assert_eq!(agent.result(), "Echo: the background task ended");
    }

    pub(super) fn question_plan_and_thought(release: Release) {
        let (_api, home) = Home::with_claude(release);
        let mut agent = Agent::start(&home, &["--permission-mode", "plan"]);
        agent.prompt("ask");
        let (id, request) = agent.asked();
        assert_eq!(request["tool_name"], "AskUserQuestion");
        let mut input = request["input"].clone();
        input["answers"] = json!({ "Which colour?": "Blue" });
        agent.allow(&id, &input);
        let result = agent.result();
        assert!(result.contains(r#""Which colour?"="Blue""#), "{result}");

        agent.prompt("plan");
        let (id, request) = agent.asked();
        assert_eq!(request["tool_name"], "ExitPlanMode");
        agent.allow(&id, &request["input"]);
        let result = agent.result();
        assert!(result.starts_with("Result: User has approved"), "{result}");

        agent.prompt("think");
        agent.until(|message| message["event"]["delta"]["thinking"] == "Let me think about it.");
        assert_eq!(agent.result(), "Thought.");
    }

    pub(super) fn errors(release: Release) {
        let (api, home) = Home::with_claude(release);
        let mut agent = Agent::start(&home, &[]);
        for code in [400, 529] {
            agent.prompt(&format!("error {code}"));
            let result = agent.until(|message| message["type"] == "result");
            assert_eq!(result["is_error"], true, "{result}");
            let words = result["result"].as_str().unwrap();
            assert!(words.contains(&code.to_string()) || words.contains("verloaded"), "{words}");
        }
        agent.prompt("error 529 1");
        assert_eq!(agent.result(), "Recovered");
        // How often a refusal is tried again is the release's own affair.
        let mut prompts = api.prompts();
        prompts.dedup();
        assert_eq!(prompts, ["error 400", "error 529", "error 529 1"]);
    }

    pub(super) fn subagent(release: Release) {
        let (api, home) = Home::with_claude(release);
        let mut agent = Agent::start(&home, &[]);
        agent.prompt("subagent hello from below");
        agent.until(|message| message["type"] == "result");
        let below = api.wait_for(|request| request.purpose == Purpose::Subagent, PATIENCE);
        assert_eq!(below.prompt(), Some("hello from below"));
    }

    /// Megabytes either way.
    pub(super) fn big(release: Release) {
        const SIZE: usize = 2_000_000;
        let (api, home) = Home::with_claude(release);
        let mut agent = Agent::start(&home, &[]);
        agent.prompt(&format!("big {SIZE}"));
        assert_eq!(agent.result().len(), SIZE);
        let mut long = "a".repeat(SIZE);
        long.push('z');
        agent.prompt(&long);
        assert_eq!(agent.result(), format!("Echo: {long}"));
        assert!(api.prompts().contains(&long));
    }

    pub(super) fn compact(release: Release) {
        let (api, home) = Home::with_claude(release);
        let mut agent = Agent::start(&home, &["--append-system-prompt", "You are the pilot."]);
        agent.prompt("hello");
        agent.result();
        agent.prompt("/compact");
        agent.until(|message| message["type"] == "result");
        agent.prompt("still there");
        assert_eq!(agent.result(), "Echo: still there");
        assert_eq!(api.prompts(), ["hello", "still there"]);
        let summary = api.wait_for(|request| request.purpose == Purpose::Summary, PATIENCE);
        assert!(summary.session.is_some());
        let turn = api.wait_for(|request| request.purpose == Purpose::Turn, PATIENCE);
        assert!(turn.system().contains("You are the pilot."));
        assert!(!turn.model.is_empty());
    }
}

macro_rules! talks {
    ($release:expr, $($talk:ident),+ $(,)?) => {
        $(
            #[test]
            fn $talk() {
                super::talk::$talk($release);
            }
        )+
    };
}

mod real_330 {
    use super::Release;

    talks!(
        Release::Newest,
        hello_and_recall,
        bash_allowed_and_denied,
        hold_and_release,
        interrupt,
        steered,
        background_task,
        question_plan_and_thought,
        errors,
        subagent,
        big,
        compact,
    );
}

mod real_197 {
    use super::Release;

    talks!(
        Release::Older,
        hello_and_recall,
        bash_allowed_and_denied,
        hold_and_release,
        interrupt,
        steered,
        background_task,
        errors,
    );
}
