//! `/mute`: less of a session in this place.

use jiff::{SignedDuration, Timestamp};

use crate::error::Error;
use crate::model::SessionId;
use crate::telegram::action::Action;
use crate::telegram::db::Mute;
use crate::telegram::effects::Effect;
use crate::telegram::host::{Outcome, refuse};
use crate::telegram::talk::Talk;
use crate::telegram::view::{View, button};
use crate::telegram::words;

#[derive(Debug, PartialEq, Eq)]
enum What<'a> {
    /// The session that is talked to here.
    Here,
    All,
    Named(&'a str),
    /// Everything is heard again.
    Off,
}

pub(super) async fn run(talk: &Talk, args: &str) -> Outcome<Vec<Effect>> {
    let (what, long) = read(args)?;
    let (session, name): (Option<SessionId>, String) = match what {
        What::Off => return off(talk),
        What::All => (None, "Every session".to_owned()),
        What::Here => named(talk, "").await?,
        What::Named(name) => named(talk, name).await?,
    };
    let until = long.and_then(|long| talk.now.checked_add(long).ok());
    let mute = Mute { place: talk.place, session, until };
    let say = talk.say(muted(session, &name, long));
    Ok(vec![Effect::Mute(mute), say.into()])
}

async fn named(talk: &Talk, name: &str) -> Outcome<(Option<SessionId>, String)> {
    let session = talk.session(name).await?;
    Ok((Some(session.id), words::line(&session.name, 60)))
}

fn muted(session: Option<SessionId>, name: &str, long: Option<SignedDuration>) -> View {
    let long = long.map(|long| format!(" for {}", in_words(long))).unwrap_or_default();
    View::plain(format!("{name} is muted here{long}: only what you ask it yourself is answered, silently."))
        .row([button("Unmute", Action::Unmute { session })])
}

fn off(talk: &Talk) -> Outcome<Vec<Effect>> {
    let mutes = talk.bridge.db.read(|tables| tables.mutes(Timestamp::now()))?;
    let here = mutes.into_iter().filter(|mute| mute.place == talk.place);
    let mut effects: Vec<Effect> =
        here.map(|mute| Effect::Unmute { place: mute.place, session: mute.session }).collect();
    let words =
        if effects.is_empty() { "Nothing was muted here." } else { "Nothing is muted here any more." };
    effects.push(talk.say(View::plain(words)).into());
    Ok(effects)
}

fn read(args: &str) -> Outcome<(What<'_>, Option<SignedDuration>)> {
    let mut words: Vec<&str> = args.split_whitespace().collect();
    let long = words.last().and_then(|word| duration(word));
    if long.is_some() {
        words.pop();
    }
    let what = match words.as_slice() {
        [] => What::Here,
        ["all"] => What::All,
        ["off"] => What::Off,
        [name] => What::Named(name),
        _ => {
            return refuse(
                Error::usage("/mute takes a session and how long")
                    .hint("for example: /mute work 2h, or /mute off"),
            );
        }
    };
    Ok((what, long))
}

/// `30m`, `2h`, `1d`; up to a year.
fn duration(word: &str) -> Option<SignedDuration> {
    let (number, unit) = word.split_at_checked(word.len().checked_sub(1)?)?;
    let hours = match unit {
        "m" => {
            return number.parse().ok().filter(|n| (1..=525_600).contains(n)).map(SignedDuration::from_mins);
        }
        "h" => 1,
        "d" => 24,
        "w" => 168,
        _ => return None,
    };
    let number: i64 = number.parse().ok()?;
    let hours = number.checked_mul(hours).filter(|hours| (1..=8_784).contains(hours))?;
    Some(SignedDuration::from_hours(hours))
}

fn in_words(long: SignedDuration) -> String {
    let minutes = long.as_mins();
    match (minutes % 1440, minutes % 60) {
        (0, _) => format!("{}d", minutes / 1440),
        (_, 0) => format!("{}h", minutes / 60),
        _ => format!("{minutes}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::view::tests::shown;

    #[test]
    fn what_and_how_long_are_read() {
        let hours = |hours| Some(SignedDuration::from_hours(hours));
        for (args, wanted) in [
            ("", (What::Here, None)),
            ("1h", (What::Here, hours(1))),
            ("work", (What::Named("work"), None)),
            ("work 2d", (What::Named("work"), hours(48))),
            ("all 30m", (What::All, Some(SignedDuration::from_mins(30)))),
            ("off", (What::Off, None)),
            ("1h 1h", (What::Named("1h"), hours(1))),
            ("h", (What::Named("h"), None)),
            ("0h", (What::Named("0h"), None)),
            ("-1h", (What::Named("-1h"), None)),
            ("999999999999h", (What::Named("999999999999h"), None)),
            ("ü", (What::Named("ü"), None)),
        ] {
            assert_eq!(read(args), Ok(wanted), "{args}");
        }
        assert!(read("work for 2h").is_err());
    }

    #[test]
    fn it_says_for_how_long() {
        let long = duration("90m");
        assert_eq!(
            shown(&muted(None, "Every session", long)),
            "Every session is muted here for 90m: only what you ask it yourself is answered, silently.\n[Unmute]"
        );
        for (word, words) in [("60m", "1h"), ("24h", "1d"), ("2w", "14d"), ("25h", "25h")] {
            assert_eq!(in_words(duration(word).unwrap()), words);
        }
    }
}
