//! Numbers as people read them.
//!
//! Guarantee: a number that is not finite is shown as `–`; a value that is not 0 is never shown as 0.

use serde::Serialize;
use utoipa::ToSchema;

/// What is shown for what is not there.
pub(super) const ABSENT: &str = "–";

/// What a number measures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A plain number.
    #[default]
    Number,
    /// A share of 1, shown in percent; differences in percentage points.
    Share,
    /// A relative difference, shown in percent.
    Relative,
    /// Seconds.
    Seconds,
    /// Whole things: tokens, calls, turns.
    Count,
    /// Money, in this currency.
    Money(String),
}

impl Unit {
    /// A value.
    #[must_use]
    pub fn value(&self, value: f64) -> String {
        self.with(value, false)
    }

    /// A difference: with its sign.
    #[must_use]
    pub fn signed(&self, value: f64) -> String {
        self.with(value, true)
    }

    /// The ends of an interval of differences; a unit that both share stands once.
    #[must_use]
    pub fn interval(&self, low: f64, high: f64) -> String {
        let (low, high) = (self.signed(low), self.signed(high));
        match (low.split_once(' '), high.split_once(' ')) {
            (Some((a, unit)), Some((b, other))) if unit == other => format!("[{a}, {b}] {unit}"),
            _ => format!("[{low}, {high}]"),
        }
    }

    /// A value at an axis, without zeros that say nothing.
    pub(super) fn tick(&self, value: f64, signed: bool) -> String {
        let text = self.with(value, signed);
        let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
        let short = match number.split_once('.') {
            Some(_) if !number.contains('e') => number.trim_end_matches('0').trim_end_matches('.'),
            _ => number,
        };
        format!("{short} {unit}").trim_end().to_owned()
    }

    fn with(&self, value: f64, signed: bool) -> String {
        if !value.is_finite() {
            return ABSENT.into();
        }
        let sign = match (value < 0.0, signed && value > 0.0) {
            (true, _) => "−",
            (_, true) => "+",
            _ => "",
        };
        let size = value.abs();
        let text = match self {
            Self::Number | Self::Count => significant(size),
            Self::Share if signed => format!("{} pp", significant_at(100.0 * size, 1)),
            Self::Share | Self::Relative => format!("{} %", significant_at(100.0 * size, 1)),
            Self::Seconds if size > 0.0 && size < 1.0 => format!("{} ms", significant(1_000.0 * size)),
            Self::Seconds if size >= 600.0 => format!("{} min", significant(size / 60.0)),
            Self::Seconds => format!("{} s", significant(size)),
            Self::Money(currency) => format!("{} {currency}", significant(size)),
        };
        format!("{sign}{text}")
    }
}

/// Three significant digits, or all digits before the point.
fn significant(size: f64) -> String {
    if size == 0.0 {
        return "0".into();
    }
    let digits = size.log10().floor() as i32;
    significant_at(size, usize::try_from(2 - digits).unwrap_or(0).min(12))
}

/// `decimals` digits after the point, or as many as show that the value is not 0.
fn significant_at(size: f64, decimals: usize) -> String {
    if size >= 1e15 || (size > 0.0 && size < 1e-9) {
        return format!("{size:.2e}");
    }
    let needed = if size > 0.0 { (-size.log10()).ceil().max(0.0) as usize } else { 0 };
    let text = format!("{size:.*}", decimals.max(needed));
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), String::new()), |(w, r)| (w, format!(".{r}")));
    grouped(whole) + &rest
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A setting such as 0.05, as short as it is.
pub(super) fn setting(value: f64) -> String {
    if value.is_finite() { format!("{}", (value * 1e6).round() / 1e6) } else { ABSENT.into() }
}

/// A length of time in whole units.
pub(super) fn width(width_us: i64) -> String {
    let units = [(86_400_000_000, "day", "days"), (3_600_000_000, "hour", "hours"), (60_000_000, "minute", "minutes")];
    let seconds = (1_000_000, "second", "seconds");
    let (size, one, many) = units.into_iter().find(|(size, _, _)| width_us % size == 0).unwrap_or(seconds);
    counted(u64::try_from(width_us / size).unwrap_or(0), one, many)
}

/// A count.
pub(super) fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// `1 pair`, `2 pairs`.
pub(super) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A p-value.
pub(super) fn p(p: f64) -> String {
    match p {
        p if !p.is_finite() => ABSENT.into(),
        p if p < 0.0001 => "< 0.0001".into(),
        p if p < 0.001 => format!("{p:.4}"),
        p => format!("{p:.3}"),
    }
}
