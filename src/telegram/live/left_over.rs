//! What a former run was showing when it ended: a message that goes on doing so, with its button, is a lie.
//!
//! Whoever still waits for the turn gets its end in the same message, under whichever number the host ends it. The others
//! are not sure to hear of it at all, so their message says now that it shows nothing any more.

use std::sync::Arc;

use jiff::Timestamp;

use crate::telegram::bridge::Bridge;
use crate::telegram::db::{Fault, LiveRow, NewOutgoing, PromptState, Tables};
use crate::telegram::host::{Outcome, exactly};
use crate::telegram::outbox::{Keyboard, Payload, Target, priority};
use crate::telegram::render::{Rich, Style};
use crate::telegram::show;

/// To be begun before anything is shown in this run.
pub(super) fn end(bridge: Arc<Bridge>) -> impl Future<Output = ()> {
    let left = bridge.db.read(|tables| tables.live_rows(None));
    async move {
        if bridge.is_begun_anew {
            // Nothing has ended but the bridge.
            return;
        }
        let left = match left {
            Ok(left) => left,
            Err(error) => return tracing::warn!(%error, "cannot read what was shown before"),
        };
        for live in left {
            if let Err(trouble) = end_one(&bridge, live).await {
                tracing::debug!(?trouble, "a turn of a former run is still shown");
            }
        }
    }
}

async fn end_one(bridge: &Bridge, live: LiveRow) -> Outcome<()> {
    let LiveRow { place, session, message, .. } = live;
    let name = bridge.show(exactly(session), place).await?.name;
    bridge.db.write(|tables| {
        if is_awaited(tables, &live)? {
            return Ok(());
        }
        let is_its_own = tables.is_topic_of(place, session)?;
        let mut rich = if is_its_own { Rich::default() } else { show::heading(&name) };
        rich.push("⏹ claudebot was started anew meanwhile", Style::Italic);
        let payload = Payload::Edit { message: Target::Id(message), rich, buttons: Keyboard::default() };
        let (priority, payload) = (priority::MIRROR, payload.to_json()?);
        tables.enqueue(&NewOutgoing { place, priority, key: None, payload }, Timestamp::now())?;
        tables.end_live(place.chat, message)
    })?;
    bridge.outbox.wake(place.chat);
    Ok(())
}

/// Its end is still to come, or is on its way.
fn is_awaited(tables: &Tables, live: &LiveRow) -> Result<bool, Fault> {
    let Some(prompt) = live.prompt else { return Ok(false) };
    let is_open = tables.prompt_set_of(prompt)?.is_some_and(|set| set.state == PromptState::Accepted);
    Ok(is_open || tables.next_outgoing(live.place.chat, &[])?.is_some())
}
