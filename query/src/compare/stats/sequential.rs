//! Confidence sequences: intervals and p values that hold at every look, however often one looks and whenever one
//! stops.
//!
//! Guarantee: with bounds, the chance that any look ever excludes the true mean is at most 1 - level, for every
//! distribution within the bounds (betting). Without bounds this holds in the limit only, and the result says so.
//! Values must be one per task, in the order of time, and later ones must not be chosen by what earlier ones were.
//! Fails on a value outside of the bounds.

use super::error::{Result, StatsError};
use super::limits::{ASYMPTOTIC_BURN_IN, BETTING_OBSERVATIONS_MAX};
use super::options::share;
use super::result::Interval;
use super::{asymptotic_sequence::Asymptotic, betting::Betting};
use serde::Serialize;

/// What is known about the values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bounds {
    /// Every value lies within: -1 and 1 for differences of outcomes.
    Within(f64, f64),
    /// Nothing; the variance must be finite.
    None,
}

/// State after one look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Look {
    /// Values so far.
    pub n: usize,
    /// Their mean.
    pub estimate: f64,
    /// The interval: the intersection of all so far.
    pub interval: Interval,
    /// The p that is valid at any time: of all looks so far.
    pub p: f64,
}

/// A confidence sequence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sequence {
    /// How it was made.
    pub method: &'static str,
    /// Values missing or not finite, set aside.
    pub missing: usize,
    /// One entry per look.
    pub looks: Vec<Look>,
    /// What a careful reader must know.
    pub notes: Vec<String>,
}

/// Name of the method for bounded values.
pub const BETTING: &str = "confidence sequence by betting (Waudby-Smith and Ramdas)";
/// Name of the method for unbounded values.
pub const ASYMPTOTIC: &str = "asymptotic confidence sequence (Waudby-Smith et al.)";

/// Follows `values` and reports after each of `looks` (numbers of values taken in, ascending).
pub fn confidence_sequence(values: &[f64], bounds: Bounds, looks: &[usize], level: f64) -> Result<Sequence> {
    share("level", level)?;
    let bounds = checked(values, bounds)?;
    let mut notes = Vec::new();
    let mut follower = match bounds {
        Bounds::Within(low, high) if values.len() <= BETTING_OBSERVATIONS_MAX => {
            Follower::Betting(Box::new(Betting::new(low, high, level)))
        }
        _ => {
            let planned = looks.first().copied().unwrap_or(values.len()).max(ASYMPTOTIC_BURN_IN);
            notes.push(format!(
                "no bounds are used: it holds for large samples, and is silent before {ASYMPTOTIC_BURN_IN} values"
            ));
            Follower::Asymptotic(Asymptotic::new(level, planned))
        }
    };
    let mut sequence = Sequence { method: follower.method(), missing: 0, looks: Vec::new(), notes };
    let mut due = looks.iter().copied().peekable();
    let (mut n, mut sum) = (0, 0.0);
    for (position, &value) in values.iter().enumerate() {
        if value.is_finite() {
            n += 1;
            sum += value;
            follower.take(value);
        } else {
            sequence.missing += 1;
        }
        while due.next_if(|&at| at <= position + 1).is_some() {
            let (low, high, p) = follower.state();
            let interval = Interval { low, high, level, method: sequence.method };
            sequence.looks.push(Look { n, estimate: sum / n.max(1) as f64, interval, p });
        }
    }
    Ok(sequence)
}

fn checked(values: &[f64], bounds: Bounds) -> Result<Bounds> {
    let Bounds::Within(low, high) = bounds else { return Ok(bounds) };
    if low.is_nan() || high.is_nan() || low >= high || low.is_infinite() || high.is_infinite() {
        return Err(StatsError::Setting { what: "bounds", expected: "finite, the lower below the upper", found: low });
    }
    match values.iter().position(|v| v.is_finite() && !(low..=high).contains(v)) {
        Some(index) => Err(StatsError::OutOfBounds { index, low, high, found: values[index] }),
        None => Ok(bounds),
    }
}

enum Follower {
    Betting(Box<Betting>),
    Asymptotic(Asymptotic),
}

impl Follower {
    fn method(&self) -> &'static str {
        match self {
            Self::Betting(_) => BETTING,
            Self::Asymptotic(_) => ASYMPTOTIC,
        }
    }

    fn take(&mut self, value: f64) {
        match self {
            Self::Betting(b) => b.take(value),
            Self::Asymptotic(a) => a.take(value),
        }
    }

    /// Low, high, p.
    fn state(&self) -> (f64, f64, f64) {
        match self {
            Self::Betting(b) => b.state(),
            Self::Asymptotic(a) => a.state(),
        }
    }
}
