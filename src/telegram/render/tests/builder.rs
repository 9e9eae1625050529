//! Messages that are put together by hand.

use super::super::{Rich, Style};
use super::{assert_legal, tagged};

#[test]
fn each_style_has_its_entity() {
    let mut rich = Rich::default();
    rich.push("😀 Run ", Style::Plain)
        .push("this", Style::Bold)
        .push(", ", Style::Plain)
        .push("please", Style::Italic)
        .push(": ", Style::Plain)
        .push("ls", Style::Code)
        .push("\n", Style::Plain)
        .push("  a\n  b\n", Style::Pre("sh"))
        .push("\n", Style::Plain)
        .push("said", Style::Quote)
        .push("\n", Style::Plain)
        .push("said\nat length", Style::ExpandableQuote)
        .push("\n", Style::Plain)
        .push("more", Style::Link("https://a.example/"))
        .push(" here", Style::Link("http://localhost/"));
    assert_legal(&rich);
    assert_eq!(
        tagged(&rich),
        "😀 Run <b>this</b>, <i>please</i>: <code>ls</code>\n<pre sh>  a\n  b</pre>\n\n\
         <quote>said</quote>\n<more>said\nat length</more>\n<a https://a.example/>more</a> here"
    );
}

#[test]
fn white_space_stays_outside_entities() {
    let mut rich = Rich::default();
    rich.push(" a ", Style::Bold).push(" \n ", Style::Italic).push("\n\n x\n", Style::Pre(""));
    assert_eq!(tagged(&rich), " <b>a</b>  \n \n\n<pre> x</pre>\n");
}

#[test]
fn what_would_act_on_a_screen_goes() {
    let mut rich = Rich::default();
    rich.push("rm \u{202e}x\u{1b}[0m", Style::Code).push("\u{7}", Style::Bold);
    assert_eq!(tagged(&rich), "<code>rm x[0m</code>");
    assert_eq!(Rich::plain(" \u{7}\n"), Rich::default());
    assert_eq!(
        Rich::plain(" \u{0}\n a **b**\r\n c\n "),
        Rich { text: "a **b**\n c".into(), entities: vec![] }
    );
}

#[test]
fn appended_entities_move_along() {
    let mut part = Rich::default();
    part.push("b", Style::Bold).push("c", Style::Code);
    let mut rich = Rich::plain("👍");
    rich.append(&part).append(&part);
    assert_legal(&rich);
    assert_eq!(tagged(&rich), "👍<b>b</b><code>c</code><b>b</b><code>c</code>");
    assert_eq!(rich.units(), 6);
}

#[test]
fn it_is_stored_and_read_back() {
    let mut rich = Rich::default();
    rich.push("a", Style::Link("https://a.example/")).push("b", Style::Pre("sh"));
    let json = serde_json::to_string(&rich).unwrap();
    assert_eq!(
        json,
        r#"{"text":"ab","entities":[{"type":"text_link","url":"https://a.example/","offset":0,"length":1},{"type":"pre","language":"sh","offset":1,"length":1}]}"#
    );
    assert_eq!(serde_json::from_str::<Rich>(&json).unwrap(), rich);
}
