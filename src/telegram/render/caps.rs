//! How many entities one message may have, and how much they may weigh.

use teloxide_core::types::{MessageEntity, MessageEntityKind};

pub(crate) const MOST: usize = 100;

/// Bytes of all entities of a message together.
pub(crate) const HEAVIEST: usize = 8000;

/// Lets the least important entities go until the rest fits. Of the same kind the first ones stay.
pub(crate) fn fit(entities: &mut Vec<MessageEntity>) {
    // Without addresses, which are the only long ones, as many as may be weigh less than they may.
    if entities.len() <= MOST && weight(entities) <= HEAVIEST {
        return;
    }
    let mut order: Vec<usize> = (0..entities.len()).collect();
    order.sort_by_key(|&index| rank(&entities[index].kind));
    let (mut count, mut bytes) = (0, 0);
    let mut stays = vec![false; entities.len()];
    for index in order {
        let more = weight(&entities[index..=index]);
        if count < MOST && bytes + more <= HEAVIEST {
            stays[index] = true;
            (count, bytes) = (count + 1, bytes + more);
        }
    }
    let mut stays = stays.into_iter();
    entities.retain(|_| stays.next().unwrap_or_default());
}

/// What they take in the request, commas included.
fn weight(entities: &[MessageEntity]) -> usize {
    entities.iter().map(|entity| serde_json::to_vec(entity).map_or(HEAVIEST, |json| json.len() + 1)).sum()
}

/// The lower, the more is lost without it.
const fn rank(kind: &MessageEntityKind) -> u8 {
    match kind {
        MessageEntityKind::Pre { .. } => 0,
        MessageEntityKind::TextLink { .. } => 1,
        MessageEntityKind::Blockquote | MessageEntityKind::ExpandableBlockquote => 2,
        MessageEntityKind::Strikethrough => 3,
        MessageEntityKind::Code => 4,
        MessageEntityKind::Bold => 5,
        MessageEntityKind::Italic => 6,
        _ => 7,
    }
}
