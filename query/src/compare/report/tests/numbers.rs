//! Numbers for people, histograms and distribution functions.

use crate::compare::report::{Ecdf, Histogram, Unit};
use proptest::prelude::*;

#[test]
fn numbers_read_well() {
    let cases = [
        (Unit::Share.value(0.6321), "63.2 %"),
        (Unit::Share.signed(0.031), "+3.1 pp"),
        (Unit::Share.signed(-0.0004), "−0.04 pp"),
        (Unit::Relative.signed(-0.25), "−25.0 %"),
        (Unit::Count.value(1_234_567.0), "1,234,567"),
        (Unit::Count.value(12.34), "12.3"),
        (Unit::Seconds.value(0.0123), "12.3 ms"),
        (Unit::Seconds.value(12.0), "12.0 s"),
        (Unit::Seconds.value(3_600.0), "60.0 min"),
        (Unit::Money("USD".into()).value(0.00123), "0.00123 USD"),
        (Unit::Number.value(f64::NAN), "–"),
        (Unit::Number.value(0.0), "0"),
        (Unit::Share.signed(0.0), "0.0 pp"),
        (Unit::Number.value(1e-12), "1.00e-12"),
        (Unit::Number.value(1e300), "1.00e300"),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn intervals_name_their_unit_once() {
    assert_eq!(Unit::Share.interval(-0.01, 0.1), "[−1.0, +10.0] pp");
    assert_eq!(Unit::Seconds.interval(-0.5, 2.0), "[−500 ms, +2.00 s]");
    assert_eq!(Unit::Number.interval(-0.5, 2.0), "[−0.500, +2.00]");
}

#[test]
fn histogram_of_nothing_and_of_one_value() {
    assert_eq!(Histogram::of(&[]).counts.len(), 0);
    assert_eq!(Histogram::of(&[f64::NAN]).left_out, 1);
    let one = Histogram::of(&[3.0; 50]);
    assert_eq!((one.counts.as_slice(), one.median), ([50].as_slice(), Some(3.0)));
}

#[test]
fn a_distribution_function_counts_ties_once() {
    let found = Ecdf::of(&[2.0, 1.0, 2.0, f64::INFINITY, 4.0]);
    assert_eq!((found.points.as_slice(), found.n), ([(1.0, 0.25), (2.0, 0.75), (4.0, 1.0)].as_slice(), 4));
}

proptest! {
    #[test]
    fn every_value_is_in_its_bar(values in prop::collection::vec(-1e6..1e6f64, 1..500)) {
        let found = Histogram::of(&values);
        prop_assert_eq!(found.counts.iter().sum::<u64>(), values.len() as u64);
        prop_assert!(found.counts.len() <= 62, "{} bars", found.counts.len());
        let last = found.from + found.width * found.counts.len() as f64;
        prop_assert!(values.iter().all(|v| *v >= found.from && *v <= last + found.width * 1e-6));
        let function = Ecdf::of(&values);
        prop_assert!(function.points.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
        prop_assert_eq!(function.points.last().map(|p| p.1), Some(1.0));
    }
}
