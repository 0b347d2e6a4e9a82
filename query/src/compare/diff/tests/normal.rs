//! What counts when steps are compared, and what does not.

use crate::compare::diff::{Normaliser, Part, Step, content_diff, counts, diff, digest};
use proptest::prelude::*;

fn same(kind: &str, a: &str, b: &str) -> bool {
    digest(kind, "x", &[("text", a.as_bytes())]) == digest(kind, "x", &[("text", b.as_bytes())])
}

const ID_A: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
const ID_B: &str = "9b2c1e52-0a41-4a3b-8a77-0d7be1c5a9aa";

#[test]
fn clocks_of_answers_do_not_count_but_chosen_times_do() {
    let at = |time: &str| format!("{{\"start\":\"{time}\"}}");
    assert!(same("tool.result", &at("2026-11-26T04:22:44Z"), &at("2026-11-26T05:00:01.123+01:00")));
    assert!(!same("tool.call", &at("2026-11-26T04:22:44Z"), &at("2026-11-26T05:00:00Z")));
    assert!(same("tool.result", "12 passed in 0.35s", "12 passed in 1.20s"));
    assert!(!same("tool.result", "12 passed in 0.35s", "11 passed in 0.35s"));
    assert!(same("tool.result", r#"{"duration_ms":3,"ok":1}"#, r#"{"ok":1,"duration_ms":4}"#));
    assert!(!same("tool.call", r#"{"duration_ms":3}"#, r#"{"duration_ms":4}"#));
    assert!(!same("tool.result", "on 2026-11-26", "on 2026-11-27"));
}

#[test]
fn white_space_and_order_of_json_do_not_count() {
    assert!(same("tool.call", r#"{"a":1,"b":[1,2]}"#, "{ \"b\": [1, 2],\n \"a\": 1 }"));
    assert!(!same("tool.call", r#"{"b":[1,2]}"#, r#"{"b":[2,1]}"#));
    assert!(!same("tool.call", r#"{"a":"1"}"#, r#"{"a":1}"#));
}

#[test]
fn business_ids_count() {
    assert!(!same("tool.call", r#"{"order_id":"W4711"}"#, r#"{"order_id":"W4712"}"#));
    assert!(!same("tool.call", r#"{"request_id":"7"}"#, r#"{"request_id":"8"}"#));
    assert!(same("model.call", "call_9vJ3kP1qZxY7bC2dE5fG8hJ0", "call_0000000000aaaa1111bbbb22"));
}

/// A run that is shown two ids and uses one of them.
fn uses(ids: [&str; 2], used: &str) -> Vec<Step> {
    let mut normaliser = Normaliser::default();
    let mut step = |kind: &str, text: &str| {
        let digests = normaliser.step(kind, "bank", &[("text", text.as_bytes())]);
        Step::new("e", kind, "bank", digests, text)
    };
    vec![step("tool.result", &format!("accounts: {} and {}", ids[0], ids[1])), step("tool.call", used)]
}

#[test]
fn ids_count_by_what_they_stand_for() {
    let (c, d) = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222");
    assert_eq!(diff(&uses([ID_A, ID_B], ID_A), &uses([c, d], c)).divergence, None);
    let other = diff(&uses([ID_A, ID_B], ID_A), &uses([c, d], d)).divergence.unwrap();
    assert_eq!((other.step, other.part), (2, Part::Identifier));
}

#[test]
fn what_takes_part() {
    assert!(counts("tool.call", "arguments", 2) && !counts("tool.call", "record", 2) && counts("message", "record", 1));
    assert!(!counts("model.call", "input", 2) && counts("tool.call", "input", 2) && counts("model.call", "output", 2));
}

#[test]
fn no_text_and_long_text_count_as_they_are() {
    let digest = |bytes: &[u8]| digest("tool.result", "x", &[("b", bytes)]);
    assert_ne!(digest(&[0xff, 0xfe]), digest(&[0xff, 0xfd]));
    let long = vec![b'a'; 2 << 20];
    assert_eq!(digest(&long), digest(&long.clone()));
    assert_ne!(digest(&long), digest(&long[1..]));
    let deep = "[".repeat(100_000);
    assert_eq!(digest(deep.as_bytes()), digest(deep.as_bytes()));
}

#[test]
fn lines_that_differ_are_named() {
    let diff = content_diff("tool.result", "one\ntwo 0.10s\nthree", "one\ntwo 0.20s\n3");
    let found: Vec<_> = diff.differences.iter().map(|d| (d.at.as_str(), d.a.as_deref(), d.b.as_deref())).collect();
    assert_eq!(found, [("line 3", Some("three"), Some("3"))]);
    let long = "x".repeat(5_000);
    let diff = content_diff("message", &format!("{long}a"), &format!("{long}b"));
    assert!(diff.differences[0].a.as_deref().unwrap().ends_with('a'));
}

proptest! {
    /// Nothing panics, and a content has no difference from itself.
    #[test]
    fn any_content(text in ".{0,200}", kind in prop::sample::select(vec!["tool.call", "tool.result", "message"])) {
        prop_assert!(same(kind, &text, &text));
        prop_assert!(content_diff(kind, &text, &text).differences.is_empty());
    }

    /// Contents whose digests are the same have no difference, and the other way round.
    #[test]
    fn differences_and_digests_agree(a in "[ab0-9]{0,6}", b in "[ab0-9]{0,6}") {
        let (a, b) = (format!("{{\"k\":\"{a}\"}}"), format!("{{\"k\":\"{b}\"}}"));
        prop_assert_eq!(same("tool.call", &a, &b), content_diff("tool.call", &a, &b).differences.is_empty());
    }
}
