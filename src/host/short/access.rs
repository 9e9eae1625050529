//! Who may come in from outside. A stranger shows a code to the owner, or an invitation of the owner's; only the
//! owner's terminal lets anybody in.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::ShortCtx;
use crate::error::{Error, Result};
use crate::ipc::{Request, Response};
use crate::model::{AccessOrigin, Allowed, Person};
use crate::store::{AccessKind, Attempt, Db, Pairing, PairingKind};

/// No character looks like another one. There are 32, so that each is five random bits.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const CODE_CHARS: usize = 8;
/// How long a code lasts.
const LIFE: SignedDuration = SignedDuration::from_hours(1);
/// A code that is over is known for so long, so that who comes late is told so.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
/// So many strangers may have a code at once; the oldest gives way.
const MOST_ASKED: u32 = 20;
/// So many wrong codes within [`GUESSING`] make what was guessed at void.
const MOST_WRONG: u32 = 5;
const GUESSING: SignedDuration = SignedDuration::from_hours(1);
/// A name of a stranger's choice is kept up to this length.
const NAME_CHARS: usize = 128;
const NOTE_CHARS: usize = 400;

/// The bound of an audit's word.
const WORD_CHARS: usize = 40;

/// A wrong code counts although it is refused, so these are not undone by their error.
pub(super) const fn leaves_a_mark(request: &Request) -> bool {
    matches!(request, Request::Pair { .. } | Request::PairClaim { .. })
}

/// Tries a code.
pub(super) fn attempt(db: &mut Db, ctx: &ShortCtx<'_>, request: &Request) -> Result<Response> {
    let now = Timestamp::now();
    db.atomically(|db| match request {
        Request::Pair { code } => pair(db, ctx, code, now),
        Request::PairClaim { code, user, name } => claim(db, ctx, code, &person(*user, name)?, now),
        _ => Err(Error::failed("this is not about a code")),
    })
    .flatten()
}

/// What needs no code.
pub(super) fn write(db: &mut Db, ctx: &ShortCtx<'_>, request: &Request) -> Result<Option<Response>> {
    let now = Timestamp::now();
    let response = match request {
        Request::PairAsk { user, name } => ask(db, &person(*user, name)?, now)?,
        Request::PairInvite => made(db, PairingKind::Invited, None, now)?,
        Request::Unpair { user } => unpair(db, ctx, *user)?,
        Request::AllowChat { chat, name } => allow_chat(db, ctx, *chat, name)?,
        Request::ForbidChat { chat } => forbid_chat(db, ctx, *chat)?,
        Request::AuditNote { what, subject } => note(db, ctx, what, subject)?,
        _ => return Ok(None),
    };
    Ok(Some(response))
}

/// Everybody who is let in, by whatever says so.
pub(super) fn list(db: &Db, ctx: &ShortCtx<'_>) -> Result<Response> {
    let telegram = (ctx.config)()?.telegram;
    let configured = |id: &i64| Allowed { id: *id, name: None, added: None, origin: AccessOrigin::Config };
    let (mut users, mut chats) = (Vec::new(), Vec::new());
    for access in db.allowed()? {
        let to = match access.kind {
            AccessKind::User => &mut users,
            AccessKind::Chat => &mut chats,
        };
        let name = Some(access.name).filter(|name| !name.is_empty());
        to.push(Allowed { id: access.id, name, added: Some(access.added), origin: AccessOrigin::Pair });
    }
    users.extend(telegram.allowed_users.iter().map(configured));
    chats.extend(telegram.allowed_chats.iter().map(configured));
    Ok(Response::Access { users, chats })
}

/// Who has taken up an invitation.
pub(super) fn invited(db: &Db, code: &str) -> Result<Response> {
    let now = Timestamp::now();
    let code = cleaned(code)?;
    match db.pairing(&code)?.filter(|found| found.kind == PairingKind::Invited) {
        Some(found) if found.expires > now => {
            Ok(Response::Invited { claimed: found.person, expires: found.expires })
        }
        Some(_) => Err(over()),
        None => Err(Error::not_found("there is no such invitation (any more)")
            .hint("after wrong codes from outside, or once somebody is let in by it, it is void")),
    }
}

fn person(user: i64, name: &str) -> Result<Person> {
    if user <= 0 {
        return Err(Error::usage(format!("{user} is not the id of a person"))
            .hint("ids of people are positive, those of groups negative"));
    }
    Ok(Person { user, name: shortened(name, NAME_CHARS) })
}

/// One line without control characters.
fn shortened(text: &str, most: usize) -> String {
    let words: Vec<_> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(most).collect()
}

/// Asking again gives the same code, so that nobody collects them.
fn ask(db: &mut Db, person: &Person, now: Timestamp) -> Result<Response> {
    if db.is_allowed(AccessKind::User, person.user)? {
        return Err(Error::conflict(format!("{} is let in already", described(person))));
    }
    match db.pairing_of(person.user)? {
        Some(Pairing { code, expires, .. }) if expires > now => Ok(Response::PairCode { code, expires }),
        _ => made(db, PairingKind::Asked, Some(person.clone()), now),
    }
}

fn made(db: &mut Db, kind: PairingKind, person: Option<Person>, now: Timestamp) -> Result<Response> {
    let (code, expires) = (fresh_code(), now + LIFE);
    db.put_pairing(&Pairing { code: code.clone(), kind, person, expires })?;
    db.prune_pairings(now - REMEMBERED, MOST_ASKED)?;
    Ok(Response::PairCode { code, expires })
}

fn pair(db: &mut Db, ctx: &ShortCtx<'_>, code: &str, now: Timestamp) -> Result<Result<Response>> {
    let code = match cleaned(code) {
        Ok(code) => code,
        Err(error) => return Ok(Err(error)),
    };
    let person = match db.pairing(&code)? {
        None => return wrong(db, ctx, Attempt::Pair, now).map(Err),
        Some(found) if found.expires <= now => return Ok(Err(over())),
        Some(Pairing { person: Some(person), .. }) => person,
        Some(_) => {
            return Ok(Err(Error::conflict("nobody has taken up this invitation yet")
                .hint("the person opens its link, or writes `/start CODE` to the bot")));
        }
    };
    db.allow(AccessKind::User, person.user, &person.name)?;
    db.drop_pairings_of(person.user)?;
    db.audit(ctx.who, "paired", &described(&person))?;
    Ok(Ok(Response::Paired(person)))
}

/// Only the first one gets an invitation.
fn claim(
    db: &mut Db,
    ctx: &ShortCtx<'_>,
    code: &str,
    person: &Person,
    now: Timestamp,
) -> Result<Result<Response>> {
    let found = match cleaned(code) {
        Ok(code) => db.pairing(&code)?.filter(|found| found.kind == PairingKind::Invited),
        Err(error) => return Ok(Err(error)),
    };
    match found {
        None => wrong(db, ctx, Attempt::Claim, now).map(Err),
        Some(found) if found.expires <= now => Ok(Err(over())),
        Some(Pairing { person: Some(other), .. }) if other.user != person.user => {
            Ok(Err(Error::conflict("somebody else has taken up this invitation")
                .hint("the owner makes a new one: claudebot telegram setup")))
        }
        Some(found) => {
            let (claimed, expires) = (Some(person.clone()), found.expires);
            db.put_pairing(&Pairing { person: claimed.clone(), ..found })?;
            Ok(Ok(Response::Invited { claimed, expires }))
        }
    }
}

/// Counts a wrong code. Too many, and what they were aimed at is void.
fn wrong(db: &mut Db, ctx: &ShortCtx<'_>, attempt: Attempt, now: Timestamp) -> Result<Error> {
    let error = Error::not_found("there is no such pairing code");
    if db.wrong_code(attempt, now - GUESSING, now)? < MOST_WRONG {
        return Ok(error.hint("a code lasts an hour; writing to the bot again gives a new one"));
    }
    // From outside only invitations can be taken up, so a stranger can make nothing else void.
    let (kind, what) = match attempt {
        Attempt::Pair => (None, "pairing codes"),
        Attempt::Claim => (Some(PairingKind::Invited), "invitations"),
    };
    let count = db.void_pairings(kind, now)?;
    db.forget_wrong_codes(attempt)?;
    db.audit(ctx.who, "codes_voided", &format!("{count} open {what}, after {MOST_WRONG} wrong codes"))?;
    let message = format!("{}; after {MOST_WRONG} wrong ones all open {what} are void", error.message);
    Ok(Error { message, ..error }.hint("writing to the bot again gives a new one"))
}

fn over() -> Error {
    Error::conflict("this code is over: it lasted an hour").hint("writing to the bot again gives a new one")
}

fn unpair(db: &mut Db, ctx: &ShortCtx<'_>, user: i64) -> Result<Response> {
    let known = db.allowed()?.into_iter().find(|one| one.kind == AccessKind::User && one.id == user);
    db.drop_pairings_of(user)?;
    let person = Person { user, name: known.map(|known| known.name).unwrap_or_default() };
    let subject = described(&person);
    removed(db, ctx, AccessKind::User, user, "unpaired", &subject)
}

fn allow_chat(db: &mut Db, ctx: &ShortCtx<'_>, chat: i64, name: &str) -> Result<Response> {
    if chat >= 0 {
        return Err(Error::usage(format!("{chat} is not the id of a group"))
            .hint("ids of groups are negative, for example -1001234567890; the bot tells a group's id"));
    }
    let name = shortened(name, NAME_CHARS);
    db.allow(AccessKind::Chat, chat, &name)?;
    let subject = group(chat, &name);
    db.audit(ctx.who, "chat_allowed", &subject)?;
    Ok(Response::Said(format!("the bot may work in {subject}, for people who are let in")))
}

fn forbid_chat(db: &mut Db, ctx: &ShortCtx<'_>, chat: i64) -> Result<Response> {
    let known = db.allowed()?.into_iter().find(|one| one.kind == AccessKind::Chat && one.id == chat);
    let subject = group(chat, &known.map(|known| known.name).unwrap_or_default());
    removed(db, ctx, AccessKind::Chat, chat, "chat_forbidden", &subject)
}

/// Takes the permission away that was stored; that of the configuration is not ours to change.
fn removed(
    db: &mut Db,
    ctx: &ShortCtx<'_>,
    kind: AccessKind,
    id: i64,
    what: &str,
    subject: &str,
) -> Result<Response> {
    let key = match kind {
        AccessKind::User => "telegram.allowed_users",
        AccessKind::Chat => "telegram.allowed_chats",
    };
    let configured = (ctx.config)().is_ok_and(|config| match kind {
        AccessKind::User => config.telegram.allowed_users.contains(&id),
        AccessKind::Chat => config.telegram.allowed_chats.contains(&id),
    });
    let stays = format!("the configuration lets {subject} in");
    let hint = format!("take {id} out of {key}: claudebot config path");
    if !db.disallow(kind, id)? {
        return Err(match configured {
            true => Error::conflict(stays).hint(hint),
            false => Error::not_found(format!("{subject} is not let in"))
                .hint("`claudebot pair --list` shows who is"),
        });
    }
    db.audit(ctx.who, what, subject)?;
    let words = format!("{subject} is not let in any more");
    Ok(Response::Said(if configured { format!("{words}, but still {stays}: {hint}") } else { words }))
}

fn note(db: &mut Db, ctx: &ShortCtx<'_>, what: &str, subject: &str) -> Result<Response> {
    let is_word = (1..=WORD_CHARS).contains(&what.len())
        && what.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if !is_word {
        return Err(Error::usage(format!("{what:?} is no word for the audit"))
            .hint(format!("use 1 to {WORD_CHARS} small letters and `_`")));
    }
    db.audit(ctx.who, what, &shortened(subject, NOTE_CHARS))?;
    Ok(Response::Done)
}

/// `Eve (123456)`
fn described(Person { user, name }: &Person) -> String {
    if name.is_empty() { format!("user {user}") } else { format!("{name} ({user})") }
}

fn group(chat: i64, name: &str) -> String {
    if name.is_empty() { format!("group {chat}") } else { format!("{name} ({chat})") }
}

fn fresh_code() -> String {
    let random = Uuid::new_v4();
    // The first five bytes of such an id are all random; they are cut into pieces of five bits.
    let bits = random.as_bytes().iter().take(5).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let letter = |at: usize| char::from(ALPHABET[(bits >> (5 * at)) as usize % ALPHABET.len()]);
    (0..CODE_CHARS).map(letter).collect()
}

/// A code as somebody typed it. What cannot be one is not a guess.
fn cleaned(code: &str) -> Result<String> {
    let plain: String =
        code.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect();
    if plain.len() == CODE_CHARS && plain.bytes().all(|byte| ALPHABET.contains(&byte)) {
        return Ok(plain);
    }
    Err(Error::usage(format!("{code:?} is not a pairing code"))
        .hint(format!("it has {CODE_CHARS} letters and digits, among them no 0, 1, I and O")))
}

#[cfg(test)]
mod tests;
