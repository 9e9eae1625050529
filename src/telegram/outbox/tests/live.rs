//! The live message: made lazily, edited within the limits, and taken over by the end of its turn.

use super::super::call::Call;
use super::*;
use crate::telegram::api::ApiError;
use crate::telegram::render::Style;

const A: Place = Place::chat(1);

#[test]
fn it_is_edited_at_a_measured_pace_and_old_views_are_dropped() {
    run(async {
        let house = House::new();
        let key = key(1, SessionId::random());
        for number in 0..600 {
            house.show(key, &format!("view {number}"));
            pass(100).await;
        }
        let seen = house.phone.seen();
        let Call::Send(first) = &seen[0].call else { panic!() };
        assert!(first.disable_notification && first.reply_parameters.is_some());
        assert!(seen[0].at < 100);
        let pauses: Vec<u64> = seen.windows(2).map(|two| two[1].at - two[0].at).collect();
        assert!(pauses[..15].iter().all(|pause| (1700..=1900).contains(pause)), "{pauses:?}");
        assert!(pauses[16..].iter().all(|pause| (3500..=3700).contains(pause)), "{pauses:?}");
        assert!(matches!(&seen.last().unwrap().call, Call::Edit(edit) if edit.message_id == 100));
        // What it says already is not said again.
        pass(4000).await;
        house.phone.seen();
        house.show(key, "view 599");
        pass(4000).await;
        assert_eq!(house.phone.seen().len(), 0);
    });
}

#[test]
fn groups_are_edited_less_often() {
    run(async {
        let house = House::new();
        let key = key(-1, SessionId::random());
        for number in 0..600 {
            house.show(key, &format!("view {number}"));
            pass(100).await;
        }
        let count = house.phone.seen().len();
        assert!((12..=14).contains(&count), "{count}");
    });
}

#[test]
fn the_end_of_a_short_turn_takes_its_place() {
    run(async {
        let house = House::new();
        let session = SessionId::random();
        house.show(key(1, session), "working");
        pass(1000).await;
        let row = house.put(A, priority::FINAL, &Payload::Final(last(session, false, "**done**")));
        // A view that comes late begins nothing.
        house.outbox.order(Order::Forget(key(1, session)));
        house.show(key(1, session), "late");
        pass(5000).await;
        assert_eq!(house.phone.words(), ["send 1 working", "edit 1/100 done"]);
        house
            .db
            .read(|tables| {
                assert_eq!(tables.message(1, 100)?.unwrap().kind, MessageKind::Reply);
                assert_eq!(tables.message_of_outgoing(row)?, Some(100));
                assert_eq!(tables.live_places(session, 3)?, []);
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn the_end_of_a_long_turn_rings_and_the_live_message_shrinks() {
    run(async {
        let house = House::new();
        let session = SessionId::random();
        house.show(key(1, session), "working");
        pass(1000).await;
        let long = format!("one {}\n\ntwo {}", "x ".repeat(1700), "y ".repeat(1700));
        house.put(A, priority::FINAL, &Payload::Final(last(session, true, &long)));
        pass(5000).await;
        assert_eq!(
            house.phone.words(),
            [
                "send 1 working",
                "send🔔 1 one x x x x x x x x x x ",
                "send 1 two y y y y y y y y y y ",
                "edit 1/100 ✓ 4m12s · 14 tools"
            ]
        );
        assert_eq!(house.open_rows(1), 0);
    });
}

#[test]
fn after_a_restart_the_end_still_finds_the_live_message() {
    run(async {
        let house = House::new();
        let session = SessionId::random();
        house.show(key(1, session), "working");
        pass(1000).await;
        let house = house.killed().await;
        house.put(A, priority::FINAL, &Payload::Final(last(session, false, "done")));
        pass(1000).await;
        assert_eq!(house.phone.words(), ["send 1 working", "edit 1/100 done"]);
        // A turn that goes on does so in the message that it has.
        let other = SessionId::random();
        house.show(key(1, other), "other");
        pass(1000).await;
        let house = house.killed().await;
        house.show(key(1, other), "more");
        pass(2000).await;
        assert_eq!(house.phone.words(), ["send 1 other", "edit 1/101 more"]);
    });
}

#[test]
fn a_kill_in_the_middle_of_the_end_goes_on_where_it_was() {
    run(async {
        let house = House::new();
        let session = SessionId::random();
        house.show(key(1, session), "working");
        pass(3000).await;
        let long = format!("one {}\n\ntwo {}", "x ".repeat(1700), "y ".repeat(1700));
        house.put(A, priority::FINAL, &Payload::Final(last(session, false, &long)));
        // The edit has been answered.
        pass(110).await;
        let house = house.killed().await;
        pass(5000).await;
        assert_eq!(
            house.phone.words(),
            ["send 1 working", "edit 1/100 one x x x x x x x x x x ", "send 1 two y y y y y y y y y y "]
        );
    });
}

#[test]
fn the_end_of_a_turn_whose_message_was_removed_is_a_new_one() {
    run(async {
        let house = House::new();
        let session = SessionId::random();
        house.show(key(1, session), "working");
        pass(3000).await;
        house.phone.rule(|call| matches!(call, Call::Edit(_)).then_some(ApiError::MessageGone));
        house.put(A, priority::FINAL, &Payload::Final(last(session, false, "done")));
        pass(3000).await;
        assert_eq!(house.phone.words(), ["send 1 working", "✗ edit 1/100 done", "send 1 done"]);
        // A live message that somebody removes is not put there again.
        let other = SessionId::random();
        house.show(key(1, other), "working");
        pass(3000).await;
        house.show(key(1, other), "more");
        pass(3000).await;
        house.show(key(1, other), "and more");
        pass(9000).await;
        assert_eq!(house.phone.words(), ["send 1 working", "✗ edit 1/102 more"]);
        house.put(A, priority::FINAL, &Payload::Final(last(other, false, "done")));
        pass(3000).await;
        assert_eq!(house.phone.words(), ["send 1 done"]);
    });
}

#[test]
fn an_edit_that_changes_nothing_is_done() {
    run(async {
        let house = House::new();
        let session = SessionId::random();
        house.show(key(1, session), "done");
        pass(3000).await;
        house.phone.rule(|call| matches!(call, Call::Edit(_)).then_some(ApiError::NotModified));
        house.put(A, priority::FINAL, &Payload::Final(last(session, false, "done")));
        pass(3000).await;
        assert_eq!(house.phone.words(), ["send 1 done", "✗ edit 1/100 done"]);
        assert_eq!(house.open_rows(1), 0);
    });
}

#[test]
fn formatting_that_is_refused_is_left_out_of_the_view() {
    run(async {
        let house = House::new();
        let key = key(1, SessionId::random());
        let mut rich = Rich::default();
        rich.push("bold", Style::Bold);
        let note = Note { kind: MessageKind::Live, session: None, prompt: None };
        let view = LiveView { rich, buttons: Keyboard::default(), reply_to: None, note };
        house.phone.rule(|call| match call {
            Call::Send(call) if !call.entities.is_empty() => Some(ApiError::BadEntities(String::new())),
            _ => None,
        });
        house.outbox.order(Order::Show { key, view: Box::new(view) });
        pass(3000).await;
        assert_eq!(house.phone.words(), ["✗ send 1 bold", "send 1 bold"]);
    });
}

#[test]
fn a_live_message_that_may_be_there_is_not_made_twice() {
    run(async {
        let house = House::new();
        let session = SessionId::random();
        let lost = ApiError::Network { maybe_done: true, why: String::new() };
        house.phone.refuse(|call| matches!(call, Call::Send(_)), [lost]);
        house.show(key(1, session), "working");
        pass(3000).await;
        house.show(key(1, session), "more");
        pass(3000).await;
        assert_eq!(house.phone.words(), ["✗ send 1 working"]);
    });
}

#[test]
fn typing_goes_on_until_it_is_told_to_end() {
    run(async {
        let house = House::new();
        house.outbox.order(Order::Typing { place: A, on: true });
        house.outbox.order(Order::Typing { place: A, on: true });
        pass(60).await;
        assert_eq!(house.phone.seen().len(), 1);
        pass(12_100).await;
        assert_eq!(house.phone.seen().len(), 3);
        house.outbox.order(Order::Typing { place: A, on: false });
        pass(60_000).await;
        assert_eq!(house.phone.seen().len(), 0);
    });
}
