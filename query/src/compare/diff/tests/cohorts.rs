//! Where many pairs part.

use super::run;
use crate::compare::diff::{CohortPair, Part, cohort, first_divergence};

fn pair(name: &str, a: &str, b: &str) -> CohortPair {
    let (x, y) = (run(a), run(b));
    CohortPair::new(name, (a, x.len()), (b, y.len()), first_divergence(&x, &y).as_ref())
}

#[test]
fn steps_shares_and_labels() {
    let pairs =
        [pair("t1", "abcd", "abXd"), pair("t2", "abcd", "abYd"), pair("t3", "abcd", "abcd"), pair("t4", "ab", "abc")];
    let found = cohort(&pairs);
    assert_eq!((found.pairs, found.same, found.median_step), (4, 1, Some(3)));
    assert_eq!(found.histogram.iter().map(|bin| bin.pairs).collect::<Vec<_>>(), [0, 0, 3]);
    assert_eq!(found.labels[0].label, "tool.call bash");
    assert_eq!((found.labels[0].pairs, found.labels[0].part, found.labels[0].median_step), (2, Part::Content, 3));
    assert_eq!(found.labels[1].label, "(end) / tool.call bash");
    assert_eq!(found.labels[0].examples[1].0, "t2");
}

/// The estimate of the curve against the worked example of the product-limit estimator in Freireich's leukaemia data
/// (6-MP arm; 21 patients; published: 0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482).
#[test]
fn the_curve_is_the_product_limit_estimate() {
    let parted = [6, 6, 6, 7, 10, 13, 16, 22, 23];
    let censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35];
    let one = |step: Option<usize>, same_steps: usize| CohortPair {
        pair: String::new(),
        a: String::new(),
        b: String::new(),
        step,
        same_steps,
        label: "x".into(),
        part: step.map(|_| Part::Content),
    };
    let mut pairs: Vec<_> = parted.iter().map(|step| one(Some(*step), step - 1)).collect();
    pairs.extend(censored.iter().map(|steps| one(None, *steps)));
    let found = cohort(&pairs);
    let curve: Vec<_> = found.curve.iter().map(|p| (p.step, (p.same * 1e4).round() / 1e4)).collect();
    let published = [(6, 0.8571), (7, 0.8067), (10, 0.7529), (13, 0.6902), (16, 0.6275), (22, 0.5378), (23, 0.4482)];
    assert_eq!(curve, published);
    assert_eq!(found.median_step, Some(23));
}

#[test]
fn bounds_hold() {
    let pairs: Vec<_> = (1..=10_000)
        .map(|step| CohortPair {
            pair: format!("t{step}"),
            a: "a".into(),
            b: "b".into(),
            step: Some(step),
            same_steps: step - 1,
            label: format!("tool.call t{}", step % 100),
            part: Some(Part::Name),
        })
        .collect();
    let found = cohort(&pairs);
    assert!(found.histogram.len() <= 30 && found.curve.len() <= 400);
    assert_eq!(found.histogram.iter().map(|bin| bin.pairs).sum::<usize>(), 10_000);
    assert_eq!((found.labels.len(), found.labels_more), (20, 80));
    assert_eq!(found.curve.last().map(|p| p.step), Some(10_000));
    assert_eq!(cohort(&[]).pairs, 0);
}
