//! A divergence that was planted is found at its exact step, at any length.

use super::{run, step};
use crate::compare::diff::{BlockKind, Part, Step, diff, first_divergence};

/// A run in which steps repeat as they do in practice: 40 tools, short results that come again and again.
fn generated(steps: usize) -> Vec<Step> {
    let mut state = 42u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let mut out = Vec::with_capacity(steps);
    while out.len() < steps {
        let tool = format!("tool{}", next() % 40);
        let argument = if next() % 3 == 0 { out.len() } else { next() % 50 };
        out.push(step("tool.call", &tool, &format!("{{\"n\":{argument}}}")));
        out.push(step("tool.result", &tool, ["ok", "not found", "{\"rows\":[]}"][next() % 3]));
        out.push(step("model.call", "m", &format!("thought {}", next() % 1_000)));
    }
    out.truncate(steps);
    out
}

#[test]
fn a_planted_change_is_found_at_its_step() {
    for length in [10, 1_000, 100_000] {
        let a = generated(length);
        for at in [0, 1, length / 2, length - 2, length - 1] {
            let mut b = a.clone();
            b[at] = step(&a[at].kind, &a[at].name, "planted");
            let found = diff(&a, &b);
            let divergence = found.divergence.unwrap();
            assert_eq!((divergence.step, divergence.part), (at + 1, Part::Content), "{length} steps");
            assert_eq!(found.steps.get(&BlockKind::Changed), Some(&1));
            assert_eq!(found.steps.get(&BlockKind::Equal), Some(&(length - 1)));
            assert_eq!(found.together.is_some(), at + 1 < length);
        }
    }
}

#[test]
fn planted_steps_that_are_missing_or_more_are_found() {
    for length in [10, 1_000, 100_000] {
        let a = generated(length);
        let at = length / 2;
        let mut more = a.clone();
        more.insert(at, step("handoff", "other", "planted"));
        let found = diff(&a, &more);
        let divergence = found.divergence.unwrap();
        assert_eq!((divergence.step, divergence.part), (at + 1, Part::Kind));
        assert_eq!(found.steps.get(&BlockKind::OnlyB), Some(&1));
        assert_eq!(found.steps.get(&BlockKind::Equal), Some(&length));
        let found = diff(&more, &a);
        assert_eq!(found.divergence.unwrap().step, at + 1);
        assert_eq!(found.steps.get(&BlockKind::OnlyA), Some(&1));
        let cut = &a[..at];
        assert_eq!(first_divergence(&a, cut).unwrap().part, Part::EndOfB);
        assert_eq!(first_divergence(cut, &a).unwrap().step, at + 1);
    }
}

#[test]
fn runs_that_never_meet_again_are_told_so() {
    let found = diff(&run("abcdef"), &run("abXYZUVW"));
    assert_eq!(found.divergence.unwrap().step, 3);
    assert_eq!(found.together, None);
    assert_eq!((found.a_followed.steps, found.b_followed.steps), (4, 6));
}

#[test]
fn coming_together_is_stated_with_both_places() {
    let found = diff(&run("abcXdefgh"), &run("abcYZWdefgh"));
    let together = found.together.unwrap();
    assert_eq!((together.a.first, together.b.first, together.to_the_end), (5, 7, true));
    assert_eq!((found.a_followed.steps, found.b_followed.steps), (1, 3));
    // Two steps in a row that happen to be the same are no re-convergence.
    let found = diff(&run("aXbcYYYYdefg"), &run("aZbcWWWWdefg"));
    assert_eq!(found.together.unwrap().a.first, 9);
}

#[test]
fn moved_and_repeated_steps_are_named() {
    let found = diff(&run("aMbcdefgh"), &run("abcdefgMh"));
    assert_eq!(found.steps.get(&BlockKind::MovedA), Some(&1));
    assert_eq!(found.steps.get(&BlockKind::MovedB), Some(&1));
    let moved = found.blocks.iter().find(|b| b.kind == BlockKind::MovedA).unwrap();
    assert_eq!((moved.a.first, moved.elsewhere.unwrap().first), (2, 8));
    let found = diff(&run("abcd"), &run("abbbcd"));
    let repeated = found.blocks.iter().find(|b| b.kind == BlockKind::RepeatedB).unwrap();
    assert_eq!(repeated.b.count, 2);
    assert_eq!(found.steps.get(&BlockKind::OnlyB), None);
}

#[test]
fn pairs_within_a_gap_are_those_that_say_nearly_the_same() {
    let call = |text: &str| step("tool.call", "bash", text);
    let a = [call("ls -la"), call("cat src/main.rs"), call("python3 -m pytest tests")];
    let b = [call("cat src/main.rs | head"), call("python3 -m pytest tests -x")];
    let found = diff(&a, &b);
    let pairs: Vec<_> = found.changes.iter().map(|change| (change.a, change.b)).collect();
    assert_eq!(pairs, [(2, 1), (3, 2)]);
    assert_eq!(found.steps.get(&BlockKind::OnlyA), Some(&1));
}

#[test]
fn changed_arguments_are_named_by_their_paths() {
    let a = step("tool.call", "transfer", r#"{"to":"DE89","amount":{"value":10,"currency":"EUR"}}"#);
    let b = step("tool.call", "transfer", r#"{"amount":{"currency":"EUR","value":11},"to":"DE89","note":"x"}"#);
    let found = diff(&[a], &[b]);
    let places: Vec<_> = found.changes[0].diff.differences.iter().map(|d| d.at.as_str()).collect();
    assert_eq!(places, ["$.amount.value", "$.note"]);
    assert!(!found.changes[0].diff.excerpts_only);
}
