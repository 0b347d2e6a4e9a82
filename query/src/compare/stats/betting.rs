//! A confidence sequence for the mean of bounded values, by betting against each candidate mean.
//!
//! Guarantee: against the true mean no gambler's capital ever grows 1 / (1 - level) fold with more than that chance
//! (Ville's inequality), so the candidates against which it has not are a valid interval at any time. Cannot fail.

use super::limits::BETTING_GRID;

/// Share of the largest stake without ruin that is ever staked.
const STAKE_MAX: f64 = 0.5;

/// The hedged capital process of Waudby-Smith and Ramdas (JRSS B 86:1, 2024, theorem 3), with their predictable
/// plug-in stakes (their equation 26), the running intersection, and a grid of candidates whose ends are taken one
/// point outward.
#[derive(Debug, Clone)]
pub(super) struct Betting {
    low: f64,
    width: f64,
    alpha: f64,
    /// Capital of the bets up and down, by candidate, over [0, 1].
    up: Vec<f64>,
    down: Vec<f64>,
    /// Candidates that were never excluded: first and last.
    alive: (usize, usize),
    empty: bool,
    /// The same for "the mean is zero": ln capital of both bets and the largest ln wealth so far.
    zero: f64,
    zero_up: f64,
    zero_down: f64,
    zero_best: f64,
    n: f64,
    sum: f64,
    squares: f64,
}

impl Betting {
    pub(super) fn new(low: f64, high: f64, level: f64) -> Self {
        Self {
            low,
            width: high - low,
            alpha: 1.0 - level,
            up: vec![1.0; BETTING_GRID + 1],
            down: vec![1.0; BETTING_GRID + 1],
            alive: (0, BETTING_GRID),
            empty: false,
            zero: -low / (high - low),
            zero_up: 0.0,
            zero_down: 0.0,
            zero_best: 0.0,
            n: 0.0,
            sum: 0.0,
            squares: 0.0,
        }
    }

    pub(super) fn take(&mut self, value: f64) {
        let x = (value - self.low) / self.width;
        // The stake knows only what came before: mean and variance with half a made-up value each.
        let n = self.n + 1.0;
        let variance = (0.25 + self.squares) / n;
        let stake = (2.0 * (2.0 / self.alpha).ln() / (variance * n * (n + 1.0).ln())).sqrt();
        self.n = n;
        self.sum += x;
        let mean = (0.5 + self.sum) / (n + 1.0);
        self.squares += (x - mean) * (x - mean);
        self.bet_on_grid(x, stake);
        self.bet_on_zero(x, stake);
    }

    fn bet_on_grid(&mut self, x: f64, stake: f64) {
        let (first, last) = self.alive;
        for i in first..=last {
            let m = i as f64 / BETTING_GRID as f64;
            self.up[i] *= 1.0 + stake.min(STAKE_MAX / m) * (x - m);
            self.down[i] *= 1.0 - stake.min(STAKE_MAX / (1.0 - m)) * (x - m);
        }
        let limit = 2.0 / self.alpha;
        let stays = |i: &usize| self.up[*i] < limit && self.down[*i] < limit;
        match ((first..=last).find(stays), (first..=last).rev().find(stays)) {
            (Some(first), Some(last)) => self.alive = (first, last),
            _ => self.empty = true,
        }
    }

    fn bet_on_zero(&mut self, x: f64, stake: f64) {
        let m = self.zero;
        if !(0.0..=1.0).contains(&m) {
            self.zero_best = f64::INFINITY;
            return;
        }
        self.zero_up += (stake.min(STAKE_MAX / m) * (x - m)).ln_1p();
        self.zero_down += (-stake.min(STAKE_MAX / (1.0 - m)) * (x - m)).ln_1p();
        self.zero_best = self.zero_best.max(self.zero_up.max(self.zero_down) - std::f64::consts::LN_2);
    }

    pub(super) fn state(&self) -> (f64, f64, f64) {
        let at = |i: usize| self.low + self.width * i as f64 / BETTING_GRID as f64;
        let (first, last) = self.alive;
        let low = at(first.saturating_sub(1));
        let high = at((last + 1).min(BETTING_GRID));
        let p = (-self.zero_best).exp().min(1.0);
        if self.empty { (f64::NAN, f64::NAN, p) } else { (low, high, p) }
    }
}
