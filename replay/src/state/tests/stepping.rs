//! Stepping forwards and backwards.

use super::super::{State, Stepper};
use super::generator::{Dice, history};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// After any moves the state is that of the events stepped over.
    #[test]
    fn any_moves_lead_to_the_state_of_the_events_before(seed: u64, moves in prop::collection::vec(0usize..260, 1..30)) {
        let events = history(seed, 250, 4, 9);
        let (before, run) = events.split_at(50);
        let before = State::of(before);
        let mut stepper = Stepper::new(before.clone(), run.to_vec()).unwrap();
        let mut dice = Dice(seed);
        for to in moves {
            match dice.below(3) {
                0 => drop(stepper.forward()),
                1 => drop(stepper.back()),
                _ => drop(stepper.jump(to)),
            }
            let mut expected = before.clone();
            stepper.events()[..stepper.position()].iter().for_each(|event| expected.apply(event));
            prop_assert_eq!(stepper.state(), &expected);
        }
        stepper.jump(0);
        prop_assert_eq!(stepper.state(), &before);
    }
}

#[test]
fn a_step_says_what_its_event_changed() {
    let events = history(3, 200, 3, 5);
    let mut stepper = Stepper::new(State::new(), events.clone()).unwrap();
    while let Some(step) = stepper.forward() {
        let event = &stepper.events()[step.index];
        let mut before = State::of(&stepper.events()[..step.index]);
        let diff = super::super::Diff::between(&before, stepper.state());
        before.apply(event);
        assert_eq!(step.stamp, event.stamp());
        let keys = |diff: &super::super::Diff| diff.changes.iter().map(|c| c.key.clone()).collect::<Vec<_>>();
        assert_eq!(keys(&step.diff), keys(&diff));
        assert!(step.diff.changes.iter().all(|change| change.by.as_ref() == Some(&step.stamp)));
    }
    let middle = stepper.events()[100].id.clone();
    assert_eq!(stepper.jump_to(&middle).unwrap().index, 100);
    assert!(stepper.jump_to(&super::super::stamp::EventId::new("elsewhere")).is_none());
    assert_eq!(stepper.back().unwrap().index, 100);
    assert_eq!(stepper.position(), 100);
}
