//! How many entities one message may have, and how much they may weigh.

use teloxide_core::types::{MessageEntity, MessageEntityKind};

pub(crate) const MOST: usize = 100;

/// Bytes of all entities of a message together.
pub(crate) const HEAVIEST: usize = 8000;

/// Lets the least important entities go until the rest fits. Of the same kind the first ones stay.
pub(crate) fn fit(entities: &mut Vec<MessageEntity>) {
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

/// What they take in the request, at most.
fn weight(entities: &[MessageEntity]) -> usize {
    // The longest kind with its offset, its length and a comma takes less than this.
    const FIXED: usize = 64;
    let more = |entity: &MessageEntity| match &entity.kind {
        MessageEntityKind::TextLink { url } => {
            let url = url.as_str();
            r#""url":"","#.len() + url.len() + url.bytes().filter(|&byte| byte == b'\\').count()
        }
        MessageEntityKind::Pre { language: Some(language) } => r#""language":"","#.len() + language.len(),
        _ => 0,
    };
    entities.iter().map(|entity| FIXED + more(entity)).sum()
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
