//! Blocks of text as one reply: an empty line between them, and exactly one newline at the end.

/// Newlines at the end of what was said are held back until it is known what follows.
#[derive(Debug, Default)]
pub(crate) struct Paragraphs {
    newlines: usize,
    begun: bool,
}

impl Paragraphs {
    /// The next piece of text as it is to be printed; `begins` a block of its own.
    pub(crate) fn say(&mut self, begins: bool, text: &str) -> Option<String> {
        if begins && self.begun {
            self.newlines = 2;
        }
        let words = text.trim_end_matches('\n');
        let held = text.len() - words.len();
        if words.is_empty() {
            self.newlines += held;
            return None;
        }
        let mut piece = "\n".repeat(self.newlines);
        piece.push_str(words);
        self.newlines = held;
        self.begun = true;
        Some(piece)
    }

    /// What ends the reply.
    pub(crate) fn end(&mut self) -> Option<String> {
        self.newlines = 0;
        std::mem::take(&mut self.begun).then(|| "\n".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(pieces: &[(bool, &str)]) -> String {
        let mut paragraphs = Paragraphs::default();
        let mut all: String =
            pieces.iter().filter_map(|(begins, text)| paragraphs.say(*begins, text)).collect();
        all.extend(paragraphs.end());
        all
    }

    #[test]
    fn exactly_one_newline_ends_a_reply() {
        assert_eq!(print(&[(true, "a")]), "a\n");
        assert_eq!(print(&[(true, "a\n\n\n")]), "a\n");
        assert_eq!(print(&[(true, "a\n"), (false, "\n"), (false, "b")]), "a\n\nb\n");
        assert_eq!(print(&[(true, ""), (false, "a")]), "a\n");
        assert_eq!(print(&[]), "");
    }

    #[test]
    fn an_empty_line_stands_between_blocks() {
        assert_eq!(print(&[(true, "a\n"), (true, "b"), (true, "c\n\n")]), "a\n\nb\n\nc\n");
    }
}
