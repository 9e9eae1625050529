//! Code in classes that a page or a terminal can colour.
//!
//! It is a scanner with a table of languages, not a parser: it knows comments, strings, numbers, words and keys. That
//! is what colours are for, it goes once over the text, and nothing has to be loaded. What it does not know is plain.
//! Grammars of editors are several megabytes, a second to load, and their patterns have no bound in time; what is
//! highlighted here is often a stranger's.
//!
//! This room is pure and imports nothing of ours.

mod languages;
mod markup;
mod scan;
#[cfg(test)]
mod tests;

/// What a piece of code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Plain,
    Comment,
    String,
    Number,
    Keyword,
    /// `true`, `nil`, a variable of a shell, an entity.
    Constant,
    Type,
    Function,
    /// The key of a setting, an attribute, a property.
    Key,
    /// In a difference, and in a difference alone.
    Added,
    Removed,
}

/// A piece of a line. No line end is in it.
pub(crate) type Span<'t> = (Class, &'t str);

/// Longer texts are plain: nobody reads them for their colours.
const LONGEST: usize = 512 << 10;

/// The lines of a text, each in pieces which together are the line. `language` is what stands behind a fence
/// (`rust`, `ts`, `C++`), or the ending of a file's name.
pub(crate) fn lines<'t>(language: &str, text: &'t str) -> Vec<Vec<Span<'t>>> {
    let spans = match languages::find(language) {
        Some(language) if text.len() <= LONGEST => language.scan(text),
        _ => vec![(Class::Plain, text)],
    };
    let mut lines = vec![Vec::new()];
    for (class, span) in spans {
        for (number, part) in span.split('\n').enumerate() {
            if number > 0 {
                lines.push(Vec::new());
            }
            let Some(line) = lines.last_mut().filter(|_| !part.is_empty()) else { continue };
            line.push((class, part));
        }
    }
    // The end of the last line is no line.
    if text.ends_with('\n') || text.is_empty() {
        lines.pop();
    }
    lines
}

/// The ending of a file's name, as a language.
pub(crate) fn of_file(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(_, ending)| ending)
}
