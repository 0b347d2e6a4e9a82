//! The second pass over a session: acts that share little with an order which another act does (`follows`), and calls
//! whose result supplied such an act with a value (`prepares`).
//!
//! Guarantee: only acts without an order of their own get one here, and none that the trusted words explain. The last
//! [`PENDING_CALLS_MAX`] such calls are looked at. Deterministic; cannot fail.

use super::edge::How;
use super::limits::PENDING_CALLS_MAX;
use super::matching::FOLLOWED_MIN;
use super::session::{Done, Origin, SessionFlow};
use std::collections::BTreeSet;

/// Part of the score of the act that was supplied.
const PREPARES_PART: f64 = 0.5;

/// A window by source and place.
type Place = (usize, usize);

/// All origins of a session's acts, in the order of the acts.
pub(super) fn origins(flow: &SessionFlow) -> Vec<(usize, Origin, How)> {
    let own = |done: &Done| done.origin.clone().filter(|_| !done.has_calls);
    let mut found: Vec<Option<(Origin, How)>> =
        flow.done.iter().map(|done| own(done).map(|origin| (origin, How::Instructs))).collect();
    let followed: BTreeSet<Place> = found.iter().flatten().map(|(o, _)| (o.source, o.window)).collect();
    if !followed.is_empty() {
        let pending = pending(flow, &found);
        follows(flow, &followed, &pending, &mut found);
        prepares(flow, &pending, &mut found);
    }
    let all = found.into_iter().enumerate();
    all.filter_map(|(n, origin)| origin.map(|(origin, how)| (n, origin, how))).collect()
}

/// The calls that may get an edge: without one, after some source, and not what the trusted words ask for.
fn pending(flow: &SessionFlow, found: &[Option<(Origin, How)>]) -> Vec<usize> {
    let open = |n: &usize| {
        let done = &flow.done[*n];
        found[*n].is_none() && done.sources > 0 && done.act.tool.is_some() && !done.act.is_explained_by(&flow.trusted)
    };
    let mut last: Vec<usize> = (0..flow.done.len()).rev().filter(open).take(PENDING_CALLS_MAX).collect();
    last.reverse();
    last
}

fn follows(flow: &SessionFlow, followed: &BTreeSet<Place>, pending: &[usize], found: &mut [Option<(Origin, How)>]) {
    for n in pending {
        let done = &flow.done[*n];
        let also =
            |source, window, m: &super::matching::Match| m.m >= FOLLOWED_MIN && followed.contains(&(source, window));
        found[*n] = flow.origin(&done.act, done.sources, also).map(|origin| (origin, How::Follows));
    }
}

fn prepares(flow: &SessionFlow, pending: &[usize], found: &mut [Option<(Origin, How)>]) {
    let followers: Vec<(usize, Origin)> = found
        .iter()
        .enumerate()
        .filter_map(|(n, origin)| Some((n, origin.as_ref()?.0.clone())))
        .filter(|(n, _)| flow.done[*n].act.tool.is_some())
        .collect();
    for n in pending.iter().filter(|n| found[**n].is_none()).copied().collect::<Vec<_>>() {
        found[n] = supplied(flow, n, &followers).map(|origin| (origin, How::Prepares));
    }
}

/// The first order whose follower got a value from this call's result.
fn supplied(flow: &SessionFlow, call: usize, followers: &[(usize, Origin)]) -> Option<Origin> {
    let done = &flow.done[call];
    let (at, line) = done.result.as_ref()?;
    let fed = |follower: &&(usize, Origin)| {
        let (n, origin) = follower;
        let window = flow.sources[origin.source].windows.get(origin.window);
        let later = origin.source < done.sources && flow.done[*n].at > *at;
        later && window.is_some_and(|w| flow.done[*n].act.is_fed_by(line, &flow.trusted, w))
    };
    let (_, origin) = followers.iter().find(fed)?;
    Some(Origin { product: origin.product * PREPARES_PART, ..origin.clone() })
}
