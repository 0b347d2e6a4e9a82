//! How often equal versions are called different (A/A), in one look and when one looks every day.
//!
//! Guarantee: the bar is the nominal rate plus three standard errors of the simulation; looking every day with a test
//! made for one look is shown beside, without a bar.

use super::intervals::{compare, stream};
use super::scenarios::{ALL, Drawn, Scenario};
use super::{Bar, LEVEL, Row};
use query::compare::stats::random::Random;
use query::compare::stats::sequential::{Bounds, confidence_sequence};
use query::compare::stats::{MeanInterval, Pairs, mann_whitney, permutation, wilcoxon};
use rayon::prelude::*;

/// Days one looks.
pub const DAYS: usize = 60;
/// New pairs per day.
pub const PAIRS_A_DAY: usize = 10;
/// Sizes at which one looks once.
const SIZES: [usize; 4] = [20, 50, 200, 500];
/// Sign flips drawn per simulated comparison.
const FLIPS: u32 = 499;

/// Rows of all scenarios.
pub(super) fn rows(seed: u64, simulations: usize, each: &mut dyn FnMut(Row)) {
    for (place, scenario) in ALL.iter().enumerate() {
        for n in SIZES {
            let alarm = |random: &mut Random, drawn: &Drawn| {
                compare(drawn, MeanInterval::Automatic, random.bits()).is_some_and(|r| r.p <= 1.0 - LEVEL)
            };
            each(share_of(scenario, 200 + place, n, "default p, one look", (seed, simulations), alarm));
        }
    }
    let (cost, arms, ties) = (&ALL[3], &ALL[5], &ALL[6]);
    for n in SIZES {
        for scenario in [cost, ties] {
            each(share_of(scenario, 300, n, "Wilcoxon signed rank, one look", (seed, simulations), signed));
            each(share_of(scenario, 301, n, "sign flips, one look", (seed, simulations), flips));
        }
        each(share_of(arms, 302, n, "Mann-Whitney, one look", (seed, simulations), ranked));
    }
    let n = DAYS * PAIRS_A_DAY;
    let whole = (seed, simulations);
    let bounded = |_: &mut Random, d: &Drawn| sequence(d, Bounds::Within(-1.0, 1.0));
    each(share_of(&ALL[0], 400, n, "betting sequence, every day", whole, bounded));
    each(share_of(&ALL[1], 401, n, "betting sequence, every day", whole, bounded));
    for scenario in [cost, ties] {
        each(share_of(scenario, 402, n, "asymptotic sequence, every day", whole, |_, d| sequence(d, Bounds::None)));
    }
    for scenario in [&ALL[0], cost] {
        let mut row = share_of(scenario, 403, n, "one-look test, every day (wrong)", whole, peeking);
        row.bar = Bar::None;
        each(row);
    }
}

fn share_of(
    scenario: &Scenario,
    place: usize,
    n: usize,
    method: &'static str,
    (seed, simulations): (u64, usize),
    alarm: impl Fn(&mut Random, &Drawn) -> bool + Sync,
) -> Row {
    let one = |simulation: usize| {
        let mut random = Random::new(seed, stream(place, n, simulation));
        let drawn = (scenario.draw)(&mut random, n, true);
        usize::from(alarm(&mut random, &drawn))
    };
    let alarms: usize = (0..simulations).into_par_iter().map(one).sum();
    let nominal = 1.0 - LEVEL;
    Row {
        scenario: scenario.name,
        method,
        n,
        simulations,
        figure: "false alarms",
        share: alarms as f64 / simulations as f64,
        predicted: None,
        bar: Bar::AtMost(nominal + Row::noise(nominal, simulations)),
    }
}

fn differences(drawn: &Drawn) -> Vec<f64> {
    match drawn {
        Drawn::Pairs(Pairs { a, b, .. }) => a.iter().zip(b).map(|(a, b)| b - a).collect(),
        Drawn::Arms(_) => Vec::new(),
    }
}

fn signed(_: &mut Random, drawn: &Drawn) -> bool {
    wilcoxon::signed_rank(&differences(drawn)).test.p <= 1.0 - LEVEL
}

fn flips(random: &mut Random, drawn: &Drawn) -> bool {
    permutation::sign_flip(&differences(drawn), FLIPS, random.bits()).p <= 1.0 - LEVEL
}

fn ranked(_: &mut Random, drawn: &Drawn) -> bool {
    match drawn {
        Drawn::Arms(arms) => mann_whitney::rank_sum(&arms.a, &arms.b).test.p <= 1.0 - LEVEL,
        Drawn::Pairs(_) => false,
    }
}

/// Whether any day of the confidence sequence calls a difference.
fn sequence(drawn: &Drawn, bounds: Bounds) -> bool {
    let days: Vec<usize> = (1..=DAYS).map(|day| day * PAIRS_A_DAY).collect();
    let sequence = confidence_sequence(&differences(drawn), bounds, &days, LEVEL);
    sequence.is_ok_and(|s| s.looks.iter().any(|l| l.p <= 1.0 - LEVEL || l.interval.low > 0.0 || l.interval.high < 0.0))
}

/// Whether the cluster-robust (or, for outcomes, exact) test of one look would have alarmed on any day.
fn peeking(random: &mut Random, drawn: &Drawn) -> bool {
    let Drawn::Pairs(pairs) = drawn else { return false };
    (1..=DAYS).any(|day| {
        let n = day * PAIRS_A_DAY;
        let so_far = Drawn::Pairs(Pairs::of(pairs.a[..n].to_vec(), pairs.b[..n].to_vec()));
        compare(&so_far, MeanInterval::ClusterRobust, random.bits()).is_some_and(|r| r.p <= 1.0 - LEVEL)
    })
}
