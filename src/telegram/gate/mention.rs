//! Whether words of a group are meant for the bot, by what Telegram has marked in them.

use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;

use super::Bot;

/// What is known of a text's addressee.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Addressing {
    /// The bot is named, or a command is for it.
    pub(super) meant: bool,
    /// The text begins with a command for another bot.
    pub(super) other_bot: bool,
    /// The text without the bot's name before it, behind it, and in a command.
    pub(super) text: String,
}

/// As much of an entity as counts here. Offsets are in UTF-16 units.
#[derive(Deserialize)]
struct Entity {
    #[serde(rename = "type")]
    kind: String,
    offset: usize,
    length: usize,
    user: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: i64,
}

impl Addressing {
    pub(super) fn find(text: &str, entities: &[Value], bot: &Bot) -> Self {
        let mut other_bot = false;
        let mut mentions: Vec<Range<usize>> = Vec::new();
        // `@name` of `/command@name`.
        let mut suffix = None;
        for entity in entities.iter().filter_map(|raw| Entity::deserialize(raw).ok()) {
            let Some(range) = utf16_range(text, entity.offset, entity.length) else { continue };
            let words = &text[range.clone()];
            match entity.kind.as_str() {
                "mention" if words.strip_prefix('@').is_some_and(|name| bot.is_called(name)) => {
                    mentions.push(range);
                }
                "text_mention" if entity.user.is_some_and(|user| user.id == bot.id) => mentions.push(range),
                "bot_command" if range.start == 0 => match words.split_once('@') {
                    Some((command, name)) if bot.is_called(name) => suffix = Some(command.len()..range.end),
                    Some(_) => other_bot = true,
                    None => {}
                },
                _ => {}
            }
        }
        mentions.sort_by_key(|range| range.start);
        let meant = !mentions.is_empty() || suffix.is_some();
        Self { meant, other_bot, text: without(text, &mentions, suffix) }
    }
}

impl Bot {
    fn is_called(&self, name: &str) -> bool {
        !self.username.is_empty() && self.username.eq_ignore_ascii_case(name)
    }
}

/// A name in the middle is a part of the sentence; one at an edge only calls.
fn without(text: &str, mentions: &[Range<usize>], suffix: Option<Range<usize>>) -> String {
    let is_blank = |part: Range<usize>| text.get(part).is_some_and(|part| part.trim().is_empty());
    let (mut from, mut to) = (0, text.len());
    for mention in mentions {
        if !is_blank(from..mention.start) {
            break;
        }
        let rest = text[mention.end..].trim_start().trim_start_matches([',', ':']);
        from = text.len() - rest.len();
    }
    for mention in mentions.iter().rev() {
        if mention.start < from || !is_blank(mention.end..to) {
            break;
        }
        to = mention.start;
    }
    match suffix {
        Some(suffix) => {
            let rest = text.get(suffix.end..to).unwrap_or_default();
            format!("{}{rest}", &text[..suffix.start]).trim().to_owned()
        }
        None => text[from..to].trim().to_owned(),
    }
}

/// A range of UTF-16 units as one of bytes, if it lies in the text and cuts no character.
fn utf16_range(text: &str, offset: usize, length: usize) -> Option<Range<usize>> {
    let end = offset.checked_add(length)?;
    Some(byte_at(text, offset)?..byte_at(text, end)?)
}

fn byte_at(text: &str, unit: usize) -> Option<usize> {
    let mut passed = 0;
    for (at, c) in text.char_indices() {
        if passed >= unit {
            return (passed == unit).then_some(at);
        }
        passed += c.len_utf16();
    }
    (passed == unit).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(text: &str, entities: Value) -> Addressing {
        let bot = Bot { id: 42, username: "My_Bot".to_owned(), has_topics: false };
        Addressing::find(text, entities.as_array().unwrap(), &bot)
    }

    fn mention(offset: usize) -> Value {
        json!({ "type": "mention", "offset": offset, "length": 7 })
    }

    #[test]
    fn a_name_at_an_edge_goes_and_one_in_the_middle_stays() {
        for (text, entities, wanted) in [
            ("@my_bot hello", json!([mention(0)]), "hello"),
            ("  @MY_BOT, hello", json!([mention(2)]), "hello"),
            ("hello @my_bot", json!([mention(6)]), "hello"),
            ("ask @my_bot this", json!([mention(4)]), "ask @my_bot this"),
            ("@my_bot @my_bot hi @my_bot", json!([mention(0), mention(8), mention(19)]), "hi"),
            ("@my_bot ask @my_bot this", json!([mention(12), mention(0)]), "ask @my_bot this"),
            ("@my_bot", json!([mention(0)]), ""),
            ("😀é @my_bot", json!([mention(4)]), "😀é"),
            (
                "Robot, hi",
                json!([{ "type": "text_mention", "offset": 0, "length": 5, "user": { "id": 42 } }]),
                "hi",
            ),
            ("@my_bot /stop now", json!([mention(0)]), "/stop now"),
        ] {
            let found = find(text, entities);
            assert!(found.meant && !found.other_bot, "{text}");
            assert_eq!(found.text, wanted);
        }
    }

    #[test]
    fn a_command_may_name_its_bot() {
        let command = |length: usize| json!([{ "type": "bot_command", "offset": 0, "length": length }]);
        let found = find("/stop@my_bot all of it", command(12));
        assert_eq!((found.meant, found.other_bot, found.text.as_str()), (true, false, "/stop all of it"));
        let found = find("/stop@other_bot", command(15));
        assert_eq!((found.meant, found.other_bot), (false, true));
        let found = find("/stop", command(5));
        assert_eq!((found.meant, found.other_bot, found.text.as_str()), (false, false, "/stop"));
        let both = json!([{ "type": "bot_command", "offset": 0, "length": 12 }, mention(13)]);
        assert_eq!(find("/stop@my_bot @my_bot", both).text, "/stop");
    }

    #[test]
    fn only_what_telegram_marked_counts_and_only_if_it_fits() {
        for (text, entities) in [
            ("@my_bot hello", json!([])),
            ("@my_bot hello", json!([{ "type": "code", "offset": 0, "length": 7 }])),
            ("@my_bott hello", json!([{ "type": "mention", "offset": 0, "length": 8 }])),
            ("@my_bot", json!([{ "type": "mention", "offset": 0, "length": 8 }])),
            ("😀my_bot", json!([{ "type": "mention", "offset": 1, "length": 7 }])),
            ("@my_bot", json!([{ "type": "mention", "offset": -1, "length": 7 }])),
            ("@my_bot", json!([{ "type": "mention", "offset": u64::MAX, "length": 7 }])),
            ("Robot", json!([{ "type": "text_mention", "offset": 0, "length": 5, "user": { "id": 43 } }])),
            ("@my_bot", json!(["mention", null, 7])),
        ] {
            let found = find(text, entities);
            assert!(!found.meant, "{text}");
            assert_eq!(found.text, text);
        }
        let nameless = Bot { id: 42, username: String::new(), has_topics: false };
        let found =
            Addressing::find("@", &[json!({ "type": "mention", "offset": 0, "length": 1 })], &nameless);
        assert!(!found.meant);
    }

    #[test]
    fn marks_that_overlap_break_nothing() {
        for entities in [
            json!([mention(0), mention(0)]),
            json!([{ "type": "bot_command", "offset": 0, "length": 12 }, mention(5)]),
        ] {
            find("@my_bot", entities.clone());
            find("/stop@my_bot", entities);
        }
    }
}
