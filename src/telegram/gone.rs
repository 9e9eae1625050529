//! What is left here of sessions that were deleted. Nothing tells of a deletion, so it is looked for; and then whatever
//! waits for such a session says that nothing more comes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::sleep;

use super::approvals;
use super::bridge::Bridge;
use super::db::{Fault, LiveRow, MessageKind, NewOutgoing, PromptSet, PromptState, ShownApproval, Tables};
use super::effects::waits_never;
use super::ending;
use super::host::{Outcome, Trouble, exactly};
use super::outbox::{Keyboard, Message, Note, Payload, Target, priority};
use super::place::Place;
use super::render::Rich;
use super::topics;
use crate::error::Kind;
use crate::model::SessionId;

const BETWEEN_LOOKS: Duration = Duration::from_secs(60);

const DELETED: &str = "The session was deleted.";

/// Looks once in a while, until `stop` says true.
pub(crate) async fn run(bridge: Arc<Bridge>, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(trouble) = look(&bridge).await {
            tracing::debug!(?trouble, "it is not known which sessions are gone");
        }
        tokio::select! {
            () = sleep(BETWEEN_LOOKS) => {}
            () = ending::told(&mut stop) => return,
        }
    }
}

async fn look(bridge: &Bridge) -> Outcome<()> {
    for session in bridge.db.read(Tables::sessions_in_sight)? {
        look_at(bridge, session).await?;
    }
    Ok(())
}

/// If the session is gone, whatever is here of it ends.
pub(crate) async fn look_at(bridge: &Bridge, session: SessionId) -> Outcome<()> {
    // Whose current session it is does not matter.
    match bridge.show(exactly(session), Place::chat(0)).await {
        Err(Trouble::Refused(error)) if error.kind == Kind::NotFound => {}
        Err(Trouble::Ending) => return Err(Trouble::Ending),
        _ => return Ok(()),
    }
    let now = Timestamp::now();
    let chats = bridge.db.write(|tables| {
        let rows = Rows { tables, session, now };
        let chats = [rows.topics()?, rows.live()?, rows.prompts()?, rows.approvals()?];
        Ok(chats.into_iter().flatten().collect::<BTreeSet<i64>>())
    })?;
    chats.into_iter().for_each(|chat| bridge.outbox.wake(chat));
    Ok(())
}

/// What is here of a session that is gone. Each part gives the chats that it says something in.
struct Rows<'t> {
    tables: &'t Tables,
    session: SessionId,
    now: Timestamp,
}

impl Rows<'_> {
    /// Its topics are closed, and nobody's.
    fn topics(&self) -> Result<Vec<i64>, Fault> {
        let topics = self.tables.topics_of(self.session)?;
        let ended = topics.into_iter().map(|topic| {
            self.tables.forget_topic(topic.place)?;
            topics::set_closed(self.tables, topic.place, true, self.now)?;
            Ok(topic.place.chat)
        });
        ended.collect()
    }

    fn live(&self) -> Result<Vec<i64>, Fault> {
        let rows = self.tables.live_rows(Some(self.session))?;
        let ended = rows.into_iter().map(|LiveRow { place, message, .. }| {
            self.tables.end_live(place.chat, message)?;
            let (message, rich) = (Target::Id(message), Rich::plain(DELETED));
            let edit = Payload::Edit { message, rich, buttons: Keyboard::default() };
            self.say(place, priority::FINAL, None, &edit)
        });
        ended.collect()
    }

    /// Whoever asked hears that there will be no reply.
    fn prompts(&self) -> Result<Vec<i64>, Fault> {
        let sets = self.tables.accepted_in(self.session)?;
        let ended = sets.into_iter().map(|set| {
            waits_never(self.tables, &set, DELETED, self.now)?;
            self.tables.put_prompt(&PromptSet { state: PromptState::Ended, ..set.clone() })?;
            let words = "✗ The session was deleted: there will be no reply to this.";
            let note = Note { kind: MessageKind::Notice, session: None, prompt: set.prompt };
            let (rich, reply_to) = (Rich::plain(words), Some(set.reply_to));
            let message = Message { rich, ring: true, reply_to, buttons: Keyboard::default(), note };
            self.say(set.place, priority::FINAL, None, &Payload::Message(message))
        });
        ended.collect()
    }

    fn approvals(&self) -> Result<Vec<i64>, Fault> {
        let shown = self.tables.shown_approvals_of(self.session)?;
        let ended = shown.into_iter().map(|shown| {
            let ShownApproval { approval, place, outgoing, message, .. } = shown;
            let message = message.map_or(Target::Row(outgoing), Target::Id);
            let settled = approvals::settled(self.tables, place, message, approval, DELETED)?;
            self.tables.forget_shown_approvals(approval)?;
            self.say(place, priority::SETTLED, Some(approvals::key(approval, place)), &settled)
        });
        ended.collect()
    }

    fn say(&self, place: Place, priority: u8, key: Option<String>, payload: &Payload) -> Result<i64, Fault> {
        let payload = payload.to_json()?;
        self.tables.enqueue(&NewOutgoing { place, priority, key, payload }, self.now)?;
        Ok(place.chat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ApprovalKind;
    use crate::telegram::db::TopicRow;
    use crate::telegram::outbox::Payload;
    use crate::telegram::test_host::{Host, ask, bridge, run};
    use crate::telegram::testing::approval;

    const ANNA: Place = Place::chat(1);
    const TOPIC: Place = Place { chat: -5, thread: Some(8) };

    /// What a chat is to be told, in order.
    fn told(bridge: &Bridge, chat: i64) -> Vec<Payload> {
        let mut told = Vec::new();
        while let Some(row) = bridge.db.read(|tables| tables.next_outgoing(chat, &[])).unwrap() {
            bridge.db.write(|tables| tables.outgoing_sent(row.id, Some(row.id + 500))).unwrap();
            told.push(serde_json::from_value(row.payload).unwrap());
        }
        told
    }

    /// A session with a topic, a prompt, a live message and a request.
    fn in_sight(bridge: &Bridge, session: SessionId, thread: i64) {
        ask(bridge, ANNA, session, thread);
        let place = Place { thread: Some(thread), ..TOPIC };
        let topic = TopicRow { place, session, name: "work".to_owned(), closed: false };
        let live = LiveRow { place: ANNA, session, turn: 3, prompt: None, message: 70 + thread };
        let mut request = approval(thread, ApprovalKind::Tool);
        request.session_id = session;
        let now = Timestamp::now();
        bridge
            .db
            .write(|tables| {
                tables.put_topic(&topic)?;
                tables.put_live(&live, now)?;
                approvals::ask(tables, &bridge.epoch, ANNA, &request, true, now)
            })
            .unwrap();
        assert_eq!(told(bridge, 1).len(), 1);
    }

    #[test]
    fn all_that_waits_for_a_deleted_session_says_so_once() {
        run(async {
            let host = Host::start().await;
            let (bridge, _orders) = bridge(&host, &[1], |_| {});
            in_sight(&bridge, host.session("work"), 7);
            let gone = SessionId::random();
            in_sight(&bridge, gone, 8);
            look(&bridge).await.unwrap();
            assert_eq!(told(&bridge, -5), [Payload::Topic { closed: true }]);
            let words: Vec<String> = told(&bridge, 1)
                .into_iter()
                .map(|payload| match payload {
                    Payload::Edit { message, rich, buttons } => {
                        assert!(buttons.tokens().is_empty());
                        format!("{message:?} {}", rich.text.lines().last().unwrap())
                    }
                    Payload::Message(message) => {
                        assert!(message.ring && message.reply_to == Some(8));
                        message.rich.text
                    }
                    Payload::React { message, emoji: None } => format!("{message} waits no more"),
                    other => panic!("{other:?}"),
                })
                .collect();
            let (asked, words): (Vec<_>, Vec<_>) = words.iter().partition(|words| words.contains("Id(5"));
            assert_eq!(
                words,
                [
                    "Id(78) The session was deleted.",
                    "✗ The session was deleted: there will be no reply to this.",
                    "8 waits no more"
                ]
            );
            assert!(asked.len() == 1 && asked[0].ends_with(") The session was deleted."), "{asked:?}");
            look(&bridge).await.unwrap();
            assert!(told(&bridge, 1).is_empty() && told(&bridge, -5).is_empty());
            // The other one's is as it was.
            assert_eq!(bridge.db.read(Tables::sessions_in_sight).unwrap().len(), 1);
        });
    }
}
