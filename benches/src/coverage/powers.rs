//! Whether differences are found as often as predicted.
//!
//! Guarantee: the prediction is made from the design alone, before any draw; the bar is three standard errors of the
//! simulation and two points for formulas that are not exact.

use super::intervals::{compare, stream};
use super::scenarios::{ALL, Drawn, normal};
use super::{Bar, LEVEL, Row};
use query::compare::stats::random::Random;
use query::compare::stats::{MeanInterval, Pairs, power};
use rayon::prelude::*;

/// Points by which a normal formula may be off.
const FORMULA: f64 = 0.02;

/// Rows.
pub(super) fn rows(seed: u64, simulations: usize, each: &mut dyn FnMut(Row)) {
    for n in [50, 100, 200, 500] {
        let size = n as u64;
        let whole = (n, seed, simulations);
        let predicted = power::paired_rates(size, 0.10, 0.20, LEVEL);
        each(row(ALL[0].name, "McNemar, exact", predicted, 0.0, whole, |r| found(r, n, 0)));
        let predicted = power::two_rates(size, size, 0.6, 0.7, LEVEL);
        each(row(ALL[2].name, "Fisher, exact", predicted, FORMULA, whole, |r| found(r, n, 2)));
        let predicted = power::paired_means(size, 1.0, 0.25, LEVEL);
        each(row("normal differences", "studentised bootstrap", predicted, FORMULA, whole, |r| shifted(r, n, 1)));
        // Four trials of each task: a task's mean has half a variance of its own and an eighth from its trials.
        let effect = power::design_effect(4.0, 0.5);
        let spread = (effect / 4.0).sqrt();
        let predicted = power::paired_means(size, spread, 0.25, LEVEL);
        each(row("normal, 4 trials a task", "studentised bootstrap", predicted, FORMULA, whole, |r| shifted(r, n, 4)));
    }
}

fn row(
    scenario: &'static str,
    method: &'static str,
    predicted: f64,
    slack: f64,
    (n, seed, simulations): (usize, u64, usize),
    found: impl Fn(&mut Random) -> bool + Sync,
) -> Row {
    let one = |simulation: usize| usize::from(found(&mut Random::new(seed, stream(500, n, simulation))));
    let count: usize = (0..simulations).into_par_iter().map(one).sum();
    let room = Row::noise(predicted, simulations).max(1e-3) + slack;
    Row {
        scenario,
        method,
        n,
        simulations,
        figure: "power",
        share: count as f64 / simulations as f64,
        predicted: Some(predicted),
        bar: Bar::Within(predicted - room, predicted + room),
    }
}

fn found(random: &mut Random, n: usize, scenario: usize) -> bool {
    let drawn = (ALL[scenario].draw)(random, n, false);
    compare(&drawn, MeanInterval::Automatic, random.bits()).is_some_and(|r| r.p <= 1.0 - LEVEL)
}

/// Differences of mean 0.25 and variance one, half of it common to the trials of a task.
fn shifted(random: &mut Random, n: usize, trials: u32) -> bool {
    let mut pairs = Pairs::default();
    for task in 0..n as u32 {
        let common = normal(random) * 0.5_f64.sqrt();
        for _ in 0..trials {
            pairs.a.push(0.0);
            pairs.b.push(0.25 + common + normal(random) * 0.5_f64.sqrt());
            pairs.cluster.push(task);
        }
    }
    compare(&Drawn::Pairs(pairs), MeanInterval::Automatic, random.bits()).is_some_and(|r| r.p <= 1.0 - LEVEL)
}
