//! `search`: where something was said, over all sessions.

use jiff::Timestamp;

use super::args::SearchArgs;
use super::ask::{self, ask};
use super::ctx::Ctx;
use super::screen::{DONE, Finish, Screen};
use super::text;
use crate::ipc::{Hit, Request, Response};

pub(crate) fn run(ctx: &Ctx, args: &SearchArgs) -> Finish {
    let query = args.query.join(" ");
    let hits = match ask(ctx, Request::Search { query: query.clone(), limit: args.limit })? {
        Response::Hits(hits) => hits,
        other => return Err(ask::unexpected(&other)),
    };
    let mut out = ctx.screen.out();
    if args.json {
        out.json(&hits)?;
    } else if hits.is_empty() {
        ctx.screen.say(&format!("nobody has said: {query}"));
    } else {
        for hit in &hits {
            out.line(&line(&ctx.screen, hit, Timestamp::now()))?;
        }
    }
    out.flush()?;
    Ok(DONE)
}

/// `work #12 3h you: … the [words] …`
fn line(screen: &Screen, hit: &Hit, now: Timestamp) -> String {
    let who = if hit.kind == "prompt" { "you" } else { "claude" };
    let place = format!("{} #{}", text::one_line(&hit.name), hit.seq);
    let age = text::age(hit.at, now);
    let rest = text::one_line(&hit.snippet);
    let room = screen.columns.map(|columns| {
        columns.saturating_sub(text::width(&place) + text::width(&age) + text::width(who) + 4)
    });
    let rest = room.map_or_else(|| rest.clone(), |room| text::cut(&rest, room));
    format!("{} {age} {who}: {rest}", screen.strong(&place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SessionId;

    #[test]
    fn a_hit_fits_the_terminal() {
        let hit = Hit {
            session: SessionId::random(),
            name: "work".to_owned(),
            seq: 12,
            at: "2026-11-22T09:00:00Z".parse().unwrap(),
            kind: "prompt".to_owned(),
            snippet: "about the\n[certificate] renewal and a lot of other things".to_owned(),
        };
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut screen = Screen::plain();
        assert_eq!(
            line(&screen, &hit, now),
            "work #12 3h you: about the [certificate] renewal and a lot of other things"
        );
        screen.columns = Some(40);
        assert_eq!(line(&screen, &hit, now), "work #12 3h you: about the [certificate…");
    }
}
