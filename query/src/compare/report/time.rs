//! Points in time as text.
//!
//! Guarantee: a time beyond the calendar is shown as its microseconds.

/// RFC 3339 in UTC.
pub(super) fn rfc3339(time_us: i64) -> String {
    jiff::Timestamp::from_microsecond(time_us).map_or_else(|_| format!("{time_us} us"), |time| time.to_string())
}

/// As short as the distance `width_us` between ticks allows: `11-26` or `11-26 04:00`.
pub(super) fn short(time_us: i64, width_us: i64) -> String {
    let text = rfc3339(time_us);
    let (from, to) = if width_us >= 28 * DAY_US {
        (0, 7)
    } else if width_us >= DAY_US {
        (5, 10)
    } else {
        (5, 16)
    };
    text.get(from..to).map_or(text.clone(), |part| part.replace('T', " "))
}

/// A day.
pub(super) const DAY_US: i64 = 86_400_000_000;
