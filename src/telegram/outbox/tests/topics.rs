//! Topics that take nothing any more.

use super::super::call::Call;
use super::*;
use crate::model::ApprovalKind;
use crate::telegram::api::ApiError;
use crate::telegram::approvals;
use crate::telegram::db::TopicRow;
use crate::telegram::testing::approval;

#[test]
fn a_topic_that_is_gone_does_not_lose_the_message() {
    run(async {
        let house = House::new();
        house.phone.rule(|call| match call {
            Call::Send(call) if call.message_thread_id.is_some() => Some(ApiError::ThreadNotFound),
            _ => None,
        });
        house.say(Place { chat: -5, thread: Some(7) }, "a");
        pass(1000).await;
        assert_eq!(house.phone.words(), ["✗ send🔔 -5:7 a", "send🔔 -5 a"]);
    });
}

fn about(session: SessionId, words: &str) -> Payload {
    let note = Note { kind: MessageKind::Notice, session: Some(session), prompt: None };
    let rich = Rich::plain(words);
    Payload::Message(Message { rich, ring: true, reply_to: None, buttons: Keyboard::default(), note })
}

/// A house whose topics are all gone, one of them a session's.
fn without_topics(topic: Place, session: SessionId) -> House {
    let house = House::new();
    let row = TopicRow { place: topic, session, name: "work".to_owned(), closed: false };
    house.db.write(|tables| tables.put_topic(&row)).unwrap();
    house.phone.rule(|call| {
        let in_topic = match call {
            Call::Send(call) => call.message_thread_id.is_some(),
            Call::Upload { place, .. } => place.thread.is_some(),
            Call::CloseTopic(_) | Call::ReopenTopic(_) => true,
            _ => false,
        };
        in_topic.then_some(ApiError::ThreadNotFound)
    });
    house
}

#[test]
fn what_leaves_its_topic_says_whose_it_is() {
    run(async {
        let (topic, session) = (Place { chat: -5, thread: Some(7) }, SessionId::random());
        let house = without_topics(topic, session);
        house.show(LiveKey { place: topic, session, turn: 3 }, "live");
        pass(1000).await;
        house.put(topic, priority::APPROVAL, &about(session, "asks"));
        house.put(topic, priority::FINAL, &Payload::Final(last(session, true, "done")));
        house.put(topic, priority::FINAL, &about(session, "work\nhas its name"));
        house.put(topic, priority::FINAL, &message("of nobody"));
        pass(9000).await;
        assert_eq!(
            house.phone.words(),
            [
                "✗ send -5:7 live",
                "✗ send🔔 -5:7 asks",
                "send🔔 -5 work⏎asks",
                "send🔔 -5 work⏎done",
                "send🔔 -5 work⏎has its name",
                "send🔔 -5 of nobody"
            ]
        );
        assert_eq!(house.open_rows(-5), 0);
        // It may have been closed only: then it is opened again.
        assert!(house.db.read(|tables| tables.topic_at(topic)).unwrap().unwrap().closed);
    });
}

#[test]
fn a_request_that_leaves_its_topic_is_settled_where_it_went() {
    run(async {
        let request = approval(12, ApprovalKind::Tool);
        let ask = |house: &House, place| {
            let now = Timestamp::now();
            house.db.write(|tables| approvals::ask(tables, "e", place, &request, true, now)).unwrap();
            house.outbox.wake(place.chat);
        };
        let (topic, chat) = (Place { chat: 5, thread: Some(7) }, Place::chat(5));
        let house = without_topics(topic, request.session_id);
        ask(&house, topic);
        pass(3000).await;
        let words = house.phone.words();
        assert_eq!(words, ["✗ send🔔 5:7 ❗ Bash asks for permissi", "send🔔 5 work⏎❗ Bash asks for per"]);
        let shown = || house.db.read(|tables| tables.shown_approvals(12)).unwrap();
        assert_eq!((shown()[0].place, shown()[0].message, shown().len()), (chat, Some(100), 1));
        let message = Target::Id(100);
        let settled =
            house.db.write(|tables| approvals::settled(tables, chat, message, 12, "allowed")).unwrap();
        let Payload::Edit { rich, .. } = settled else { panic!("{settled:?}") };
        assert!(rich.text.starts_with("work\n❗ Bash") && rich.text.ends_with("Allowed."), "{}", rich.text);
        // Where the chat asks already, it is not asked twice.
        let house = without_topics(topic, request.session_id);
        ask(&house, chat);
        ask(&house, topic);
        pass(5000).await;
        let words = house.phone.words();
        assert_eq!(words, ["send🔔 5 work⏎❗ Bash asks for per", "✗ send🔔 5:7 ❗ Bash asks for permissi"]);
        assert_eq!(house.open_rows(5), 0);
    });
}

/// It would be the General topic of the chat that is closed instead.
#[test]
fn a_topic_that_is_gone_is_not_closed() {
    run(async {
        let topic = Place { chat: -5, thread: Some(7) };
        let house = without_topics(topic, SessionId::random());
        house.put(topic, priority::MIRROR, &Payload::Topic { closed: true });
        house.say(Place::chat(-5), "a");
        pass(3000).await;
        assert_eq!(house.phone.words(), ["send🔔 -5 a", "✗ close -5:7"]);
        assert_eq!(house.open_rows(-5), 0);
        house.put(topic, priority::FINAL, &message("b"));
        house.put(topic, priority::MIRROR, &Payload::Topic { closed: true });
        pass(9000).await;
        assert_eq!(house.phone.words(), ["✗ send🔔 -5:7 b", "send🔔 -5 b"]);
        assert_eq!(house.open_rows(-5), 0);
    });
}
