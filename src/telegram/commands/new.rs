//! `/new`: a session in a directory, as somebody, under a name. It does not switch, but offers to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Errand, Led};
use crate::error::{Error, Kind};
use crate::ipc::{NewSession, Request, Response, Selector};
use crate::model::{Agent, Delivery, SessionId, SessionView};
use crate::telegram::action::{Action, Begun, Draft};
use crate::telegram::api::methods::CreateForumTopic;
use crate::telegram::bridge::PersonaChoice;
use crate::telegram::db::TopicRow;
use crate::telegram::effects::{Effect, Say};
use crate::telegram::host::{Outcome, Trouble, exactly, refuse, unexpected};
use crate::telegram::place::Place;
use crate::telegram::talk::Talk;
use crate::telegram::view::{Button, View, button};
use crate::telegram::words;

/// Directories that are offered beside the projects.
const RECENT: usize = 6;
/// Names that begin alike before another one has to be given.
const TRIES: usize = 200;

pub(super) async fn run(talk: &Talk, args: &str) -> Outcome<Led> {
    match read(args)? {
        Asked::Choose(name) => {
            let view = draft(talk, Draft { name, ..Draft::default() }).await?;
            Ok(Led::To(vec![talk.say(view).only_for(talk.user).into()]))
        }
        Asked::Send(name, text) => {
            let made = created(talk, &Draft { name: Some(name), ..Draft::default() }).await?;
            let errand = Errand { text, session: exactly(made.id), delivery: Delivery::Queue };
            Ok(Led::Prompt(errand, vec![talk.say(made_view(talk, &made)).about(made.id).into()]))
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Where and as whom is to be chosen.
    Choose(Option<String>),
    /// A new session gets this at once.
    Send(String, String),
}

fn read(args: &str) -> Outcome<Asked> {
    if args.is_empty() {
        return Ok(Asked::Choose(None));
    }
    let (first, rest) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
    match (first.strip_suffix(':'), rest.trim()) {
        (Some(name), "") => Ok(Asked::Choose(Some(name.to_owned()))),
        (Some(name), text) => Ok(Asked::Send(name.to_owned(), text.to_owned())),
        (None, "") => Ok(Asked::Choose(Some(first.to_owned()))),
        (None, _) => refuse(
            Error::usage("a session's name is one word")
                .hint("to send it something at once: /new name: text"),
        ),
    }
}

/// What a new session may be: as whom, and where. The choice of a directory makes it.
pub(crate) async fn draft(talk: &Talk, draft: Draft) -> Outcome<View> {
    let sessions = talk.bridge.sessions(talk.place, false).await?;
    let personas = (talk.bridge.personas)();
    Ok(choices(&draft, &personas, places(talk, &sessions), &talk.bridge.home))
}

/// Directories by name: projects, and where sessions were at work last.
fn places(talk: &Talk, sessions: &[SessionView]) -> Vec<(String, PathBuf)> {
    let bridge = &talk.bridge;
    let mut places: Vec<(String, PathBuf)> =
        bridge.projects.iter().map(|(name, dir)| (name.clone(), dir.clone())).collect();
    let mut known: BTreeSet<&Path> = bridge.projects.values().map(PathBuf::as_path).collect();
    let recent = sessions.iter().map(|session| session.dir.as_path());
    let recent = recent.filter(|dir| !dir.starts_with(&bridge.scratch) && known.insert(dir));
    places.extend(recent.take(RECENT).map(|dir| (words::path(dir, &bridge.home), dir.to_owned())));
    places
}

fn choices(draft: &Draft, personas: &[PersonaChoice], places: Vec<(String, PathBuf)>, home: &Path) -> View {
    let title = match &draft.name {
        Some(name) => format!("New session {}", words::line(name, 60)),
        None => "New session".to_owned(),
    };
    let mut view = View::titled(title).line("Where? The choice makes it.");
    let chosen = draft.persona.as_ref().and_then(|name| personas.iter().find(|one| one.name == *name));
    if let Some(persona) = chosen {
        view = view.line(format!("As {}: {}", persona.name, words::line(&persona.description, 160)));
    }
    let make =
        |label: &str, dir: Option<PathBuf>| button(label, Action::Make(Draft { dir, ..draft.clone() }));
    let own = chosen.and_then(|persona| persona.dir.as_ref());
    let own = own.map(|dir| make(&words::path(dir, home), Some(dir.clone())));
    let buttons = places.into_iter().map(|(label, dir)| make(&tail(&label), Some(dir)));
    view.rows_of(2, own.into_iter().chain(buttons).chain([make("Scratch", None)]))
        .rows_of(3, personas.iter().map(|persona| as_persona(draft, persona)))
        .row([button("Cancel", Action::Cancel)])
}

fn as_persona(draft: &Draft, persona: &PersonaChoice) -> Button {
    let is_chosen = draft.persona.as_ref() == Some(&persona.name);
    let chosen = (!is_chosen).then(|| persona.name.clone());
    let mark = if is_chosen { "● " } else { "" };
    button(format!("{mark}{}", persona.name), Action::Draft(Draft { persona: chosen, ..draft.clone() }))
}

/// Of a long path the end says more.
fn tail(label: &str) -> String {
    let chars = label.chars().count();
    if chars <= 28 {
        label.to_owned()
    } else {
        format!("…{}", label.chars().skip(chars - 27).collect::<String>())
    }
}

/// Makes what was chosen.
pub(crate) async fn make(talk: &Talk, draft: &Draft) -> Outcome<(View, SessionId)> {
    let made = created(talk, draft).await?;
    Ok((made_view(talk, &made), made.id))
}

async fn created(talk: &Talk, draft: &Draft) -> Outcome<SessionView> {
    // Handled again after a crash, the update goes on with the session that it has made.
    let (name, since) = match (talk.begun()?, &draft.name) {
        (Some((Begun::Make { name }, since)), _) => (name, since),
        (_, Some(name)) => (name.clone(), talk.now),
        (_, None) => {
            let sessions = talk.bridge.sessions(talk.place, false).await?;
            (free_name(draft.dir.as_deref(), &sessions)?, talk.now)
        }
    };
    talk.begin(&Begun::Make { name: name.clone() })?;
    let request = Request::SessionNew(NewSession {
        name: name.clone(),
        persona: draft.persona.clone(),
        dir: draft.dir.clone(),
        agent: Agent::Claude,
        model: None,
        tags: Vec::new(),
        switch: None,
        allow_wide_dir: false,
    });
    match talk.bridge.ask(request).await {
        Ok(Response::Session(session)) => Ok(session),
        Ok(other) => unexpected(&other),
        Err(Trouble::Refused(error)) if error.kind == Kind::Conflict => {
            let made = talk.bridge.show(Selector::Exact(name), talk.place).await;
            made.ok().filter(|made| made.created >= since).ok_or(Trouble::Refused(error))
        }
        Err(trouble) => Err(trouble),
    }
}

/// After the directory, with a number behind it if others are called so.
fn free_name(dir: Option<&Path>, sessions: &[SessionView]) -> Outcome<String> {
    let base = dir.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let base = base.unwrap_or_else(|| "scratch".to_owned());
    let plain: String = base.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    let base = if plain.is_empty() { "session" } else { plain };
    let base: String = base.chars().take(40).collect();
    let numbered = (2..TRIES).map(|number| format!("{base}-{number}"));
    let free = |name: &String| !sessions.iter().any(|session| session.name == *name);
    match std::iter::once(base.clone()).chain(numbered).find(free) {
        Some(name) => Ok(name),
        None => refuse(
            Error::usage(format!("too many sessions are called {base}")).hint("give a name: /new name"),
        ),
    }
}

fn made_view(talk: &Talk, session: &SessionView) -> View {
    let dir = words::path(&session.dir, &talk.bridge.home);
    let id = session.id;
    let mut buttons = Vec::new();
    let mut words = format!("Made {} ({}) in {dir}.", words::line(&session.name, 60), session.persona);
    if session.current {
        words.push_str(" It is the session you talk to here.");
    } else {
        buttons.push(button("Switch", Action::Switch { session: id, stays: false }));
    }
    if talk.forum {
        buttons.push(button("Open a topic", Action::Topic { session: id }));
    }
    View::plain(words).row(buttons)
}

/// Opens a topic of this chat that is the session's.
pub(crate) async fn open_topic(talk: &Talk, session: SessionId) -> Outcome<Vec<Effect>> {
    let chat = talk.place.chat;
    let shown = talk.bridge.show(exactly(session), talk.place).await?;
    let name = words::line(&shown.name, 128);
    let opened = talk.bridge.api.call(&CreateForumTopic { chat_id: chat, name: name.clone() }).await;
    let topic = match opened {
        Ok(topic) => topic,
        Err(error) => {
            let hint = if error.is_passing() {
                "press again in a moment"
            } else {
                "the bot has to be an administrator who may manage topics"
            };
            return refuse(Error::failed(format!("the topic cannot be opened: {error}")).hint(hint));
        }
    };
    let place = Place { chat, thread: Some(topic.message_thread_id) };
    let request = Request::SessionSwitch { channel: place.channel(), session: exactly(session) };
    talk.bridge.tell(request).await?;
    let here = View::plain(format!("Here you talk to {}.", words::line(&shown.name, 60)));
    Ok(vec![
        Effect::Topic(TopicRow { place, session, name, closed: false }),
        Say::new(place, here).about(session).into(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SessionState;
    use crate::telegram::testing::session;
    use crate::telegram::view::tests::shown;

    #[test]
    fn the_name_and_the_text_are_told_apart() {
        let choose = |name: &str| Ok(Asked::Choose(Some(name.to_owned())));
        for (args, wanted) in [
            ("", Ok(Asked::Choose(None))),
            ("lab", choose("lab")),
            ("lab:", choose("lab")),
            ("lab: fix it\nnow", Ok(Asked::Send("lab".to_owned(), "fix it\nnow".to_owned()))),
            ("lab:\nfix it", Ok(Asked::Send("lab".to_owned(), "fix it".to_owned()))),
            ("a:b", choose("a:b")),
        ] {
            assert_eq!(read(args), wanted, "{args:?}");
        }
        assert!(read("fix it: now").is_err());
    }

    #[test]
    fn directories_and_personas_are_offered() {
        let persona = |name: &str, dir: Option<&str>| PersonaChoice {
            name: name.to_owned(),
            description: format!("who {name}s"),
            dir: dir.map(PathBuf::from),
        };
        let personas = [persona("default", None), persona("plan", Some("/h/plans"))];
        let places = vec![
            ("lab".to_owned(), PathBuf::from("/srv/lab")),
            (format!("~/{}/deep", "x".repeat(40)), PathBuf::from("/h/x/deep")),
        ];
        let view = choices(&Draft::default(), &personas, places.clone(), Path::new("/h"));
        insta::assert_snapshot!(shown(&view), @r"
        **New session**
        Where? The choice makes it.
        [lab] […xxxxxxxxxxxxxxxxxxxxxx/deep]
        [Scratch]
        [default] [plan]
        [Cancel]
        ");
        let draft = Draft { name: Some("fix".to_owned()), persona: Some("plan".to_owned()), dir: None };
        let view = choices(&draft, &personas, places, Path::new("/h"));
        insta::assert_snapshot!(shown(&view), @r"
        **New session fix**
        Where? The choice makes it.
        As plan: who plans
        [~/plans] [lab]
        […xxxxxxxxxxxxxxxxxxxxxx/deep] [Scratch]
        [default] [● plan]
        [Cancel]
        ");
        let Action::Make(made) = &view.rows[0][1].action else { panic!() };
        assert_eq!(*made, Draft { dir: Some("/srv/lab".into()), ..draft });
    }

    #[test]
    fn a_name_comes_from_the_directory_and_is_free() {
        let sessions = [session("lab", SessionState::Idle), session("lab-2", SessionState::Idle)];
        for (dir, wanted) in [
            (Some("/srv/lab"), "lab-3"),
            (Some("/srv/my work.d"), "my-work-d"),
            (Some("/srv/-x"), "x"),
            (Some("/srv/…"), "session"),
            (Some("/"), "scratch"),
            (None, "scratch"),
        ] {
            assert_eq!(free_name(dir.map(Path::new), &sessions).unwrap(), wanted);
        }
    }
}
