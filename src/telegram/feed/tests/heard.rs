use super::super::hears::{Say, hears};
use super::*;
use crate::model::{Approval, ApprovalKind};
use crate::telegram::db::{Mute, ShownApproval};
use crate::telegram::outbox::{Payload, Target};
use crate::telegram::render::Rich;

/// `1 🔔 reply 50: work⏎Done.`
fn told(facts: &Facts, event: &Event) -> Vec<String> {
    let lines = hears(facts, event).into_iter().map(|heard| {
        let bell = |ring: bool| if ring { " 🔔" } else { "" };
        let words = |rich: &Rich| rich.text.replace('\n', "⏎");
        let what = match heard.say {
            Say::Payload(Payload::Final(last), action) => {
                let reply = last.reply_to.map(|reply| format!(" reply {reply}")).unwrap_or_default();
                let button = if action.is_some() { " [Continue]" } else { "" };
                let mut text = words(&last.heading) + &last.markdown.replace('\n', "⏎");
                if !last.footer.is_empty() {
                    text.push_str(" | ");
                    text.push_str(&words(&last.footer));
                }
                format!("{}{reply}: {text}{button}", bell(last.ring))
            }
            Say::Payload(Payload::Message(message), action) => {
                let button = if action.is_some() { " [Continue]" } else { "" };
                format!("{} says: {}{button}", bell(message.ring), words(&message.rich))
            }
            Say::Payload(Payload::File(file), _) => {
                format!("{} file {}: {}", bell(file.ring), file.name, words(&file.caption))
            }
            Say::Payload(other, _) => format!("{other:?}"),
            Say::Ask { approval, ring } => format!("{} asks {}", bell(ring), approval.id),
            Say::Settle { message, words, .. } => format!(" settles {message:?}: {words}"),
        };
        format!("{}{what}", heard.place)
    });
    lines.collect()
}

fn done() -> Event {
    ended(Outcome::Done, "")
}

fn by_claude() -> Event {
    event(EventKind::TurnEnded, "", Some(turn(Origin::Claude, Outcome::Done, Vec::new())))
}

fn mute(place: Place) -> Mute {
    Mute { place, session: None, until: None }
}

#[test]
fn whoever_asked_gets_the_reply_and_it_rings_if_that_took_a_while() {
    let asked = |before| Facts { asked: vec![asker(ANNA, before)], ..facts() };
    assert_eq!(told(&asked(3), &done()), ["1 reply 50: work⏎Done."]);
    assert_eq!(told(&asked(16), &done()), ["1 🔔 reply 50: work⏎Done."]);
    let always = Facts { ring_after: std::time::Duration::ZERO, ..asked(0) };
    assert_eq!(told(&always, &done()), ["1 🔔 reply 50: work⏎Done."]);
    let muted = Facts { mutes: vec![mute(ANNA)], ..asked(16) };
    assert_eq!(told(&muted, &done()), ["1 reply 50: work⏎Done."]);
    let in_topic = Facts { asked: vec![asker(TOPIC, 3)], topics: vec![TOPIC], ..facts() };
    assert_eq!(told(&in_topic, &done()), ["-5:7 reply 50: Done."]);
    let both = Facts { asked: vec![asker(ANNA, 3), asker(BORIS, 60)], ..facts() };
    assert_eq!(told(&both, &done()), ["1 reply 50: work⏎Done.", "2 🔔 reply 50: work⏎Done."]);
    // However late.
    let late = Facts { now: at(999_999), ..asked(16) };
    assert_eq!(told(&late, &done()), ["1 🔔 reply 50: work⏎Done."]);
}

#[test]
fn what_was_asked_elsewhere_is_mirrored_silently_while_it_is_news() {
    let elsewhere = Facts { mirrors: vec![ANNA, TOPIC], ..facts() };
    assert_eq!(told(&elsewhere, &done()), ["1: work⏎Done.", "-5:7: work⏎Done."]);
    let muted = Facts { mutes: vec![mute(ANNA)], ..elsewhere.clone() };
    assert_eq!(told(&muted, &done()), ["-5:7: work⏎Done."]);
    let other = Mute { session: Some(SessionId::random()), ..mute(ANNA) };
    assert_eq!(told(&Facts { mutes: vec![other], ..elsewhere.clone() }, &done()).len(), 2);
    let late = Facts { now: at(100 + 3601), ..elsewhere.clone() };
    assert_eq!(told(&late, &done()), [""; 0]);
    let wordless = Facts { turn: TurnLog::default(), ..elsewhere.clone() };
    assert_eq!(told(&wordless, &done()), [""; 0]);
    // A place that asked hears of it once.
    let asked = Facts { asked: vec![asker(ANNA, 3)], ..elsewhere };
    assert_eq!(told(&asked, &done()), ["1 reply 50: work⏎Done.", "-5:7: work⏎Done."]);
    assert_eq!(told(&facts(), &done()), [""; 0]);
}

#[test]
fn what_showed_the_turn_does_not_go_on_showing_it() {
    let shown = Facts { shown: vec![ANNA], mutes: vec![mute(ANNA)], now: at(999_999), ..facts() };
    assert_eq!(told(&shown, &done()), ["1: work⏎Done."]);
}

#[test]
fn trouble_rings_everywhere_and_can_be_gone_on_with() {
    let asked = Facts { asked: vec![asker(ANNA, 3)], ..facts() };
    assert_eq!(
        told(&asked, &ended(Outcome::Failed, "API Error: 500")),
        ["1 🔔 reply 50: work⏎Done. | ✗ API Error: 500", "2 🔔 says: work⏎✗ API Error: 500"]
    );
    assert_eq!(
        told(&asked, &ended(Outcome::Interrupted, "cut off before it was finished")),
        [
            "1 🔔 reply 50: work⏎Done. | ⏹ cut off before it was finished [Continue]",
            "2 🔔 says: work⏎⏹ cut off before it was finished [Continue]"
        ]
    );
    assert_eq!(
        told(&facts(), &ended(Outcome::Interrupted, "stopped: the host ended")),
        [
            "1 🔔 says: work⏎⏹ stopped: the host ended [Continue]",
            "2 🔔 says: work⏎⏹ stopped: the host ended [Continue]"
        ]
    );
    let muted = Facts { mutes: vec![mute(BORIS)], ..asked };
    assert_eq!(told(&muted, &ended(Outcome::Failed, "")), ["1 🔔 reply 50: work⏎Done. | ✗ failed"]);
    let mirrored = Facts { mirrors: vec![ANNA], inboxes: vec![ANNA], ..facts() };
    assert_eq!(told(&mirrored, &ended(Outcome::Failed, "x")), ["1 🔔: work⏎Done. | ✗ x"]);
}

#[test]
fn what_a_person_stopped_is_no_trouble() {
    let asked = Facts { asked: vec![asker(ANNA, 60)], ..facts() };
    for (outcome, words) in [
        (Outcome::Interrupted, "stopped"),
        (Outcome::Interrupted, "stopped before it began"),
        (Outcome::Replaced, "dropped for another prompt"),
    ] {
        let button = if outcome == Outcome::Interrupted { " [Continue]" } else { "" };
        let wanted = [format!("1 reply 50: work⏎Done. | ⏹ {words}{button}")];
        assert_eq!(told(&asked, &ended(outcome, words)), wanted);
    }
}

#[test]
fn what_claude_begins_goes_to_whoever_asked_last() {
    let last = Facts { last: Some(asker(BORIS, 9000)), mirrors: vec![ANNA], ..facts() };
    assert_eq!(told(&last, &by_claude()), ["2 🔔: work⏎Done.", "1: work⏎Done."]);
    let muted = Facts { mutes: vec![mute(BORIS)], ..last.clone() };
    assert_eq!(told(&muted, &by_claude()), ["1 🔔: work⏎Done."]);
    assert_eq!(told(&facts(), &by_claude()), ["1 🔔: work⏎Done.", "2 🔔: work⏎Done."]);
    let wordless = Facts { turn: TurnLog::default(), ..last };
    assert_eq!(told(&wordless, &by_claude()), [""; 0]);
}

#[test]
fn tools_are_told_as_the_chat_wants_it() {
    let asked = |verbosity, before| {
        let events = [tool("Bash: ls", Some("a\nb")), tool("Bash: x", None), said("Done.")];
        let turn = TurnLog::of(events.into_iter());
        told(&Facts { asked: vec![asker(ANNA, before)], verbosity, turn, ..facts() }, &done())
    };
    assert_eq!(asked(Verbosity::Quiet, 3), ["1 reply 50: work⏎Done."]);
    assert_eq!(asked(Verbosity::Normal, 3), ["1 reply 50: work⏎Done. | 2 tools"]);
    assert_eq!(asked(Verbosity::Normal, 60), ["1 🔔 reply 50: work⏎Done."]);
    assert_eq!(
        asked(Verbosity::Verbose, 60),
        ["1 🔔 reply 50: work⏎Done. | ⚙ Bash: ls⏎   → a b⏎⚙ Bash: x ✗ cut off"]
    );
}

#[test]
fn many_tools_are_told_within_bounds() {
    let events = (0..500).map(|number| tool(&format!("Bash: {number} {}", "x".repeat(200)), Some("y")));
    let turn = TurnLog::of(events);
    let asked = Facts { asked: vec![asker(ANNA, 3)], verbosity: Verbosity::Verbose, turn, ..facts() };
    let heard = hears(&asked, &done());
    let Say::Payload(Payload::Final(last), _) = &heard[0].say else { panic!() };
    assert!(last.footer.units() < 2700 && last.footer.text.starts_with("500 tools, the last "));
}

fn approval() -> Approval {
    Approval {
        id: 12,
        session: "work".to_owned(),
        kind: ApprovalKind::Tool,
        tool: "Bash".to_owned(),
        summary: "ls".to_owned(),
        session_id: SessionId::random(),
        asked: at(100),
        input: serde_json::Value::Null,
        questions: Vec::new(),
        plan: None,
        rules: Vec::new(),
        rules_file: None,
    }
}

#[test]
fn what_waits_for_a_person_rings_at_all_who_can_answer() {
    let asked =
        event(EventKind::ApprovalAsked, "Bash: ls", Some(Detail::Asked { approval: Box::new(approval()) }));
    assert_eq!(told(&facts(), &asked), ["1 🔔 asks 12", "2 🔔 asks 12"]);
    let open = Facts { open: vec![asker(TOPIC, 9), asker(ANNA, 9)], topics: vec![TOPIC], ..facts() };
    assert_eq!(told(&open, &asked), ["-5:7 🔔 asks 12", "1 🔔 asks 12", "2 🔔 asks 12"]);
    let muted = Facts { mutes: vec![mute(ANNA), mute(BORIS)], ..open };
    assert_eq!(told(&muted, &asked), ["-5:7 🔔 asks 12", "1 asks 12"]);
    // However long ago it was asked; once it is settled it is not.
    assert_eq!(told(&Facts { now: at(9999), ..facts() }, &asked).len(), 2);
    assert_eq!(told(&Facts { is_pending: false, ..facts() }, &asked), [""; 0]);
    // Where it is asked already it is not asked again.
    let shown = |session| ShownApproval { approval: 12, session, place: ANNA, outgoing: 4, message: None };
    let facts = facts();
    let here = Facts { approval: vec![shown(Some(facts.session))], ..facts.clone() };
    assert_eq!(told(&here, &asked), ["2 🔔 asks 12"]);
    // The number may be another session's, of a host that has begun anew.
    let other = Facts { approval: vec![shown(Some(SessionId::random()))], ..facts };
    assert_eq!(told(&other, &asked).len(), 2);
}

#[test]
fn what_is_settled_is_so_everywhere() {
    let settled = Detail::Answered { approval: 12, decision: None, by: "shell".to_owned() };
    let settled = event(EventKind::ApprovalAnswered, "allowed by shell", Some(settled));
    let shown = |place, message| ShownApproval { approval: 12, session: None, place, outgoing: 4, message };
    let facts = Facts { approval: vec![shown(ANNA, Some(77)), shown(TOPIC, None)], ..facts() };
    assert_eq!(
        told(&facts, &settled),
        ["1 settles Id(77): allowed by shell", "-5:7 settles Row(4): allowed by shell"]
    );
    let keys: Vec<_> = hears(&facts, &settled).into_iter().filter_map(|heard| heard.key).collect();
    assert_eq!(keys, ["approval:12:0", "approval:12:7"]);
    assert_eq!(Target::Id(1), Target::Id(1));
}

#[test]
fn notices_that_matter_go_to_those_they_concern() {
    let notice =
        |code: &str| event(EventKind::Notice, "words", Some(Detail::Notice { code: code.to_owned() }));
    assert_eq!(
        told(&facts(), &notice("unavailable")),
        ["1 🔔 says: work⏎⚠ words", "2 🔔 says: work⏎⚠ words"]
    );
    let open = Facts { open: vec![asker(TOPIC, 9)], ..facts() };
    assert_eq!(told(&open, &notice("recap")), ["-5:7 says: work⏎⚠ words"]);
    assert_eq!(told(&open, &notice("task")), [""; 0]);
    assert_eq!(told(&Facts { now: at(9999), ..open }, &notice("login")), [""; 0]);
    // The same trouble of two sessions is one message as long as it waits.
    let key = |code| hears(&facts(), &notice(code))[0].key.clone();
    assert_eq!(key("limit"), key("limit"));
    assert_ne!(key("unavailable"), key("unavailable"));
}

#[test]
fn a_prompt_from_elsewhere_is_shown_where_everything_is() {
    let prompt = event(EventKind::Prompt, "What now?", None);
    let elsewhere = Facts { mirrors: vec![ANNA], ..facts() };
    assert_eq!(told(&elsewhere, &prompt), ["1 says: work⏎asked elsewhere:⏎What now?"]);
    let here = Facts { asked: vec![asker(BORIS, 0)], ..elsewhere };
    assert_eq!(told(&here, &prompt), [""; 0]);
}

#[test]
fn a_file_goes_to_whoever_the_agent_works_for() {
    let detail = Detail::File { path: "/w/a.png".into(), name: "a.png".to_owned(), caption: None, bytes: 9 };
    let sent = event(EventKind::Notice, "a.png", Some(detail));
    assert_eq!(told(&facts(), &sent), [""; 0]);
    let last = Facts { last: Some(asker(BORIS, 99)), ..facts() };
    assert_eq!(told(&last, &sent), ["2 file a.png: work"]);
    let open = Facts { open: vec![asker(TOPIC, 9), asker(ANNA, 9)], topics: vec![TOPIC], ..last };
    assert_eq!(told(&open, &sent), ["-5:7 file a.png: ", "1 file a.png: work"]);
    let asked = Facts { asked: vec![asker(ANNA, 9)], ..open };
    assert_eq!(told(&asked, &sent), ["1 file a.png: work"]);
}
