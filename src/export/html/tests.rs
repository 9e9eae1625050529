//! The page is read as a browser would: tags balance, only ours are there, and the texts are seen as they were.

use proptest::prelude::*;

use crate::export::link::may_lead_to;
use crate::export::tests::{HOSTILE, export, hostile, pieces};
use crate::export::{Format, LONG, Tools};

const VOID: [&str; 5] = ["meta", "br", "hr", "input", "col"];

const KNOWN: [&str; 54] = [
    "html",
    "head",
    "title",
    "style",
    "body",
    "header",
    "h1",
    "dl",
    "dt",
    "dd",
    "nav",
    "details",
    "summary",
    "ol",
    "li",
    "time",
    "a",
    "main",
    "section",
    "div",
    "h2",
    "p",
    "ul",
    "code",
    "pre",
    "span",
    "strong",
    "em",
    "del",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "meta",
    "br",
    "hr",
    "input",
    "col",
    "b",
    "i",
    "s",
    "sup",
    "sub",
    "img0",
    "kbd",
    "small",
    "u",
];

/// Reads the page; panics at what is not well formed. Gives the visible text.
#[track_caller]
fn read(page: &str, about: &str) -> String {
    let rest = page.strip_prefix("<!doctype html>\n").expect("it begins as a page");
    let (mut rest, mut open, mut text) = (rest, Vec::new(), String::new());
    let mut ids = std::collections::HashSet::new();
    while let Some(at) = rest.find('<') {
        text.push_str(&unescaped(&rest[..at], about));
        let end =
            rest[at..].find('>').map_or_else(|| panic!("{about:?}: a tag is not closed"), |end| at + end);
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "{about:?}: </{name}> closes something else");
            continue;
        }
        let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        assert!(KNOWN.contains(&name), "{about:?}: the tag <{tag}> is not ours");
        attributes(tag[name.len()..].trim_end_matches('/'), about, &mut ids);
        if name == "style" {
            let end = rest.find("</style>").expect("the style ends");
            rest = &rest[end..];
        }
        if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert_eq!((open.len(), rest.trim()), (0, ""), "{about:?}: {open:?} stay open");
    text
}

#[track_caller]
fn attributes(mut rest: &str, about: &str, ids: &mut std::collections::HashSet<String>) {
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let (name, after) = rest.split_at(rest.find(['=', ' ']).unwrap_or(rest.len()));
        let Some(value) = after.strip_prefix("=\"") else {
            assert!(["open", "disabled", "checked"].contains(&name), "{about:?}: attribute {name}");
            rest = after;
            continue;
        };
        let (value, after) = value.split_once('"').expect("the value is quoted");
        rest = after;
        let value = unescaped(value, about);
        match name {
            "href" => assert!(
                may_lead_to(&value.replace("%20", " ")) || value.starts_with("#prompt-"),
                "{about:?}: leads to {value}"
            ),
            "id" => {
                assert!(value.starts_with("prompt-") && ids.insert(value.clone()), "{about:?}: id {value}");
            }
            "class" | "content" | "lang" | "charset" | "name" | "http-equiv" | "type" | "disabled"
            | "checked" | "start" => {}
            "style" => assert!(value.starts_with("text-align: "), "{about:?}: style {value}"),
            _ => panic!("{about:?}: attribute {name}"),
        }
    }
}

#[track_caller]
fn unescaped(text: &str, about: &str) -> String {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (entity, rest) =
            part.split_once(';').unwrap_or_else(|| panic!("{about:?}: a bare & in {text:?}"));
        plain.push(match entity {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "#39" | "#x27" => '\'',
            other => panic!("{about:?}: the entity {other}"),
        });
        plain.push_str(rest);
    }
    plain
}

#[track_caller]
fn check(text: &str) {
    let page = export(&hostile(text), Format::Html, Tools::Full);
    let seen = read(&page, text);
    assert!(seen.trim_end().ends_with("the end"), "{text:?}: {seen}");
    // What was typed is seen letter by letter.
    let cleaned = super::clean(text).trim_end().to_owned();
    let typed = seen.matches(&cleaned).count();
    assert!(cleaned.is_empty() || typed >= LONG, "{text:?} is seen {typed} times:\n{seen}");
    let refused = page.chars().find(|c| (c.is_control() && !"\n\t".contains(*c)) || *c == '\u{202e}');
    assert_eq!(refused, None, "{text:?}");
}

#[test]
fn nothing_gets_out() {
    HOSTILE.iter().for_each(|text| check(text));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_put_together_gets_out(text in pieces()) {
        check(&text);
    }
}

#[test]
fn links_and_pictures() {
    let rendered = |source: &str| {
        let mut out = String::new();
        super::markdown::render(&mut out, source);
        out
    };
    for (source, page) in [
        ("[a](https://x.example/?a&b)", "<p><a href=\"https://x.example/?a&amp;b\">a</a></p>\n"),
        ("![a](https://x.example/p.png)", "<p><a href=\"https://x.example/p.png\">a</a></p>\n"),
        ("[![a](x.png)](https://x.example)", "<p><a href=\"https://x.example\">a (x.png)</a></p>\n"),
        ("[a](src/a.rs)", "<p>a (src/a.rs)</p>\n"),
        ("[a](javascript:b)", "<p>a (javascript:b)</p>\n"),
        ("<me@x.example>", "<p><a href=\"mailto:me@x.example\">me@x.example</a></p>\n"),
        ("a <b>c</b>", "<p>a &lt;b&gt;c&lt;/b&gt;</p>\n"),
        ("```rust\nfn <b>\n```", "<pre><code><span class=\"k\">fn</span> &lt;b&gt;</code></pre>\n"),
    ] {
        assert_eq!(rendered(source), page, "{source}");
    }
}
