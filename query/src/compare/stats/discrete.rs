//! Binomial and hypergeometric probabilities without special functions: ratios from the mode, made to sum to one.
//!
//! Guarantee: relative error about 1e-13 in both tails, down to 1e-300; below that a probability is zero. The work and
//! memory grow with the spread of the distribution (about forty standard deviations each side), not with its size.

use super::special::bisect;

/// Probabilities of `first`, `first` + 1, ...; what lies outside is below 1e-300 of the mode.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) first: u64,
    pub(super) p: Vec<f64>,
}

/// Weights this small do not change any sum.
const NEGLIGIBLE: f64 = 1e-300;

impl Window {
    /// `up(x)` is P(x + 1) / P(x); `down(x)` is P(x - 1) / P(x).
    fn around(mode: u64, low: u64, high: u64, up: impl Fn(u64) -> f64, down: impl Fn(u64) -> f64) -> Self {
        let mut below = Vec::new();
        let (mut x, mut weight) = (mode, 1.0);
        while x > low {
            weight *= down(x);
            if weight < NEGLIGIBLE {
                break;
            }
            x -= 1;
            below.push(weight);
        }
        let first = x;
        below.reverse();
        let mut p = below;
        p.push(1.0);
        let (mut x, mut weight) = (mode, 1.0);
        while x < high {
            weight *= up(x);
            if weight < NEGLIGIBLE {
                break;
            }
            x += 1;
            p.push(weight);
        }
        let total: f64 = p.iter().sum();
        p.iter_mut().for_each(|w| *w /= total);
        Self { first, p }
    }

    /// P(X = x).
    pub(super) fn at(&self, x: u64) -> f64 {
        x.checked_sub(self.first).and_then(|i| self.p.get(i as usize)).copied().unwrap_or(0.0)
    }

    /// P(X <= x), summed from the small end.
    pub(super) fn up_to(&self, x: u64) -> f64 {
        let Some(last) = x.checked_sub(self.first) else { return 0.0 };
        self.p.iter().take(last as usize + 1).sum()
    }

    /// P(X >= x), summed from the small end.
    pub(super) fn from(&self, x: u64) -> f64 {
        let skip = x.saturating_sub(self.first) as usize;
        self.p.iter().skip(skip).rev().sum()
    }
}

/// Binomial(n, q).
pub(super) fn binomial(n: u64, q: f64) -> Window {
    if q <= 0.0 || q >= 1.0 {
        return Window { first: if q >= 1.0 { n } else { 0 }, p: vec![1.0] };
    }
    let odds = q / (1.0 - q);
    let mode = (((n + 1) as f64 * q) as u64).min(n);
    let up = |x: u64| (n - x) as f64 / (x + 1) as f64 * odds;
    let down = |x: u64| x as f64 / (n - x + 1) as f64 / odds;
    Window::around(mode, 0, n, up, down)
}

/// Marked items among `drawn` of `total`, of which `marked` are marked.
pub(super) fn hypergeometric(total: u64, marked: u64, drawn: u64) -> Window {
    let low = (marked + drawn).saturating_sub(total);
    let high = marked.min(drawn);
    let unmarked_left = |x: u64| (total - marked + x - drawn) as f64;
    let mode = ((marked + 1) as f64 * (drawn + 1) as f64 / (total + 2) as f64) as u64;
    let up = |x: u64| (marked - x) as f64 * (drawn - x) as f64 / ((x + 1) as f64 * (unmarked_left(x) + 1.0));
    let down = |x: u64| x as f64 * unmarked_left(x) / ((marked - x + 1) as f64 * (drawn - x + 1) as f64);
    Window::around(mode.clamp(low, high), low, high, up, down)
}

/// Clopper and Pearson's exact interval for a rate (Biometrika 26, 1934): covers at least `level`, whatever the rate.
pub(super) fn clopper_pearson(successes: u64, n: u64, level: f64) -> (f64, f64) {
    let tail = (1.0 - level) / 2.0;
    let low = if successes == 0 { 0.0 } else { bisect(0.0, 1.0, |q| binomial(n, q).from(successes) < tail) };
    let high = if successes >= n { 1.0 } else { bisect(0.0, 1.0, |q| binomial(n, q).up_to(successes) > tail) };
    (low, high)
}

/// Wilson's score interval for a rate (JASA 22, 1927).
pub(super) fn wilson(successes: f64, n: f64, z: f64) -> (f64, f64) {
    let rate = successes / n;
    let centre = rate + z * z / (2.0 * n);
    let reach = z * (rate * (1.0 - rate) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    (((centre - reach) / scale).max(0.0), ((centre + reach) / scale).min(1.0))
}
