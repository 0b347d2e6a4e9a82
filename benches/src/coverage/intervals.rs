//! Coverage of intervals at their nominal level, for n from 10 to 500.
//!
//! Guarantee: bars are those of issue 5: 94 to 96 % from 200 pairs or 50 tasks on, exact intervals at least 95 %
//! always.

use super::scenarios::{ALL, Drawn, Scenario};
use super::{Bar, LEVEL, RESAMPLES, Row};
use query::compare::stats::random::Random;
use query::compare::stats::{Comparison, MeanInterval, Options, PairCounts, Pairs, effects};
use query::compare::stats::{compare_arms, compare_pairs};
use rayon::prelude::*;

/// Sizes of the curve.
pub const SIZES: [usize; 6] = [10, 20, 50, 100, 200, 500];

/// Rows of all scenarios, of what is used by default and of what could be asked for.
pub(super) fn rows(seed: u64, simulations: usize, each: &mut dyn FnMut(Row)) {
    for (place, scenario) in ALL.iter().enumerate() {
        for n in SIZES {
            covered(scenario, place, n, seed, simulations).into_iter().for_each(&mut *each);
        }
    }
    for n in SIZES {
        each(exact_odds(n, seed, simulations));
    }
}

/// Which intervals are asked for: the default is held to the bar.
const ASKED: [(MeanInterval, &str); 3] =
    [(MeanInterval::Automatic, "default"), (MeanInterval::ClusterRobust, "cluster-robust"), (MeanInterval::Bca, "BCa")];

fn covered(scenario: &Scenario, place: usize, n: usize, seed: u64, simulations: usize) -> Vec<Row> {
    let one = |simulation: usize| {
        let mut random = Random::new(seed, stream(place, n, simulation));
        let drawn = (scenario.draw)(&mut random, n, false);
        ASKED.map(|(interval, _)| {
            let result = compare(&drawn, interval, random.bits());
            let skipped = interval != MeanInterval::Automatic && !varies(&drawn, interval);
            match result {
                _ if skipped => None,
                Some(r) => Some((
                    usize::from(r.interval.low <= scenario.difference && scenario.difference <= r.interval.high),
                    r.interval.method,
                )),
                None => Some((0, "refused")),
            }
        })
    };
    let found: Vec<_> = (0..simulations).into_par_iter().map(one).collect();
    let mut rows = Vec::new();
    for (at, (_, asked)) in ASKED.iter().enumerate() {
        let hits: Vec<_> = found.iter().filter_map(|f| f[at]).collect();
        if hits.is_empty() {
            continue;
        }
        let share = hits.iter().map(|h| h.0).sum::<usize>() as f64 / simulations as f64;
        let from = if scenario.clustered { 50 } else { 200 };
        let bar = if *asked == "default" && n >= from { Bar::Within(0.94, 0.96) } else { Bar::None };
        let method = if *asked == "default" { most(&hits) } else { asked };
        rows.push(Row {
            scenario: scenario.name,
            method,
            n,
            simulations,
            figure: "coverage",
            share,
            predicted: None,
            bar,
        });
    }
    rows
}

/// The method that most comparisons used.
fn most(hits: &[(usize, &'static str)]) -> &'static str {
    let count = |name: &str| hits.iter().filter(|h| h.1 == name).count();
    hits.iter().map(|h| h.1).take(100).max_by_key(|name| count(name)).unwrap_or("none")
}

/// Whether asking for this interval changes anything for these data.
fn varies(drawn: &Drawn, interval: MeanInterval) -> bool {
    let binary = |v: &[f64]| v.iter().all(|&x| x == 0.0 || x == 1.0);
    match drawn {
        Drawn::Pairs(p) if p.cluster.is_empty() => !binary(&p.a),
        Drawn::Arms(a) if a.cluster_a.is_empty() => !binary(&a.a) && interval != MeanInterval::Bca,
        _ => interval != MeanInterval::Bca,
    }
}

/// Estimate and interval only.
pub(super) fn compare(drawn: &Drawn, interval: MeanInterval, seed: u64) -> Option<Comparison> {
    let options =
        Options { level: LEVEL, seed, resamples: Some(RESAMPLES), interval, brief: true, ..Options::default() };
    match drawn {
        Drawn::Pairs(pairs) => compare_pairs(pairs, &options).ok(),
        Drawn::Arms(arms) => compare_arms(arms, &options).ok(),
    }
}

/// A stream of its own for every simulated comparison.
pub(super) fn stream(place: usize, n: usize, simulation: usize) -> u64 {
    ((place as u64) << 48) | ((n as u64) << 32) | simulation as u64
}

/// The exact interval of the odds within pairs, whose truth is 2 in the first scenario.
fn exact_odds(n: usize, seed: u64, simulations: usize) -> Row {
    let one = |simulation: usize| {
        let mut random = Random::new(seed, stream(100, n, simulation));
        let Drawn::Pairs(pairs) = (ALL[0].draw)(&mut random, n, false) else { return 0 };
        let odds = effects::paired_odds_ratio(&counts(&pairs), LEVEL);
        odds.interval.map_or(1, |i| usize::from(i.low <= 2.0 && 2.0 <= i.high))
    };
    let hits: usize = (0..simulations).into_par_iter().map(one).sum();
    Row {
        scenario: ALL[0].name,
        method: "exact interval of the odds within pairs",
        n,
        simulations,
        figure: "coverage",
        share: hits as f64 / simulations as f64,
        predicted: None,
        bar: Bar::AtLeast(LEVEL),
    }
}

fn counts(pairs: &Pairs) -> PairCounts {
    let count = |a: f64, b: f64| pairs.a.iter().zip(&pairs.b).filter(|p| *p.0 == a && *p.1 == b).count() as u64;
    PairCounts { both: count(1.0, 1.0), only_a: count(1.0, 0.0), only_b: count(0.0, 1.0), neither: count(0.0, 0.0) }
}
