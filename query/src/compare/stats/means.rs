//! Student's and Welch's t tests.
//!
//! Guarantee: p is that of the t distribution with the degrees of freedom named; without spread it is 1 for equal means
//! and 0 otherwise. Cannot fail for two values per arm.

use super::result::Test;
use super::samples::{mean, variance};
use super::special::t_two_sided;

/// Student's paired t test of differences B minus A.
#[must_use]
pub fn paired_t(differences: &[f64]) -> Test {
    let n = differences.len() as f64;
    let t = mean(differences) / (variance(differences) / n).sqrt();
    Test { method: "paired t", statistic: finite(t), p: p_of(t, n - 1.0) }
}

/// Welch's t test (Biometrika 34, 1947) of B against A.
#[must_use]
pub fn welch_t(a: &[f64], b: &[f64]) -> Test {
    let (part_a, part_b) = (variance(a) / a.len() as f64, variance(b) / b.len() as f64);
    let df = (part_a + part_b).powi(2)
        / (part_a * part_a / (a.len() as f64 - 1.0) + part_b * part_b / (b.len() as f64 - 1.0));
    let t = (mean(b) - mean(a)) / (part_a + part_b).sqrt();
    Test { method: "Welch t", statistic: finite(t), p: p_of(t, df) }
}

/// 0 / 0 is no difference at all.
fn p_of(t: f64, df: f64) -> f64 {
    if t.is_nan() {
        1.0
    } else if t.is_infinite() {
        0.0
    } else {
        t_two_sided(t, df)
    }
}

fn finite(t: f64) -> Option<f64> {
    t.is_finite().then_some(t)
}
