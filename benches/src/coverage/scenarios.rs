//! Data whose truth is known: outcomes, skewed cost, repeated trials, ties.
//!
//! Guarantee: the true difference of each scenario is exact, worked out by hand beside its draw.

use query::compare::stats::random::Random;
use query::compare::stats::{Arms, Pairs};

/// One kind of data.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Name in the table.
    pub name: &'static str,
    /// n counts tasks with repeated trials: the bar starts at 50 rather than 200.
    pub clustered: bool,
    /// True difference when B differs.
    pub difference: f64,
    /// Draws n units; with `same` the arms have one distribution.
    pub draw: fn(&mut Random, usize, bool) -> Drawn,
}

/// What was drawn.
#[derive(Debug)]
pub enum Drawn {
    /// Pairs.
    Pairs(Pairs),
    /// Arms without pairs.
    Arms(Arms),
}

/// exp of half: mean of a lognormal value with spread one.
const LOGNORMAL_MEAN: f64 = 1.648_721_270_700_128_2;

/// Mean of 0.05, 0.10 and 0.05.
const GAIN: f64 = 0.2 / 3.0;

/// All of them.
pub const ALL: [Scenario; 11] = [
    Scenario { name: "outcomes, 30 % discordant", clustered: false, difference: 0.10, draw: outcomes },
    Scenario { name: "outcomes, 8 % discordant", clustered: false, difference: 0.02, draw: rare_outcomes },
    Scenario { name: "outcomes, no pairs", clustered: false, difference: 0.10, draw: outcome_arms },
    Scenario { name: "skewed cost, pairs", clustered: false, difference: 0.2 * LOGNORMAL_MEAN, draw: cost },
    Scenario { name: "skewed cost doubled, pairs", clustered: false, difference: LOGNORMAL_MEAN, draw: cost_doubled },
    Scenario { name: "skewed cost, no pairs", clustered: false, difference: 0.2 * LOGNORMAL_MEAN, draw: cost_arms },
    Scenario { name: "turns with ties, pairs", clustered: false, difference: 0.3, draw: turns },
    Scenario { name: "4 trials a task, outcomes", clustered: true, difference: GAIN, draw: trials },
    Scenario { name: "1-8 trials a task, outcomes", clustered: true, difference: GAIN, draw: uneven_trials },
    Scenario {
        name: "4 trials a task, skewed cost",
        clustered: true,
        difference: 0.2 * LOGNORMAL_MEAN,
        draw: cost_trials,
    },
    Scenario { name: "tasks in one arm, outcomes", clustered: true, difference: GAIN, draw: nested_trials },
];

/// A standard normal value (Box and Muller).
pub fn normal(random: &mut Random) -> f64 {
    (-2.0 * random.unit().ln()).sqrt() * (std::f64::consts::TAU * random.unit()).cos()
}

fn outcome(random: &mut Random, rate: f64) -> f64 {
    f64::from(u8::from(random.unit() < rate))
}

/// Pairs with these shares won by A only and by B only, the rest split evenly.
fn discordant(random: &mut Random, n: usize, only_a: f64, only_b: f64) -> Drawn {
    let mut pairs = Pairs::default();
    for _ in 0..n {
        let u = random.unit();
        let both = only_a + only_b + (1.0 - only_a - only_b) / 2.0;
        let (a, b) = if u < only_a {
            (1.0, 0.0)
        } else if u < only_a + only_b {
            (0.0, 1.0)
        } else if u < both {
            (1.0, 1.0)
        } else {
            (0.0, 0.0)
        };
        pairs.a.push(a);
        pairs.b.push(b);
    }
    Drawn::Pairs(pairs)
}

fn outcomes(random: &mut Random, n: usize, same: bool) -> Drawn {
    let (only_a, only_b) = if same { (0.15, 0.15) } else { (0.10, 0.20) };
    discordant(random, n, only_a, only_b)
}

fn rare_outcomes(random: &mut Random, n: usize, same: bool) -> Drawn {
    let (only_a, only_b) = if same { (0.04, 0.04) } else { (0.03, 0.05) };
    discordant(random, n, only_a, only_b)
}

fn outcome_arms(random: &mut Random, n: usize, same: bool) -> Drawn {
    let rate_b = if same { 0.6 } else { 0.7 };
    let a = (0..n).map(|_| outcome(random, 0.6)).collect();
    let b = (0..n).map(|_| outcome(random, rate_b)).collect();
    Drawn::Arms(Arms::of(a, b))
}

/// Costs of one task: lognormal with spread one, 0.64 of its variance on the log scale common to both arms.
fn cost_pair(random: &mut Random, factor: f64) -> (f64, f64) {
    let task = 0.8 * normal(random);
    ((task + 0.6 * normal(random)).exp(), factor * (task + 0.6 * normal(random)).exp())
}

fn cost_by(random: &mut Random, n: usize, factor: f64) -> Drawn {
    let (a, b) = (0..n).map(|_| cost_pair(random, factor)).unzip();
    Drawn::Pairs(Pairs::of(a, b))
}

fn cost(random: &mut Random, n: usize, same: bool) -> Drawn {
    cost_by(random, n, if same { 1.0 } else { 1.2 })
}

fn cost_doubled(random: &mut Random, n: usize, same: bool) -> Drawn {
    cost_by(random, n, if same { 1.0 } else { 2.0 })
}

fn cost_arms(random: &mut Random, n: usize, same: bool) -> Drawn {
    let factor = if same { 1.0 } else { 1.2 };
    let a = (0..n).map(|_| normal(random).exp()).collect();
    let b = (0..n).map(|_| factor * normal(random).exp()).collect();
    Drawn::Arms(Arms::of(a, b))
}

/// Whole numbers of turns, most of them equal within the pair; B takes one more in three of ten tasks.
fn turns(random: &mut Random, n: usize, same: bool) -> Drawn {
    let mut pairs = Pairs::default();
    for _ in 0..n {
        let task = (1.0 - 4.0 * random.unit().ln()).floor();
        let extra = |random: &mut Random| outcome(random, 0.2) * (1.0 - 2.0 * random.unit().ln()).floor();
        pairs.a.push(task + extra(random));
        let more = outcome(random, 0.3);
        pairs.b.push(task + extra(random) + if same { 0.0 } else { more });
    }
    Drawn::Pairs(pairs)
}

/// Rates of a hard, middling or easy task; B is better by 0.05, 0.10 and 0.05, a fifteenth on average.
fn task_rates(random: &mut Random, same: bool) -> (f64, f64) {
    let (a, gain) = [(0.1, 0.05), (0.5, 0.1), (0.9, 0.05)][random.below(3)];
    (a, if same { a } else { a + gain })
}

fn trials(random: &mut Random, n: usize, same: bool) -> Drawn {
    let mut pairs = Pairs::default();
    for task in 0..n as u32 {
        let (rate_a, rate_b) = task_rates(random, same);
        for _ in 0..4 {
            pairs.a.push(outcome(random, rate_a));
            pairs.b.push(outcome(random, rate_b));
            pairs.cluster.push(task);
        }
    }
    Drawn::Pairs(pairs)
}

fn uneven_trials(random: &mut Random, n: usize, same: bool) -> Drawn {
    let mut arms = Arms::default();
    for task in 0..n as u32 {
        let (rate_a, rate_b) = task_rates(random, same);
        for _ in 0..=random.below(8) {
            arms.a.push(outcome(random, rate_a));
            arms.cluster_a.push(task);
        }
        for _ in 0..=random.below(8) {
            arms.b.push(outcome(random, rate_b));
            arms.cluster_b.push(task);
        }
    }
    Drawn::Arms(arms)
}

fn cost_trials(random: &mut Random, n: usize, same: bool) -> Drawn {
    let mut pairs = Pairs::default();
    let factor = if same { 1.0 } else { 1.2 };
    for cluster in 0..n as u32 {
        let task = 0.8 * normal(random);
        for _ in 0..4 {
            pairs.a.push((task + 0.6 * normal(random)).exp());
            pairs.b.push(factor * (task + 0.6 * normal(random)).exp());
            pairs.cluster.push(cluster);
        }
    }
    Drawn::Pairs(pairs)
}

/// Half of the tasks ran under A and half under B, four trials each.
fn nested_trials(random: &mut Random, n: usize, same: bool) -> Drawn {
    let mut arms = Arms::default();
    for task in 0..n as u32 {
        let (rate_a, rate_b) = task_rates(random, same);
        for _ in 0..4 {
            if task % 2 == 0 {
                arms.a.push(outcome(random, rate_a));
                arms.cluster_a.push(task);
            } else {
                arms.b.push(outcome(random, rate_b));
                arms.cluster_b.push(task);
            }
        }
    }
    Drawn::Arms(arms)
}
