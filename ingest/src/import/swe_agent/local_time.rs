//! Times without a zone: OpenHands writes the clock of the machine that ran it, and no offset.
//!
//! Guarantee: an offset is used only where the record proves it: a model's response bears the second at which it was
//! made, in UTC, and its action is logged at most [`DELAY_SECONDS_MAX`] later by the local clock. Where no response
//! does, or two disagree, there is no offset and events have no time. The digits of a time are kept as written.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Longest time in seconds from a response to the line that logs it. Offsets are multiples of [`STEP_SECONDS`].
const DELAY_SECONDS_MAX: i64 = 600;
/// Seconds by which a response may seem to come after its line: its own time is cut to a second.
const EARLY_SECONDS_MAX: i64 = 5;
/// Offsets of zones are multiples of this many seconds.
const STEP_SECONDS: i64 = 900;
/// No zone is further from UTC than this many seconds.
const OFFSET_SECONDS_MAX: i64 = 14 * 3_600;

/// The offset that all pairs (local time, Unix second of the response) agree on, in seconds.
pub(super) fn offset<'t>(pairs: impl Iterator<Item = (&'t str, i64)>) -> Option<i64> {
    let mut found = None;
    for (local, created) in pairs {
        let ahead = as_utc(local)?.checked_sub(created)?;
        let offset = (ahead + EARLY_SECONDS_MAX).div_euclid(STEP_SECONDS) * STEP_SECONDS;
        let delay = ahead - offset;
        if delay > DELAY_SECONDS_MAX || offset.abs() > OFFSET_SECONDS_MAX || found.is_some_and(|known| known != offset)
        {
            return None;
        }
        found = Some(offset);
    }
    found
}

/// The time with its offset, in the form that headers take.
pub(super) fn with_offset(local: &str, offset: i64) -> Option<String> {
    as_utc(local)?;
    let (sign, size) = (if offset < 0 { '-' } else { '+' }, offset.abs());
    Some(format!("{local}{sign}{:02}:{:02}", size / 3_600, size % 3_600 / 60))
}

/// Seconds since 1970 as if the local time were UTC.
fn as_utc(local: &str) -> Option<i64> {
    if local.len() < 19 || local.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let time: DateTime = local.parse().ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second())
}
