//! Work beside the conversation: background tasks, after which Claude begins a turn by itself, and subagents.

use super::desk::{Desk, text};
use crate::support::PATIENCE;
use crate::support::claude::Release;
use crate::support::messages_api::Purpose;

/// A background task keeps the session awake; its end begins a turn that nobody prompted.
pub(super) fn a_task_begins_a_turn(release: Release) {
    let desk = Desk::prepared(release, |home| {
        home.write(".config/claudebot/personas/default.toml", "allowed_tools = [\"Bash\"]\n");
        home.write_config("[host]\nidle_timeout = \"1s\"\n");
    });
    let reply = desk.send(&format!("background {}", desk.until_exists("go")));
    assert!(reply.contains("Result: Command running in background"), "{reply}");
    let claude = desk.claude();
    let shown = desk.show();
    assert_eq!(shown["state"], "idle");
    assert!(text(&shown, "activity").starts_with("background: "), "{shown}");
    let refused = desk.run(&["session", "sleep", "work"]).expect_code(1);
    assert!(refused.stderr.contains("kept awake"), "{refused:?}");
    // Longer than an idle session stays awake.
    assert!(!claude.wait_gone(std::time::Duration::from_millis(2500)), "its task was cut off");

    let mut follow = desk.home.spawn(&["log", "work", "--follow"]);
    follow.expect_stdout("Result: Command running", PATIENCE);
    let mut watch = desk.watch();
    desk.home.write("go", "");
    watch.until(|push| push["live"]["type"] == "turn_started" && push["live"]["origin"] == "claude");
    assert_eq!(watch.event("reply")["text"], "Echo: the background task ended");
    let ended = watch.event("turn_ended")["detail"].clone();
    assert_eq!((&ended["origin"], &ended["outcome"]), (&"claude".into(), &"done".into()), "{ended}");
    follow.expect_stdout("Echo: the background task ended", PATIENCE);
    watch.state("asleep");
    assert!(claude.wait_gone(PATIENCE));
    assert_eq!(desk.brief().last().map(String::as_str), Some("ended done 0"));
    assert_eq!(desk.send("hello"), "Echo: hello");
}

/// A prompt that comes as Claude begins by itself gets an answer of its own.
pub(super) fn a_prompt_meets_a_turn_of_claudes_own(release: Release) {
    let desk = Desk::trusting(release);
    desk.send(&format!("background {}", desk.until_exists("go")));
    let mut watch = desk.watch();
    desk.home.write("go", "");
    assert_eq!(desk.send("hello"), "Echo: hello");
    let mut own = 0;
    let ended = |line: &&String| line.starts_with("ended");
    while own == 0 {
        own = desk.brief().iter().filter(ended).filter(|line| line.as_str() == "ended done 0").count();
        if own == 0 {
            watch.event("turn_ended");
        }
    }
    let prompts: Vec<_> = desk.api.prompts().into_iter().filter(|prompt| prompt == "hello").collect();
    assert_eq!(prompts.len(), 1);
    assert_eq!(desk.brief().iter().filter(ended).count(), 3, "{:?}", desk.brief());
}

/// What a subagent says is kept apart from the reply.
pub(super) fn a_subagent_is_not_the_reply(release: Release) {
    let desk = Desk::new(release);
    let mut send = desk.home.spawn(&["send", "--verbose", "subagent hello from below"]);
    let output = send.wait(PATIENCE).expect_code(0);
    assert!(output.stdout.starts_with("Result: "), "{output:?}");
    assert!(output.stderr.contains("⚙ Agent"), "{output:?}");
    let below = desk.api.wait_for(|request| request.purpose == Purpose::Subagent, PATIENCE);
    assert_eq!(below.prompt(), Some("hello from below"));
    assert_eq!(desk.send("hello"), "Echo: hello");
    assert!(!desk.brief().contains(&"reply Echo: hello from below".to_owned()), "{:?}", desk.brief());
    // The older release tells its result alone.
    let mut watch = desk.watch();
    let inner = |desk: &Desk| desk.brief().iter().any(|line| line == "inner reply Echo: hello from below");
    while release == Release::Newest && !inner(&desk) {
        watch.until(|push| push["event"].is_object());
    }
    if release == Release::Newest {
        let log = desk.done(&["log", "work"]);
        assert!(log.contains("┊ ◆ Echo: hello from below"), "{log}");
        let document = desk.done(&["session", "export", "work", "--tools", "full"]);
        assert!(
            document.contains("\n> Echo: hello from below\n") && document.contains("⚙ **Agent**"),
            "{document}"
        );
        let page = desk.done(&["session", "export", "work", "--format", "html"]);
        assert!(page.contains("<details class=\"tool\"><summary><strong>Agent</strong>"), "{page}");
        assert_eq!(page.matches("<details").count(), page.matches("</details>").count());
    }
}
