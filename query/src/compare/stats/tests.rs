//! What a comparison promises whatever the data: counts, order, symmetry, agreement of interval and p, repeatability.
//!
//! Guarantee: each test states one promise of the module from outside.

use super::many::{ManyArms, rank_arms};
use super::pass_k::{PassKind, TaskTrials, pass_k};
use super::sequential::{Bounds, confidence_sequence};
use super::*;
use proptest::prelude::*;

fn brief() -> Options {
    Options { resamples: Some(199), ..Options::default() }
}

fn draws(seed: u64, n: usize) -> Vec<f64> {
    let mut random = random::Random::new(seed, 9);
    (0..n).map(|_| -random.unit().ln()).collect()
}

#[test]
fn missing_values_are_counted_by_side_and_named() {
    let nan = f64::NAN;
    let pairs = Pairs::of(vec![1.0, nan, 3.0, nan, 2.5, 2.0], vec![1.5, 2.0, f64::INFINITY, nan, 3.0, 2.0]);
    let result = compare_pairs(&pairs, &brief()).unwrap();
    assert_eq!((result.pairs, result.ties), (3, 1));
    assert_eq!(result.missing, Missing { a: 1, b: 1, both: 1 });
    assert!(result.notes.iter().any(|n| n.contains("1 lack A, 1 lack B, 1 lack both")), "{:?}", result.notes);
}

#[test]
fn what_cannot_be_answered_is_refused_by_name() {
    let error = compare_pairs(&Pairs::of(vec![1.0], vec![f64::NAN]), &brief()).unwrap_err();
    assert_eq!(error, StatsError::TooFew { what: "pairs", needed: 2, found: 0, missing: 1 });
    let error = compare_pairs(&Pairs::of(vec![1.0, 2.0], vec![1.0]), &brief()).unwrap_err();
    assert!(error.to_string().contains("expected 2 values, found 1"), "{error}");
    let error = compare_arms(&Arms::of(vec![1.0, 2.0], vec![]), &brief()).unwrap_err();
    assert!(error.to_string().contains("observations of B"), "{error}");
    let odd = Options { level: 1.0, ..brief() };
    assert!(compare_pairs(&Pairs::of(vec![1.0, 2.0], vec![1.0, 3.0]), &odd).is_err());
    let one_task = Pairs { a: vec![1.0; 9], b: vec![2.0; 9], cluster: vec![4; 9] };
    assert!(compare_pairs(&one_task, &brief()).unwrap_err().to_string().contains("tasks with pairs"));
}

#[test]
fn methods_follow_the_data() {
    let (a, b) = (draws(1, 40), draws(2, 40));
    let method = |pairs: &Pairs, options: &Options| compare_pairs(pairs, options).unwrap().interval.method;
    let numbers = Pairs::of(a.clone(), b.clone());
    assert_eq!(method(&numbers, &brief()), "studentised bootstrap, symmetric");
    assert_eq!(method(&numbers, &Options { interval: MeanInterval::Bca, ..brief() }), "BCa bootstrap");
    assert_eq!(method(&numbers, &Options { interval: MeanInterval::ClusterRobust, ..brief() }), "cluster-robust (CR2)");
    assert_eq!(method(&numbers, &Options { centre: Centre::Median, ..brief() }), "BCa bootstrap");
    let large = Pairs::of(draws(3, 10_001), draws(4, 10_001));
    let result = compare_pairs(&large, &brief()).unwrap();
    assert_eq!(result.interval.method, "cluster-robust (CR2)");
    assert!(result.why.contains("resampling gives way"), "{}", result.why);
    let median = compare_pairs(&large, &Options { centre: Centre::Median, ..brief() }).unwrap();
    assert_eq!(median.interval.method, "exact, from order statistics");
    assert_eq!(compare_arms(&Arms::of(a, b), &brief()).unwrap().design, Design::Unpaired);
    let outcomes = Arms::of(vec![0.0, 1.0, 1.0], vec![1.0, 1.0, 0.0]);
    assert_eq!(compare_arms(&outcomes, &brief()).unwrap().test.method, "Fisher, exact");
}

#[test]
fn repeated_trials_widen_the_interval() {
    let task: Vec<f64> = draws(5, 30);
    let repeat = |v: &[f64]| v.iter().flat_map(|x| [*x; 4]).collect::<Vec<f64>>();
    let cluster: Vec<u32> = (0..30).flat_map(|t| [t; 4]).collect();
    let a = vec![1.0; 120];
    let naive = compare_pairs(&Pairs::of(a.clone(), repeat(&task)), &brief()).unwrap();
    let honest = compare_pairs(&Pairs { a, b: repeat(&task), cluster }, &brief()).unwrap();
    assert_eq!((naive.clusters, honest.clusters, honest.pairs), (120, 30, 120));
    let width = |c: &Comparison| c.interval.high - c.interval.low;
    assert!(width(&honest) > 1.7 * width(&naive), "{} {}", width(&honest), width(&naive));
}

#[test]
fn equal_differences_give_a_point_and_say_so() {
    let result = compare_pairs(&Pairs::of(vec![1.0; 8], vec![3.0; 8]), &brief()).unwrap();
    assert_eq!((result.interval.low, result.interval.high), (2.0, 2.0));
    assert_eq!(result.p, 2.0_f64.powi(-7));
    assert!(result.notes.iter().any(|n| n.contains("the interval is a point")));
    let same = compare_pairs(&Pairs::of(vec![3.0; 8], vec![3.0; 8]), &brief()).unwrap();
    assert_eq!((same.p, same.ties), (1.0, 8));
}

#[test]
fn all_or_no_successes_still_have_an_interval() {
    let tasks = vec![TaskTrials { successes: 4, trials: 4 }; 20];
    let all = pass_k(&tasks, PassKind::All, 4, &brief()).unwrap();
    assert_eq!((all.estimate, all.interval.high), (1.0, 1.0));
    assert!(all.interval.low > 0.8 && all.interval.low < 0.85, "{:?}", all.interval);
    assert!(pass_k(&tasks, PassKind::All, 5, &brief()).is_err());
}

#[test]
fn ranks_are_bounded_by_what_is_significant() {
    let base = draws(6, 80);
    let arm = |shift: f64, seed: u64| base.iter().zip(draws(seed, 80)).map(|(x, e)| x + shift + 0.2 * e).collect();
    let arms = ManyArms {
        names: ["low", "middle", "same", "high"].map(str::to_owned).to_vec(),
        values: vec![arm(0.0, 10), arm(1.0, 11), arm(1.01, 12), arm(3.0, 13)],
        cluster: Vec::new(),
        larger_is_better: true,
    };
    let ranking = rank_arms(&arms, &Options { resamples: Some(1_999), ..Options::default() }).unwrap();
    assert_eq!(ranking.cells.len(), 6);
    let place = |name: &str| ranking.ranks.iter().find(|r| r.name == name).map(|r| (r.best, r.worst)).unwrap();
    assert_eq!((place("high"), place("low")), ((1, 1), (4, 4)));
    assert_eq!((place("middle"), place("same")), ((2, 3), (2, 3)));
}

#[test]
fn a_sequence_refuses_values_outside_of_its_bounds() {
    let error = confidence_sequence(&[0.2, 1.5], Bounds::Within(-1.0, 1.0), &[2], 0.95).unwrap_err();
    assert_eq!(error, StatsError::OutOfBounds { index: 1, low: -1.0, high: 1.0, found: 1.5 });
    let gap = confidence_sequence(&[0.2, f64::NAN, 0.1], Bounds::Within(-1.0, 1.0), &[3], 0.95).unwrap();
    assert_eq!((gap.missing, gap.looks[0].n), (1, 2));
}

#[test]
fn a_missing_p_is_no_part_of_the_family() {
    assert_eq!(multiple::holm(&[0.02, f64::NAN, 0.03])[0], 0.04);
    assert!(multiple::holm(&[0.02, f64::NAN])[1].is_nan());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn exchanging_the_arms_mirrors_the_answer(
        values in prop::collection::vec((0_u8..12, 0_u8..12), 2..40), binary: bool, seed: u64,
    ) {
        let of = |v: u8| if binary { f64::from(v % 2) } else { f64::from(v) };
        let (a, b): (Vec<f64>, Vec<f64>) = values.iter().map(|&(a, b)| (of(a), of(b))).unzip();
        let options = Options { seed, ..brief() };
        let ab = compare_pairs(&Pairs::of(a.clone(), b.clone()), &options).unwrap();
        let ba = compare_pairs(&Pairs::of(b, a), &options).unwrap();
        prop_assert!((ab.estimate + ba.estimate).abs() < 1e-9);
        prop_assert!((ab.interval.low + ba.interval.high).abs() < 1e-6, "{:?} {:?}", ab.interval, ba.interval);
        prop_assert!((ab.p - ba.p).abs() < 0.011, "{} {}", ab.p, ba.p);
        prop_assert!(ab.interval.low <= ab.estimate + 1e-9 && ab.estimate <= ab.interval.high + 1e-9);
        prop_assert!((0.0..=1.0).contains(&ab.p));
    }

    #[test]
    fn the_same_seed_gives_the_same_answer(n in 3_usize..60, seed: u64) {
        let pairs = Pairs::of(draws(seed, n), draws(seed ^ 1, n));
        let options = Options { seed, ..brief() };
        prop_assert_eq!(compare_pairs(&pairs, &options), compare_pairs(&pairs, &options));
    }

    #[test]
    fn interval_and_p_of_means_agree(n in 5_usize..60, seed: u64, shift in -1.0_f64..1.0) {
        let b = draws(seed ^ 7, n).iter().map(|v| v + shift).collect();
        let result = compare_pairs(&Pairs::of(draws(seed, n), b), &brief()).unwrap();
        let excludes = result.interval.low > 0.0 || result.interval.high < 0.0;
        prop_assert_eq!(excludes, result.p <= 0.05 + 1e-9, "{:?} {}", result.interval, result.p);
    }

    #[test]
    fn corrected_values_keep_order_and_never_shrink(p in prop::collection::vec(0.0_f64..=1.0, 1..30)) {
        for adjusted in [multiple::holm(&p), multiple::benjamini_hochberg(&p)] {
            for i in 0..p.len() {
                prop_assert!(adjusted[i] >= p[i] - 1e-15 && adjusted[i] <= 1.0);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
                }
            }
        }
    }

    #[test]
    fn a_confidence_sequence_only_narrows(values in prop::collection::vec(-1.0_f64..=1.0, 1..200)) {
        let looks: Vec<usize> = (1..=values.len()).collect();
        let found = confidence_sequence(&values, Bounds::Within(-1.0, 1.0), &looks, 0.95).unwrap();
        for two in found.looks.windows(2) {
            prop_assert!(two[1].interval.low >= two[0].interval.low && two[1].interval.high <= two[0].interval.high);
            prop_assert!(two[1].p <= two[0].p);
        }
    }

    #[test]
    fn results_are_serialisable_without_made_up_numbers(a in 0_u64..4, b in 0_u64..4, both in 0_u64..4) {
        let counts = PairCounts { both, only_a: a, only_b: b, neither: 2 };
        let result = compare_pairs(&Pairs::from_counts(counts), &brief()).unwrap();
        let json = serde_json::to_value(&result).unwrap();
        prop_assert_eq!(json["pairs"].as_u64(), Some(counts.pairs()));
        prop_assert!(json["interval"]["low"].is_number() && json["p"].is_number());
    }
}
