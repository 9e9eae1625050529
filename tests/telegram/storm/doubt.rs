//! The calls of which the bot cannot know whether they took effect.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::bot_api::{BotApi, Call, Outcome};

/// What makes or changes a message.
const SENDING: [&str; 4] = ["sendMessage", "editMessageText", "sendDocument", "sendPhoto"];

/// What each run of the bot calls first.
const FIRST: &str = "getMe";

/// By chat, the messages that were sent while the bot was killed or its connection broke. In each chat one call is
/// under way at a time, so the end of a run leaves one in doubt there at most: the last.
pub(super) fn messages(bot: &BotApi) -> BTreeSet<(i64, i64)> {
    let calls = bot.calls();
    assert_eq!(calls.first().map(|call| call.number), Some(1), "the first calls are forgotten");
    let is_sending = |call: &&Call| SENDING.contains(&call.method.as_str());
    let lost = calls.iter().filter(is_sending).filter(|call| matches!(call.outcome, Outcome::Lost(_)));
    let mut doubtful: BTreeSet<(i64, i64)> = lost.filter_map(sent).collect();
    let mut runs: Vec<&[Call]> = calls.split(|call| call.method == FIRST).collect();
    // It was not killed any more.
    runs.pop();
    for run in runs {
        let sends = run.iter().filter(is_sending);
        let last: BTreeMap<i64, &Call> = sends.filter_map(|call| Some((call.chat?, call))).collect();
        doubtful.extend(last.into_values().filter_map(sent));
    }
    doubtful
}

/// Chat and message.
fn sent(call: &Call) -> Option<(i64, i64)> {
    let (Outcome::Done(result) | Outcome::Lost(Ok(result))) = &call.outcome else { return None };
    Some((call.chat?, result["message_id"].as_i64()?))
}
