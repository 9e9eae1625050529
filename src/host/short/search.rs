//! A search: in the logs, and in conversations that are no sessions. Both are ranked by the same measure.

use std::collections::HashMap;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::ShortCtx;
use crate::claude::said;
use crate::error::{Error, Result};
use crate::ipc::{Hit, PlainIndex, Request, Response};
use crate::search::{self, Query, Snippet, Surroundings};
use crate::store::plain::{Place, Plain, Trouble};
use crate::store::{Db, Found};

/// So many places in plain conversations are read and ranked, the newest ones.
const RANKED: usize = 120;

/// What is read of them to rank them, in bytes.
const READ: u64 = 4 << 20;

/// Characters that are shown of a text, and of what a conversation is about.
const SHOWN: usize = 200;
const TITLE: usize = 60;

/// An index of this age may lack something.
const FRESH: SignedDuration = SignedDuration::from_secs(30);

pub(super) fn answer(db: &Db, ctx: &ShortCtx<'_>, request: &Request) -> Result<Response> {
    let Request::Search { query, limit, dir, plain, .. } = request else {
        return Err(Error::failed("this is no search"));
    };
    let now = Timestamp::now();
    let around = Surroundings { now, home: ctx.paths.home(), dir: dir.as_deref() };
    let query = Query::parse(query, around)?;
    let ours = db.search(&query, now, *limit)?.into_iter().map(|found| (found.score, hit(found)));
    if !plain {
        return Ok(Response::Hits(ours.map(|(_, hit)| hit).collect()));
    }
    let mut hits: Vec<(f64, Hit)> = ours.collect();
    let mut index = PlainIndex::default();
    let mut titles = Titles::default();
    match look(db, ctx, &query, now, &mut index) {
        Ok((found, of)) => {
            hits.extend(found);
            titles = of;
        }
        Err(trouble) => {
            // What is damaged is made anew by the next one who asks for it.
            index.stale = matches!(trouble, Trouble::Damaged(_));
            index.trouble = Some(trouble.into());
        }
    }
    hits.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    hits.truncate(usize::try_from(*limit).unwrap_or(usize::MAX));
    let mut hits: Vec<Hit> = hits.into_iter().map(|(_, hit)| hit).collect();
    if let Err(trouble) = titles.give(&mut hits) {
        index.trouble = Some(trouble.into());
    }
    Ok(Response::Found { hits, plain: index })
}

/// The answer of who could not bring the index up to date before: it says so, unless there is worse to say.
pub(crate) fn with_trouble(response: Response, looked: Result<()>) -> Response {
    match (response, looked) {
        (Response::Found { hits, mut plain }, Err(error)) => {
            plain.trouble.get_or_insert(error);
            Response::Found { hits, plain }
        }
        (response, _) => response,
    }
}

/// Where Claude Code keeps its conversations. A broken configuration keeps nobody from finding the others.
pub(crate) fn claude_dir(ctx: &ShortCtx<'_>) -> PathBuf {
    let configured = (ctx.config)().ok().and_then(|config| config.claude.config_dir.clone());
    ctx.paths.claude_config_dir(configured.as_deref())
}

fn look(
    db: &Db,
    ctx: &ShortCtx<'_>,
    query: &Query,
    now: Timestamp,
    index: &mut PlainIndex,
) -> std::result::Result<(Vec<(f64, Hit)>, Titles), Trouble> {
    let Some(plain) = Plain::open(&ctx.paths.conversations_database())? else {
        index.stale = said::has_projects(&claude_dir(ctx));
        return Ok(Default::default());
    };
    let extent = plain.extent()?;
    index.conversations = extent.conversations;
    index.at = extent.scanned;
    index.stale = extent.scanned.is_none_or(|at| now.duration_since(at).abs() > FRESH);
    // What cannot be told is not left out.
    let is_ours = |id| db.ours(&[id]).is_ok_and(|ours| !ours.is_empty());
    let mut left = READ;
    let (mut hits, mut places) = (Vec::new(), HashMap::new());
    for place in plain.places(query, RANKED, is_ours)? {
        if left == 0 {
            break;
        }
        left = left.saturating_sub(place.length);
        // The file may be gone, or another one by now: the next look at all files will tell.
        let Ok(Some(text)) = said::read(&place.path, place.offset, place.length) else { continue };
        if let Some(found) = search::Found::find(query, &text) {
            let score = search::score(&found, place.at, now);
            let snippet = found.snippet(&text, SHOWN);
            hits.push((score, plain_hit(&place, snippet)));
            places.entry(place.conversation).or_insert(place);
        }
    }
    Ok((hits, Titles { plain: Some(plain), places }))
}

/// What the conversations are about. That is read only of those that are shown: a first prompt may be large.
#[derive(Default)]
struct Titles {
    plain: Option<Plain>,
    /// A place in each conversation.
    places: HashMap<Uuid, Place>,
}

impl Titles {
    fn give(mut self, hits: &mut [Hit]) -> std::result::Result<(), Trouble> {
        let Some(plain) = self.plain else { return Ok(()) };
        let mut known: HashMap<Uuid, Option<String>> = HashMap::new();
        for hit in hits {
            let Some(id) = hit.conversation else { continue };
            if let Some(place) = self.places.remove(&id) {
                known.insert(id, place_title(&plain, &place)?);
            }
            hit.title = known.get(&id).cloned().flatten();
        }
        Ok(())
    }
}

/// The first words of the conversation.
fn place_title(plain: &Plain, place: &Place) -> std::result::Result<Option<String>, Trouble> {
    let Some((offset, length)) = plain.beginning(place)? else { return Ok(None) };
    let Ok(Some(text)) = said::read(&place.path, offset, length) else { return Ok(None) };
    let words: Vec<&str> = text.split_whitespace().take(TITLE).collect();
    let line = words.join(" ");
    let title: String = line.chars().take(TITLE).collect();
    Ok(Some(if title.len() < line.len() { format!("{}…", title.trim_end()) } else { title }))
}

fn plain_hit(place: &Place, snippet: Snippet) -> Hit {
    let snippet = snippet.bracketed();
    Hit {
        session: None,
        name: None,
        seq: None,
        conversation: Some(place.conversation),
        title: None,
        dir: place.dir.clone(),
        at: place.at,
        kind: place.kind.as_str().to_owned(),
        marks: snippet.marks.iter().map(|mark| (mark.start, mark.end)).collect(),
        snippet: snippet.text,
        archived: false,
        archive: None,
    }
}

fn hit(found: Found) -> Hit {
    let snippet = found.snippet.bracketed();
    Hit {
        session: Some(found.session),
        name: Some(found.name),
        seq: Some(found.seq),
        conversation: None,
        title: None,
        dir: Some(found.dir),
        at: found.at,
        kind: found.kind.as_str().to_owned(),
        marks: snippet.marks.iter().map(|mark| (mark.start, mark.end)).collect(),
        snippet: snippet.text,
        archived: found.archived,
        archive: found.archive,
    }
}
