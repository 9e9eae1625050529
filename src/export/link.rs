//! Which addresses a page may lead to.

/// Those of the web and of mail. Files, scripts and what a page would resolve against itself are text.
pub(super) fn may_lead_to(address: &str) -> bool {
    let scheme = address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    let known = scheme.is_some_and(|scheme| matches!(scheme.as_str(), "http" | "https" | "mailto"));
    known && !address.chars().any(|c| c.is_control() || c == ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_web_and_mail() {
        for (address, may) in [
            ("https://example.org/a?b#c", true),
            ("HTTP://example.org", true),
            ("mailto:me@example.org", true),
            ("javascript:alert(1)", false),
            ("java\nscript:alert(1)", false),
            (" https://example.org", false),
            ("data:text/html,x", false),
            ("file:///etc/passwd", false),
            ("src/main.rs", false),
            ("#prompt-1", false),
            ("//example.org", false),
            ("", false),
        ] {
            assert_eq!(may_lead_to(address), may, "{address:?}");
        }
    }
}
