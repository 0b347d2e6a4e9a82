//! The median of paired differences.
//!
//! Guarantee: one difference per task enters; p is that of the sign test, exact. The interval is BCa up to ten thousand
//! tasks, above it the exact one from order statistics. Cannot fail for two tasks or more.

use super::discrete::binomial;
use super::limits::RESAMPLED_OBSERVATIONS_MAX;
use super::options::Options;
use super::result::{Comparison, Interval, Test};
use super::samples::CleanPairs;
use super::special::normal_quantile;
use super::{bca, bootstrap, wilcoxon};

/// Fills in everything that belongs to the median.
pub(super) fn fill(result: &mut Comparison, clean: &CleanPairs, options: &Options) {
    let (task_a, task_b) = clean.by_task();
    let differences: Vec<f64> = task_a.iter().zip(&task_b).map(|(a, b)| b - a).collect();
    result.estimand = "median of differences";
    result.value_a = bca::median(&task_a);
    result.value_b = bca::median(&task_b);
    result.estimate = bca::median(&differences);
    if !clean.single() {
        result.notes.push("differences of task means".to_owned());
    }
    result.notes.push("the median of differences is not the difference of medians".to_owned());
    result.interval = interval(&differences, options);
    result.why = format!("median asked for: {}", result.interval.method);
    result.test = sign_test(&differences);
    result.p = result.test.p;
    let ranked = wilcoxon::signed_rank(&differences);
    result.further_tests.push(ranked.test);
    result.effects.push(ranked.rank_biserial);
}

fn interval(differences: &[f64], options: &Options) -> Interval {
    let level = options.level;
    let resamples = options.resamples.unwrap_or_else(|| bootstrap::resamples_for(differences.len()));
    let small = differences.len() <= RESAMPLED_OBSERVATIONS_MAX;
    let ends = if small { bca::of_median(differences, level, resamples, options.seed) } else { None };
    if let Some((low, high)) = ends {
        return Interval { low, high, level, method: "BCa bootstrap" };
    }
    let (low, high) = order_statistics(differences, level);
    Interval { low, high, level, method: "exact, from order statistics" }
}

/// The values between which the median lies with at least `level` (Conover, Practical Nonparametric Statistics, 1999,
/// section 3.2); the whole range when no inner pair of values is that sure.
pub(super) fn order_statistics(values: &[f64], level: f64) -> (f64, f64) {
    let n = values.len();
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let window = binomial(n as u64, 0.5);
    let spread = (n as f64).sqrt() / 2.0 * normal_quantile(0.5 + level / 2.0);
    let mut skip = ((n as f64 / 2.0 - spread).max(0.0) as u64 + 2).min(n as u64 / 2);
    while skip > 0 && 2.0 * window.up_to(skip - 1) > 1.0 - level {
        skip -= 1;
    }
    let rank = (skip as usize).saturating_sub(1);
    (sorted[rank], sorted[n - 1 - rank])
}

/// The sign test, exact; differences of zero are set aside.
pub(super) fn sign_test(differences: &[f64]) -> Test {
    let plus = differences.iter().filter(|&&d| d > 0.0).count() as u64;
    let minus = differences.iter().filter(|&&d| d < 0.0).count() as u64;
    let p = (2.0 * binomial(plus + minus, 0.5).up_to(plus.min(minus))).min(1.0);
    Test { method: "sign test, exact", statistic: Some(plus as f64), p }
}
