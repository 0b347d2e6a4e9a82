//! Proofs under a root.

use super::super::State;
use super::super::StateTree;
use super::super::key::{Class, Key};
use super::super::proof::Proof;
use super::generator::history;

fn flipped(hex: &str, at: usize) -> String {
    let mut digits: Vec<char> = hex.chars().collect();
    digits[at] = if digits[at] == '0' { '1' } else { '0' };
    digits.into_iter().collect()
}

#[test]
fn every_cell_is_proven_and_no_proof_survives_a_change() {
    let state = State::of(&history(11, 400, 5, 20));
    let (tree, root) = (StateTree::new(&state), state.root());
    assert_eq!(tree.root(), root);
    for (key, cell) in state.cells() {
        let file = serde_json::to_vec(&Proof::new(&state, &tree, key)).unwrap();
        let proof = Proof::parse(&file).unwrap();
        assert_eq!(proof.verify(root).unwrap(), Some((key.clone(), cell.clone())));
        let shown = &proof.shown[0];
        for at in 0..shown.entry.len() {
            let mut other = proof.clone();
            other.shown[0].entry = flipped(&shown.entry, at);
            assert!(other.verify(root).is_err());
        }
        for n in 0..shown.path.len() {
            let mut other = proof.clone();
            other.shown[0].path[n] = flipped(&shown.path[n], 9);
            assert!(other.verify(root).is_err());
            other.shown[0].path.remove(n);
            assert!(other.verify(root).is_err());
        }
        let mut other = proof.clone();
        other.shown[0].index ^= 1;
        assert!(other.verify(root).is_err());
        let mut other = proof.clone();
        other.root = flipped(&proof.root, 3);
        assert!(other.verify(root).is_err());
    }
}

#[test]
fn absence_is_proven_by_neighbours_and_never_for_a_cell_that_is_there() {
    let state = State::of(&history(12, 300, 5, 20));
    let (tree, root) = (StateTree::new(&state), state.root());
    let absent = [
        Key::memory("acme", "shared/3", "key-9"),
        Key::new(Class::Totals, &[""]),
        Key::new(Class::Flag, &["zzz", "zzz"]),
        Key::memory("other", "", ""),
    ];
    for key in &absent {
        let proof = Proof::new(&state, &tree, key);
        assert_eq!(proof.verify(root).unwrap(), None, "{key:?}");
        for n in 0..proof.shown.len() {
            let mut other = proof.clone();
            other.shown.remove(n);
            assert!(other.verify(root).is_err(), "{key:?} with a neighbour missing");
        }
    }
    // The neighbours of a cell do not prove that it is not there.
    let keys: Vec<Key> = state.cells().map(|(key, _)| key.clone()).collect();
    for at in 1..keys.len() - 1 {
        let mut forged = Proof::new(&state, &tree, &keys[at - 1]);
        forged.shown.extend(Proof::new(&state, &tree, &keys[at + 1]).shown);
        forged.key = Proof::new(&state, &tree, &keys[at]).key;
        assert!(forged.verify(root).is_err());
    }
    let empty = State::new();
    let proof = Proof::new(&empty, &StateTree::new(&empty), &absent[0]);
    assert_eq!(proof.verify(empty.root()).unwrap(), None);
    assert!(proof.verify(root).is_err());
}

#[test]
fn roots_are_the_same_from_two_builds_and_change_with_every_cell() {
    let events = history(13, 500, 5, 20);
    let root = State::of(&events).root();
    assert_eq!(State::of(&super::generator::shuffled(&events, 1)).root(), root);
    for at in (0..events.len()).step_by(23) {
        let mut fewer = events.clone();
        fewer.remove(at);
        assert_ne!(State::of(&fewer).root(), root);
    }
}
