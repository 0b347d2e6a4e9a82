//! Policy files: the example is the default, what is wrong is named, nothing panics.

use proptest::prelude::*;
use store::policy::{Policy, PolicyError};

const EXAMPLE: &str = include_str!("../../../docs/policy.example.yaml");

#[test]
fn the_example_is_the_default_and_says_every_setting() {
    let example = Policy::from_yaml(EXAMPLE).unwrap();
    assert_eq!(example, Policy::default());
    let canonical: serde_json::Value = serde_json::from_str(&example.canonical()).unwrap();
    for (check, settings) in canonical["checks"].as_object().unwrap() {
        let section = EXAMPLE.split(&format!("\n  {check}:\n")).nth(1).unwrap_or_else(|| panic!("{check} is missing"));
        let section = section.split("\n\n").next().unwrap();
        for setting in settings.as_object().unwrap().keys() {
            assert!(section.contains(&format!("    {setting}:")), "{check}.{setting} is missing");
        }
    }
}

#[test]
fn the_defaults_are_the_starting_limits() {
    let checks = Policy::default().checks;
    assert_eq!((checks.fan_out.max, checks.chain_depth.max), (3, 5));
    assert_eq!((checks.messages_per_cycle.max, checks.concurrent_fan_out.max), (20, 5));
    let breaker = checks.breaker;
    assert_eq!((breaker.failures, breaker.anomaly_percent, breaker.cooldown_s, breaker.probes), (3, 15, 300, 1));
}

#[test]
fn what_is_left_out_is_the_default_and_the_digest_is_of_the_whole() {
    let short = Policy::from_yaml("version: default-1").unwrap();
    assert_eq!(short, Policy::default());
    assert_eq!(short.digest(), Policy::from_yaml(EXAMPLE).unwrap().digest());
    let other = Policy::from_yaml("# words\nversion: default-1\nchecks: {chain_depth: {max: 4}}").unwrap();
    assert_eq!(other.checks.chain_depth.max, 4);
    assert_ne!(short.digest(), other.digest());
    let off = Policy::from_yaml("version: '2'\nchecks:\n  fan_out:\n    enabled: false\n").unwrap();
    assert!(!off.checks.fan_out.enabled && off.checks.chain_depth.enabled);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    for (text, line, words) in [
        ("version: a\nchekcs: {}\n", 2, &["chekcs", "checks", "untrusted"][..]),
        ("version: a\nchecks:\n  chain_dept:\n    max: 3\n", 3, &["chain_dept", "chain_depth", "fan_out"]),
        ("version: a\nchecks:\n  chain_depth:\n    maxx: 3\n", 4, &["maxx", "max", "enabled", "severity"]),
        ("version: a\nchecks:\n  chain_depth:\n    max: 0\n", 4, &["1", "63", "found 0"]),
        ("version: a\nchecks:\n  chain_depth:\n    max: 64\n", 4, &["63", "found 64"]),
        ("version: a\nchecks:\n  chain_depth:\n    max: many\n", 4, &["max: many", "1 to 63"]),
        ("version: a\nchecks:\n  breaker:\n    anomaly_percent: 101\n", 4, &["100", "found 101"]),
        ("version: a\nchecks:\n  fan_out:\n    severity: unknown\n", 4, &["unknown", "notice", "warning", "critical"]),
        (
            "version: a\nchecks:\n  cooldown:\n    after: [budget.throtled]\n",
            4,
            &["budget.throtled", "budget.throttled"],
        ),
        ("version: a\nchecks:\n  unsigned_sender:\n    attested: [me]\n", 4, &["me", "self", "gateway", "import"]),
        ("version: a\nuntrusted:\n  kind: []\n", 3, &["kind", "kinds", "trusted_tools"]),
        ("version: a\nchecks:\n  fan_out:\n    max: 1\n    max: 2\n", 5, &["duplicate", "max: 2"]),
        ("checks: {}\n", 1, &["version"]),
        ("version: ''\n", 1, &["version"]),
        ("version: a\nchecks: [\n", 0, &[]),
        ("", 0, &[]),
    ] {
        let error = Policy::from_yaml(text).unwrap_err();
        let PolicyError::Malformed { line: found, .. } = &error else { panic!("{text:?}: {error}") };
        assert!(line == 0 || *found == line, "{text:?}: line {found}, expected {line}: {error}");
        for word in words {
            assert!(error.to_string().contains(word), "{text:?}: {word} is not in: {error}");
        }
        assert!(!error.to_string().contains('\n'), "{text:?}: {error}");
    }
}

#[test]
fn foreign_kinds_are_allowed_and_large_files_are_not() {
    let policy = Policy::from_yaml("version: a\nchecks: {act_after_kill: {acts: [com.example.move]}}").unwrap();
    assert_eq!(policy.checks.act_after_kill.acts, ["com.example.move"]);
    let large = format!("version: a\n#{}", "x".repeat(300_000));
    assert_eq!(Policy::from_yaml(&large), Err(PolicyError::TooLarge { found: large.len() }));
}

#[test]
fn a_document_that_unfolds_without_end_is_refused() {
    let mut bomb = String::from("version: a\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 9].join(", ")));
    }
    assert!(Policy::from_yaml(&bomb).is_err());
    assert!(Policy::from_yaml(&format!("version: {}", "[".repeat(20_000))).is_err());
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,400}") {
        let _ = Policy::from_yaml(&text);
    }

    #[test]
    fn no_damage_panics(at in 0..EXAMPLE.len(), with in "[ -~\n\t:&*|>!%\\[\\]{}]{0,6}", cut in 0..40usize) {
        let mut text = EXAMPLE.to_owned();
        let end = (at + cut).min(text.len());
        text.replace_range(at..end, &with);
        let _ = Policy::from_yaml(&text);
    }

    #[test]
    fn what_is_accepted_reads_back_from_its_canonical_form(max in 1..63u64, percent in 1..=100u64, off: bool) {
        let text = format!(
            "version: v\nchecks: {{chain_depth: {{max: {max}}}, breaker: {{anomaly_percent: {percent}, enabled: {off}}}}}"
        );
        let policy = Policy::from_yaml(&text).unwrap();
        let again: Policy = serde_json::from_str(&policy.canonical()).unwrap();
        prop_assert_eq!(&policy, &again);
        prop_assert_eq!(&policy, &Policy::from_yaml(&policy.canonical()).unwrap());
    }
}
