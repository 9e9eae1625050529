//! Nothing in a log may change the document around it: what the parser of others sees is looked at.

use proptest::prelude::*;
use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd};

use super::reply::OPTIONS;
use crate::export::link::may_lead_to;
use crate::export::tests::{HOSTILE, export, hostile, pieces};
use crate::export::{Format, LONG, Tools};

/// What a reader's program would make of the document.
#[track_caller]
fn check(text: &str) {
    let document = export(&hostile(text), Format::Markdown, Tools::Full);
    let mut titles = Vec::new();
    let mut heading = None;
    let mut last = String::new();
    let mut depth = 0_usize;
    for event in Parser::new_ext(&document, OPTIONS) {
        match &event {
            // Our own anchors are all the HTML there is.
            Event::Html(html) | Event::InlineHtml(html) => {
                let is_ours = html.starts_with("<a id=\"prompt-") || &**html == "</a>";
                assert!(is_ours, "{text:?} became HTML: {html:?}");
            }
            Event::Start(Tag::Image { dest_url, .. }) => panic!("{text:?} loads {dest_url}"),
            Event::Start(Tag::Link { dest_url, .. }) => {
                let is_ours =
                    dest_url.strip_prefix("#prompt-").is_some_and(|number| number.parse::<u64>().is_ok());
                assert!(is_ours || may_lead_to(dest_url), "{text:?} leads to {dest_url:?}");
            }
            Event::Start(Tag::Heading { level, .. }) if *level <= HeadingLevel::H2 => {
                heading = Some(String::new());
            }
            Event::End(TagEnd::Heading(_)) => titles.extend(heading.take()),
            Event::Text(words) => heading.iter_mut().for_each(|heading| heading.push_str(words)),
            _ => {}
        }
        match event {
            Event::Start(Tag::Paragraph) if depth == 0 => (last, depth) = (String::new(), 1),
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(words) => last.push_str(&words),
            _ => {}
        }
    }
    assert_eq!(last, "the end", "{text:?} swallows what follows it:\n{document}");
    let prompts = titles.iter().filter(|title| title.starts_with("Prompt ")).count();
    assert_eq!((titles.len(), prompts), (LONG + 2, LONG), "{text:?} makes headings: {titles:?}");
    let refused = document.chars().find(|c| (c.is_control() && !"\n\t".contains(*c)) || *c == '\u{202e}');
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
fn a_reply_stays_as_it_was_written() {
    let contained = super::reply::contained;
    for (reply, becomes) in [
        ("plain *words*\n\n- a\n- b", None),
        ("see [this](https://example.org) and `x < y`", None),
        ("# One\n\n###### Six", Some("### One\n\n###### Six")),
        ("One\n===\n\ntext", Some("### One\n\ntext")),
        ("a <b>c</b>", Some("a &lt;b>c&lt;/b>")),
        ("![a](https://x.example/p.png)", Some("[a](https://x.example/p.png)")),
        ("[a](src/main.rs)", Some("\\[a](src/main.rs)")),
        ("[a][1]\n\n[1]: https://x.example", Some("[a](<https://x.example>)\n\n")),
        ("```rust\nfn", Some("```rust\nfn\n```")),
        ("a\nb\n===", Some("```markdown\na\nb\n===\n```")),
    ] {
        assert_eq!(contained(reply).trim_end(), becomes.unwrap_or(reply).trim_end(), "{reply:?}");
    }
}
