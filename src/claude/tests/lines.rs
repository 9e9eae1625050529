use proptest::prelude::*;

use crate::claude::wire::{Incoming, Line, Lines, parse};

/// What a line looks like from outside.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Whole(Vec<u8>),
    TooLong(usize),
}

fn seen(line: &Line<'_>) -> Seen {
    match line {
        Line::Whole(bytes) => Seen::Whole(bytes.to_vec()),
        Line::TooLong { length, .. } => Seen::TooLong(*length),
    }
}

fn split(chunks: &[&[u8]], limit: usize) -> Vec<Seen> {
    let mut lines = Lines::new(limit);
    let mut out = Vec::new();
    for chunk in chunks {
        lines.push(chunk);
        while let Some(line) = lines.next_line() {
            out.push(seen(&line));
        }
    }
    out.extend(lines.finish().as_ref().map(seen));
    out
}

fn chunks_at<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.sort_unstable();
    let mut chunks = Vec::new();
    let mut from = 0;
    for cut in at.into_iter().chain([bytes.len()]) {
        chunks.push(&bytes[from..cut]);
        from = cut;
    }
    chunks
}

proptest! {
    #[test]
    fn cutting_anywhere_gives_the_same_lines(
        bytes in prop::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(b'\n')], 0..400),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        limit in 0_usize..60,
    ) {
        let expected: Vec<Seen> = {
            let mut pieces: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
            // What follows the last newline is a line only if it is something.
            if pieces.last().is_some_and(|last| last.is_empty()) {
                pieces.pop();
            }
            pieces
                .into_iter()
                .map(|line| if line.len() > limit { Seen::TooLong(line.len()) } else { Seen::Whole(line.to_vec()) })
                .collect()
        };
        prop_assert_eq!(split(&chunks_at(&bytes, &cuts), limit), expected);
    }

    #[test]
    fn messages_survive_garbage_between_them(
        garbage in prop::collection::vec("[^\n]{0,40}", 1..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut bytes = Vec::new();
        for piece in &garbage {
            bytes.extend_from_slice(piece.as_bytes());
            bytes.extend_from_slice(b"\n{\"type\":\"keep_alive\"}\n");
        }
        let alive = split(&chunks_at(&bytes, &cuts), 1000)
            .iter()
            .filter(|line| matches!(line, Seen::Whole(line) if parse(line) == Incoming::KeepAlive))
            .count();
        prop_assert_eq!(alive, garbage.len());
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        parse(&bytes);
        let text = [br#"{"type":"stream_event","event":"#.as_slice(), &bytes].concat();
        parse(&text);
    }
}

#[test]
fn a_huge_line_is_skipped_without_being_kept() {
    let limit = 1 << 20;
    let mut lines = Lines::new(limit);
    let chunk = vec![b'x'; 64 << 10];
    for _ in 0..1000 {
        lines.push(&chunk);
        assert!(lines.next_line().is_none());
    }
    lines.push(b"\nnext\n");
    let Some(Line::TooLong { length, start }) = lines.next_line() else {
        panic!("expected a line that is too long")
    };
    assert_eq!(length, 1000 * chunk.len());
    assert!(start.iter().all(|byte| *byte == b'x') && start.len() < 1000);
    assert_eq!(lines.next_line(), Some(Line::Whole(b"next")));
    assert_eq!(lines.finish(), None);
}
