//! Codes over a real store, at chosen times.

use super::*;
use crate::config::Config;
use crate::error::Kind;
use crate::model::Channel;
use crate::paths::{Env, Paths};

struct House {
    db: Db,
    paths: Paths,
    config: Config,
    now: Timestamp,
}

impl House {
    fn new() -> Self {
        let paths = Paths::resolve(&Env::from_pairs([("HOME", "/home/nobody")])).unwrap();
        let config = Config::defaults(&paths);
        Self { db: Db::in_memory(), paths, config, now: "2026-11-22T12:00:00Z".parse().unwrap() }
    }

    fn at(&mut self, minutes: i64) {
        self.now += SignedDuration::from_mins(minutes);
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut Db, &ShortCtx<'_>, Timestamp) -> T) -> T {
        let config = || Ok(self.config.clone());
        let channel = Channel::local();
        let ctx = ShortCtx { paths: &self.paths, config: &config, who: "cli", channel: &channel, live: None };
        work(&mut self.db, &ctx, self.now)
    }

    fn ask(&mut self, user: i64) -> String {
        match self.with(|db, _, now| ask(db, &eve(user), now)).unwrap() {
            Response::PairCode { code, expires } => {
                assert!(expires > self.now);
                code
            }
            other => panic!("{other:?}"),
        }
    }

    fn invite(&mut self) -> String {
        match self.with(|db, _, now| made(db, PairingKind::Invited, None, now)).unwrap() {
            Response::PairCode { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }

    fn pair(&mut self, code: &str) -> Result<Response> {
        self.with(|db, ctx, now| pair(db, ctx, code, now)).flatten()
    }

    fn claim(&mut self, code: &str, user: i64) -> Result<Response> {
        self.with(|db, ctx, now| claim(db, ctx, code, &eve(user), now)).flatten()
    }

    fn users(&mut self) -> Vec<i64> {
        match self.with(|db, ctx, _| list(db, ctx)).unwrap() {
            Response::Access { users, .. } => users.into_iter().map(|user| user.id).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn audited(&self) -> Vec<String> {
        let entries = self.db.audit_log(99).unwrap();
        entries.into_iter().map(|entry| format!("{} {}", entry.what, entry.subject)).collect()
    }
}

fn eve(user: i64) -> Person {
    Person { user, name: format!("Eve {user}") }
}

/// One that was never given out.
fn guess(codes: &[&str]) -> String {
    ["22222222", "33333333", "44444444"].into_iter().find(|guess| !codes.contains(guess)).unwrap().to_owned()
}

#[test]
fn a_code_can_be_read_out_and_typed() {
    let code = fresh_code();
    assert_eq!(cleaned(&code).unwrap(), code);
    assert_ne!(code, fresh_code());
    let (left, right) = code.split_at(4);
    assert_eq!(cleaned(&format!(" {}-{right} ", left.to_lowercase())).unwrap(), code);
    for wrong in ["", "K7WD2MX", "K7WD2MXPP", "K7WD2MX0", "K7WD2MXÖ"] {
        assert_eq!(cleaned(wrong).unwrap_err().kind, Kind::Usage, "{wrong}");
    }
}

#[test]
fn asking_again_gives_the_same_code_until_it_is_over() {
    let mut house = House::new();
    let code = house.ask(7);
    assert_ne!(house.ask(8), code);
    house.at(59);
    assert_eq!(house.ask(7), code);
    house.at(1);
    let next = house.ask(7);
    assert_ne!(next, code);
    assert_eq!(house.pair(&next).unwrap(), Response::Paired(eve(7)));
    assert_eq!(house.users(), [7]);
    assert_eq!(house.audited(), ["paired Eve 7 (7)"]);
    // It is used up, and nobody who is in needs another.
    assert_eq!(house.pair(&next).unwrap_err().kind, Kind::NotFound);
    assert_eq!(house.with(|db, _, now| ask(db, &eve(7), now)).unwrap_err().kind, Kind::Conflict);
}

#[test]
fn a_late_code_is_no_guess() {
    let mut house = House::new();
    let (late, good) = (house.ask(7), house.ask(8));
    house.at(61);
    let fresh = house.ask(9);
    for _ in 0..9 {
        assert_eq!(house.pair(&late).unwrap_err().kind, Kind::Conflict);
        assert_eq!(house.pair("nonsense").unwrap_err().kind, Kind::Usage);
    }
    assert!(house.pair(&fresh).is_ok());
    house.at(24 * 60);
    house.ask(7);
    assert_eq!(house.pair(&good).unwrap_err().kind, Kind::NotFound, "forgotten by now");
}

#[test]
fn strangers_cannot_collect_codes() {
    let mut house = House::new();
    let first = house.ask(1);
    for user in 2..=21 {
        house.now += SignedDuration::from_secs(1);
        house.ask(user);
    }
    assert_eq!(house.pair(&first).unwrap_err().kind, Kind::NotFound, "the oldest of 21 gave way");
    assert_ne!(house.ask(1), first);
    let second = house.ask(3);
    assert!(house.pair(&second).is_ok());
}

#[test]
fn five_wrong_codes_make_all_void() {
    let mut house = House::new();
    let (code, invitation) = (house.ask(7), house.invite());
    let wrong = guess(&[&code, &invitation]);
    for _ in 0..4 {
        house.pair(&wrong).unwrap_err();
    }
    // Those of an hour ago count no more.
    house.at(61);
    let (code, invitation) = (house.ask(7), house.invite());
    for _ in 0..4 {
        let error = house.pair(&wrong).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (Kind::NotFound, "there is no such pairing code"));
    }
    let error = house.pair(&wrong).unwrap_err();
    assert!(error.message.contains("all open pairing codes are void"), "{error}");
    assert_eq!(house.pair(&code).unwrap_err().kind, Kind::NotFound);
    assert_eq!(house.claim(&invitation, 8).unwrap_err().kind, Kind::NotFound);
    assert_eq!(house.audited(), ["codes_voided 2 open pairing codes, after 5 wrong codes"]);
    let again = house.ask(7);
    assert_ne!(again, code);
    assert!(house.pair(&again).is_ok());
}

#[test]
fn an_invitation_is_for_the_first_who_shows_it() {
    let mut house = House::new();
    let code = house.invite();
    let claimed = |house: &mut House| {
        let expires = house.db.pairing(&code).unwrap().unwrap().expires;
        house.db.pairing(&code).unwrap().unwrap().person.map(|person| (person.user, expires))
    };
    assert_eq!(claimed(&mut house), None);
    assert_eq!(house.pair(&code).unwrap_err().kind, Kind::Conflict, "nobody stands behind it yet");
    assert!(matches!(house.claim(&code.to_lowercase(), 7), Ok(Response::Invited { claimed: Some(_), .. })));
    assert_eq!(house.claim(&code, 7).unwrap(), house.claim(&code, 7).unwrap());
    assert_eq!(house.claim(&code, 8).unwrap_err().kind, Kind::Conflict);
    assert_eq!(claimed(&mut house).unwrap().0, 7);
    assert!(house.users().is_empty(), "taking it up lets nobody in");
    assert_eq!(house.pair(&code).unwrap(), Response::Paired(eve(7)));
    assert_eq!(house.users(), [7]);
}

#[test]
fn from_outside_only_invitations_can_be_made_void() {
    let mut house = House::new();
    let (code, invitation) = (house.ask(7), house.invite());
    let wrong = guess(&[&code, &invitation]);
    for _ in 0..4 {
        assert_eq!(house.claim(&wrong, 8).unwrap_err().kind, Kind::NotFound);
    }
    // Somebody else's own code is no invitation.
    let error = house.claim(&code, 8).unwrap_err();
    assert!(error.message.contains("all open invitations are void"), "{error}");
    assert_eq!(house.claim(&invitation, 9).unwrap_err().kind, Kind::NotFound);
    assert!(house.pair(&code).is_ok());
}

#[test]
fn what_the_configuration_lets_in_stays_there() {
    let mut house = House::new();
    house.config.telegram.allowed_users = vec![7];
    house.config.telegram.allowed_chats = vec![-5];
    house.with(|db, _, _| db.allow(AccessKind::User, 7, "Eve")).unwrap();
    assert_eq!(house.users(), [7, 7]);
    let words = match house.with(|db, ctx, _| unpair(db, ctx, 7)).unwrap() {
        Response::Said(words) => words,
        other => panic!("{other:?}"),
    };
    assert!(words.contains("Eve (7) is not let in any more, but still the configuration"), "{words}");
    let error = house.with(|db, ctx, _| unpair(db, ctx, 7)).unwrap_err();
    assert!(error.hint.unwrap().contains("telegram.allowed_users"));
    assert_eq!(house.with(|db, ctx, _| unpair(db, ctx, 8)).unwrap_err().kind, Kind::NotFound);
    assert_eq!(house.with(|db, ctx, _| forbid_chat(db, ctx, -5)).unwrap_err().kind, Kind::Conflict);
    house.with(|db, ctx, _| allow_chat(db, ctx, -6, "fam\nily")).unwrap();
    house.with(|db, ctx, _| forbid_chat(db, ctx, -6)).unwrap();
    assert_eq!(house.with(|db, ctx, _| allow_chat(db, ctx, 6, "")).unwrap_err().kind, Kind::Usage);
    assert_eq!(
        house.audited(),
        ["unpaired Eve (7)", "chat_allowed fam ily (-6)", "chat_forbidden fam ily (-6)"]
    );
}

#[test]
fn notes_are_one_line_and_under_a_word() {
    let mut house = House::new();
    house.with(|db, ctx, _| note(db, ctx, "bot_started", "as\n@some_bot")).unwrap();
    assert_eq!(house.audited(), ["bot_started as @some_bot"]);
    for word in ["", "Two words", "ünable"] {
        assert_eq!(house.with(|db, ctx, _| note(db, ctx, word, "")).unwrap_err().kind, Kind::Usage);
    }
}
