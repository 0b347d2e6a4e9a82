//! A confidence sequence for the mean of values without known bounds.
//!
//! Guarantee: holds at every look in the limit of large samples when the variance is finite; says nothing before the
//! burn-in, when the variance is not yet known. Cannot fail.

use super::limits::ASYMPTOTIC_BURN_IN;

/// The sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (Annals of Statistics 52:2613, 2024, theorem 2.2): a
/// normal mixture whose width is smallest after `planned` values.
#[derive(Debug, Clone)]
pub(super) struct Asymptotic {
    alpha: f64,
    /// Square of their rho.
    tightness: f64,
    n: f64,
    mean: f64,
    squares: f64,
    low: f64,
    high: f64,
    p: f64,
}

impl Asymptotic {
    pub(super) fn new(level: f64, planned: usize) -> Self {
        let alpha: f64 = 1.0 - level;
        let tail = -2.0 * alpha.ln();
        let tightness = (tail + (tail + 1.0).ln()) / planned as f64;
        let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        Self { alpha, tightness, n: 0.0, mean: 0.0, squares: 0.0, low, high, p: 1.0 }
    }

    pub(super) fn take(&mut self, value: f64) {
        self.n += 1.0;
        let away = value - self.mean;
        self.mean += away / self.n;
        self.squares += away * (value - self.mean);
        if self.n < ASYMPTOTIC_BURN_IN as f64 || self.squares <= 0.0 {
            return;
        }
        let deviation = (self.squares / (self.n - 1.0)).sqrt();
        let reach = deviation * self.reach(self.alpha);
        self.low = self.low.max(self.mean - reach);
        self.high = self.high.min(self.mean + reach);
        self.p = self.p.min(self.p_of(self.mean / deviation));
    }

    /// Half width in standard deviations.
    fn reach(&self, alpha: f64) -> f64 {
        let mixed = self.n * self.tightness + 1.0;
        (2.0 * mixed / (self.n * self.n * self.tightness) * (mixed.sqrt() / alpha).ln()).sqrt()
    }

    /// The alpha whose half width is just |distance|.
    fn p_of(&self, distance: f64) -> f64 {
        let mixed = self.n * self.tightness + 1.0;
        let exponent = distance * distance * self.n * self.n * self.tightness / (2.0 * mixed);
        (mixed.sqrt() * (-exponent).exp()).min(1.0)
    }

    /// Low, high, p.
    pub(super) fn state(&self) -> (f64, f64, f64) {
        (self.low, self.high, self.p)
    }
}
