//! Topics of sessions that are gone: nothing tells of a deletion, so it is looked for.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::sleep;

use super::bridge::Bridge;
use super::db::{NewOutgoing, Tables};
use super::ending;
use super::host::{Outcome, Trouble, exactly};
use super::outbox::{Payload, priority};
use crate::error::Kind;

const BETWEEN_LOOKS: Duration = Duration::from_secs(60);

/// Looks once in a while, until `stop` says true.
pub(crate) async fn run(bridge: Arc<Bridge>, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(trouble) = close_orphans(&bridge).await {
            tracing::debug!(?trouble, "it is not known which topics have lost their sessions");
        }
        tokio::select! {
            () = sleep(BETWEEN_LOOKS) => {}
            () = ending::told(&mut stop) => return,
        }
    }
}

/// A topic whose session was deleted is closed, and is nobody's.
pub(crate) async fn close_orphans(bridge: &Bridge) -> Outcome<()> {
    for topic in bridge.db.read(Tables::topics)? {
        let place = topic.place;
        match bridge.show(exactly(topic.session), place).await {
            Err(Trouble::Refused(error)) if error.kind == Kind::NotFound => {}
            Err(Trouble::Ending) => return Err(Trouble::Ending),
            _ => continue,
        }
        let key = Some(format!("topic:{}", place.thread.unwrap_or(0)));
        let payload = Payload::Topic { closed: true }.to_json()?;
        bridge.db.write(|tables| {
            tables.forget_topic(place)?;
            let new = NewOutgoing { place, priority: priority::MIRROR, key, payload };
            tables.enqueue(&new, Timestamp::now())
        })?;
        bridge.outbox.wake(place.chat);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SessionId;
    use crate::telegram::db::TopicRow;
    use crate::telegram::place::Place;
    use crate::telegram::test_host::{Host, bridge, run};

    #[test]
    fn the_topic_of_a_deleted_session_is_closed_once() {
        run(async {
            let host = Host::start().await;
            let session = host.session("work");
            let (bridge, _orders) = bridge(&host, &[1], |_| {});
            let topic = |thread, session| TopicRow {
                place: Place { chat: -5, thread: Some(thread) },
                session,
                name: "work".to_owned(),
                closed: false,
            };
            let (here, gone) = (topic(7, session), topic(8, SessionId::random()));
            bridge.db.write(|tables| tables.put_topic(&here).and_then(|()| tables.put_topic(&gone))).unwrap();
            close_orphans(&bridge).await.unwrap();
            let row = bridge.db.read(|tables| tables.next_outgoing(-5, &[])).unwrap().unwrap();
            assert_eq!(row.place, gone.place);
            assert_eq!(row.payload, Payload::Topic { closed: true }.to_json().unwrap());
            assert_eq!(bridge.db.read(Tables::topics).unwrap(), [here]);
            bridge.db.write(|tables| tables.outgoing_sent(row.id, None)).unwrap();
            close_orphans(&bridge).await.unwrap();
            assert_eq!(bridge.db.read(|tables| tables.next_outgoing(-5, &[])).unwrap(), None);
        });
    }
}
