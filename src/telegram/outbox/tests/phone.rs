//! Telegram as the outbox sees it, without a network: it answers calls, and can be made to refuse some.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::budget::is_group;
use super::super::call::Call;
use super::super::run::Answer;
use crate::telegram::api::ApiError;

/// A call as it came in.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Milliseconds since the telephone was switched on.
    pub(super) at: u64,
    pub(super) call: Call,
    pub(super) taken: bool,
}

type Rule = Box<dyn FnMut(&Call) -> Option<ApiError> + Send>;

struct State {
    begun: Instant,
    seen: Vec<Seen>,
    next: i64,
    rule: Option<Rule>,
    meter: Option<Meter>,
    /// Which calls take how much longer.
    slow: (fn(&Call) -> bool, Duration),
}

#[derive(Clone)]
pub(super) struct Phone {
    state: Arc<Mutex<State>>,
    /// There and back.
    latency: Duration,
}

impl Default for Phone {
    fn default() -> Self {
        let state = State {
            begun: Instant::now(),
            seen: Vec::new(),
            next: 100,
            rule: None,
            meter: None,
            slow: (|_| false, Duration::ZERO),
        };
        Self { state: Arc::new(Mutex::new(state)), latency: Duration::from_millis(100) }
    }
}

impl Phone {
    /// With Telegram's limits.
    pub(super) fn limited() -> Self {
        let phone = Self::default();
        phone.state.lock().unwrap().meter = Some(Meter::default());
        phone
    }

    /// These take so much longer.
    pub(super) fn slow(&self, of: fn(&Call) -> bool, by: Duration) {
        self.state.lock().unwrap().slow = (of, by);
    }

    /// Asked about every call before it is taken.
    pub(super) fn rule(&self, rule: impl FnMut(&Call) -> Option<ApiError> + Send + 'static) {
        self.state.lock().unwrap().rule = Some(Box::new(rule));
    }

    /// Refuses the next calls, one after the other, that `of` holds for.
    pub(super) fn refuse(&self, of: fn(&Call) -> bool, errors: impl IntoIterator<Item = ApiError>) {
        let mut errors: VecDeque<_> = errors.into_iter().collect();
        self.rule(move |call| if of(call) { errors.pop_front() } else { None });
    }

    pub(super) async fn call(self, call: Call) -> Answer {
        sleep(self.latency / 2).await;
        let (is_slow, by) = self.state.lock().unwrap().slow;
        if is_slow(&call) {
            sleep(by).await;
        }
        let answer = self.state.lock().unwrap().take(call);
        sleep(self.latency / 2).await;
        answer
    }

    /// Everything since the last look.
    pub(super) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }

    /// Likewise in words, without typing: `send 1 words`, `edit 1/100 words`.
    pub(super) fn words(&self) -> Vec<String> {
        let seen = self.seen();
        let told = seen.iter().filter(|seen| !matches!(seen.call, Call::Typing(_)));
        told.map(|seen| if seen.taken { words(&seen.call) } else { format!("✗ {}", words(&seen.call)) })
            .collect()
    }
}

impl State {
    fn take(&mut self, call: Call) -> Answer {
        let now = self.begun.elapsed();
        let refused = self.rule.as_mut().and_then(|rule| rule(&call));
        let refused = refused.or_else(|| self.meter.as_mut()?.check(now, &call));
        let at = u64::try_from(now.as_millis()).unwrap();
        self.seen.push(Seen { at, call: call.clone(), taken: refused.is_none() });
        if let Some(error) = refused {
            return Err(error);
        }
        match call {
            Call::Send(_) | Call::Upload { .. } => {
                self.next += 1;
                Ok(Some(self.next - 1))
            }
            _ => Ok(None),
        }
    }
}

pub(super) fn words(call: &Call) -> String {
    match call {
        Call::Send(call) => {
            let bell = if call.disable_notification { "" } else { "🔔" };
            let thread = call.message_thread_id.map(|thread| format!(":{thread}")).unwrap_or_default();
            format!("send{bell} {}{thread} {}", call.chat_id, cut(&call.text))
        }
        Call::Edit(call) => format!("edit {}/{} {}", call.chat_id, call.message_id, cut(&call.text)),
        Call::Upload { place, file, .. } => format!("upload {place} {}", file.name),
        Call::React(call) => format!("react {}/{}", call.chat_id, call.message_id),
        Call::Delete(call) => format!("delete {}/{}", call.chat_id, call.message_id),
        Call::CloseTopic(call) => format!("close {}:{}", call.chat_id, call.message_thread_id),
        Call::ReopenTopic(call) => format!("reopen {}:{}", call.chat_id, call.message_thread_id),
        Call::Typing(call) => format!("typing {}", call.chat_id),
        Call::Answer(call) => format!("answer {}", call.callback_query_id),
    }
}

fn cut(text: &str) -> String {
    text.replace('\n', "⏎").chars().take(24).collect()
}

pub(super) const fn chat(call: &Call) -> i64 {
    match call {
        Call::Send(call) => call.chat_id,
        Call::Edit(call) => call.chat_id,
        Call::Upload { place, .. } => place.chat,
        Call::React(call) => call.chat_id,
        Call::Delete(call) => call.chat_id,
        Call::CloseTopic(call) => call.chat_id,
        Call::ReopenTopic(call) => call.chat_id,
        Call::Typing(call) => call.chat_id,
        Call::Answer(_) => 0,
    }
}

/// Telegram's limits: one a second and three at once in a chat, twenty a minute in a group, thirty a second in all.
#[derive(Default)]
struct Meter {
    rested: BTreeMap<i64, Duration>,
    groups: BTreeMap<i64, VecDeque<Duration>>,
    all: VecDeque<Duration>,
}

impl Meter {
    fn check(&mut self, now: Duration, call: &Call) -> Option<ApiError> {
        const SECOND: Duration = Duration::from_secs(1);
        if matches!(call, Call::Typing(_) | Call::Answer(_)) {
            return None;
        }
        let id = chat(call);
        let rested = self.rested.entry(id).or_default();
        let ahead = rested.saturating_sub(now);
        let group = self.groups.entry(id).or_default();
        group.retain(|at| *at + 60 * SECOND > now);
        self.all.retain(|at| *at + SECOND > now);
        if ahead > 2 * SECOND || (is_group(id) && group.len() >= 20) || self.all.len() >= 30 {
            return Some(ApiError::RetryAfter(Duration::from_secs(3)));
        }
        *rested = now + ahead + SECOND;
        group.push_back(now);
        self.all.push_back(now);
        None
    }
}
