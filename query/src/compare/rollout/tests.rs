//! Tests of versions over time.

use super::{BUCKETS_MAX, OTHER_VERSIONS, RolloutFold, SAMPLE_MAX, VERSIONS_MAX};
use proptest::prelude::*;

const HOUR: i64 = 3_600_000_000;

#[test]
fn shares_means_and_quantiles_by_bucket() {
    let mut fold = RolloutFold::new(HOUR, &[0.5, 0.95]);
    for i in 0..100 {
        fold.add(Some(i), Some("v1"), Some(i as f64));
    }
    for i in 0..300 {
        fold.add(Some(2 * HOUR + i), Some("v2"), Some(1.0));
    }
    fold.add(Some(2 * HOUR), Some("v1"), Some(f64::NAN));
    fold.add(None, Some("v1"), Some(1.0));
    let found = fold.finish();
    assert_eq!((found.versions.as_slice(), found.without_time), (["v1".to_owned(), "v2".to_owned()].as_slice(), 1));
    assert_eq!(found.buckets.iter().map(|b| b.start_us / HOUR).collect::<Vec<_>>(), [0, 2]);
    let first = &found.buckets[0].shares[0];
    assert_eq!((first.mean, first.share, first.quantiles.as_slice()), (Some(49.5), 1.0, [49.5, 94.05].as_slice()));
    let expected = (f64::from(100 * 101) / 12.0 / 100.0).sqrt();
    assert!((first.standard_error.unwrap() - expected).abs() < 1e-9);
    let second = &found.buckets[1].shares;
    assert_eq!((second[0].runs, second[0].values, second[0].mean), (1, 0, None));
    assert_eq!(second[1].share, 300.0 / 301.0);
}

#[test]
fn too_many_buckets_become_wider_ones() {
    let mut fold = RolloutFold::new(HOUR, &[0.5]);
    for i in 0..10_000 {
        fold.add(Some(i * HOUR), Some("v"), Some(1.0));
    }
    let found = fold.finish();
    assert!(found.buckets.len() <= BUCKETS_MAX && found.width_us == 32 * HOUR);
    assert_eq!(found.buckets.iter().map(|b| b.runs).sum::<u64>(), 10_000);
    // Ends of time do not matter.
    let mut fold = RolloutFold::new(0, &[]);
    [i64::MIN, 0, i64::MAX].into_iter().for_each(|time| fold.add(Some(time), None, None));
    let found = fold.finish();
    assert_eq!((found.buckets.iter().map(|b| b.runs).sum::<u64>(), found.without_version), (3, 3));
}

#[test]
fn versions_and_values_are_bounded() {
    let mut fold = RolloutFold::new(HOUR, &[0.0, 0.5, 1.0]);
    for i in 0..100_000i64 {
        fold.add(Some(i), Some(&format!("v{}", i % 1_000)), Some(i as f64));
        fold.add(Some(i), Some("v0"), Some(i as f64));
    }
    let found = fold.finish();
    assert_eq!(found.versions.len(), VERSIONS_MAX);
    assert!(found.versions.iter().any(|version| version == OTHER_VERSIONS));
    let zero = &found.buckets[0].shares[0];
    assert!(zero.sampled && (zero.quantiles[1] - 50_000.0).abs() < 100_000.0 / SAMPLE_MAX as f64 * 4.0);
}

proptest! {
    /// Wider buckets hold what the narrow ones held.
    #[test]
    fn widening_keeps_counts_and_means(rows in prop::collection::vec((-1_000i64..1_000, -100.0..100.0f64), 1..200)) {
        let fold = |width: i64| {
            let mut fold = RolloutFold::new(width, &[]);
            rows.iter().for_each(|(hour, value)| fold.add(Some(hour * HOUR), Some("v"), Some(*value)));
            fold.finish()
        };
        let (one, many) = (fold(HOUR << 20), fold(HOUR));
        let total = |rollout: &super::Rollout| {
            rollout.buckets.iter().flat_map(|b| &b.shares).map(|s| s.mean.unwrap() * s.values as f64).sum::<f64>()
        };
        prop_assert!((total(&one) - total(&many)).abs() < 1e-6);
        prop_assert_eq!(one.buckets.iter().map(|b| b.runs).sum::<u64>(), rows.len() as u64);
    }
}
