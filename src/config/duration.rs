//! Durations as people write them: `90s`, `10m`, `1h30m`, `1d`, and `0` for off.

use std::time::Duration;

/// The units, longest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// More than this is a slip, and would overflow clocks.
const LONGEST: Duration = Duration::from_hours(24 * 3650);

/// The error is the end of a sentence that begins with the key.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("needs a unit: write `{text}s`, `{text}m`, `{text}h` or `{text}d`"));
    }
    let not_one = || format!("wants a duration like `90s`, `10m`, `2h` or `1d` (`0`: off), not `{text}`");
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (amount, after) = split(rest, |c| c.is_ascii_digit());
        let (unit, after) = split(after, |c| c.is_ascii_alphabetic());
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(not_one)?;
        if amount.is_empty() {
            return Err(not_one());
        }
        let part = amount.parse::<u64>().ok().and_then(|amount| amount.checked_mul(*factor));
        total = part
            .and_then(|millis| total.checked_add(Duration::from_millis(millis)))
            .filter(|total| *total <= LONGEST)
            .ok_or_else(|| format!("is too long: `{text}` is more than ten years (`0`: off)"))?;
        rest = after.trim_start();
    }
    if text.is_empty() { Err(not_one()) } else { Ok(total) }
}

/// The shortest text that [`parse`] reads back.
pub(super) fn show(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0".to_owned();
    }
    let mut text = String::new();
    for (unit, factor) in UNITS {
        if rest >= factor {
            text.push_str(&format!("{}{unit}", rest / factor));
            rest %= factor;
        }
    }
    text
}

fn split(text: &str, of: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !of(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_shows_what_people_write() {
        for (text, seconds, shown) in [
            ("90s", 90, "1m30s"),
            ("10m", 600, "10m"),
            ("2h", 7200, "2h"),
            ("1d", 86400, "1d"),
            ("1h30m", 5400, "1h30m"),
            (" 1h 30m ", 5400, "1h30m"),
            ("0", 0, "0"),
            ("0s", 0, "0"),
            ("24h", 86400, "1d"),
        ] {
            let duration = parse(text).unwrap();
            assert_eq!(duration, Duration::from_secs(seconds), "{text}");
            assert_eq!(show(duration), shown);
            assert_eq!(parse(shown).unwrap(), duration);
        }
        assert_eq!(parse("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(show(Duration::from_millis(1250)), "1s250ms");
    }

    #[test]
    fn refuses_the_rest_with_words() {
        let not_one = "wants a duration like `90s`, `10m`, `2h` or `1d` (`0`: off), not";
        for (text, words) in [
            ("10", "needs a unit: write `10s`, `10m`, `10h` or `10d`".to_owned()),
            ("", format!("{not_one} ``")),
            ("h", format!("{not_one} `h`")),
            ("1.5h", format!("{not_one} `1.5h`")),
            ("-1h", format!("{not_one} `-1h`")),
            ("10 minutes", format!("{not_one} `10 minutes`")),
            ("1h30", format!("{not_one} `1h30`")),
            ("forever", format!("{not_one} `forever`")),
            ("9999d", "is too long: `9999d` is more than ten years (`0`: off)".to_owned()),
            (
                "99999999999999999999h",
                "is too long: `99999999999999999999h` is more than ten years (`0`: off)".to_owned(),
            ),
        ] {
            assert_eq!(parse(text), Err(words), "{text}");
        }
    }
}
