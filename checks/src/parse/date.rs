//! `new Date(text)`, as far as the token caches need it.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use super::json::{self, Kind};

/// When a cached token expires, as JavaScript's `new Date(…)` reads it.
///
/// The readings were compared with what Claude Code 2.1.330 does with a token that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expiry {
    /// The file does not say.
    Missing,
    /// A moment.
    At(Timestamp),
    /// Not a date to JavaScript (`NaN`), for example `2026-01-01T00:00:00UTC`.
    ///
    /// It is neither before nor after any moment: where the SDK asks "is it still fresh", it is
    /// not; where it asks "is it over", it is not either.
    NotADate {
        /// What stands there.
        text: String,
    },
    /// JavaScript reads some moment out of it, but which depends on the time zone or the engine.
    Unclear {
        /// What stands there.
        text: String,
    },
}

impl Expiry {
    /// Returns the moment, if it is sure.
    pub fn moment(&self) -> Option<Timestamp> {
        match self {
            Self::At(moment) => Some(*moment),
            Self::Missing | Self::NotADate { .. } | Self::Unclear { .. } => None,
        }
    }

    /// Reads the JSON value of an `expiresAt`.
    pub(super) fn of_json(value: Option<&RawValue>) -> Self {
        let Some(value) = value else {
            return Self::Missing;
        };
        let unread = || Self::NotADate {
            text: json::kind(value).phrase().to_owned(),
        };
        match json::kind(value) {
            Kind::Text | Kind::List => Self::of_text(&json::text(value)),
            // `new Date(null)` is the beginning of 1970, `new Date(true)` a millisecond later.
            Kind::Null | Kind::Truth => Self::At(Timestamp::UNIX_EPOCH),
            // A number counts milliseconds; what is cut off is less than one.
            Kind::Number => value
                .get()
                .parse::<f64>()
                .ok()
                .and_then(|millis| SignedDuration::try_from_secs_f64(millis / 1000.0).ok())
                .and_then(|since| Timestamp::UNIX_EPOCH.checked_add(since).ok())
                .map_or_else(unread, Self::At),
            Kind::Object => unread(),
        }
    }

    /// Reads a text.
    fn of_text(text: &str) -> Self {
        if let Some(moment) = instant(text) {
            return Self::At(moment);
        }
        let text = text.to_owned();
        // Engines fall back to a lenient reader for what is not ISO 8601 ("1 Jan 2026"), but it
        // refuses whatever has the `T` of ISO 8601 and whatever has no digits.
        let bytes = text.as_bytes();
        let has_t = bytes.windows(3).any(|around| {
            around[0].is_ascii_digit()
                && around[1].eq_ignore_ascii_case(&b't')
                && around[2].is_ascii_digit()
        });
        let extended_year = text.starts_with(['+', '-']);
        let zoneless = has_t && instant(&format!("{text}Z")).is_some();
        let has_digit = bytes.iter().any(u8::is_ascii_digit);
        if !has_digit || (has_t && !zoneless && !extended_year) {
            Self::NotADate { text }
        } else {
            Self::Unclear { text }
        }
    }
}

/// Reads `YYYY-MM-DD`, or that with a time of day and a zone.
fn instant(text: &str) -> Option<Timestamp> {
    let mut rest = text;
    let year = digits(&mut rest, 4)?;
    tag(&mut rest, b"-")?;
    let month = digits(&mut rest, 2)?;
    tag(&mut rest, b"-")?;
    let day = digits(&mut rest, 2)?;
    // Any day up to the 31st is taken in any month and runs over into the next.
    if !(1..=31).contains(&day) {
        return None;
    }
    let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
    let start = TimeZone::UTC
        .to_timestamp(first.at(0, 0, 0, 0))
        .ok()?
        .checked_add(SignedDuration::from_hours((day - 1) * 24))
        .ok()?;
    if rest.is_empty() {
        return Some(start);
    }

    let spaced = tag(&mut rest, b" ").is_some();
    if !spaced {
        tag(&mut rest, b"Tt")?;
    }
    let hour = digits(&mut rest, 2)?;
    tag(&mut rest, b":")?;
    let minute = digits(&mut rest, 2)?;
    let (mut second, mut millis) = (0, 0);
    if tag(&mut rest, b":").is_some() {
        second = digits(&mut rest, 2)?;
        if tag(&mut rest, b".").is_some() {
            millis = fraction(&mut rest)?;
        }
    }
    let midnight_after = hour == 24 && minute == 0 && second == 0 && millis == 0;
    if (hour > 23 && !midnight_after) || minute > 59 || second > 59 {
        return None;
    }

    let east = match rest {
        "Z" | "z" => 0,
        " UTC" | " GMT" if spaced => 0,
        _ => offset_minutes(rest)?,
    };
    let time = SignedDuration::from_mins(hour * 60 + minute - east)
        + SignedDuration::from_secs(second)
        + SignedDuration::from_millis(millis);
    start.checked_add(time).ok()
}

/// Reads `+HH:MM` or `+HHMM`, up to the end.
fn offset_minutes(text: &str) -> Option<i64> {
    let mut rest = text;
    let sign = if tag(&mut rest, b"+").is_some() {
        1
    } else {
        tag(&mut rest, b"-")?;
        -1
    };
    let hours = digits(&mut rest, 2)?;
    let _optional = tag(&mut rest, b":");
    let minutes = digits(&mut rest, 2)?;
    (rest.is_empty() && hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// Takes `count` digits off the front.
fn digits(rest: &mut &str, count: usize) -> Option<i64> {
    let head = rest.get(..count)?;
    if !head.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    *rest = rest.get(count..)?;
    head.parse().ok()
}

/// Takes the digits of a fraction off the front and returns the milliseconds.
fn fraction(rest: &mut &str) -> Option<i64> {
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (all, after) = rest.split_at(end);
    *rest = after;
    let kept = all.get(..3).unwrap_or(all);
    (!kept.is_empty())
        .then(|| format!("{kept:0<3}"))
        .and_then(|millis| millis.parse().ok())
}

/// Takes one of the given bytes off the front.
fn tag(rest: &mut &str, any_of: &[u8]) -> Option<()> {
    any_of.contains(rest.as_bytes().first()?).then_some(())?;
    *rest = rest.get(1..)?;
    Some(())
}

#[cfg(test)]
mod tests;
