//! What must hold after a storm, whatever was killed when.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use serde_json::Value;
use uuid::Uuid;

use super::rig::{Rig, id_in};
use super::talk::Said;
use crate::support::messages_api::Purpose;

/// A prompt that was accepted.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) id: Uuid,
    pub(super) said: Said,
    /// It was taken back later on, perhaps too late.
    pub(super) taken_back: bool,
}

/// How all prompts came out.
#[derive(Debug, Default)]
pub(super) struct Tally {
    outcomes: BTreeMap<String, usize>,
    pub(super) events: usize,
    /// Turns that no prompt began.
    own_turns: usize,
    /// Prompts that the agent's model was asked about more than once.
    pub(super) asked_again: usize,
}

impl Tally {
    pub(super) fn of(&self, outcome: &str) -> usize {
        self.outcomes.get(outcome).copied().unwrap_or(0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: usize = self.outcomes.values().sum();
        write!(f, "{all} prompts {:?}, {} events", self.outcomes, self.events)?;
        write!(f, ", {} turns of the agent's own, {} asked again", self.own_turns, self.asked_again)
    }
}

/// Checks everything once nothing runs any more.
pub(super) fn check(rig: &Rig, sessions: &HashMap<String, Vec<Accepted>>) -> Tally {
    let mut tally = Tally::default();
    let stored = Agents::read(rig);
    let statuses = rig.prompts();
    for (name, accepted) in sessions {
        let log = rig.log(name);
        tally.events += log.len();
        let about = Session { name, log: &log, accepted, real: rig.api.is_some() };
        about.numbered_without_gaps();
        about.every_prompt_once();
        let turns = about.turns(&mut tally);
        for prompt in accepted {
            let (status, agent_uuid) = &statuses[&prompt.id];
            let outcome = about.outcome(prompt, status, &turns);
            about.answered(prompt, outcome, &turns);
            stored.at_most_once(prompt, *agent_uuid);
            *tally.outcomes.entry(outcome.to_owned()).or_default() += 1;
        }
    }
    tally.asked_again = asked_again(rig, sessions);
    let verdict: String = rig.db().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    tally
}

struct Session<'a> {
    name: &'a str,
    log: &'a [Value],
    accepted: &'a [Accepted],
    /// The agent is the real one: what it took in before it was killed stays in its conversation, and its model sees it
    /// again beside what comes next, or only the result of a tool that it was sent during.
    real: bool,
}

/// A turn's outcome and prompts.
struct Turn {
    outcome: String,
    prompts: HashSet<Uuid>,
}

impl Session<'_> {
    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.log.iter().filter(move |event| event["kind"] == kind)
    }

    fn numbered_without_gaps(&self) {
        for (expected, event) in (1_u64..).zip(self.log) {
            assert_eq!(event["seq"], expected, "{}: {event}", self.name);
        }
    }

    fn every_prompt_once(&self) {
        let mut logged: Vec<(Uuid, &str)> = self
            .of_kind("prompt")
            .map(|event| (id_in(&event["prompt_id"]), event["text"].as_str().unwrap_or_default()))
            .collect();
        let mut accepted: Vec<(Uuid, &str)> =
            self.accepted.iter().map(|prompt| (prompt.id, prompt.said.text.as_str())).collect();
        logged.sort_unstable();
        accepted.sort_unstable();
        assert_eq!(logged, accepted, "{}", self.name);
    }

    fn turns(&self, tally: &mut Tally) -> Vec<Turn> {
        let turns: Vec<Turn> = self
            .of_kind("turn_ended")
            .map(|event| Turn {
                outcome: event["detail"]["outcome"].as_str().unwrap_or_default().to_owned(),
                prompts: event["detail"]["prompts"].as_array().into_iter().flatten().map(id_in).collect(),
            })
            .collect();
        tally.own_turns += turns.iter().filter(|turn| turn.prompts.is_empty()).count();
        turns
    }

    /// A prompt is in exactly one turn, or was taken back and is in none.
    fn outcome<'t>(&self, prompt: &Accepted, status: &str, turns: &'t [Turn]) -> &'t str {
        let mut own = turns.iter().filter(|turn| turn.prompts.contains(&prompt.id));
        let Some(turn) = own.next() else {
            assert!(
                prompt.taken_back && status == "cancelled",
                "{}: no end, status {status}: {prompt:?}",
                self.name
            );
            return "taken back";
        };
        assert!(own.next().is_none(), "{}: ended twice: {prompt:?}", self.name);
        let fits = match turn.outcome.as_str() {
            "done" | "failed" => status == "done",
            _ => status == "interrupted",
        };
        assert!(fits, "{}: {} with status {status}: {prompt:?}", self.name, turn.outcome);
        &turn.outcome
    }

    /// What the log says from shortly before a prompt to its end, for the words of a failure.
    fn around(&self, prompt: &Uuid) -> String {
        let names = |event: &&Value| event.to_string().contains(&prompt.to_string());
        let first = self.log.iter().position(|event| names(&event)).unwrap_or_default();
        let last = self.log.iter().rposition(|event| names(&event)).unwrap_or_default();
        let shown = &self.log[first.saturating_sub(10)..(last + 10).min(self.log.len())];
        shown
            .iter()
            .map(|event| format!("{}\n", event.to_string().chars().take(300).collect::<String>()))
            .collect()
    }

    /// Answered once where it is done, and never twice; by the real agent in its own turn.
    fn answered(&self, prompt: &Accepted, outcome: &str, turns: &[Turn]) {
        let no_turn = HashSet::new();
        let own = turns.iter().find(|turn| turn.prompts.contains(&prompt.id));
        let own = own.map_or(&no_turn, |turn| &turn.prompts);
        let in_turn = |reply: &&Value| {
            !self.real && matches!(prompt.said.answer, super::talk::Answer::Unique(_))
                || reply["prompt_id"].as_str().is_some_and(|id| id.parse().is_ok_and(|id| own.contains(&id)))
        };
        let answers: Vec<&Value> =
            self.of_kind("reply").filter(in_turn).filter(|reply| prompt.said.answer.is_in(reply)).collect();
        let is_steered = self.real && prompt.said.delivery == "now";
        let is_answered =
            answers.len() == 1 || is_steered && self.of_kind("reply").any(|reply| in_turn(&reply));
        let fits = if outcome == "done" { is_answered } else { answers.len() <= 1 };
        assert!(
            fits,
            "{}: {outcome}, but answered with {answers:?}: {prompt:?}\n{}",
            self.name,
            self.around(&prompt.id)
        );
    }
}

/// What the agents have stored themselves.
struct Agents {
    prompts: HashMap<Uuid, usize>,
    said: Vec<Value>,
}

impl Agents {
    fn read(rig: &Rig) -> Self {
        let mut prompts: HashMap<Uuid, usize> = HashMap::new();
        let mut said = Vec::new();
        for line in rig.conversations() {
            let uuid = match line["type"].as_str() {
                Some("user") => &line["uuid"],
                Some("attachment") => &line["attachment"]["source_uuid"],
                Some("assistant") => {
                    let content = line["message"]["content"].as_array().cloned().unwrap_or_default();
                    said.extend(content.into_iter().filter(|block| block["type"] == "text"));
                    continue;
                }
                _ => continue,
            };
            if let Some(uuid) = uuid.as_str().and_then(|uuid| uuid.parse().ok()) {
                *prompts.entry(uuid).or_default() += 1;
            }
        }
        Self { prompts, said }
    }

    fn at_most_once(&self, prompt: &Accepted, agent_uuid: Uuid) {
        let mut stored = self.prompts.get(&agent_uuid).copied().unwrap_or(0);
        if agent_uuid != prompt.id {
            stored += self.prompts.get(&prompt.id).copied().unwrap_or(0);
        }
        assert!(stored <= 1, "stored {stored} times: {prompt:?}");
        if matches!(prompt.said.answer, super::talk::Answer::Unique(_)) {
            let answers = self.said.iter().filter(|said| prompt.said.answer.is_in(said)).count();
            assert!(answers <= 1, "answered {answers} times by the agent: {prompt:?}");
        }
    }
}

/// How many prompts the scripted API was asked about more than once.
fn asked_again(rig: &Rig, sessions: &HashMap<String, Vec<Accepted>>) -> usize {
    let Some(api) = &rig.api else { return 0 };
    let mut asked: HashMap<String, usize> = HashMap::new();
    for request in api.requests().iter().filter(|request| request.purpose == Purpose::Turn) {
        if let Some(prompt) = request.prompt() {
            *asked.entry(prompt.to_owned()).or_default() += 1;
        }
    }
    let texts = sessions.values().flatten().map(|prompt| prompt.said.text.as_str());
    texts.filter(|text| asked.get(*text).is_some_and(|count| *count > 1)).count()
}
