//! The session's model, effort and mode; who Claude can be; what was allowed.

use jiff::Timestamp;

use crate::error::Error;
use crate::ipc::{Request, Response};
use crate::model::{Rule, SessionId, SessionView};
use crate::telegram::action::{Action, Draft};
use crate::telegram::bridge::{Bridge, PersonaChoice};
use crate::telegram::effects::Effect;
use crate::telegram::host::{Outcome, exactly, refuse, unexpected};
use crate::telegram::render::Style;
use crate::telegram::talk::Talk;
use crate::telegram::view::{View, button};
use crate::telegram::words;

/// Rules with a button each; more are listed.
const REVOCABLE: usize = 12;

/// Something of a session that goes before its persona's.
#[derive(Debug)]
pub(super) struct Setting {
    key: &'static str,
    title: &'static str,
    offered: &'static [&'static str],
}

pub(super) const MODEL: Setting =
    Setting { key: "model", title: "model", offered: &["opus", "sonnet", "haiku"] };
pub(super) const EFFORT: Setting =
    Setting { key: "effort", title: "effort", offered: &["low", "medium", "high", "max"] };
pub(super) const MODE: Setting =
    Setting { key: "permission_mode", title: "mode", offered: &["default", "acceptEdits", "plan", "auto"] };

pub(super) async fn setting(talk: &Talk, setting: &Setting, value: &str) -> Outcome<Vec<Effect>> {
    let session = talk.session("").await?;
    if value.is_empty() {
        return talk.answer_about(session.id, offer(&session, setting));
    }
    // Never from outside, whatever the host thinks of it.
    if setting.key == MODE.key && value.to_lowercase().contains("bypass") {
        return refuse(Error::usage("there is no mode bypassPermissions in Telegram"));
    }
    let value =
        setting.offered.iter().find(|known| known.eq_ignore_ascii_case(value)).copied().unwrap_or(value);
    let view = changed(&talk.bridge, session.id, setting.key, Some(value.to_owned())).await?;
    talk.answer_about(session.id, view)
}

fn offer(session: &SessionView, setting: &Setting) -> View {
    let set = |value: Option<&str>| Action::Set {
        session: session.id,
        key: setting.key.to_owned(),
        value: value.map(str::to_owned),
    };
    let name = words::line(&session.name, 60);
    let mut view = View::plain(format!("Which {} for {name}?", setting.title));
    if let (true, Some(model)) = (setting.key == MODEL.key, &session.model) {
        view = view.line(format!("Now: {}", words::line(model, 60)));
    }
    view.rows_of(3, setting.offered.iter().map(|value| button(value, set(Some(value)))))
        .row([button("As the persona has it", set(None)), button("Cancel", Action::Cancel)])
}

/// Changes a setting.
pub(crate) async fn changed(
    bridge: &Bridge,
    session: SessionId,
    key: &str,
    value: Option<String>,
) -> Outcome<View> {
    let request =
        Request::SessionSet { session: exactly(session), key: key.to_owned(), value: value.clone() };
    let name = match bridge.ask(request).await? {
        Response::Session(session) => words::line(&session.name, 60),
        other => return unexpected(&other),
    };
    let key = key.strip_prefix("permission_").unwrap_or(key);
    Ok(View::plain(match value {
        Some(value) => format!("{name}: {key} is {} now.", words::line(&value, 60)),
        None => format!("{name}: {key} is the persona's again."),
    }))
}

pub(super) fn persona(talk: &Talk, name: &str) -> Outcome<Vec<Effect>> {
    let personas = (talk.bridge.personas)();
    let wanted: Vec<&PersonaChoice> = personas
        .iter()
        .filter(|persona| name.is_empty() || persona.name.eq_ignore_ascii_case(name))
        .collect();
    if wanted.is_empty() {
        let names = personas.iter().map(|persona| persona.name.clone()).collect();
        return refuse(
            Error::not_found(format!("no persona is called {}", words::line(name, 60))).candidates(names),
        );
    }
    Ok(vec![talk.say(personas_view(&wanted)).only_for(talk.user).into()])
}

fn personas_view(personas: &[&PersonaChoice]) -> View {
    let mut view = View::plain("A session keeps its persona. A new one may be:");
    for persona in personas {
        view.rich.push("\n", Style::Plain).push(&words::line(&persona.name, 60), Style::Bold);
        view.rich.push(&format!(" – {}", words::line(&persona.description, 160)), Style::Plain);
    }
    let draft = |name: &str| Action::Draft(Draft { persona: Some(name.to_owned()), ..Draft::default() });
    view.rows_of(3, personas.iter().map(|persona| button(&persona.name, draft(&persona.name))))
}

/// What was allowed for the session.
pub(super) async fn rules(talk: &Talk) -> Outcome<Vec<Effect>> {
    let session = talk.session("").await?;
    let rules = rules_of(&talk.bridge, session.id).await?;
    talk.answer_about(session.id, rules_view(&session.name, session.id, &rules, talk.now))
}

async fn rules_of(bridge: &Bridge, session: SessionId) -> Outcome<Vec<Rule>> {
    match bridge.ask(Request::SessionRules { session: exactly(session) }).await? {
        Response::Rules(rules) => Ok(rules),
        other => unexpected(&other),
    }
}

fn rules_view(name: &str, session: SessionId, rules: &[Rule], now: Timestamp) -> View {
    let name = words::line(name, 60);
    if rules.is_empty() {
        return View::plain(format!("No rules: nothing was allowed for {name}."));
    }
    let mut view = View::plain(format!("Allowed for {name}; a button takes it back:"));
    for rule in rules.iter().take(REVOCABLE) {
        view.rich.push("\n", Style::Plain).push(&words::line(&rule.rule, 120), Style::Code);
        let by = words::line(&rule.by, 60);
        view.rich.push(&format!(" by {by}, {}", words::ago(rule.added, now)), Style::Plain);
    }
    if rules.len() > REVOCABLE {
        view = view.line(format!("… and {} more", rules.len() - REVOCABLE));
    }
    let revoke = |rule: &Rule| button(&rule.rule, Action::Revoke { session, rule: rule.rule.clone() });
    view.rows_of(1, rules.iter().take(REVOCABLE).map(revoke))
}

/// Takes a rule back, and shows those that are left.
pub(crate) async fn revoked(talk: &Talk, session: SessionId, rule: &str) -> Outcome<View> {
    let request = Request::SessionRulesRevoke { session: exactly(session), rule: Some(rule.to_owned()) };
    let (name, live) = match talk.bridge.ask(request).await? {
        Response::RulesRevoked { name, live, .. } => (name, live),
        other => return unexpected(&other),
    };
    let rules = rules_of(&talk.bridge, session).await?;
    let view = rules_view(&name, session, &rules, talk.now);
    let note = "It is at work and holds to it until it next wakes.";
    Ok(if live { view.line(note) } else { view })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SessionState;
    use crate::telegram::testing::session;
    use crate::telegram::view::tests::shown;

    #[test]
    fn settings_are_offered_and_never_the_dangerous_one() {
        let mut work = session("work", SessionState::Idle);
        work.model = Some("opus".to_owned());
        insta::assert_snapshot!(shown(&offer(&work, &MODEL)), @r"
        Which model for work?
        Now: opus
        [opus] [sonnet] [haiku]
        [As the persona has it] [Cancel]
        ");
        insta::assert_snapshot!(shown(&offer(&work, &MODE)), @r"
        Which mode for work?
        [default] [acceptEdits] [plan]
        [auto]
        [As the persona has it] [Cancel]
        ");
        for setting in [MODEL, EFFORT, MODE] {
            assert!(!setting.offered.iter().any(|value| value.contains("bypass")));
        }
    }

    #[test]
    fn rules_are_listed_with_who_allowed_them() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let rule = |rule: &str| Rule {
            rule: rule.to_owned(),
            added: "2026-11-22T11:00:00Z".parse().unwrap(),
            by: "telegram:Ann".to_owned(),
        };
        let id = session("work", SessionState::Idle).id;
        insta::assert_snapshot!(shown(&rules_view("work", id, &[rule("Bash(ls *)")], now)), @r"
        Allowed for work; a button takes it back:
        `Bash(ls *)` by telegram:Ann, 1h ago
        [Bash(ls *)]
        ");
        let many: Vec<Rule> = (0..20).map(|n| rule(&format!("R{n}"))).collect();
        let view = rules_view("work", id, &many, now);
        assert!(view.rows.len() == REVOCABLE && view.rich.text.ends_with("… and 8 more"));
        assert_eq!(shown(&rules_view("work", id, &[], now)), "No rules: nothing was allowed for work.");
    }
}
