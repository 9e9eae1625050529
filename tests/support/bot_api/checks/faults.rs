//! What goes wrong, and the limits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Fault, Limits, Outcome};
use super::{done, refused, start};

#[test]
fn scripted_answers_take_the_place_of_handling() {
    let (api, _, chat) = start();
    let message = json!({ "chat_id": chat.id(), "text": "a" });
    for (fault, status, words) in [
        (Fault::TooMany(7), 429, "Too Many Requests: retry after 7"),
        (Fault::Server(500), 500, "Internal Server Error"),
        (Fault::Server(502), 502, ""),
        (Fault::BadRequest("odd"), 400, "Bad Request: odd"),
        (Fault::Forbidden("no"), 403, "Forbidden: no"),
        (Fault::Unauthorized, 401, "Unauthorized"),
        (Fault::Answer(200, "not JSON"), 200, ""),
        (Fault::Cut, 0, ""),
    ] {
        api.fail_next(1, "SENDMESSAGE", fault);
        let answer = api.call("sendMessage", &message);
        assert_eq!((answer.status, answer.description().as_str()), (status, words));
        let outcome = api.calls().pop().expect("it was noted").outcome;
        assert_eq!(outcome, Outcome::Faulted(Some(status).filter(|status| *status > 0)));
    }
    assert!(chat.messages().is_empty());
    api.fail_next(1, "getUpdates", Fault::Conflict);
    assert!(refused(&api, "getUpdates", &Value::Null).starts_with("Conflict: terminated by other"));
    let other = api.private(&api.user("Ben"));
    other.fail_next(usize::MAX, "*", Fault::TooMany(1));
    done(&api, "sendMessage", &message);
    assert_eq!(api.call("sendMessage", &json!({ "chat_id": other.id(), "text": "a" })).status, 429);
    api.heal();
    done(&api, "sendMessage", &json!({ "chat_id": other.id(), "text": "a" }));
}

#[test]
fn an_answer_is_lost_but_the_message_is_there() {
    let (api, _, chat) = start();
    for fault in [Fault::LoseAnswer, Fault::HalfAnswer] {
        api.fail_next(1, "sendMessage", fault);
        let answer = api.call("sendMessage", &json!({ "chat_id": chat.id(), "text": "once" }));
        assert_eq!(answer.json(), Value::Null);
        assert!(matches!(api.calls().pop().expect("noted").outcome, Outcome::Lost(Ok(_))));
    }
    assert_eq!(chat.bot_messages().len(), 2);
    assert!(api.refused().is_empty());
}

#[test]
fn calls_wait_at_gates() {
    let (api, _, chat) = start();
    let message = json!({ "chat_id": chat.id(), "text": "late" });
    std::thread::scope(|scope| {
        api.fail_next(1, "sendMessage", Fault::Hold("before"));
        let call = scope.spawn(|| api.call("sendMessage", &message));
        api.wait_held("before");
        assert!(chat.messages().is_empty());
        api.release("before");
        assert_eq!(call.join().expect("it was answered").status, 200);

        api.fail_next(1, "sendMessage", Fault::HoldAnswer("after"));
        let call = scope.spawn(|| api.call("sendMessage", &message));
        api.wait_held("after");
        assert_eq!(chat.messages().len(), 2);
        api.cut_connections();
        assert_eq!(call.join().expect("it was cut").status, 0);
    });
    let time = Duration::from_millis(20);
    for fault in [Fault::Delay(time), Fault::DelayAnswer(time)] {
        api.fail_next(1, "getMe", fault);
        let before = std::time::Instant::now();
        assert_eq!(done(&api, "getMe", &Value::Null)["id"], api.bot_id());
        assert!(before.elapsed() >= time);
    }
}

#[test]
fn the_network_goes_and_comes_back() {
    let (api, anna, chat) = start();
    std::thread::scope(|scope| {
        let poll = scope.spawn(|| api.call("getUpdates", &json!({ "timeout": 50 })));
        api.wait_read();
        api.go_down();
        assert_eq!(poll.join().expect("it was cut").status, 0);
    });
    assert_eq!(api.call("getMe", &Value::Null).status, 0);
    chat.say(&anna, "while it was away");
    api.come_back();
    assert_eq!(done(&api, "getUpdates", &Value::Null)[0]["message"]["text"], "while it was away");
    let ended: Vec<_> = api.ended_after(0, Duration::ZERO).iter().filter_map(|call| call.ended).collect();
    assert!(ended.len() >= 2 && ended.is_sorted(), "{ended:?}");
    assert!(api.ended_after(ended[ended.len() - 1], Duration::ZERO).is_empty());
    api.forget();
    assert!(api.calls().is_empty());
}

#[test]
fn too_many_messages_are_banned_and_insisting_prolongs_it() {
    let (api, anna, chat) = start();
    api.set_limits(Some(Limits::default()));
    let message = json!({ "chat_id": chat.id(), "text": "a" });
    let retry = |method: &str, parameters: &Value| {
        let answer = api.call(method, parameters);
        answer.json()["parameters"]["retry_after"].as_u64()
    };
    for _ in 0..3 {
        assert_eq!(retry("sendMessage", &message), None);
    }
    assert_eq!(retry("sendMessage", &message), Some(3));
    assert_eq!(retry("sendMessage", &message), Some(4));
    let typing = json!({ "chat_id": chat.id(), "action": "typing" });
    assert_eq!(retry("sendChatAction", &typing), Some(5), "even typing");
    let other = api.private(&anna);
    assert_eq!(other.id(), chat.id(), "a person has one chat with the bot");
    let elsewhere = api.private(&api.user("Ben"));
    done(&api, "sendMessage", &json!({ "chat_id": elsewhere.id(), "text": "other chats go on" }));
    api.advance(Duration::from_secs(5));
    assert_eq!(retry("sendMessage", &message), None);
    done(&api, "sendChatAction", &typing);

    let group = api.group("Group", &[anna]);
    let message = json!({ "chat_id": group.id(), "text": "a" });
    for _ in 0..20 {
        assert_eq!(retry("sendMessage", &message), None);
        api.advance(Duration::from_secs(2));
    }
    assert_eq!(retry("sendMessage", &message), Some(3));
    let tight = Limits { all_per_second: 1, ban: Duration::from_secs(9), ..Limits::default() };
    api.set_limits(Some(tight));
    api.advance(Duration::from_secs(60));
    assert_eq!(retry("sendMessage", &message), None);
    assert_eq!(retry("sendMessage", &json!({ "chat_id": chat.id(), "text": "a" })), Some(9));
    api.set_limits(None);
    done(&api, "sendMessage", &message);
}

#[test]
fn a_test_that_waits_in_vain_fails_with_what_happened() {
    let (api, anna, chat) = start();
    let id = chat.say(&anna, "hello");
    done(&api, "sendMessage", &json!({ "chat_id": chat.id(), "text": "what happened" }));
    let summary = chat.summary();
    assert!(summary.contains("sendMessage") && summary.contains("what happened"), "{summary}");
    let words = catch_unwind(AssertUnwindSafe(|| chat.tap(id, "Yes", &anna))).expect_err("no button");
    let words = words.downcast_ref::<String>().expect("a panic has words");
    assert!(words.contains("no button \"Yes\""), "{words}");
}
