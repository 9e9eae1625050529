//! Keyboards under messages.

use serde_json::{Map, Value};

use super::params::Params;
use super::refusal::Refusal;
use super::text::check_url;

const WIDEST_ROW: usize = 8;
const MOST_BUTTONS: usize = 100;
/// The whole keyboard as JSON.
const LARGEST: usize = 10_000;
/// In bytes.
const LONGEST_DATA: usize = 64;

/// A button does exactly one of these.
const ACTIONS: [&str; 9] = [
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "pay",
];

/// Keyboards in the place of the letters, which only people see.
const OTHER_MARKUP: [&str; 3] = ["keyboard", "remove_keyboard", "force_reply"];

/// `None`: no keyboard, or an empty one.
pub(super) fn read(params: &Params) -> Result<Option<Value>, Refusal> {
    let markup = match params.structure("reply_markup")? {
        None => return Ok(None),
        Some(Value::Object(markup)) => markup,
        Some(_) => return Err(Refusal::bad("object expected as reply markup")),
    };
    let Some(rows) = markup.get("inline_keyboard") else {
        let is_known = OTHER_MARKUP.iter().any(|name| markup.contains_key(*name));
        return match is_known {
            true => Ok(Some(Value::Object(markup))),
            false => Err(Refusal::bad("can't parse reply keyboard markup JSON object")),
        };
    };
    let buttons = check_rows(rows)?;
    let markup = Value::Object(markup);
    if buttons > MOST_BUTTONS || markup.to_string().len() > LARGEST {
        return Err(Refusal::bad("reply markup is too long"));
    }
    Ok(Some(markup).filter(|_| buttons > 0))
}

/// Gives the number of buttons.
fn check_rows(rows: &Value) -> Result<usize, Refusal> {
    let words = "Field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays";
    let array = |value: &Value| value.as_array().cloned().ok_or_else(|| Refusal::bad(words));
    let mut count = 0;
    for row in array(rows)? {
        let row = array(&row)?;
        if row.len() > WIDEST_ROW {
            return Err(Refusal::bad("reply markup is too long"));
        }
        for button in &row {
            check_button(button)?;
        }
        count += row.len();
    }
    Ok(count)
}

fn check_button(button: &Value) -> Result<(), Refusal> {
    let unreadable = |words: &str| Refusal::bad(format!("can't parse inline keyboard button: {words}"));
    let button = button.as_object().ok_or_else(|| unreadable("InlineKeyboardButton must be an Object"))?;
    let text = button.get("text").ok_or_else(|| unreadable("Can't find field \"text\""))?;
    if text.as_str().is_none_or(|text| text.trim().is_empty()) {
        return Err(Refusal::bad("inline keyboard button text must be non-empty"));
    }
    match actions(button).as_slice() {
        [] => Err(unreadable("Text buttons are unallowed in the inline keyboard")),
        [("callback_data", data)] if data.len() > LONGEST_DATA => Err(Refusal::bad("BUTTON_DATA_INVALID")),
        [("url", url)] => {
            check_url(url).map_err(|words| Refusal::bad(format!("inline keyboard button {words}")))
        }
        [_] => Ok(()),
        _ => Err(unreadable("exactly one action is allowed")),
    }
}

/// The button's actions; empty texts do not count.
fn actions(button: &Map<String, Value>) -> Vec<(&str, &str)> {
    let given = ACTIONS.iter().filter_map(|name| Some((*name, button.get(*name)?)));
    let given = given.map(|(name, value)| (name, value.as_str().unwrap_or("set")));
    given.filter(|(_, value)| !value.is_empty()).collect()
}
