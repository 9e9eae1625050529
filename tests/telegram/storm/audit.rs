//! What must hold after a storm, whatever was killed when.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use serde_json::Value;

use super::doubt;
use super::people::{AFTER, BEFORE, Reply, Said};
use crate::support::bot_api::seen::Seen;
use crate::telegram::desk::Desk;

/// Whether a message has something in it.
type Wanted<'a> = Box<dyn Fn(&Seen) -> bool + 'a>;

/// How all of it came out.
#[derive(Debug, Default)]
pub(super) struct Tally {
    messages: usize,
    pub(super) done: usize,
    pub(super) interrupted: usize,
    /// Edits that came in time.
    edited: usize,
    /// Replies that came more than once.
    doubled: usize,
    /// Messages that show a running turn for ever: nobody knows that they are there.
    left: usize,
}

/// Waits until every message has led to a prompt, every prompt to an end, and whoever said it was told of that.
#[track_caller]
pub(super) fn settle(desk: &Desk, said: &[Said]) {
    for session in sessions(said) {
        let own = || said.iter().filter(|said| said.session == session);
        let log = desk.until(&format!("the end of all in {session}"), || {
            let log = Log::of(desk, session);
            let all_there = own().all(|said| log.prompts.values().any(|text| text.contains(&said.mark)));
            (all_there && log.prompts.keys().all(|prompt| log.ends.contains_key(prompt))).then_some(log)
        });
        for said in own() {
            let end = &log.ends[log.prompt(said)];
            desk.until(&format!("the reply to {said:?}, {end}"), || {
                let told = Told { said, seen: seen_in(desk, said.chat), doubtful: &BTreeSet::new() };
                told.is_told(end).then_some(())
            });
        }
    }
}

/// The bridge has ended.
pub(super) fn check(desk: &Desk, said: &[Said]) -> Tally {
    assert_eq!(open(desk), Vec::<String>::new(), "left in the database");
    let doubtful = doubt::messages(&desk.bot);
    let mut tally = Tally { messages: said.len(), ..Tally::default() };
    for session in sessions(said) {
        let log = Log::of(desk, session);
        let own: Vec<&Said> = said.iter().filter(|said| said.session == session).collect();
        let prompts: Vec<&String> = own.iter().map(|said| log.prompt(said)).collect();
        assert!(
            log.order(&prompts).is_sorted(),
            "{session}: prompts out of order: {prompts:?} in {:?}",
            log.prompts
        );
        let known: BTreeSet<&String> = prompts.iter().copied().collect();
        assert_eq!(known.len(), own.len(), "{session}: two messages in one prompt");
        let strange = log
            .prompts
            .iter()
            .filter(|(prompt, text)| !known.contains(prompt) && !text.contains(&format!("[{session}]")));
        assert_eq!(strange.count(), 0, "{session}: prompts that nobody said: {:?}", log.prompts);
        let mut shown = Vec::new();
        for (said, prompt) in own.iter().zip(&prompts) {
            let told = Told { said, seen: seen_in(desk, said.chat), doubtful: &doubtful };
            match log.ends[*prompt].as_str() {
                "done" => {
                    tally.done += 1;
                    shown.push((told.replied(&mut tally), &said.mark));
                }
                "interrupted" => {
                    tally.interrupted += 1;
                    assert!(told.is_told("interrupted"), "nobody was told of {said:?}:\n{}", told.summary());
                }
                other => panic!("{} ended {other}", said.mark),
            }
            if said.edited {
                tally.edited += usize::from(told.edited(log.edited.contains(*prompt)));
            }
        }
        // What streams already at a start may stand above the end that the kill cut off before it.
        let in_order = shown.windows(3).all(|three| three[0] < three[2]);
        assert!(in_order, "{session}: replies out of order: {shown:?}");
    }
    assert_eq!(tally.done + tally.interrupted, tally.messages);
    let chats: BTreeSet<i64> = said.iter().map(|said| said.chat).collect();
    for chat in chats {
        for left in seen_in(desk, chat).iter().filter(|seen| is_live(seen)) {
            assert!(doubtful.contains(&(chat, left.id)), "it shows a turn that is over: {left}");
            tally.left += 1;
        }
    }
    tally
}

fn sessions(said: &[Said]) -> BTreeSet<&str> {
    said.iter().map(|said| said.session.as_str()).collect()
}

fn seen_in(desk: &Desk, chat: i64) -> Vec<Seen> {
    desk.bot.chat_with_id(chat).expect("a chat").bot_messages()
}

fn is_live(seen: &Seen) -> bool {
    seen.button("Stop").is_some()
}

/// A session's log.
struct Log {
    /// The texts of all prompts by their ids.
    prompts: BTreeMap<String, String>,
    /// In the order of their acceptance.
    order: Vec<String>,
    /// How the turns of prompts ended, by the prompts' ids.
    ends: BTreeMap<String, String>,
    /// Prompts that were changed before they ran.
    edited: BTreeSet<String>,
}

impl Log {
    #[track_caller]
    fn of(desk: &Desk, session: &str) -> Self {
        let (mut prompts, mut ends) = (BTreeMap::new(), BTreeMap::new());
        let (mut order, mut edited) = (Vec::new(), BTreeSet::new());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for (seq, event) in (1_u64..).zip(desk.log(session)) {
            assert_eq!(event["seq"], seq, "{session}: {event}");
            if event["kind"] == "prompt" {
                order.push(text(&event["prompt_id"]));
                prompts.insert(text(&event["prompt_id"]), text(&event["text"]));
            }
            if event["kind"] == "notice" && event["detail"]["code"] == "edited" {
                edited.insert(text(&event["prompt_id"]));
            }
            if event["kind"] == "turn_ended" {
                for prompt in event["detail"]["prompts"].as_array().into_iter().flatten() {
                    let before = ends.insert(text(prompt), text(&event["detail"]["outcome"]));
                    assert_eq!(before, None, "{session}: {prompt} ended twice");
                }
            }
        }
        Self { prompts, order, ends, edited }
    }

    /// The one prompt that a message has become.
    #[track_caller]
    fn prompt(&self, said: &Said) -> &String {
        let found: Vec<_> = self.prompts.iter().filter(|(_, text)| text.contains(&said.mark)).collect();
        let [(prompt, text)] = found[..] else { panic!("{} became {found:?}", said.mark) };
        if let Some(end) = &said.end {
            assert!(text.ends_with(end), "{} came without its end: {text}", said.mark);
        }
        prompt
    }

    fn order(&self, prompts: &[&String]) -> Vec<Option<usize>> {
        prompts.iter().map(|prompt| self.order.iter().position(|other| other == *prompt)).collect()
    }
}

/// What somebody was told of what they said.
struct Told<'a> {
    said: &'a Said,
    seen: Vec<Seen>,
    doubtful: &'a BTreeSet<(i64, i64)>,
}

impl Told<'_> {
    fn summary(&self) -> String {
        let shown = |seen: &&Seen| seen.text.contains(&self.said.mark) || self.answers(seen);
        self.seen.iter().filter(shown).map(|seen| format!("{seen} answering {:?}\n", seen.reply_to)).collect()
    }

    fn answers(&self, seen: &Seen) -> bool {
        seen.reply_to == Some(self.said.message)
    }

    /// The messages that have such a text, but for those that show a running turn: one, or more if it could not be
    /// known that the others had arrived.
    #[track_caller]
    fn shown(&self, has: impl Fn(&Seen) -> bool, tally: &mut Tally) -> i64 {
        let showing: Vec<i64> =
            self.seen.iter().filter(|seen| !is_live(seen) && has(seen)).map(|seen| seen.id).collect();
        let Some((last, before)) = showing.split_last() else {
            panic!("{:?} was not answered:\n{}", self.said, self.summary())
        };
        for id in before {
            assert!(
                self.doubtful.contains(&(self.said.chat, *id)),
                "{:?} was answered {showing:?}, without need:\n{}",
                self.said,
                self.summary()
            );
        }
        tally.doubled += before.len();
        *before.first().unwrap_or(last)
    }

    /// What the messages with the reply have in them, the first one first.
    fn wanted(&self) -> Vec<Wanted<'_>> {
        let Said { mark, reply, end, .. } = self.said;
        match (reply, end) {
            (Reply::Ends(word), _) => {
                vec![Box::new(move |seen| self.answers(seen) && seen.text.trim_end().ends_with(word))]
            }
            (Reply::Repeats, None) => vec![Box::new(move |seen| seen.text.contains(mark))],
            (Reply::Repeats, Some(end)) => vec![
                Box::new(move |seen| seen.text.contains(mark) && !seen.text.contains(end)),
                Box::new(move |seen| seen.text.trim_end().ends_with(end)),
            ],
        }
    }

    fn is_told(&self, end: &str) -> bool {
        let shows = |has: &dyn Fn(&Seen) -> bool| self.seen.iter().any(|seen| !is_live(seen) && has(seen));
        match end {
            "done" => self.wanted().iter().all(|has| shows(has)),
            _ => shows(&|seen| self.answers(seen) && seen.text.contains('⏹')),
        }
    }

    /// The first message with the reply.
    #[track_caller]
    fn replied(&self, tally: &mut Tally) -> i64 {
        let shown = self.wanted().into_iter().map(|has| self.shown(has, tally));
        shown.collect::<Vec<_>>()[0]
    }

    /// Whether the edit came in time. If it did, nobody is told otherwise, and it is what was answered. If the turn was
    /// over by then, nothing is said of it.
    #[track_caller]
    fn edited(&self, is_taken: bool) -> bool {
        let is_late = self.seen.iter().any(|seen| self.answers(seen) && seen.text.contains("has begun"));
        assert!(
            !(is_taken && is_late),
            "{:?}: the edit was taken and refused:\n{}",
            self.said,
            self.summary()
        );
        let not_said = if is_taken { BEFORE } else { AFTER };
        let repeats = |seen: &&Seen| seen.text.contains(&self.said.mark) && !is_live(seen);
        let is_wrong = self.seen.iter().filter(repeats).any(|seen| seen.text.contains(not_said));
        assert!(!is_wrong, "{:?}: taken: {is_taken}, but\n{}", self.said, self.summary());
        is_taken
    }
}

/// Everything that is not done, or came to nothing. While the bridge runs nobody else can read its file.
pub(super) fn open(desk: &Desk) -> Vec<String> {
    const SQL: &str = "SELECT 'in ' || state || ' ' || coalesce(error, '') || raw FROM incoming WHERE state <> 'done' \
         UNION ALL SELECT 'out ' || state || ' ' || coalesce(error, '') || payload FROM outgoing \
         WHERE state IN ('waiting', 'sending', 'failed') \
         UNION ALL SELECT 'prompt ' || state || ' ' || key FROM prompt WHERE state IN ('gathering', 'accepted')";
    let database = Connection::open(desk.home.data_dir().join("telegram.db")).expect("the bridge's database");
    let mut statement = database.prepare(SQL).expect("the tables that it has");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<rusqlite::Result<_>>().expect("text")
}
