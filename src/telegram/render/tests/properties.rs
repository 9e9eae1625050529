//! What holds for any Markdown, however it is cut.

use proptest::prelude::*;

use super::super::stream::Stream;
use super::super::{PIECE, caps, markdown, split, summary};
use super::{assert_legal, visible};

/// Things that mean something in Markdown, or to Telegram, or take more than one unit.
fn fragment() -> impl Strategy<Value = String> {
    let word =
        prop_oneof!["[a-zA-Z0-9]{1,12}", Just("名前".into()), Just("👩‍👩‍👧".into()), Just("e\u{301}".into())];
    let mark = prop::sample::select(vec![
        "*",
        "**",
        "***",
        "_",
        "__",
        "~",
        "~~",
        "`",
        "``",
        "```",
        "```rust\n",
        "~~~\n",
        "# ",
        "## ",
        "#### ",
        "- ",
        "1. ",
        "  - ",
        "    ",
        "- [ ] ",
        "> ",
        "> > ",
        "\n",
        "\n\n",
        "\n",
        " ",
        " ",
        "  \n",
        "\\",
        "|",
        "|-|-|\n",
        "\n| a | b |\n|--|:-:|\n| ",
        "[",
        "](",
        ")",
        "](https://a.example/b)",
        "[x](y/z)",
        "![",
        "<b>",
        "</b>",
        "<br>",
        "<!--",
        "&amp;",
        "&#x202e;",
        "&nbsp;",
        "[^1]",
        "[^1]: ",
        "[a]: ",
        "\n---\n",
        "\n===\n",
        "$",
        "https://a.example/",
        "<https://a.example/>",
        "\u{202e}",
        "\u{1b}[1m",
        "\t",
        "\r\n",
        "\u{a0}",
        "\u{3000}",
        "\u{200b}",
    ]);
    prop_oneof![
        6 => word,
        9 => mark.prop_map(str::to_owned),
        1 => "\\PC{0,10}",
        1 => any::<String>(),
    ]
}

fn any_markdown(most: usize) -> impl Strategy<Value = String> {
    let scrambled = prop::collection::vec(fragment(), 0..most).prop_map(|parts| parts.concat());
    // Long enough to be cut, with its constructs across the cuts.
    (scrambled, prop_oneof![2 => Just(1), 1 => 2usize..40]).prop_map(|(text, times)| text.repeat(times))
}

/// A block that is whole, and the words in it that a reader must find.
fn block() -> impl Strategy<Value = (String, Vec<String>)> {
    let words = || {
        let name =
            |(seed, count): (u16, usize)| (0..count).map(|n| format!("w{seed}x{n}q")).collect::<Vec<_>>();
        (any::<u16>(), 1usize..40).prop_map(name)
    };
    let joined = |words: &[String], between: &str| words.join(between);
    prop_oneof![
        words().prop_map(move |w| (joined(&w, " "), w)),
        words().prop_map(move |w| (format!("## **{}**", joined(&w, "** `x` **")), w)),
        words().prop_map(move |w| (format!("- {}", joined(&w, "\n- ")), w)),
        words().prop_map(move |w| (format!("1. {}", joined(&w, "\n   - b\n2. *a* ")), w)),
        words().prop_map(move |w| (format!("> {}", joined(&w, "\n> > ")), w)),
        words().prop_map(move |w| (format!("```rust\n    {}\n```", joined(&w, "\n\n    ")), w)),
        words().prop_map(move |w| (format!("| h |\n|---|\n| {} |", joined(&w, " |\n| **")), w)),
        words().prop_map(move |w| (format!("| h | i |\n|---|---|\n| {} | y |", joined(&w, " ")), w)),
        words().prop_map(move |w| (format!("[{}](https://a.example/)", joined(&w, " ~~b~~ ")), w)),
        words().prop_map(move |w| (format!("[{}](src/a.rs)", joined(&w, "\n")), w)),
    ]
}

fn blocks(most: usize) -> impl Strategy<Value = (String, Vec<String>)> {
    prop::collection::vec(block(), 0..most).prop_map(|blocks| {
        let (sources, words): (Vec<_>, Vec<_>) = blocks.into_iter().unzip();
        // A paragraph between, for two lists after one another are one list.
        (sources.join("\n\nand\n\n"), words.concat())
    })
}

/// The same text in deltas of these sizes, cut where characters allow.
fn streamed(mut stream: Stream, source: &str, sizes: &[usize]) -> Stream {
    let mut sizes = sizes.iter().cycle();
    let mut rest = source;
    while !rest.is_empty() {
        let (delta, more) = rest.split_at(rest.ceil_char_boundary(*sizes.next().unwrap()));
        stream.push(delta);
        rest = more;
    }
    stream
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_legal_and_so_are_its_pieces(source in any_markdown(60)) {
        let whole = markdown(&source);
        assert_legal(&whole);
        let mut joined = String::new();
        for piece in split(whole.clone()) {
            assert_legal(&piece);
            prop_assert!(!piece.is_empty() && piece.units() < PIECE);
            prop_assert!(piece.entities.len() <= caps::MOST);
            prop_assert!(serde_json::to_vec(&piece.entities).unwrap().len() <= 8 << 10);
            joined.push_str(&visible(&piece.text));
        }
        prop_assert_eq!(joined, visible(&whole.text));
        let summary = summary(&source);
        assert_legal(&summary);
        prop_assert!(summary.units() < PIECE);
    }

    #[test]
    fn a_cut_text_is_legal(source in any_markdown(60), at in any::<prop::sample::Index>()) {
        let cut = source.floor_char_boundary(at.index(source.len() + 1));
        assert_legal(&markdown(&source[..cut]));
        assert_legal(&markdown(&source[cut..]));
    }

    #[test]
    fn no_word_is_lost((source, words) in blocks(12)) {
        let text = visible(&markdown(&source).text);
        let mut rest = text.as_str();
        for word in words {
            let at = rest.find(&word);
            prop_assert!(at.is_some(), "{word} is missing in {rest:?} of {source:?}");
            rest = &rest[at.unwrap() + word.len()..];
        }
    }

    #[test]
    fn a_short_stream_ends_as_the_whole_text(
        source in any_markdown(20),
        sizes in prop::collection::vec(1usize..200, 1..8),
    ) {
        let whole = markdown(&source);
        prop_assume!(whole.units() < 3400);
        let tail = streamed(Stream::default(), &source, &sizes).tail();
        prop_assert_eq!(tail, split(whole).pop().unwrap_or_default());
    }

    #[test]
    fn any_stream_is_legal_at_any_time(
        source in any_markdown(60),
        sizes in prop::collection::vec(1usize..2000, 1..8),
    ) {
        let mut stream = Stream::with_limits(600, 900);
        for (number, delta) in source.split_inclusive('\n').enumerate() {
            stream = streamed(stream, delta, &sizes);
            if number % 8 == 0 {
                assert_legal(&stream.tail());
            }
        }
        let tail = stream.tail();
        assert_legal(&tail);
        prop_assert!(tail.units() <= 3500);
        prop_assert!(tail.entities.len() <= caps::MOST);
    }

    #[test]
    fn a_long_stream_shows_the_end_of_the_whole_text(
        (source, _) in blocks(60),
        sizes in prop::collection::vec(1usize..300, 1..8),
    ) {
        let whole = visible(&markdown(&source).text);
        let tail = visible(&streamed(Stream::with_limits(2000, 3000), &source, &sizes).tail().text);
        let shown = tail.trim_start_matches('…');
        let last = shown.len().min(300);
        prop_assert!(whole.len() < 400 || last >= 200, "only {shown:?} of {source:?}");
        prop_assert!(whole.ends_with(&shown[shown.ceil_char_boundary(shown.len() - last)..]), "{shown:?} of {source:?}");
    }
}
