//! Distribution functions: normal, Student's t and its noncentral form, and a bisection.
//!
//! Guarantee: nothing here panics; arguments outside of the domain give NaN. The error function and the incomplete beta
//! function are those of `statrs`; what is built on them is checked against scipy (golden.json).

use super::limits::BISECTION_STEPS;
use statrs::function::{beta, erf, gamma};
use std::f64::consts::SQRT_2;

/// Degrees of freedom from which on t is the normal distribution to ten digits in what is reported here.
const NORMAL_FROM: f64 = 1e10;
/// Panels of the quadrature of the noncentral t distribution (even).
const PANELS: usize = 800;

/// P(Z <= x).
pub(super) fn normal_cdf(x: f64) -> f64 {
    0.5 * erf::erfc(-x / SQRT_2)
}

/// 2 P(Z >= |x|).
pub(super) fn normal_two_sided(x: f64) -> f64 {
    erf::erfc(x.abs() / SQRT_2)
}

/// The x with P(Z <= x) = p.
pub(super) fn normal_quantile(p: f64) -> f64 {
    if p.is_nan() { f64::NAN } else { -SQRT_2 * erf::erfc_inv(2.0 * p.clamp(0.0, 1.0)) }
}

/// 2 P(T >= |t|) with `df` degrees of freedom.
pub(super) fn t_two_sided(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if df > NORMAL_FROM || t.is_infinite() {
        return normal_two_sided(t);
    }
    beta_regularized(df / 2.0, 0.5, df / (df + t * t), t * t / (df + t * t))
}

/// I_x(a, b) with 1 - x given apart, so that neither end loses digits: Lentz's evaluation of the continued fraction
/// (Abramowitz and Stegun 26.5.8), on the side where it converges in about sqrt(max(a, b)) steps.
fn beta_regularized(a: f64, b: f64, x: f64, complement: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if complement <= 0.0 {
        return 1.0;
    }
    if a.max(b) < 1_000.0 {
        return beta::checked_beta_reg(a, b, x).unwrap_or(f64::NAN);
    }
    let front = (a * x.ln() + b * complement.ln() - ln_beta(a, b)).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, complement) / b
    }
}

/// ln B(a, b); for one large argument by the asymptotic series of ln Gamma, where the plain difference loses digits.
fn ln_beta(a: f64, b: f64) -> f64 {
    let (large, small) = if a > b { (a, b) } else { (b, a) };
    let stirling = |x: f64| (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1_260.0 * x * x)) / (x * x)) / x;
    if large < 100.0 || small > 100.0 {
        return gamma::ln_gamma(a) + gamma::ln_gamma(b) - gamma::ln_gamma(a + b);
    }
    let ratio = (large - 0.5) * (small / large).ln_1p() + small * (large + small).ln() - small;
    gamma::ln_gamma(small) - ratio + stirling(large) - stirling(large + small)
}

/// The continued fraction of the incomplete beta function.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    const STEPS: u32 = 20_000;
    let keep = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / keep(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    for step in 1..=STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / keep(1.0 + even * d);
        c = keep(1.0 + even / c);
        h *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / keep(1.0 + odd * d);
        c = keep(1.0 + odd / c);
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    h
}

/// The x > 0 with 2 P(T >= x) = 1 - `level`: how many standard errors an interval of this level reaches.
pub(super) fn t_reach(level: f64, df: f64) -> f64 {
    let tail = 1.0 - level;
    let start = normal_quantile(0.5 + level / 2.0);
    let mut high = start.max(1.0);
    while t_two_sided(high, df) > tail && high < 1e12 {
        high *= 2.0;
    }
    bisect(0.0, high, |t| t_two_sided(t, df) > tail)
}

/// P(T <= t) for the noncentral t: the normal distribution mixed over the spread that chi-square gives the divisor.
pub(super) fn noncentral_t_cdf(t: f64, df: f64, shift: f64) -> f64 {
    if df > 1e6 {
        return normal_cdf(t - shift);
    }
    let width = 12.0 / (2.0 * df).sqrt();
    let (low, high) = ((1.0 - width).max(0.0), 1.0 + width * 1.5);
    let step = (high - low) / PANELS as f64;
    let constant = (df / 2.0).ln() * (df / 2.0) + std::f64::consts::LN_2 - gamma::ln_gamma(df / 2.0);
    let density = |s: f64| {
        if s <= 0.0 { 0.0 } else { (constant + (df - 1.0) * s.ln() - df * s * s / 2.0).exp() }
    };
    let mut sum = 0.0;
    for i in 0..=PANELS {
        let s = low + step * i as f64;
        let weight = if i == 0 || i == PANELS {
            1.0
        } else if i % 2 == 1 {
            4.0
        } else {
            2.0
        };
        sum += weight * density(s) * normal_cdf(t * s - shift);
    }
    (sum * step / 3.0).clamp(0.0, 1.0)
}

/// The point between `low` and `high` where `below` turns from true to false.
pub(super) fn bisect(mut low: f64, mut high: f64, below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..BISECTION_STEPS {
        let middle = 0.5 * (low + high);
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}
