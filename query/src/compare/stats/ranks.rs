//! Ranks with ties, and the exact distribution of a sum of ranks.
//!
//! Guarantee: tied values share the mean of their ranks; the distribution is conditional on the ties, so it is exact
//! with them too. Cannot fail.

/// Ranks from 1, and what the ties are.
#[derive(Debug, Clone)]
pub(super) struct Ranked {
    pub(super) ranks: Vec<f64>,
    /// Values that equal another.
    pub(super) tied: usize,
    /// Sum over groups of ties of t^3 - t.
    pub(super) tie_term: f64,
}

/// Midranks of the values.
pub(super) fn midranks(values: &[f64]) -> Ranked {
    let mut order: Vec<(u64, u32)> = values.iter().zip(0..).map(|(&v, i)| (sort_key(v), i)).collect();
    order.sort_unstable();
    let mut ranked = Ranked { ranks: vec![0.0; values.len()], tied: 0, tie_term: 0.0 };
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && order[end].0 == order[start].0 {
            end += 1;
        }
        let size = end - start;
        let rank = (start + 1 + end) as f64 / 2.0;
        order[start..end].iter().for_each(|&(_, i)| ranked.ranks[i as usize] = rank);
        if size > 1 {
            ranked.tied += size;
            ranked.tie_term += (size as f64).powi(3) - size as f64;
        }
        start = end;
    }
    ranked
}

/// A whole number in the order of the values, the two zeros being one: sorting these needs no look at the values.
fn sort_key(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// Twice the smaller tail, at `doubled`, of the sum of doubled ranks of which each is in or out by a fair coin.
pub(super) fn coin_sum_p(ranks: &[f64], doubled: usize) -> f64 {
    let total: usize = ranks.iter().map(|&r| double(r)).sum();
    let mut p = vec![0.0; total + 1];
    p[0] = 1.0;
    let mut reached = 0;
    for step in ranks.iter().map(|&r| double(r)) {
        for sum in (0..=reached).rev() {
            let half = p[sum] / 2.0;
            p[sum] = half;
            p[sum + step] += half;
        }
        reached += step;
    }
    smaller_tail_doubled(&p, doubled)
}

/// Twice the smaller tail, at `doubled`, of the sum of doubled ranks of `drawn` values out of all.
pub(super) fn draw_sum_p(ranks: &[f64], drawn: usize, doubled: usize) -> f64 {
    let total: usize = ranks.iter().map(|&r| double(r)).sum();
    let width = total + 1;
    let mut ways = vec![0.0; (drawn + 1) * width];
    ways[0] = 1.0;
    for (seen, step) in ranks.iter().map(|&r| double(r)).enumerate() {
        for count in (1..=drawn.min(seen + 1)).rev() {
            let (before, after) = ways.split_at_mut(count * width);
            let source = &before[(count - 1) * width..];
            for sum in step..width {
                after[sum] += source[sum - step];
            }
        }
    }
    let mut p = ways.split_off(drawn * width);
    let all: f64 = p.iter().sum();
    p.iter_mut().for_each(|w| *w /= all);
    smaller_tail_doubled(&p, doubled)
}

fn smaller_tail_doubled(p: &[f64], at: usize) -> f64 {
    let below: f64 = p[..=at].iter().sum();
    let above: f64 = p[at..].iter().rev().sum();
    (2.0 * below.min(above)).min(1.0)
}

/// Ranks are whole or half numbers: doubled they are whole.
pub(super) fn double(rank: f64) -> usize {
    (2.0 * rank).round() as usize
}

#[cfg(test)]
mod tests {
    use super::midranks;

    #[test]
    fn ties_share_a_rank_and_zeros_are_one_value() {
        let ranked = midranks(&[3.0, -0.0, -7.5, 0.0, 3.0, 1e-300, 3.0]);
        assert_eq!(ranked.ranks, [6.0, 2.5, 1.0, 2.5, 6.0, 4.0, 6.0]);
        assert_eq!((ranked.tied, ranked.tie_term), (5, 6.0 + 24.0));
    }
}
