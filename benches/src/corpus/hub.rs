//! A hub: a poisoned memory write whose downstream is an exact number of events over hundreds of sessions.
//!
//! Guarantee: the write reaches exactly [`HubPlan::nodes`] events, itself included. A session reads the key of one before
//! it, goes on for a fixed number of events, and writes a key of its own; a key is read by at most [`FAN_OUT`] sessions.

use super::case::{Shelved, read, write};
use super::plot::{Plot, Purpose, Seat};
use super::pool::Pool;
use super::{AGENTS, HUB_NODES};
use crate::rng::Rng;

/// Sessions that read the same key.
const FAN_OUT: usize = 16;
/// Events of a session that the poison reaches.
const REACHED: u64 = 30;
/// Events of a session before it reads: a prompt and an answer.
const BEFORE: u64 = 2;
/// Events of the session that is poisoned first; the last is the write.
const ROOT_ACTS: u64 = 5;
/// Bytes of a content, about.
const BYTES: usize = 200;
/// A hub takes at most one of so many events of its world.
const SHARE: u64 = 4;

/// How a hub is laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct HubPlan {
    /// Events that the write reaches, itself included.
    pub(super) nodes: u64,
    /// Sessions that it reaches, without its own.
    pub(super) sessions: usize,
    /// Events of the last session.
    last: u64,
}

impl HubPlan {
    /// The largest hub of a world of `events` events, up to [`HUB_NODES`].
    pub(super) fn new(events: u64) -> Self {
        let full = HUB_NODES - 1;
        let sessions = full.div_ceil(REACHED);
        if ROOT_ACTS + full + sessions * BEFORE <= events / SHARE {
            let last = full - (sessions - 1) * REACHED;
            return Self { nodes: HUB_NODES, sessions: sessions as usize, last };
        }
        let sessions = (events / SHARE / (REACHED + BEFORE)).max(1);
        Self { nodes: 1 + sessions * REACHED, sessions: sessions as usize, last: REACHED }
    }

    /// Events of all its sessions.
    pub(super) fn acts(&self) -> u64 {
        ROOT_ACTS + self.nodes - 1 + self.sessions as u64 * BEFORE
    }

    /// The session that is poisoned first.
    pub(super) fn root(rng: &mut Rng, pool: &Pool, world: usize) -> Plot {
        let key = key(world, 0);
        let mut plot = Plot::new(Purpose::Poison { number: 0, key: key.clone() });
        let agent = rng.below(AGENTS);
        plot.seats.push(Seat::new(rng, pool, agent));
        let asked = plot.message(0, BYTES, None);
        let answer = plot.answer(0, BYTES, asked);
        let (_, result) = plot.tool(rng, 0, BYTES, answer);
        write(&mut plot, world, &key, result);
        plot
    }

    /// Which session a session (from 1) reads from.
    pub(super) fn parent(number: usize) -> usize {
        (number - 1) / FAN_OUT
    }

    /// A session (from 1) that reads `from` and writes a key of its own.
    pub(super) fn victim(&self, rng: &mut Rng, pool: &Pool, world: usize, number: usize, from: &Shelved) -> Plot {
        let key = key(world, number);
        let mut plot = Plot::new(Purpose::Poison { number, key: key.clone() });
        let agent = rng.below(AGENTS);
        plot.seats.push(Seat::new(rng, pool, agent));
        let asked = plot.message(0, BYTES, None);
        let answer = plot.answer(0, BYTES, asked);
        let mut last = read(&mut plot, rng, world, from, answer);
        let reached = if number == self.sessions { self.last } else { REACHED };
        // Read and write are two of them; answers alone fill what three do not divide.
        let mut left = reached - 2;
        while left > 0 {
            last = plot.answer(0, BYTES, last);
            left -= 1;
            if left >= 2 {
                last = plot.tool(rng, 0, BYTES, last).1;
                left -= 2;
            }
        }
        write(&mut plot, world, &key, last);
        plot
    }
}

fn key(world: usize, number: usize) -> String {
    format!("notes/hub-{world}/{number}")
}

#[cfg(test)]
mod tests {
    use super::HubPlan;

    #[test]
    fn a_large_world_has_a_hub_of_ten_thousand() {
        let plan = HubPlan::new(125_000);
        assert_eq!((plan.nodes, plan.sessions, plan.last), (10_000, 334, 9));
        let small = HubPlan::new(2_000);
        assert_eq!(small.nodes, 1 + small.sessions as u64 * 30);
        assert!(small.acts() < 1_000);
    }
}
