//! `man`: manual pages, rendered from the same description as the help.

use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::args::{Cli, ManArgs};
use super::screen::{DONE, Finish, Screen};
use crate::error::{Error, Result, nearest};

pub(crate) fn run(screen: Screen, args: &ManArgs) -> Finish {
    let mut root = Cli::command();
    root.build();
    if let Some(dir) = &args.dir {
        let pages = write_all(&root, dir)?;
        screen.say(&format!("wrote {pages} pages to {}", dir.display()));
        return Ok(DONE);
    }
    let mut out = screen.out();
    out.raw(&page(find(&root, &args.command)?)?)?;
    out.flush()?;
    Ok(DONE)
}

fn find<'a>(root: &'a Command, words: &[String]) -> Result<&'a Command> {
    let mut found = root;
    for word in words {
        found = found.find_subcommand(word).ok_or_else(|| {
            let known = found.get_subcommands().filter(|sub| !sub.is_hide_set()).map(Command::get_name);
            let near = nearest(word, known).map(str::to_owned);
            Error::not_found(format!("`{}` has no command `{word}`", found.get_name()))
                .candidates(near.into_iter().collect())
        })?;
    }
    Ok(found)
}

fn page(command: &Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(named(command))
        .source(concat!("claudebot ", env!("CARGO_PKG_VERSION")))
        .render(&mut page)
        .map_err(|error| Error::failed(format!("cannot render the page: {error}")))?;
    Ok(page)
}

/// `claudebot session new` is the page `claudebot-session-new`.
fn named(command: &Command) -> Command {
    let name = page_name(command);
    command.clone().name(name.clone()).display_name(name)
}

fn page_name(command: &Command) -> String {
    command.get_bin_name().unwrap_or_else(|| command.get_name()).replace(' ', "-")
}

fn write_all(command: &Command, dir: &Path) -> Result<u32> {
    std::fs::create_dir_all(dir).map_err(|error| Error::io("create", dir, &error))?;
    let file = dir.join(format!("{}.1", page_name(command)));
    std::fs::write(&file, page(command)?).map_err(|error| Error::io("write", &file, &error))?;
    let mut pages = 1;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        pages += write_all(sub, dir)?;
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let mut root = Cli::command();
        root.build();
        let words = ["session", "new"].map(str::to_owned);
        let new = find(&root, &words).unwrap();
        assert_eq!(page_name(new), "claudebot-session-new");
        let text = String::from_utf8(page(new).unwrap()).unwrap();
        assert!(text.contains("scratch") && text.contains("Examples"), "{text}");
        assert!(find(&root, &["sesion".to_owned()]).is_err_and(|error| error.candidates == ["session"]));
    }
}
