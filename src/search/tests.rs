use std::path::Path;

use jiff::Timestamp;
use proptest::prelude::*;

use super::query::{About, Dir, Filter};
use super::*;
use crate::error::Kind;
use crate::model::EventKind;

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn around() -> Surroundings<'static> {
    Surroundings { now: now(), home: Path::new("/home/me"), dir: Some(Path::new("/home/me/web")) }
}

fn query(text: &str) -> Query {
    Query::parse(text, around()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The parts as a person could have typed them.
fn parts(text: &str) -> String {
    let query = query(text);
    let shown = |sign: &str, part: &Part| {
        let star = if part.prefix { "*" } else { "" };
        format!("{sign}{}{star}", part.words.join("+"))
    };
    let all = query.all.iter().map(|part| shown("", part));
    all.chain(query.none.iter().map(|part| shown("-", part))).collect::<Vec<_>>().join(" ")
}

#[test]
fn texts_are_taken_apart_into_words() {
    for (text, wanted) in [
        ("Hello, World!", "hello world"),
        ("don't snake_case a-b x::y", "don t snake case a b x y"),
        ("Café CAFÉ cafe\u{301} naïve Ångström", "cafe cafe cafe naive angstrom"),
        ("Ёлка й Σίσυφος", "елка и σισυφοσ"),
        ("日本語のtext", "日 本 語 の text"),
        ("한국어 서울", "한 국 어 서 울"),
        ("ガード ｶﾞ", "ガ ー ド ｶ ﾞ"),
        ("สวัสดี", "ส ว ั ส ด ี"),
        ("हिन्दी भाषा", "हिन्दी भाषा"),
        ("ＡＢＣ１２", "abc12"),
        ("soft\u{ad}ware zero\u{200d}width", "software zerowidth"),
        ("v2.1.330 0xff", "v2 1 330 0xff"),
        ("🙂 — …", ""),
    ] {
        assert_eq!(words::list(text).join(" "), wanted, "{text}");
        let mut segmented = String::new();
        words::segmented(text, &mut segmented);
        assert_eq!(segmented, wanted);
    }
    assert_eq!(words::list(&"x".repeat(1000))[0].len(), 64);
    assert_eq!(words::list(&"ü".repeat(1000))[0].len(), 64);
}

#[test]
fn what_people_type_is_words_phrases_and_beginnings() {
    for (typed, wanted) in [
        ("hello World", "hello world"),
        ("deploy* \"The Server\"", "deploy* the+server"),
        ("\"deploy the ser\"*", "deploy+the+ser*"),
        ("a -b -\"c d\" -ef* 京*", "a 京 -b -c+d -ef*"),
        ("a-b c - d", "a+b c d"),
        ("日本 \"東 京\"", "日+本 東+京"),
        ("a NEAR(b) OR ^d col:e {f}", "a near+b or d col+e f"),
        ("std::vec x:y http://a.b/c 12:30 session: role", "std+vec x+y http+a+b+c 12+30 session role"),
        ("version:2 tab:x", "version+2 tab+x"),
        ("\"session:work\" it's", "session+work it+s"),
        ("\"open end", "open+end"),
        ("word\"glued phrase\"", "word glued+phrase"),
        ("near\0or n*ear", "near+or n+ear"),
    ] {
        assert_eq!(parts(typed), wanted, "{typed}");
    }
}

#[test]
fn filters_are_read() {
    let read = query("x session:work -tag:old dir:~/web dir:\"my dir\" persona:plan role:prompt since:7d");
    assert_eq!(
        read.filters,
        [
            (true, Filter::Session("work".into())),
            (false, Filter::Tag("old".into())),
            (true, Filter::Dir(Dir::Below("/home/me/web".into()))),
            (true, Filter::Dir(Dir::Named("my dir".into()))),
            (true, Filter::Persona("plan".into())),
        ]
    );
    assert_eq!(read.role, Some(EventKind::Prompt));
    assert_eq!(read.since, Some("2026-11-15T12:00:00Z".parse().unwrap()));
    assert_eq!(query("x -role:prompt").role, Some(EventKind::Reply));
    let dir = |text: &str| query(&format!("x dir:{text}")).filters.remove(0).1;
    for (text, path) in [
        (".", "/home/me/web"),
        ("..", "/home/me"),
        ("./a/../b", "/home/me/web/b"),
        ("/x/", "/x"),
        ("~", "/home/me"),
    ] {
        assert_eq!(dir(text), Filter::Dir(Dir::Below(path.into())), "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_with_what_is_right() {
    for (typed, message, hint) in [
        ("", "no word", "phrase in quotes"),
        ("*** - \"\" '", "no word", "phrase"),
        ("-a", "only what must be left out", "give words"),
        ("session:work", "where to look", "give words"),
        (
            "x sesion:work",
            "no filter `sesion:`, perhaps `session:`",
            "session: persona: dir: tag: since: role:",
        ),
        ("x tags:a", "`tag:`", "quotes"),
        ("x -project:a", "`dir:`", "quotes"),
        ("x role:boss", "`role:boss` is no role", "role:reply"),
        ("x since:lately", "`lately` is no point in time", "7d"),
        ("x -since:7d", "`-since:`", "no `-`"),
    ] {
        let error = Query::parse(typed, around()).unwrap_err();
        assert_eq!(error.kind, Kind::Usage, "{typed}");
        assert!(error.message.contains(message), "{typed}: {}", error.message);
        assert!(error.hint.as_deref().is_some_and(|told| told.contains(hint)), "{typed}: {:?}", error.hint);
    }
    let from_nowhere = Surroundings { dir: None, ..around() };
    assert!(Query::parse("x dir:./a", from_nowhere).is_err());
    assert!(Query::parse(&"x ".repeat(33), around()).is_err());
}

#[test]
fn filters_choose_where_to_look() {
    let tags = ["Home".to_owned()];
    let work = About {
        name: Some("Büro"),
        id: "3f2a1b9c-0000-4000-8000-000000000000",
        persona: Some("plan"),
        dir: Path::new("/home/me/web/shop"),
        tags: &tags,
    };
    let plain = About { name: None, persona: None, tags: &[], ..work };
    for (typed, of_ours, of_others) in [
        ("x", true, true),
        ("x session:büro", true, false),
        ("x session:BURO", true, false),
        ("x session:bü*", true, false),
        ("x session:bü", false, false),
        ("x session:3F2A1b", true, true),
        ("x -session:büro", false, true),
        ("x tag:home", true, false),
        ("x -tag:home", false, true),
        ("x persona:plan", true, false),
        ("x dir:.", true, true),
        ("x dir:shop", true, true),
        ("x dir:sho", false, false),
        ("x dir:~/we", false, false),
        ("x dir:web tag:other", false, false),
    ] {
        let query = query(typed);
        assert_eq!((query.looks_into(&work), query.looks_into(&plain)), (of_ours, of_others), "{typed}");
    }
}

#[test]
fn a_text_fits_or_does_not() {
    for (typed, text, fits) in [
        ("server closed", "The closed server", true),
        ("server closed", "The closed serve", false),
        ("\"closed the\"", "closed, the door", true),
        ("\"closed the\"", "the closed door", false),
        ("\"a b a b c\"", "a b a b a b c", true),
        ("deploy*", "redeployment deployment", true),
        ("deploy", "deployment", false),
        ("東京", "在東京都", true),
        ("東京", "京東", false),
        ("한국*", "대한국", true),
        ("cafe -closed", "the café is closed", false),
        ("cafe -\"closed for\"", "the café is closed", true),
    ] {
        assert_eq!(Found::find(&query(typed), text).is_some(), fits, "{typed} in {text}");
    }
}

fn shown(typed: &str, text: &str, room: usize) -> String {
    let found = Found::find(&query(typed), text).unwrap_or_else(|| panic!("{typed} is not in {text}"));
    found.snippet(text, room).bracketed().text
}

#[test]
fn what_is_shown_stands_around_the_matches() {
    let long =
        format!("{} the renewal of\nthe  certificate failed {}", "before ".repeat(40), "after ".repeat(40));
    for (typed, text, room, wanted) in [
        ("cafe", "Why is the café closed?", 80, "Why is the [café] closed?"),
        ("renewal certificate", &long, 60, "…before the [renewal] of the [certificate] failed after after…"),
        ("renewal certificate", &long, 20, "…the [renewal] of the…"),
        ("\"the certificate\"", &long, 40, "…of [the certificate] failed after after…"),
        ("x", "a x x b", 80, "a [x] [x] b"),
        ("東京", "今日は東京の天気がとても良いです", 10, "…日は[東京]の天気がとて…"),
        ("bc*", "[a] bcd]", 80, "[a] [bcd]]"),
    ] {
        assert_eq!(shown(typed, text, room), wanted, "{typed}");
    }
    let found = Found::find(&query("x"), "a [x]").unwrap().snippet("a [x]", 80);
    assert_eq!((found.text.as_str(), found.marks[0].clone()), ("a [x]", 3..4));
    let bracketed = found.bracketed();
    assert_eq!((bracketed.text.as_str(), bracketed.marks[0].clone()), ("a [[x]]", 3..6));
}

#[test]
fn what_fits_better_and_is_newer_comes_first() {
    let worth = |typed: &str, text: &str, days: i64| {
        let at = now() - jiff::SignedDuration::from_hours(24 * days);
        score(&Found::find(&query(typed), text).unwrap(), at, now())
    };
    let padding = "other words about something else ".repeat(60);
    let far = format!("nginx {padding} reload");
    let close = format!("{padding} nginx reload");
    for (better, worse) in [
        (("nginx reload", close.as_str(), 3), ("nginx reload", far.as_str(), 3)),
        (("nginx", "nginx nginx", 3), ("nginx", "nginx is", 3)),
        (("nginx", "the nginx", 3), ("nginx", close.as_str(), 3)),
        (("nginx", "the nginx", 1), ("nginx", "the nginx", 90)),
        (("nginx reload", "nginx reload", 90), ("nginx reload", far.as_str(), 1)),
    ] {
        assert!(
            worth(better.0, better.1, better.2) > worth(worse.0, worse.1, worse.2),
            "{better:?} {worse:?}"
        );
    }
}

proptest! {
    #[test]
    fn any_text_finds_itself(text in "\\PC{0,60}") {
        let phrase = format!("\"{}\"", text.replace('"', " "));
        match Query::parse(&phrase, around()) {
            Ok(query) => prop_assert!(Found::find(&query, &text).is_some()),
            Err(error) => prop_assert!(words::list(&text.replace('"', " ")).is_empty(), "{error}"),
        }
    }

    #[test]
    fn no_query_breaks(typed in ".{0,60}", text in ".{0,200}", room in 0..100_usize) {
        if let Ok(query) = Query::parse(&typed, around())
            && let Some(found) = Found::find(&query, &text)
        {
            let snippet = found.snippet(&text, room);
            for mark in &snippet.marks {
                prop_assert!(snippet.text.get(mark.clone()).is_some());
            }
            prop_assert!(!snippet.text.contains('\n'));
            prop_assert!(score(&found, now(), now()).is_finite());
        }
    }

    #[test]
    fn taking_apart_twice_is_taking_apart_once(text in "\\PC{0,80}") {
        let once = words::list(&text);
        prop_assert_eq!(words::list(&once.join(" ")), once);
    }
}
