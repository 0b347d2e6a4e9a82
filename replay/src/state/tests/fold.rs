//! The fold against the second implementation, and in any order.

use super::super::event::StateEvent;
use super::super::timeline::{Order, Timeline};
use super::super::{Point, Sizes, State};
use super::generator::{history, shuffled};
use super::oracle::Oracle;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// At every event, everything that can be asked is what the second implementation says.
    #[test]
    fn every_prefix_is_as_the_oracle_says(seed: u64, agents in 2u64..6, keys in 1u64..12) {
        let (mut state, mut oracle) = (State::new(), Oracle::default());
        for event in history(seed, 300, agents, keys) {
            state.apply(&event);
            oracle.add(&event);
            oracle.agrees(&state, event.at_us());
        }
    }

    /// Order, batches and sub-folds make no difference.
    #[test]
    fn any_permutation_and_any_split_give_the_same_state(seed: u64, order: u64, cut in 0usize..400) {
        let events = history(seed, 400, 4, 9);
        let state = State::of(&events);
        let other = shuffled(&events, order);
        prop_assert_eq!(&State::of(&other), &state);
        let (left, right) = other.split_at(cut);
        let mut joined = State::of(left);
        joined.join(&State::of(right));
        prop_assert_eq!(&joined, &state);
        prop_assert_eq!(joined.root(), state.root());
    }

    /// Any point is the fold of the events that count there, whichever checkpoints there are.
    #[test]
    fn any_point_is_the_fold_of_what_counts_there(
        seed: u64, every in 1u64..80, at in 0usize..500, known in 0usize..500, form in 0u8..5, fed in 200usize..501,
    ) {
        let events = history(seed, 500, 4, 9);
        let (at, known) = (&events[at], &events[known]);
        let point = match form {
            0 => Point::time(at.at_us()),
            1 => Point::event(at),
            2 => Point::sizes(&sizes(&events[..at.leaf as usize])),
            3 => Point::time(at.at_us()).known_at(known.committed_us),
            _ => Point::default().known_at(known.committed_us),
        };
        let (commits, times) = families(&events, fed, every);
        let plan = Timeline::plan(&[&commits, &times], point.clone());
        let tail = plan.tail();
        for event in events.iter().filter(|event| tail.wants(event)) {
            let (from, to) = tail.leaves(event.partition);
            prop_assert!(event.leaf >= from && to.is_none_or(|to| event.leaf < to));
        }
        let found = plan.finish(&shuffled(&events, seed));
        prop_assert_eq!(found, State::of(events.iter().filter(|event| point.holds(event))));
    }
}

fn sizes(events: &[StateEvent]) -> Sizes {
    let mut sizes = Sizes::new();
    for event in events {
        sizes.insert(event.partition, event.leaf + 1);
    }
    sizes
}

/// A family by commits over all, and one by time that was made of the first events and extended with the rest.
fn families(events: &[StateEvent], fed: usize, every: u64) -> (Timeline, Timeline) {
    let mut commits = Timeline::every(Order::Committed, every);
    events.iter().for_each(|event| commits.push(event));
    let (early, late) = events.split_at(fed);
    let mut times = Timeline::every(Order::Time(sizes(early)), every);
    let mut sorted = early.to_vec();
    sorted.sort_by_key(StateEvent::stamp);
    sorted.iter().for_each(|event| times.push(event));
    times.extend(late, &sizes(events));
    (commits, times)
}

#[test]
fn in_one_order_a_point_costs_one_checkpoint_and_a_bounded_tail() {
    let events = history(7, 5_000, 6, 50);
    let (commits, times) = families(&events, 5_000, 100);
    for at in (0..5_000).step_by(97) {
        let by_size = Timeline::plan(&[&commits], Point::sizes(&sizes(&events[..=at])));
        assert!(at as u64 + 1 - by_size.held() < 100);
        let by_time = Timeline::plan(&[&times], Point::event(&events[at]));
        let counted = events.iter().filter(|event| by_time.tail().wants(event)).count();
        assert!(counted < 100, "{counted} events to add");
    }
}

#[test]
fn a_hundred_thousand_events_are_as_the_oracle_says_at_every_event() {
    let (mut state, mut oracle) = (State::new(), Oracle::default());
    let events = history(99, 100_000, 40, 5_000);
    for (at, event) in events.iter().enumerate() {
        state.apply(event);
        oracle.add(event);
        if !event.kind.starts_with("approval.") || at % 50 == 0 {
            oracle.agrees_about(&state, event, event.at_us());
        }
        if at % 20_000 == 0 {
            oracle.agrees(&state, event.at_us());
        }
    }
    oracle.agrees(&state, events.last().unwrap().at_us());
    assert_eq!(State::of(&shuffled(&events, 5)).root(), state.root());
}
