//! Conversations of plain `claude` that could become sessions: which there are, and what each would be called.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::Path;

use uuid::Uuid;

use crate::claude::history::{self, Overview};
use crate::claude::holder;
use crate::error::{Error, Result};
use crate::ipc::{Adoptable, Response};

/// A title is shown up to this length, and a name made of it up to that.
const LONGEST_TITLE: usize = 120;
const LONGEST_NAME: usize = 32;

/// Those that no session has or has had, the last used first.
pub(crate) fn list(config_dir: &Path, known: &HashMap<Uuid, String>) -> Result<Response> {
    let found = history::all(config_dir, |id| !known.contains_key(id)).map_err(|error| {
        Error::failed(format!("cannot look for conversations in {}: {error}", config_dir.display()))
            .hint("make that directory readable; `claude.config_dir` says where Claude Code keeps its files")
    })?;
    let open = holder::open_now(config_dir);
    let mut list: Vec<_> = found
        .into_iter()
        .map(|found| Adoptable {
            id: found.id,
            title: title(&found),
            last: found.last,
            prompts: found.prompts,
            bytes: found.bytes,
            open: open.get(&found.id).map(|process| process.pid),
            dir: found.dir,
        })
        .collect();
    list.sort_by_key(|one| (Reverse(one.last), one.id));
    Ok(Response::Adoptable(list))
}

fn title(found: &Overview) -> String {
    let words = found.title.as_ref().or(found.first_prompt.as_ref()).map(String::as_str).unwrap_or_default();
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_TITLE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A session's name: from what the conversation is called, else from its directory.
pub(super) fn name(title: Option<&str>, dir: &Path) -> String {
    let dir = dir.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let made = [title.unwrap_or_default(), &dir].into_iter().map(plain).find(|name| !name.is_empty());
    made.unwrap_or_else(|| "adopted".to_owned())
}

/// Letters, digits and single hyphens, as many whole words as fit. What looks like an id cannot come of it: it is too
/// short.
fn plain(words: &str) -> String {
    let mut name = String::new();
    let mut length = 0;
    for word in words.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let room = LONGEST_NAME.saturating_sub(if name.is_empty() { 0 } else { length + 1 });
        let chars = word.chars().count();
        if chars > room {
            if name.is_empty() {
                name.extend(word.chars().take(LONGEST_NAME - 1));
            }
            break;
        }
        length += chars + usize::from(!name.is_empty());
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(word);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::check_name;

    #[test]
    fn names_are_made_of_titles_or_directories() {
        let dir = Path::new("/home/me/My Project");
        for (title, wanted) in [
            (Some("Fix the TLS renewal"), "fix-the-tls-renewal"),
            (Some("Größe: 2 × 3?"), "größe-2-3"),
            (Some("…"), "my-project"),
            (None, "my-project"),
            (Some("a title that goes on and on until it is long"), "a-title-that-goes-on-and-on"),
            (Some("donaudampfschifffahrtsgesellschaftskapitän"), "donaudampfschifffahrtsgesellsch"),
        ] {
            assert_eq!(name(title, dir), wanted);
            check_name(wanted).unwrap();
        }
        assert_eq!(name(None, Path::new("/")), "adopted");
    }
}
