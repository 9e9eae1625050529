//! A person's file on its way to another machine: paths are written anew where they stand, all else stays as it is,
//! comments too.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, PROJECTS};
use super::slot::Slot;
use super::source::{Source, report};
use crate::error::{Error, Result};

/// A string of the file: where it stands with its quotes, and what it says.
pub(crate) struct Quoted {
    span: Range<usize>,
    pub(crate) text: String,
}

/// What a path becomes. None: it stays.
pub(crate) type Mapping<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The strings of a value that are paths by its type.
pub(crate) fn paths_in<T>(slot: &Slot<T>, value: &Spanned<DeValue<'_>>) -> Vec<Quoted> {
    match slot {
        Slot::Program(_) | Slot::Path(_) | Slot::OptPath(_) => quoted(value).into_iter().collect(),
        Slot::Paths(_) => quoted_in(value),
        _ => Vec::new(),
    }
}

/// The strings of a list.
pub(crate) fn quoted_in(value: &Spanned<DeValue<'_>>) -> Vec<Quoted> {
    value.get_ref().as_array().into_iter().flatten().filter_map(quoted).collect()
}

fn quoted(value: &Spanned<DeValue<'_>>) -> Option<Quoted> {
    let text = value.get_ref().as_str()?.to_owned();
    Some(Quoted { span: value.span(), text })
}

/// The text with its paths as `mapping` has them.
pub(crate) fn rewrite(text: &str, paths: Vec<Quoted>, mapping: Mapping<'_>) -> String {
    let mut edits: Vec<_> =
        paths.into_iter().filter_map(|path| Some((path.span, mapping(&path.text)?))).collect();
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut text = text.to_owned();
    for (span, path) in edits {
        text.replace_range(span, &toml::Value::String(path).to_string());
    }
    text
}

/// The configuration with its paths as `mapping` has them.
pub(crate) fn config_elsewhere(source: &Source, mapping: Mapping<'_>) -> Result<String> {
    let table = parse(source)?;
    let mut paths = Vec::new();
    for (section, keys) in &table {
        let Some(keys) = keys.get_ref().as_table() else { continue };
        if section.get_ref() == PROJECTS {
            paths.extend(keys.values().filter_map(quoted));
            continue;
        }
        for (name, value) in keys {
            let known = keys::of_section(section.get_ref()).find(|key| key.name == name.get_ref().as_ref());
            paths.extend(known.into_iter().flat_map(|key| paths_in(&key.slot, value)));
        }
    }
    Ok(rewrite(source.text(), paths, mapping))
}

/// The configuration without the bot's token, if one stands in it; and whether one did.
pub(crate) fn without_token(source: &Source) -> Result<(String, bool)> {
    let table = parse(source)?;
    let telegram = table.get("telegram").and_then(|section| section.get_ref().as_table());
    let Some((name, value)) = telegram.and_then(|keys| keys.get_key_value("token")) else {
        return Ok((source.text().to_owned(), false));
    };
    let (key, value) = (name.span(), value.span());
    let text = source.text();
    let span = line_of(text, &key, &value).unwrap_or_else(|| element_of(text, &key, &value));
    let without = format!("{}{}", &text[..span.start], &text[span.end..]);
    drop(table);
    let secret = text.get(value).unwrap_or_default();
    if is_the_same_but_for_the_token(source, &without) && !without.contains(secret) {
        return Ok((without, true));
    }
    let place = source.position(key.start);
    Err(Error::usage(format!(
        "{}:{}:{}: the bot's token cannot be left out here, and it must not be moved",
        source.path().display(),
        place.line,
        place.column
    ))
    .hint("give it a line of its own below [telegram], or keep it elsewhere: claudebot telegram setup"))
}

fn parse(source: &Source) -> Result<DeTable<'_>> {
    source
        .parse()
        .map_err(|problems| report(problems, "the configuration", "claudebot config check looks again"))
}

/// The whole line, or lines, where nothing else stands there but perhaps a comment.
fn line_of(text: &str, key: &Range<usize>, value: &Range<usize>) -> Option<Range<usize>> {
    let start = text[..key.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[value.end..].find('\n').map_or(text.len(), |newline| value.end + newline + 1);
    let before = text[start..key.start].trim();
    let after = text[value.end..end].trim();
    // `telegram.token = …` has its section before it.
    let plain = before.is_empty() || (before.ends_with('.') && !before.contains(['{', ',', '[']));
    (plain && (after.is_empty() || after.starts_with('#'))).then_some(start..end)
}

/// The key within `{ … }`, with one of the commas around it.
fn element_of(text: &str, key: &Range<usize>, value: &Range<usize>) -> Range<usize> {
    let after = &text[value.end..];
    let blank = after.len() - after.trim_start().len();
    if after[blank..].starts_with(',') {
        return key.start..value.end + blank + 1;
    }
    let before = text[..key.start].trim_end();
    if before.ends_with(',') { before.len() - 1..value.end } else { key.start..value.end }
}

fn is_the_same_but_for_the_token(source: &Source, without: &str) -> bool {
    let read = |text: &str| text.parse::<toml::Table>().ok();
    let Some(mut before) = read(source.text()) else { return false };
    if let Some(telegram) = before.get_mut("telegram").and_then(toml::Value::as_table_mut) {
        telegram.remove("token");
        if telegram.is_empty() && read(without).is_some_and(|after| !after.contains_key("telegram")) {
            before.remove("telegram");
        }
    }
    read(without).is_some_and(|after| after == before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("/c.toml", text)
    }

    #[test]
    fn paths_are_written_anew_and_all_else_stays() {
        let text = "# mine: /old/x\n[claude]\npath = '/old/bin/claude' # here\nextra_args = [\"/old/y\"]\n\
                    [session]\nroot = \"\"\"/old/s\"\"\"\npersona = \"/old\"\n[projects]\na = \"/old/a \\\"q\\\"\"\nb = \"~/b\"\n";
        let mapping = |path: &str| path.strip_prefix("/old").map(|rest| format!("/new{rest}"));
        assert_eq!(
            config_elsewhere(&source(text), &mapping).unwrap(),
            "# mine: /old/x\n[claude]\npath = \"/new/bin/claude\" # here\nextra_args = [\"/old/y\"]\n\
             [session]\nroot = \"/new/s\"\npersona = \"/old\"\n[projects]\na = '/new/a \"q\"'\nb = \"~/b\"\n"
        );
    }

    #[test]
    fn the_token_is_left_out_wherever_it_stands() {
        for (with, without) in [
            ("[telegram]\ntoken = \"1:x\" # mine\ninbox = \"off\"\n", "[telegram]\ninbox = \"off\"\n"),
            ("[telegram]\n  token=\"\"\"\n1:x\"\"\"", "[telegram]\n"),
            ("telegram.token = '1:x'\nlog.level = \"info\"\n", "log.level = \"info\"\n"),
            ("telegram = { token = \"1:x\", inbox = \"off\" }\n", "telegram = { inbox = \"off\" }\n"),
            ("telegram = { inbox = \"off\", token = \"1:x\" }\n", "telegram = { inbox = \"off\" }\n"),
            ("telegram = { token = \"1:x\" }\n", "telegram = {  }\n"),
        ] {
            let (text, had) = without_token(&source(with)).unwrap();
            assert_eq!((text.replace("{  inbox", "{ inbox").as_str(), had), (without, true), "{with}");
            assert!(!text.contains("1:x"));
        }
        let bare = "[telegram]\ntoken_file = \"/t\"\n";
        assert_eq!(without_token(&source(bare)).unwrap(), (bare.to_owned(), false));
        // Said again in a comment it would travel all the same.
        let said = without_token(&source("# old: 1:x\n[telegram]\ntoken = 1:x\n"));
        assert!(said.is_err());
        let said = without_token(&source("# \"1:x\"\n[telegram]\ntoken = \"1:x\"\n")).unwrap_err();
        assert!(said.message.contains("/c.toml:3:1"), "{said}");
    }
}
