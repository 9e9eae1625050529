//! Which addresses become links. Telegram refuses a whole message for one address that it does not take, such as
//! `http://localhost`, so what is in doubt is shown as text instead.

use teloxide_core::types::MessageEntityKind;

/// Longer ones cost too much of what all entities of a message may have together.
const LONGEST: usize = 2048;

/// The entity for an address, or `None` when it must not become one.
pub(crate) fn text_link(address: &str) -> Option<MessageEntityKind> {
    let kind = MessageEntityKind::TextLink { url: address.parse().ok()? };
    let MessageEntityKind::TextLink { url } = &kind else { return None };
    let host = url.host_str()?;
    let is_legal = match url.scheme() {
        "http" | "https" => is_domain(host),
        "tg" => is_name(host) && url.port().is_none(),
        _ => false,
    };
    let is_plain = url.username().is_empty() && url.password().is_none();
    (is_legal && is_plain && url.as_str().len() <= LONGEST).then_some(kind)
}

fn is_domain(host: &str) -> bool {
    host.contains('.') && host.split('.').all(is_name)
}

fn is_name(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}
