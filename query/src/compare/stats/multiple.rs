//! Correction for many measures.
//!
//! Guarantee: adjusted values are in the order of the raw ones, within [0, 1], and never below them. A p that is NaN (a
//! measure without data) is not part of the family and stays NaN. Cannot fail.

/// Holm's step-down values (Scandinavian Journal of Statistics 6, 1979): the chance of any false alarm in the family is
/// held, whatever the dependence between measures.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let m = order.len() as f64;
    let mut adjusted = p.to_vec();
    let mut most: f64 = 0.0;
    for (place, &i) in order.iter().enumerate() {
        most = most.max((m - place as f64) * p[i]).min(1.0);
        adjusted[i] = most;
    }
    adjusted
}

/// Benjamini and Hochberg's step-up values (JRSS B 57, 1995): the expected share of false alarms among the alarms is
/// held, for measures that are independent or positively dependent.
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let m = order.len() as f64;
    let mut adjusted = p.to_vec();
    let mut least: f64 = 1.0;
    for (place, &i) in order.iter().enumerate().rev() {
        least = least.min(p[i] * m / (place as f64 + 1.0));
        adjusted[i] = least;
    }
    adjusted
}

/// Positions of the values that are not NaN, smallest first.
fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&i| !p[i].is_nan()).collect();
    order.sort_by(|&i, &j| p[i].total_cmp(&p[j]));
    order
}
