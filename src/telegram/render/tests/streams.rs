//! The tail of a text that still grows.

use super::super::{Rich, Stream, markdown};
use super::{assert_legal, tagged, visible};

fn tail_of(source: &str) -> Rich {
    let mut stream = Stream::default();
    let mut rest = source;
    while !rest.is_empty() {
        let (head, more) = rest.split_at(rest.ceil_char_boundary(7));
        stream.push(head);
        rest = more;
    }
    let tail = stream.tail();
    assert_legal(&tail);
    assert!(tail.units() <= 3500, "{}", tail.units());
    tail
}

#[test]
fn nothing_yet() {
    assert_eq!(Stream::default().tail(), Rich::default());
}

#[test]
fn half_finished_constructs_are_shown() {
    for (source, expected) in [
        ("```rust\nlet a", "<pre rust>let a</pre>"),
        ("- a\n- ", "• a\n•"),
        ("**bo", "**bo"),
        ("a [b](https://a.ex", "a [b](https://a.ex"),
        ("|a|b|\n|-|-|\n|c", "<pre>a  b\n─  ─\nc</pre>"),
    ] {
        assert_eq!(tagged(&tail_of(source)), expected);
    }
}

#[test]
fn a_long_text_shows_its_end() {
    let source: String = (0..3000).map(|n| format!("Paragraph **{n}**, of no great interest.\n\n")).collect();
    let tail = tail_of(&source);
    assert!(tagged(&tail).starts_with("…\nParagraph <b>2"));
    assert!(
        tagged(&tail)
            .ends_with("<b>2998</b>, of no great interest.\n\nParagraph <b>2999</b>, of no great interest.")
    );
    assert!(tail.units() > 3000, "{}", tail.units());
}

#[test]
fn inside_a_long_block_of_code_its_language_is_known() {
    let code: String = (0..5000).map(|n| format!("    let x{n} = *{n}*;\n")).collect();
    let tail = tail_of(&format!("text\n\n```rust\n{code}"));
    assert!(tagged(&tail).starts_with("…\n<pre rust>    let x"));
    assert!(tagged(&tail).ends_with("    let x4999 = *4999*;</pre>"));
    let tail = tail_of(&format!("text\n\n```rust\n{code}```\n\n**after**"));
    assert!(tagged(&tail).ends_with("    let x4999 = *4999*;</pre>\n\n<b>after</b>"));
}

#[test]
fn a_long_list_keeps_its_numbers() {
    let source: String = (1..3000)
        .map(|n| format!("{n}. the item **{n}** of a long list\n      - and more of it\n"))
        .collect();
    let tail = tail_of(&source);
    assert!(tagged(&tail).ends_with("2999. the item <b>2999</b> of a long list\n  ◦ and more of it"));
    let whole = visible(&markdown(&source).text);
    assert!(whole.ends_with(&visible(&tail.text)[3..]));
}

#[test]
fn a_block_that_begins_just_now_does_not_hide_what_was_before() {
    let code = "x = 1\n".repeat(9000);
    let tail = tail_of(&format!("```py\n{code}```\n\nDone."));
    assert!(tail.units() > 2500 && tail.text.ends_with("\n\nDone."), "{}", tail.units());
}

#[test]
fn one_endless_line() {
    for piece in ["x", "é", "👩‍👩‍👧", "a b "] {
        let tail = tail_of(&piece.repeat(60_000 / piece.len()));
        assert!(tail.text.starts_with("…\n") && tail.units() > 2500, "{}", tail.units());
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let mut stream = Stream::default();
    for n in 0..20_000 {
        stream.push(&format!("{n} **some** words, "));
        assert!(stream.source.len() <= 40 << 10);
    }
    stream.push(&"y".repeat(1 << 20));
    assert!(stream.source.capacity() <= 40 << 10);
}
