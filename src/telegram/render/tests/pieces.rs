//! Long texts in pieces: where they are cut, and what the pieces carry.

use super::super::{PIECE, Rich, Style, caps, is_very_long, markdown, split, summary};
use super::{assert_legal, tagged, visible};

#[track_caller]
fn pieces(source: &str) -> Vec<Rich> {
    let whole = markdown(source);
    let pieces = split(whole.clone());
    for piece in &pieces {
        assert_legal(piece);
        assert!(piece.units() < PIECE && !piece.is_empty(), "{}", piece.units());
    }
    let joined: String = pieces.iter().map(|piece| visible(&piece.text)).collect();
    assert_eq!(joined, visible(&whole.text));
    pieces
}

fn words(count: usize) -> String {
    "word ".repeat(count).trim_end().to_owned()
}

#[test]
fn short_texts_are_one_piece_and_empty_ones_none() {
    assert_eq!(split(Rich::default()), []);
    assert_eq!(split(Rich { text: " \n ".to_owned(), ..Rich::default() }), []);
    assert_eq!(split(markdown("**a**")), [markdown("**a**")]);
    assert_eq!(pieces(&"x".repeat(PIECE - 1)).len(), 1);
    assert_eq!(pieces(&"x".repeat(PIECE)).len(), 2);
}

#[test]
fn a_cut_prefers_blocks_then_lines_then_words() {
    let blocks = pieces(&format!("{}\n\n{}\n{}", words(500), words(200), words(200)));
    assert_eq!(blocks[0].text, words(500));
    let lines = pieces(&format!("a\n\n{}\n{}", words(500), words(400)));
    assert_eq!(lines[0].text, format!("a\n\n{}", words(500)));
    let run = pieces(&words(1000));
    assert!(run[0].text.ends_with(" word") && run[1].text.starts_with("word "));
    assert!(run[0].units() > PIECE - 10);
}

#[test]
fn a_cut_never_parts_what_is_seen_as_one() {
    let family = "👩‍👩‍👧";
    let cut = pieces(&family.repeat(1000));
    assert!(cut.iter().all(|piece| piece.text.starts_with(family) && piece.text.ends_with(family)));
    // Even when somebody puts more marks on a letter than a piece can hold.
    assert_eq!(pieces(&format!("x{}", "\u{301}".repeat(9000))).len(), 3);
}

#[test]
fn a_block_of_code_goes_on_in_its_language() {
    let line = "    let x = 1;\n\n";
    let cut = pieces(&format!("before\n\n```rust\nfn a() {{\n{}}}\n```\n\nafter", line.repeat(400)));
    assert!(cut.len() > 1);
    assert!(tagged(&cut[0]).starts_with("before\n\n<pre rust>fn a() {\n    let x"));
    for piece in &cut[1..] {
        assert!(tagged(piece).starts_with("<pre rust>    let x"), "the indentation is kept");
    }
    assert!(tagged(cut.last().unwrap()).ends_with("\n}</pre>\n\nafter"));
}

#[test]
fn a_block_of_code_that_fits_is_not_cut() {
    let code = "x = 1\n\n".repeat(250);
    let cut = pieces(&format!("{}\n\n```py\n{code}```", words(450)));
    assert_eq!(cut.len(), 2);
    assert!(tagged(&cut[1]).starts_with("<pre py>"));
}

#[test]
fn styles_go_on_after_a_cut() {
    let text = words(500);
    let cut = pieces(&format!("> **{text} _{text}_**"));
    assert_eq!(cut.len(), 2);
    assert!(tagged(&cut[0]).starts_with("<quote><b>word"));
    assert!(tagged(&cut[0]).ends_with("word</i></b></quote>"));
    assert!(tagged(&cut[1]).starts_with("<quote><b><i>word"));
    let link = pieces(&format!("[{}](https://a.example/)", words(1000)));
    assert!(link.iter().all(|piece| tagged(piece).starts_with("<a https://a.example/>word")));
}

#[test]
fn too_many_entities_let_the_least_important_go() {
    let source = "*i* **b** `c` ".repeat(60) + "[l](https://a.example/)\n\n```sh\nx\n```";
    let cut = pieces(&source);
    assert_eq!(cut.len(), 1);
    assert_eq!(cut[0].entities.len(), caps::MOST);
    let count = |tag: &str| tagged(&cut[0]).matches(tag).count();
    assert_eq!([count("<pre"), count("<a "), count("<code>"), count("<b>"), count("<i>")], [1, 1, 60, 38, 0]);
    assert!(tagged(&cut[0]).starts_with("i <b>b</b> <code>c</code>"), "the first ones stay");
}

#[test]
fn heavy_entities_go_before_the_text_does() {
    let link = format!("[l](https://a.example/{}) **b** ", "x".repeat(900));
    let cut = pieces(&link.repeat(20));
    assert_eq!(cut.len(), 1);
    let bytes = serde_json::to_vec(&cut[0].entities).unwrap().len();
    assert!(bytes <= 8 << 10 && bytes > 7000, "{bytes}");
    assert!(cut[0].entities.len() > 8);
}

#[test]
fn a_very_long_text_has_a_summary() {
    let source = format!(
        "# Title\n\n{}",
        "A **line** of text, and what else it takes to be a long one.\n\n".repeat(1000)
    );
    let cut = pieces(&source);
    assert!(is_very_long(&cut) && !is_very_long(&cut[..3]));
    let summary = summary(&source);
    assert_legal(&summary);
    assert!(summary.units() < PIECE && summary.units() > PIECE / 2);
    assert!(tagged(&summary).starts_with("<b><u>Title</u></b>\nA <b>line</b> of text, "));
    assert!(summary.text.ends_with("one.\n…"));
}

#[test]
fn a_summary_that_misses_nothing_does_not_say_so() {
    assert_eq!(summary("**a**"), markdown("**a**"));
    assert_eq!(summary(""), Rich::default());
    assert_eq!(summary(&"[a]: bb\n".repeat(9000)).text, "…");
    let mut code = Rich::plain(&"x".repeat(10));
    code.push("y", Style::Code);
    assert_eq!(tagged(&summary("xxxxxxxxxx`y`")), tagged(&code));
}
