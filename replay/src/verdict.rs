//! What several replays say together: how many ended otherwise, beside as many controls, with intervals.
//!
//! Guarantee: proportions carry Wilson's interval at 95 %, their difference Newcombe's. Runs that broke off count in no
//! proportion. The word is `influenced` only when the interval of the difference excludes zero, or when every run
//! changed and no control did; it never says that something had no influence, only that none was seen.

use crate::serve::Outcome;
use serde::Serialize;

/// The 97.5 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Runs of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Arm {
    /// Runs that ended.
    pub runs: u64,
    /// Runs whose outcome is another than the recorded one.
    pub changed: u64,
    /// Runs in which the input reached the model.
    pub exposed: u64,
    /// Runs that broke off.
    pub broken: u64,
    /// Lower and upper bound of the share that changed.
    pub interval: (f64, f64),
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Verdict {
    /// Runs with the change.
    pub runs: Arm,
    /// Runs without it.
    pub controls: Arm,
    /// Share that changed, less that of the controls.
    pub difference: f64,
    /// Its interval.
    pub difference_interval: (f64, f64),
    /// `influenced`, `exposed`, `not exposed`, `uncertain` or `broken`.
    pub word: &'static str,
}

impl Arm {
    /// Counts outcomes.
    #[must_use]
    pub fn of<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Self {
        let mut arm = Self::default();
        for outcome in outcomes {
            match outcome {
                Outcome::Broken { .. } => arm.broken += 1,
                Outcome::NotExposed => arm.runs += 1,
                Outcome::Exposed => (arm.runs, arm.exposed) = (arm.runs + 1, arm.exposed + 1),
                Outcome::Influenced { .. } => {
                    (arm.runs, arm.changed, arm.exposed) = (arm.runs + 1, arm.changed + 1, arm.exposed + 1);
                }
            }
        }
        arm.interval = wilson(arm.changed, arm.runs);
        arm
    }

    fn share(&self) -> f64 {
        if self.runs == 0 { 0.0 } else { self.changed as f64 / self.runs as f64 }
    }
}

impl Verdict {
    /// What runs and controls say.
    #[must_use]
    pub fn new(runs: Arm, controls: Arm) -> Self {
        let difference = runs.share() - controls.share();
        let difference_interval = newcombe(&runs, &controls);
        let word = match () {
            () if runs.runs == 0 => "broken",
            () if runs.changed == runs.runs && controls.changed == 0 => "influenced",
            () if difference_interval.0 > 0.0 => "influenced",
            () if runs.changed > 0 => "uncertain",
            () if runs.exposed > 0 => "exposed",
            () => "not exposed",
        };
        Self { runs, controls, difference, difference_interval, word }
    }
}

/// Wilson's interval of a proportion.
fn wilson(changed: u64, runs: u64) -> (f64, f64) {
    if runs == 0 {
        return (0.0, 1.0);
    }
    let (n, p) = (runs as f64, changed as f64 / runs as f64);
    let (middle, wide) = (p + Z * Z / (2.0 * n), Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt());
    let below = 1.0 + Z * Z / n;
    (((middle - wide) / below).max(0.0), ((middle + wide) / below).min(1.0))
}

/// Newcombe's interval of a difference of proportions.
fn newcombe(a: &Arm, b: &Arm) -> (f64, f64) {
    if a.runs == 0 || b.runs == 0 {
        return (-1.0, 1.0);
    }
    let (p, q) = (a.share(), b.share());
    let lower = (p - a.interval.0).hypot(b.interval.1 - q);
    let upper = (a.interval.1 - p).hypot(q - b.interval.0);
    (p - q - lower, p - q + upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 0.000_5
    }

    #[test]
    fn intervals_are_the_published_ones() {
        // Newcombe 1998, table II, example (a): 56/70 and 48/80.
        let arm = |changed, runs| Arm { runs, changed, interval: wilson(changed, runs), ..Arm::default() };
        let (low, high) = newcombe(&arm(56, 70), &arm(48, 80));
        assert!(near(low, 0.0524) && near(high, 0.3339), "{low} {high}");
        let (low, high) = wilson(81, 263);
        assert!(near(low, 0.2553) && near(high, 0.3662), "{low} {high}");
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn one_run_without_change_is_exposed_and_nothing_more() {
        let exposed = Verdict::new(Arm::of(&[Outcome::Exposed]), Arm::of(&[Outcome::NotExposed]));
        assert_eq!(exposed.word, "exposed");
        let changed = Outcome::Influenced { act: 0, recorded: None, replayed: None };
        assert_eq!(Verdict::new(Arm::of([&changed]), Arm::of(&[Outcome::NotExposed])).word, "influenced");
        assert_eq!(
            Verdict::new(Arm::of([&changed, &Outcome::Exposed]), Arm::of([&changed, &Outcome::Exposed])).word,
            "uncertain"
        );
    }
}
