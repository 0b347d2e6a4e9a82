//! Every formula against golden.json, which scipy, statsmodels and enumeration filled in.
//!
//! Guarantee: agreement to eight digits, or as stated where the oracle itself maximises numerically.

use super::change::changes;
use super::grouped::Grouped;
use super::pass_k::{TaskTrials, all_of, any_of};
use super::rates::TwoRates;
use super::sequential::{Bounds, confidence_sequence};
use super::*;
use super::{discrete, special};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn whole(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect()
}

fn ids(value: &Value) -> Vec<u32> {
    whole(value).into_iter().map(|v| v as u32).collect()
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

#[track_caller]
fn close(found: f64, expected: f64, relative: f64) {
    let room = relative * expected.abs().max(1e-300);
    assert!((found - expected).abs() <= room, "expected {expected}, found {found}");
}

#[test]
fn distributions_are_those_of_scipy() {
    let all = &golden()["distributions"];
    for row in rows(&all["t_two_sided"]) {
        let v = numbers(row);
        close(special::t_two_sided(v[0], v[1]), v[2], 1e-8);
    }
    for row in rows(&all["t_reach"]) {
        let v = numbers(row);
        close(special::t_reach(v[0], v[1]), v[2], 1e-8);
    }
    for row in rows(&all["normal_quantile"]) {
        let v = numbers(row);
        assert!((special::normal_quantile(v[0]) - v[1]).abs() < 1e-10, "{v:?}");
    }
    for row in rows(&all["noncentral_t"]) {
        let v = numbers(row);
        assert!((special::noncentral_t_cdf(v[0], v[1], v[2]) - v[3]).abs() < 1e-7, "{v:?}");
    }
}

fn pair_counts(v: &[u64]) -> PairCounts {
    PairCounts { both: v[0], only_a: v[1], only_b: v[2], neither: v[3] }
}

#[test]
fn paired_outcomes() {
    for row in rows(&golden()["pair_tables"]) {
        let counts = pair_counts(&whole(&row["counts"]));
        close(mcnemar::exact(&counts).p, row["exact"].as_f64().unwrap(), 1e-10);
        close(mcnemar::mid_p(&counts).p, row["mid_p"].as_f64().unwrap(), 1e-10);
        for ends in rows(&row["tango"]) {
            let v = numbers(ends);
            let found = paired_rates::tango(&counts, v[0]);
            assert!((found.low - v[1]).abs() < 1e-6 && (found.high - v[2]).abs() < 1e-6, "{counts:?} {found:?} {v:?}");
        }
        let share = numbers(&row["share_b"]);
        let (low, high) = discrete::clopper_pearson(counts.only_b, counts.only_a + counts.only_b, 0.95);
        assert!((low - share[0]).abs() < 1e-9 && (high - share[1]).abs() < 1e-9, "{low} {high} {share:?}");
    }
}

#[test]
fn published_p_values_of_the_data_sets() {
    let golden = golden();
    let published = rows(&golden["published"]);
    assert_eq!(published.len(), 11);
    for row in published {
        let count = |name: &str| row[name].as_u64().unwrap();
        let counts = PairCounts {
            both: count("both"),
            only_a: count("only_a"),
            only_b: count("only_b"),
            neither: count("neither"),
        };
        let result = compare_pairs(&Pairs::from_counts(counts), &Options::default()).unwrap();
        close(result.p, row["mcnemar_exact_p"].as_f64().unwrap(), 1e-9);
        assert_eq!(result.counts, Some(counts));
        assert_eq!(result.test.method, "McNemar, exact");
    }
}

#[test]
fn unpaired_outcomes() {
    for row in rows(&golden()["arm_tables"]) {
        let v = whole(&row["counts"]);
        let rates = TwoRates { a: v[0], n_a: v[1], b: v[2], n_b: v[3] };
        close(rates::fisher(&rates).p, row["fisher"].as_f64().unwrap(), 1e-9);
        let ends = numbers(&row["newcombe"]);
        let found = rates::newcombe(&rates, 0.95);
        assert!((found.low - ends[0]).abs() < 1e-10 && (found.high - ends[1]).abs() < 1e-10, "{found:?} {ends:?}");
        let (low, high) = discrete::clopper_pearson(v[0], v[1], 0.95);
        let ends = numbers(&row["clopper"]);
        assert!((low - ends[0]).abs() < 1e-9 && (high - ends[1]).abs() < 1e-9);
        match row["odds"].as_f64() {
            Some(odds) => close(effects::odds_ratio(&rates, 0.95).value.unwrap(), odds, 1e-12),
            None => assert_eq!(effects::odds_ratio(&rates, 0.95).value, None),
        }
    }
}

#[test]
fn ranks() {
    let golden = golden();
    for row in rows(&golden["signed_ranks"]) {
        let found = wilcoxon::signed_rank(&numbers(&row["d"]));
        close(found.test.p, row["p"].as_f64().unwrap(), 1e-9);
        assert!(found.test.method.contains(row["form"].as_str().unwrap()));
    }
    for row in rows(&golden["rank_sums"]) {
        let (a, b) = (numbers(&row["a"]), numbers(&row["b"]));
        let found = mann_whitney::rank_sum(&a, &b);
        close(found.test.p, row["p"].as_f64().unwrap(), 1e-9);
        assert!((found.cliffs_delta.value.unwrap() - row["cliff"].as_f64().unwrap()).abs() < 1e-12);
        close(means::welch_t(&a, &b).p, row["welch"].as_f64().unwrap(), 1e-9);
        close(effects::hedges_g(&a, &b).value.unwrap(), row["hedges"].as_f64().unwrap(), 1e-10);
    }
    for row in rows(&golden["flips"]) {
        let d = numbers(&row["d"]);
        close(permutation::sign_flip(&d, 999, 1).p, row["p"].as_f64().unwrap(), 1e-12);
        close(means::paired_t(&d).p, row["t"].as_f64().unwrap(), 1e-9);
    }
}

#[test]
fn cluster_robust_errors() {
    for row in rows(&golden()["clustered"]) {
        let (a, b) = (numbers(&row["a"]), numbers(&row["b"]));
        let (cluster_a, cluster_b) = (ids(&row["cluster_a"]), ids(&row["cluster_b"]));
        let data = if row["kind"] == "pairs" {
            Grouped::pairs(&Pairs { a, b, cluster: cluster_a }.clean().unwrap())
        } else {
            Grouped::arms(&Arms { a, b, cluster_a, cluster_b }.clean().unwrap())
        };
        let robust = data.cr2();
        close(robust.estimate, row["estimate"].as_f64().unwrap(), 1e-9);
        close(data.cr1(), row["cr1"].as_f64().unwrap(), 1e-9);
        close(data.cr1_test().p, row["cr1_p"].as_f64().unwrap(), 1e-8);
        close(robust.error, row["cr2"].as_f64().unwrap(), 1e-9);
        close(robust.df, row["df"].as_f64().unwrap(), 1e-8);
    }
    for row in rows(&golden()["correlations"]) {
        let found = power::correlation_within(&numbers(&row["values"]), &ids(&row["cluster"])).unwrap();
        close(found, row["correlation"].as_f64().unwrap(), 1e-9);
    }
}

#[test]
fn bca_ends() {
    for row in rows(&golden()["bca"]) {
        let x = numbers(&row["x"]);
        let statistic = |v: &[f64]| match row["kind"].as_str() {
            Some("median") => bca::median(v),
            _ => v.iter().sum::<f64>() / v.len() as f64,
        };
        let without = |i: usize| [&x[..i], &x[i + 1..]].concat();
        let left_out: Vec<f64> = (0..x.len()).map(|i| statistic(&without(i))).collect();
        let found = bca::ends(&numbers(&row["resampled"]), statistic(&x), &left_out, 0.95).unwrap();
        let ends = numbers(&row["ends"]);
        close(found.0, ends[0], 1e-6);
        close(found.1, ends[1], 1e-6);
    }
}

#[test]
fn corrections() {
    let golden = golden();
    let p = numbers(&golden["multiple"]["p"]);
    let pairs = [(multiple::holm(&p), "holm"), (multiple::benjamini_hochberg(&p), "bh")];
    for (found, name) in pairs {
        for (found, expected) in found.iter().zip(numbers(&golden["multiple"][name])) {
            close(*found, expected, 1e-12);
        }
    }
}

#[test]
fn powers() {
    let all = &golden()["powers"];
    for v in rows(&all["paired_means"]).iter().map(numbers) {
        close(power::paired_means(v[0] as u64, 1.0, v[1], 0.95), v[2], 1e-6);
    }
    for v in rows(&all["two_means"]).iter().map(numbers) {
        close(power::two_means(v[0] as u64, v[1] as u64, 1.0, v[2], 0.95), v[3], 1e-6);
    }
    for v in rows(&all["two_rates"]).iter().map(numbers) {
        close(power::two_rates_normal(v[0] as u64, v[1] as u64, v[2], v[3], 0.95, 0.0), v[4], 1e-8);
    }
    for v in rows(&all["paired_rates"]).iter().map(numbers) {
        close(power::paired_rates(v[0] as u64, v[1], v[2], 0.95), v[3], 1e-8);
    }
    for v in rows(&all["detectable_t"]).iter().map(numbers) {
        let found = power::detectable_by_t(1.0 / v[0].sqrt(), v[0] - 1.0, 0.95, 0.8).unwrap();
        close(found.difference, v[1], 1e-5);
    }
}

#[test]
fn passes() {
    for row in rows(&golden()["passes"]) {
        let k = row["k"].as_u64().unwrap();
        let trial = |v: &Value| TaskTrials { successes: v[0].as_u64().unwrap(), trials: v[1].as_u64().unwrap() };
        let tasks: Vec<TaskTrials> = rows(&row["trials"]).iter().map(trial).collect();
        let mean = |one: fn(TaskTrials, u64) -> Option<f64>| {
            let values: Vec<f64> = tasks.iter().filter_map(|&t| one(t, k)).collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        close(mean(all_of), row["all"].as_f64().unwrap(), 1e-12);
        close(mean(any_of), row["any"].as_f64().unwrap(), 1e-12);
        let whole = pass_k::pass_k(&tasks, pass_k::PassKind::All, k, &Options::default()).unwrap();
        close(whole.estimate, row["all"].as_f64().unwrap(), 1e-12);
        assert_eq!(whole.tasks_short as u64, row["short"].as_u64().unwrap());
    }
}

#[test]
fn sequences() {
    let all = &golden()["sequences"];
    for (data, expected, bounds) in
        [("bounded", "betting", Bounds::Within(-1.0, 1.0)), ("unbounded", "asymptotic", Bounds::None)]
    {
        let expected: Vec<Vec<f64>> = rows(&all[expected]).iter().map(numbers).collect();
        let looks: Vec<usize> = expected.iter().map(|v| v[0] as usize).collect();
        let found = confidence_sequence(&numbers(&all[data]), bounds, &looks, 0.95).unwrap();
        for (look, v) in found.looks.iter().zip(&expected) {
            assert!((look.interval.low - v[1]).abs() < 1e-9, "{look:?} {v:?}");
            assert!((look.interval.high - v[2]).abs() < 1e-9, "{look:?} {v:?}");
            close(look.p, v[3], 1e-8);
        }
    }
}

#[test]
fn a_planted_step_is_found_where_it_is() {
    let mut random = random::Random::new(3, 0);
    let noise: Vec<f64> = (0..120).map(|_| (0..12).map(|_| random.unit()).sum::<f64>() - 6.0).collect();
    assert!(changes(&noise, &[], 0.99, 1).unwrap().changes.is_empty());
    let stepped: Vec<f64> = noise.iter().enumerate().map(|(i, v)| if i >= 70 { v + 4.0 } else { *v }).collect();
    let found = changes(&stepped, &[], 0.99, 1).unwrap().changes;
    assert_eq!(found.iter().map(|c| c.at).collect::<Vec<_>>(), [70]);
    assert!(found[0].after - found[0].before > 3.0 && found[0].p < 0.01);
}
