//! `/help` and `/start`.

use super::TABLE;
use crate::ipc::{Request, Response};
use crate::model::AgentCommand;
use crate::telegram::effects::Effect;
use crate::telegram::host::{Outcome, Trouble};
use crate::telegram::render::{Rich, Style};
use crate::telegram::talk::Talk;
use crate::telegram::view::View;
use crate::telegram::words;

/// Names of Claude's own commands that are listed.
const LISTED: usize = 40;

pub(super) async fn help(talk: &Talk) -> Outcome<Vec<Effect>> {
    let own = match talk.bridge.ask(Request::AgentCommands { session: talk.selector() }).await {
        Ok(Response::Commands(own)) => own,
        Err(Trouble::Ending) => return Err(Trouble::Ending),
        // Without a session nobody can tell; the rest can be told all the same.
        _ => Vec::new(),
    };
    talk.answer(commands(&own))
}

fn commands(own: &[AgentCommand]) -> View {
    let mut rich = Rich::default();
    rich.push("Write, and it goes to your session.", Style::Plain);
    rich.push(" Answer a message to talk to the session it is from.\n", Style::Plain);
    for command in TABLE {
        let args = if command.args.is_empty() { "" } else { " " };
        rich.push(&format!("\n/{}", command.name), Style::Plain);
        rich.push(&format!("{args}{}", command.args), Style::Code);
        rich.push(&format!(" – {}", command.help), Style::Plain);
    }
    rich.push("\n\nAny other /command is Claude's own; ", Style::Plain);
    rich.push("//name", Style::Code).push(" is so for sure.", Style::Plain);
    let is_ours = |name: &str| TABLE.iter().any(|command| command.name == name);
    let own = own.iter().map(|command| words::line(&command.name, 40)).filter(|name| !is_ours(name));
    let own: Vec<String> = own.take(LISTED).map(|name| format!("/{name}")).collect();
    if !own.is_empty() {
        rich.push("\nIt has: ", Style::Plain).push(&own.join(" "), Style::Plain);
    }
    View::new(rich)
}

pub(super) fn start(talk: &Talk) -> Outcome<Vec<Effect>> {
    talk.answer(welcome(&talk.name))
}

/// For somebody who is let in.
pub(crate) fn welcome(name: &str) -> View {
    View::titled(format!("Hello, {}", words::line(name, 60)))
        .line("Here you talk to your Claude Code sessions.")
        .line("/new makes one, /session picks one, and then you just write.")
        .line("/help shows the rest.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::view::tests::shown;

    #[test]
    fn help_names_what_claude_has_beside_ours() {
        let command = |name: &str| AgentCommand {
            name: name.to_owned(),
            description: String::new(),
            argument_hint: String::new(),
        };
        let view = commands(&[command("init"), command("compact"), command("odd\nname")]);
        assert!(view.rich.text.ends_with("\nIt has: /init /odd name"), "{}", view.rich.text);
    }

    #[test]
    fn help_lists_every_command() {
        insta::assert_snapshot!(shown(&commands(&[])), @r"
        Write, and it goes to your session. Answer a message to talk to the session it is from.

        /new `[NAME[: TEXT]]` – make a session
        /session `[NAME]` – pick the session to talk to
        /inbox – what waits for you
        /stop `[NAME]` – stop the running turn
        /status – what runs
        /archive `[NAME]` – pack a session away
        /search `WORDS` – find what was said
        /mute `[NAME|all|off] [1h]` – hear less of a session here
        /help – all commands
        /now `TEXT` – say it to the running turn
        /instead `TEXT` – drop what runs and do this
        /history `[COUNT]` – what was said last
        /rename `NAME` – give the session another name
        /restore `[NAME]` – bring an archived session back
        /persona `[NAME]` – who Claude can be
        /model `[MODEL]` – the session's model
        /effort `[EFFORT]` – how hard it thinks
        /mode `[MODE]` – what it may do unasked
        /rules – what was allowed for the session
        /cost – what it has cost
        /context – how full its memory is
        /compact `[WORDS]` – shorten its memory
        /clear – empty its memory
        /start – how this works

        Any other /command is Claude's own; `//name` is so for sure.
        ");
        insta::assert_snapshot!(shown(&welcome("Ann\nLee")), @r"
        **Hello, Ann Lee**
        Here you talk to your Claude Code sessions.
        /new makes one, /session picks one, and then you just write.
        /help shows the rest.
        ");
    }
}
