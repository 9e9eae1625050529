//! A point in time as people write it.

use jiff::{SignedDuration, Timestamp};

use crate::error::{Error, Result};

/// `90m`, `12h`, `7d`, `2w` ago, a date, or a time.
pub(crate) fn parse(words: &str, now: Timestamp) -> Result<Timestamp> {
    let wrong = || {
        Error::usage(format!("`{words}` is no point in time"))
            .hint("for example 90m, 12h, 7d, 2026-11-22 or 2026-11-22T08:00:00Z")
    };
    if let Ok(at) = words.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(date) = words.parse::<jiff::civil::Date>() {
        let midnight = date.to_zoned(jiff::tz::TimeZone::system()).map_err(|_| wrong())?;
        return Ok(midnight.timestamp());
    }
    let unit = words.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(wrong()),
    };
    let number: i64 = words[..words.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    let ago = number.checked_mul(seconds).filter(|seconds| *seconds >= 0).ok_or_else(wrong)?;
    now.checked_sub(SignedDuration::from_secs(ago)).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_read() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        for (words, at) in [
            ("90m", "2026-11-22T10:30:00Z"),
            ("7d", "2026-11-15T12:00:00Z"),
            ("2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z"),
        ] {
            assert_eq!(parse(words, now), Ok(at.parse().unwrap()));
        }
        assert!(parse("2026-11-22", now).is_ok());
        for wrong in ["", "d", "-1d", "x", "7y", "9999999999999999999d", "ü"] {
            assert!(parse(wrong, now).is_err(), "{wrong}");
        }
    }
}
