//! The sign-flip test of paired differences, over clusters.
//!
//! Guarantee: exact when, under "no difference", A and B could be exchanged within each task: all flips are counted up
//! to [`super::limits::SIGN_FLIPS_EXACT_MAX`] tasks; above, flips are drawn and the p counts the sample itself, so it
//! still holds its level (Phipson and Smyth 2010). Cannot fail.

use super::limits::SIGN_FLIPS_EXACT_MAX;
use super::random::Random;
use super::result::Test;

/// Tests that sums of differences by task are as likely positive as negative. `sums` has one sum per task.
#[must_use]
pub fn sign_flip(sums: &[f64], resamples: u32, seed: u64) -> Test {
    let moving: Vec<f64> = sums.iter().copied().filter(|&s| s != 0.0).collect();
    let observed = moving.iter().sum::<f64>().abs();
    let scale: f64 = moving.iter().map(|s| s.abs()).sum();
    let limit = observed - 1e-12 * scale;
    let extreme = |sum: f64| u32::from(sum.abs() >= limit);
    if moving.len() <= SIGN_FLIPS_EXACT_MAX {
        let all = 1_u32 << moving.len();
        let sum = |mask: u32| moving.iter().enumerate().map(|(i, s)| if mask >> i & 1 == 1 { *s } else { -s }).sum();
        let count: u32 = (0..all).map(|mask| extreme(sum(mask))).sum();
        let p = f64::from(count) / f64::from(all);
        return Test { method: "sign flips by task, all counted", statistic: Some(observed), p };
    }
    let mut random = Random::new(seed, 4);
    let mut count = 0;
    for _ in 0..resamples {
        let mut sum = 0.0;
        for chunk in moving.chunks(64) {
            let bits = random.bits();
            sum += chunk.iter().enumerate().map(|(i, s)| if bits >> i & 1 == 1 { *s } else { -s }).sum::<f64>();
        }
        count += extreme(sum);
    }
    let p = f64::from(count + 1) / f64::from(resamples + 1);
    Test { method: "sign flips by task, drawn", statistic: Some(observed), p }
}
