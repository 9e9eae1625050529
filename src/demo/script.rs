//! What the demo answers, as pure data: a prompt and what was said before become steps.
//!
//! Friendly words are for people; `words`, `echo`, `recall` and `slow` are exact, for tests and benchmarks.

use std::borrow::Cow;
use std::time::Duration;

use super::tools::{Outcome, Tool};

/// One thing to do in a turn. Steps up to a tool make one message, as a model's would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Think(String),
    Say(Speech),
    Use(Tool),
    /// Ends the turn as an API error does.
    Fail,
    /// Ends the process.
    Crash,
}

/// A text and how fast it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Speech {
    words: Words,
    /// From one word to the next.
    pub(super) every: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Words {
    Text(String),
    /// `w0 w1 …`, made while it is said: there may be millions.
    Counted(u64),
}

/// Fast enough not to bore, slow enough to be seen streaming.
const READING_PACE: Duration = Duration::from_millis(12);

/// Longer prompts are cut where the demo recalls them.
const RECALLED: usize = 200;

/// How long a background task and a slow tool take when the prompt does not say.
const DEFAULT_TASK: Duration = Duration::from_secs(2);

impl Speech {
    fn read_out(text: impl Into<String>) -> Self {
        Self { words: Words::Text(text.into()), every: READING_PACE }
    }

    fn at_once(text: impl Into<String>) -> Self {
        Self { words: Words::Text(text.into()), every: Duration::ZERO }
    }

    /// The pieces that are streamed, in order; together they are the text.
    pub(super) fn pieces(&self) -> Box<dyn Iterator<Item = Cow<'_, str>> + '_> {
        match &self.words {
            Words::Text(text) => Box::new(text.split_inclusive([' ', '\n']).map(Cow::Borrowed)),
            Words::Counted(count) => Box::new((0..*count).map(|n| {
                let space = if n + 1 == *count { "" } else { " " };
                Cow::Owned(format!("w{n}{space}"))
            })),
        }
    }

    /// Two texts in a row are one; counted words stay apart.
    fn join(&mut self, next: &Self) -> bool {
        match (&mut self.words, &next.words) {
            (Words::Text(text), Words::Text(more)) => {
                text.push_str("\n\n");
                text.push_str(more);
                true
            }
            _ => false,
        }
    }
}

/// The steps that answer prompts which are run together, after `earlier` ones.
pub(super) fn answer(prompts: &[String], earlier: &[String]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (index, prompt) in prompts.iter().enumerate() {
        let before: Vec<&str> = earlier.iter().chain(&prompts[..index]).map(String::as_str).collect();
        append(&mut steps, answer_one(prompt, &before));
    }
    steps
}

/// Adds steps; what is said twice in a row becomes one text.
pub(super) fn append(steps: &mut Vec<Step>, more: Vec<Step>) {
    for step in more {
        if let (Some(Step::Say(said)), Step::Say(next)) = (steps.last_mut(), &step)
            && said.join(next)
        {
            continue;
        }
        steps.push(step);
    }
}

fn answer_one(prompt: &str, earlier: &[&str]) -> Vec<Step> {
    let prompt = prompt.trim();
    let words: Vec<&str> = prompt.split_whitespace().take(3).collect();
    let whole = prompt.trim_end_matches(['.', '!', '?']).to_lowercase();
    let verb = words.first().map(|word| word.trim_end_matches(['.', '!', '?', ',', ':']).to_lowercase());
    match verb.as_deref().unwrap_or_default() {
        "words" => {
            counted(&words).unwrap_or_else(|| vec![say("Say it as `words 20 50`: how many, and ms apart.")])
        }
        "echo" => vec![Step::Say(Speech::at_once(prompt.get(4..).unwrap_or_default().trim_start()))],
        "recall" => vec![Step::Say(Speech::at_once(recall(earlier)))],
        "slow" => vec![
            say("This takes a while; send me something meanwhile."),
            Step::Use(Tool::Wait(time_in(&words))),
        ],
        "background" => vec![Step::Use(Tool::Background(time_in(&words)))],
        "run" => run(),
        "list" | "ls" => run(),
        "ask" => vec![Step::Use(Tool::Ask)],
        "plan" => vec![Step::Use(Tool::Plan)],
        "think" => vec![
            Step::Think(
                "The person wants to see a thought. This is one, though it was written in advance."
                    .to_owned(),
            ),
            say("I have shown you a thought. It was written in advance; I am a demo and don't think."),
        ],
        "long" => vec![say(LONG)],
        _ if whole == "fail" => vec![Step::Fail],
        _ if whole == "crash" => vec![say("As you wish. "), Step::Crash],
        _ if prompt.starts_with('/') => {
            vec![say(format!("Unknown command: {}. I know /context, /cost, /compact and /clear.", words[0]))]
        }
        _ if whole.contains("what did i say") => vec![say(what_was_said(earlier))],
        _ => vec![say(plain(earlier))],
    }
}

/// What follows when a tool is done.
pub(super) fn after(tool: &Tool, outcome: &Outcome) -> Vec<Step> {
    let text = match (tool, outcome) {
        (_, Outcome::Denied(_) | Outcome::Unheard) => {
            "Then I leave it. Nothing was done, and that is what a no is for.".to_owned()
        }
        (Tool::List, Outcome::Done(listing)) => {
            format!("This is in the working directory:\n\n```\n{listing}\n```\n")
        }
        (Tool::Wait(time), _) => format!("{} seconds have passed.", time.as_secs_f64()),
        (Tool::Ask, Outcome::Answered(answers)) if answers.is_empty() => {
            "You answered nothing; fine with me.".to_owned()
        }
        (Tool::Ask, Outcome::Answered(answers)) => {
            let list: String =
                answers.iter().map(|(question, answer)| format!("- {question} **{answer}**\n")).collect();
            format!("Thank you. I noted:\n\n{list}")
        }
        (Tool::Plan, _) => {
            "Agreed. The demo stops here: carrying out a plan takes the real Claude Code.".to_owned()
        }
        (Tool::Background(_), _) => {
            "It runs in the background. I'll speak up by myself when it is done.".to_owned()
        }
        (_, Outcome::Done(text)) => text.clone(),
        (_, Outcome::Answered(_)) => "Thank you.".to_owned(),
    };
    vec![say(text)]
}

/// What the demo says by itself when a background task is over.
pub(super) fn after_task(description: &str) -> Vec<Step> {
    vec![say(format!(
        "The background task \"{description}\" is done. Nobody asked; I began this turn myself."
    ))]
}

fn say(text: impl Into<String>) -> Step {
    Step::Say(Speech::read_out(text))
}

fn run() -> Vec<Step> {
    vec![say("I'd like to list the working directory; that needs your approval."), Step::Use(Tool::List)]
}

/// `words N MS`; the milliseconds may have a fraction.
fn counted(words: &[&str]) -> Option<Vec<Step>> {
    let count = words.get(1)?.parse().ok()?;
    let every = match words.get(2) {
        Some(ms) => Duration::try_from_secs_f64(ms.parse::<f64>().ok()? / 1000.0).ok()?,
        None => Duration::ZERO,
    };
    Some(vec![Step::Say(Speech { words: Words::Counted(count), every })])
}

/// The seconds in `slow 3`.
fn time_in(words: &[&str]) -> Duration {
    let seconds = words.get(1).and_then(|word| word.parse().ok());
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(DEFAULT_TASK)
}

fn recall(earlier: &[&str]) -> String {
    let said: Vec<Cow<'_, str>> = earlier.iter().map(|prompt| shortened(prompt)).collect();
    format!("I remember: {}", said.join(" | "))
}

fn what_was_said(earlier: &[&str]) -> String {
    if earlier.is_empty() {
        return "You have said nothing before this.".to_owned();
    }
    let list: String = earlier.iter().map(|prompt| format!("- {}\n", shortened(prompt))).collect();
    format!("You said:\n\n{list}\nThat comes from the stored conversation, so I know it after a restart too.")
}

fn shortened(prompt: &str) -> Cow<'_, str> {
    match prompt.char_indices().nth(RECALLED) {
        Some((end, _)) => Cow::Owned(format!("{}…", &prompt[..end])),
        None => Cow::Borrowed(prompt),
    }
}

fn plain(earlier: &[&str]) -> String {
    match earlier {
        [] => WELCOME.to_owned(),
        _ => format!(
            "I am the **demo agent** and have no real answer to that, but I keep it: prompt {} of this conversation.\n\n\
             Try `run`, `ask me`, `plan`, `think`, `long`, `background` or *what did I say?*",
            earlier.len() + 1
        ),
    }
}

const WELCOME: &str = "\
Hello! I am the **demo agent** built into claudebot. I don't think, but everything around me is real: \
the queue, the approvals, the log, the conversation on disk.

Try one of these:

- `list files`: I ask for your approval, then run a tool
- `ask me`: two questions
- `plan`: a plan to agree to
- `think` or `long`: a thought, or a long Markdown reply
- `background`: a task that ends later, and I speak up by myself
- `what did I say?`: I remember your earlier prompts
- `slow 10`: a tool that takes 10 seconds, so you can write meanwhile
- `fail` or `crash`: see what happens when things go wrong
";

const LONG: &str = "\
# A long reply

It was written in advance, but it streams, wraps and renders as a real one does.

## What a session is made of

| piece | lives | when it is lost |
|-------|-------|-----------------|
| the agent's process | while it is awake | the next prompt starts another |
| the conversation | on disk | only when you delete the session |
| the event log | in the database | never before you say so |

## Some code

```rust
fn main() {
    let sessions = [\"work\", \"home\", \"research\"];
    for (number, name) in sessions.iter().enumerate() {
        println!(\"{number}: {name} < & > \\\"quoted\\\"\");
    }
}
```

## Lists and emphasis

1. *First* you write a prompt.
2. **Then** it is stored, before anything else happens.
   - It waits when a turn is running.
   - It can be edited or taken back while it waits.
3. Finally the answer comes, word by word — even if you have closed the terminal.

> Nothing is lost, and nothing happens twice.

A [link](https://example.org/a_b?x=1&y=2), some `inline code`, ~~an error~~, 5 * 3 = 15, snake_case_name and 🎉 to end with.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn text(steps: &[Step]) -> String {
        let said = steps.iter().filter_map(|step| match step {
            Step::Say(speech) => Some(speech.pieces().collect::<String>()),
            _ => None,
        });
        said.collect::<Vec<_>>().join(" / ")
    }

    fn one(prompt: &str, earlier: &[&str]) -> Vec<Step> {
        answer(&[prompt.to_owned()], &earlier.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn machine_prompts_are_exact() {
        assert_eq!(text(&one("words 3 0.5", &[])), "w0 w1 w2");
        assert_eq!(text(&one("echo  two  words\nand a line", &[])), "two  words\nand a line");
        assert_eq!(text(&one("recall", &["a", "b", "c"])), "I remember: a | b | c");
        let Step::Say(speech) = &one("words 3 0.5", &[])[0] else { panic!("words are said") };
        assert_eq!(speech.every, Duration::from_micros(500));
    }

    #[test]
    fn nonsense_numbers_are_no_trap() {
        for prompt in [
            "words",
            "words -1 5",
            "words 5 -1",
            "words 5 inf",
            "words x y",
            "slow",
            "slow -3",
            "slow 1e400",
            "",
            "/",
        ] {
            assert!(!one(prompt, &[]).is_empty(), "{prompt}");
        }
    }

    #[test]
    fn joined_prompts_get_one_reply_each() {
        let prompts = ["echo a".to_owned(), "echo b".to_owned(), "recall".to_owned()];
        assert_eq!(text(&answer(&prompts, &[])), "a\n\nb\n\nI remember: echo a | echo b");
    }

    #[test]
    fn friendly_words_lead_to_tools() {
        assert!(matches!(one("List files, please", &[]).last(), Some(Step::Use(Tool::List))));
        assert!(matches!(one("ask me", &[]).last(), Some(Step::Use(Tool::Ask))));
        assert!(matches!(one("crash!", &[]).last(), Some(Step::Crash)));
        assert!(text(&one("crash course in Rust?", &["x"])).contains("demo agent"));
    }

    #[test]
    fn long_prompts_are_recalled_shortened() {
        let long = "ä".repeat(500);
        assert_eq!(text(&one("recall", &[&long])).chars().count(), "I remember: ".len() + RECALLED + 1);
    }
}
