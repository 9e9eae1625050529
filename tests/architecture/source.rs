//! A Rust source as far as its paths go: which `crate::…` places it names outside its tests.

/// Where a path was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// From the crate's root, without `crate`.
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    text: String,
    line: usize,
}

/// Code outside tests.
pub(super) struct Source {
    tokens: Vec<Token>,
    /// Modules that are files of their own and only for tests.
    pub(super) test_modules: Vec<String>,
}

impl Source {
    pub(super) fn read(text: &str) -> Self {
        let mut source = Self { tokens: tokens(text), test_modules: Vec::new() };
        source.remove_tests();
        source
    }

    /// Every path that starts at the crate's root, `self` or `super`, seen from the module `at`.
    pub(super) fn paths(&self, at: &[String]) -> Vec<Named> {
        let mut found = Vec::new();
        // The module, and the depth of braces at which it was opened.
        let mut here: Vec<(String, usize)> = at.iter().map(|name| (name.clone(), 0)).collect();
        let mut depth = 0;
        for (index, token) in self.tokens.iter().enumerate() {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    here.retain(|(_, opened)| *opened <= depth);
                }
                "mod" if self.text(index + 2) == "{" => {
                    here.push((self.text(index + 1).to_owned(), depth + 1));
                }
                "crate" | "self" | "super" if self.starts_path(index) => {
                    let base = here.iter().map(|(name, _)| name.clone()).collect();
                    self.follow(index, base, &mut found);
                }
                _ => {}
            }
        }
        found
    }

    /// Lines on which this identifier stands.
    pub(super) fn lines_with(&self, identifier: &str) -> Vec<usize> {
        self.tokens.iter().filter(|token| token.text == identifier).map(|token| token.line).collect()
    }

    fn text(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| token.text.as_str())
    }

    fn starts_path(&self, index: usize) -> bool {
        let inside = index > 0 && self.text(index - 1) == "::";
        !inside && self.text(index + 1) == "::"
    }

    /// Reads a path, a `{…}` tree of paths included, on from `base`; gives the place behind it.
    fn follow(&self, mut index: usize, mut base: Vec<String>, found: &mut Vec<Named>) -> usize {
        let line = self.tokens.get(index).map_or(0, |token| token.line);
        loop {
            match self.text(index) {
                "crate" => base.clear(),
                "self" => {}
                "super" => drop(base.pop()),
                "{" => return self.follow_list(index + 1, &base, found),
                name if is_identifier(name) => base.push(name.to_owned()),
                // `*`: everything that lies in `base`.
                _ => break,
            }
            if self.text(index + 1) != "::" {
                break;
            }
            index += 2;
        }
        found.push(Named { path: base, line });
        index + 1
    }

    fn follow_list(&self, mut index: usize, base: &[String], found: &mut Vec<Named>) -> usize {
        while index < self.tokens.len() && self.text(index) != "}" {
            index = match self.text(index) {
                "," => index + 1,
                "as" => index + 2,
                _ => self.follow(index, base.to_vec(), found),
            };
        }
        index + 1
    }

    /// Takes out every item marked `#[cfg(test)]`, and notes which files such an item brings in.
    fn remove_tests(&mut self) {
        const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
        let mut kept = Vec::new();
        let mut index = 0;
        while index < self.tokens.len() {
            let is_marked = MARK.iter().enumerate().all(|(offset, text)| self.text(index + offset) == *text);
            if !is_marked {
                kept.push(self.tokens[index].clone());
                index += 1;
                continue;
            }
            let item = index + MARK.len();
            index = self.end_of_item(item);
            let words = self.tokens[item..index].iter().map(|token| token.text.clone()).collect::<Vec<_>>();
            if let Some(at) =
                words.iter().position(|word| word == "mod").filter(|_| words.ends_with(&[";".into()]))
            {
                self.test_modules.extend(words.get(at + 1).cloned());
            }
        }
        self.tokens = kept;
    }

    /// Behind the `;` or the closing brace of what starts here.
    fn end_of_item(&self, mut index: usize) -> usize {
        let mut depth = 0;
        while index < self.tokens.len() {
            match self.text(index) {
                "{" | "(" | "[" => depth += 1,
                // What encloses the item ends: it was a field, a variant or an arm.
                "}" | ")" | "]" if depth == 0 => break,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            index += 1;
            let ended = depth == 0 && matches!(self.text(index - 1), "}" | ";");
            if ended {
                break;
            }
        }
        index
    }
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Identifiers, `::` and single characters; no comments, no literals.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut index = 0;
    while index < chars.len() {
        let end = end_of_token(&chars, index);
        let token: String = chars[index..end].iter().collect();
        let starts = chars[index];
        let is_literal = is_literal(&token);
        if !starts.is_whitespace() && !token.starts_with("//") && !token.starts_with("/*") && !is_literal {
            tokens.push(Token { text: token.clone(), line });
        }
        line += token.matches('\n').count();
        index = end;
    }
    tokens
}

fn is_literal(token: &str) -> bool {
    token.ends_with(['"', '\'']) || token.contains("\"") || token.starts_with(|c: char| c.is_ascii_digit())
}

fn end_of_token(chars: &[char], start: usize) -> usize {
    let rest = &chars[start..];
    let length = match rest {
        ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => length_of_comment(rest),
        ['"', ..] => length_of_string(rest, 0),
        ['b' | 'c', '"', ..] => length_of_string(rest, 1),
        ['r', '"' | '#', ..] if is_raw(rest, 1) => length_of_raw(rest, 1),
        ['b' | 'c', 'r', '"' | '#', ..] if is_raw(rest, 2) => length_of_raw(rest, 2),
        ['\'', '\\', ..] => 2 + rest[3..].iter().position(|c| *c == '\'').map_or(1, |at| at + 2),
        ['\'', _, '\'', ..] => 3,
        [':', ':', ..] => 2,
        [c, ..] if c.is_alphanumeric() || *c == '_' => {
            rest.iter().position(|c| !c.is_alphanumeric() && *c != '_').unwrap_or(rest.len())
        }
        _ => 1,
    };
    start + length.min(rest.len())
}

fn length_of_comment(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut index = 0;
    while index + 1 < rest.len() {
        match (rest[index], rest[index + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                index += 1;
                continue;
            }
        }
        index += 2;
        if depth == 0 {
            return index;
        }
    }
    rest.len()
}

/// `prefix` characters, then a quoted string with escapes.
fn length_of_string(rest: &[char], prefix: usize) -> usize {
    let mut index = prefix + 1;
    while index < rest.len() && rest[index] != '"' {
        index += if rest[index] == '\\' { 2 } else { 1 };
    }
    index + 1
}

/// Hashes and then a quote: a raw string, not a raw identifier.
fn is_raw(rest: &[char], prefix: usize) -> bool {
    rest[prefix..].iter().find(|c| **c != '#') == Some(&'"')
}

fn length_of_raw(rest: &[char], prefix: usize) -> usize {
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let body = prefix + hashes + 1;
    let closes =
        |at: &usize| rest[*at] == '"' && rest[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
    (body..rest.len()).find(closes).map_or(rest.len(), |at| at + 1 + hashes)
}

mod tests {
    use super::Source;

    fn paths(text: &str, at: &[&str]) -> Vec<String> {
        let at: Vec<String> = at.iter().map(|name| (*name).to_owned()).collect();
        Source::read(text).paths(&at).iter().map(|named| named.path.join("::")).collect()
    }

    #[test]
    fn trees_and_inline_paths_are_found() {
        let text = "use crate::{error::{Error, Result as R}, model::*};\nfn f() -> crate::ipc::Hello { crate::go() }";
        assert_eq!(paths(text, &["host"]), ["error::Error", "error::Result", "model", "ipc::Hello", "go"]);
    }

    #[test]
    fn super_is_resolved_from_the_module_it_stands_in() {
        assert_eq!(paths("use super::Request;", &["ipc", "response"]), ["ipc::Request"]);
        assert_eq!(paths("use super::super::model::Event;", &["ipc", "codec"]), ["model::Event"]);
        assert_eq!(
            paths("mod inner { use super::super::store::Db; }\nuse self::x::Y;", &["host"]),
            ["store::Db", "host::x::Y"]
        );
    }

    #[test]
    fn tests_comments_and_strings_do_not_count() {
        let text = r####"
            // use crate::store;
            /* crate::host /* nested */ crate::host */
            /// See [`crate::cli`].
            const A: &str = "crate::host::x \" crate::host"; const B: &str = r#"crate::"host"#;
            const C: char = '"'; const D: char = '\''; fn f<'a>(x: &'a str) {}
            #[cfg(test)]
            mod tests { use crate::host::Host; fn g() { crate::cli::run(); } }
            #[cfg(test)]
            pub(crate) mod fixtures;
            #[cfg(test)]
            use crate::archive::Archive;
            struct S { #[cfg(test)] field: crate::demo::D }
            use crate::paths::Paths;
        "####;
        assert_eq!(paths(text, &["store"]), ["paths::Paths"]);
        assert_eq!(Source::read(text).test_modules, ["fixtures"]);
    }

    #[test]
    fn lines_are_those_of_the_file() {
        let source = Source::read("\n/* two\nlines */\nuse crate::model::Event;\nuse ratatui::Frame;");
        assert_eq!(source.paths(&[])[0].line, 4);
        assert_eq!(source.lines_with("ratatui"), [5]);
    }
}
