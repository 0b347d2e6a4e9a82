//! The evaluator as a fold: stored and taken up again, bounded, and what another policy would say.

use crate::policy_stories::{stories, strict};
use crate::policy_support::{Says, breaches, event, message, person};
use proptest::prelude::*;
use store::policy::{Breach, Evaluator, Flip, Limits, Policy, PolicyEvent, Severity, check, diff};

fn small(limit: usize) -> Limits {
    Limits {
        events: limit * 4,
        cycles: limit,
        breakers: limit,
        credentials: limit,
        agents: limit,
        kills: limit,
        partitions: limit,
        principals: limit,
        keys: limit,
    }
}

fn run(evaluator: &mut Evaluator, events: &[PolicyEvent]) -> Vec<Breach> {
    events.iter().flat_map(|event| evaluator.observe(event)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn stored_and_taken_up_again_it_finds_the_same(story in stories(), at in 0..160usize, tight: bool) {
        let limits = if tight { small(2) } else { Limits::default() };
        let mut whole = Evaluator::with_limits(strict(), limits);
        let wanted = run(&mut whole, &story);

        let (first, second) = story.split_at(at.min(story.len()));
        let mut before = Evaluator::with_limits(strict(), limits);
        let mut found = run(&mut before, first);
        let stored = serde_json::to_string(&before).unwrap();
        let mut after: Evaluator = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(serde_json::to_string(&after).unwrap(), stored);
        found.extend(run(&mut after, second));

        prop_assert_eq!(found, wanted);
        prop_assert_eq!(after.forgotten(), whole.forgotten());
        prop_assert_eq!(after.breakers(), whole.breakers());
        prop_assert_eq!(serde_json::to_string(&after).unwrap(), serde_json::to_string(&whole).unwrap());
    }
}

/// `policy` without one of its checks, and the beginning of the names of what that check finds.
fn without(policy: &Policy, which: usize) -> (Policy, String) {
    let mut settings: serde_json::Value = serde_json::from_str(&policy.canonical()).expect("JSON");
    let checks = settings["checks"].as_object_mut().expect("checks");
    let name = checks.keys().nth(which % checks.len()).expect("a check").clone();
    checks[&name]["enabled"] = false.into();
    let finds = if name == "breaker" { "policy.breaker_".to_owned() } else { format!("policy.{name}") };
    (serde_json::from_value(settings).expect("a policy"), finds)
}

proptest! {
    #[test]
    fn switching_one_check_off_changes_no_other(story in stories(), which in 0..64usize) {
        let (policy, finds) = without(&strict(), which);
        let mut wanted = breaches(&strict(), &story);
        wanted.retain(|breach| !breach.check.starts_with(&finds));
        prop_assert_eq!(breaches(&policy, &story), wanted);
    }
}

#[test]
fn the_stories_reach_the_checks() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..64 {
        let story = stories().new_tree(&mut runner).unwrap().current();
        seen.extend(breaches(&strict(), &story).into_iter().map(|breach| breach.check));
    }
    let missing: Vec<_> = check::ALL.iter().filter(|name| !seen.contains(**name)).collect();
    assert!(missing.iter().all(|name| name.ends_with("_sender")), "{missing:?}");
}

#[test]
fn a_state_of_another_version_is_refused() {
    let stored = serde_json::to_string(&Evaluator::new(Policy::default())).unwrap();
    let other = stored.replace("\"state_version\":1", "\"state_version\":2");
    let error = serde_json::from_str::<Evaluator>(&other).unwrap_err().to_string();
    assert!(error.contains("version 2") && error.contains("observe the events again"), "{error}");
}

#[test]
fn what_was_forgotten_is_counted_and_makes_verdicts_unknown() {
    let mut evaluator = Evaluator::with_limits(Policy::default(), small(2));
    let mut story = vec![
        event("q", 0, "a", "approval.requested").with("hansard.approval.digest", "d"),
        event("i", 0, "vault", "credential.issued")
            .with("hansard.credential.id", "c0")
            .with("hansard.credential.scope", "x"),
        event("w", 0, "a", "memory.write").with("gen_ai.memory.store.id", "p0"),
        person("m", 0, "officer"),
    ];
    for n in 1..20 {
        let filler = event(&format!("f{n}"), n, &format!("agent{n}"), "credential.issued");
        story.push(filler.with("hansard.credential.id", format!("c{n}")));
        story.push(event(&format!("v{n}"), n, "b", "memory.write").with("gen_ai.memory.store.id", format!("p{n}")));
    }
    assert_eq!(run(&mut evaluator, &story), []);
    let forgotten = evaluator.forgotten();
    assert_eq!((forgotten.events, forgotten.credentials, forgotten.partitions), (42 - 8, 18, 18));
    assert!(forgotten.total() > 70);

    let late = [
        event("g", 50, "a", "approval.granted").with("hansard.approval.digest", "other").because("responds_to", "q"),
        event("u", 50, "a", "credential.used")
            .with("hansard.credential.id", "c0")
            .with("hansard.credential.scope", "y"),
        event("r", 50, "a", "memory.read").with("gen_ai.memory.store.id", "p0"),
        event("n", 50, "a", "agent.invoked").because("responds_to", "m"),
        event("n2", 51, "a", "agent.invoked").because("responds_to", "m"),
    ];
    let found = run(&mut evaluator, &late);
    assert!(found.iter().all(|breach| breach.severity == Severity::Unknown && breach.detail.starts_with("unknown: ")));
    let found: Vec<_> = found.iter().map(|breach| (breach.check, breach.event_id.as_str())).collect();
    let wanted = [
        (check::CHAIN_DEPTH, "g"),
        (check::APPROVAL_DIGEST, "g"),
        (check::CREDENTIAL_SCOPE, "u"),
        (check::MEMORY_GRANT, "r"),
        (check::CHAIN_DEPTH, "n"),
    ];
    assert_eq!(found, wanted, "each once");
}

#[test]
fn tenants_do_not_meet() {
    let of = |tenant: &str, event: PolicyEvent| PolicyEvent { tenant: tenant.into(), ..event };
    let events = [
        of("one", event("k", 0, "a", "agent.killed")),
        of("two", event("x", 5, "a", "tool.call")),
        of(
            "one",
            event("i", 0, "v", "credential.issued")
                .with("hansard.credential.id", "c")
                .with("hansard.credential.scope", "x"),
        ),
        of(
            "two",
            event("u", 1, "b", "credential.used")
                .with("hansard.credential.id", "c")
                .with("hansard.credential.scope", "y"),
        ),
    ];
    assert_eq!(breaches(&Policy::default(), &events), []);
}

#[test]
fn an_event_without_a_time_counts_by_its_commit() {
    let late = PolicyEvent { time_us: None, ..event("x", 0, "a", "tool.call") };
    assert_eq!(late.at_us(), late.committed_at_us);
    assert_eq!(breaches(&Policy::default(), &[event("k", 4, "a", "agent.killed"), late]).len(), 1);
}

#[test]
fn what_flips_under_another_policy() {
    let mut story: Vec<_> = (1..=25).map(|n| message(&format!("m{n}"), n, "a", &[])).collect();
    story.push(message("wide", 30, "b", &["c", "d", "e", "f"]));
    story.push(event("e", 31, "a", "config.changed").with("hansard.config.name", "theme/a"));
    let old = breaches(&Policy::default(), &story);
    assert_eq!(diff(&old, &old), []);
    let text = "version: new\nchecks: {messages_per_cycle: {max: 10}, fan_out: {max: 4}, self_change: {what: [theme]}}";
    let new = breaches(&Policy::from_yaml(text).unwrap(), &story);
    let flips: Vec<_> = diff(&old, &new)
        .into_iter()
        .map(|flip| match flip {
            Flip::Appears { breach } => ("appears", breach.check, breach.event_id, String::new()),
            Flip::Disappears { breach } => ("disappears", breach.check, breach.event_id, String::new()),
            Flip::Changes { from, to } => ("changes", from.check, from.event_id, to.event_id),
        })
        .collect();
    let flip = |what, check, event: &str, to: &str| (what, check, event.to_owned(), to.to_owned());
    assert_eq!(
        flips,
        [
            flip("disappears", check::FAN_OUT, "wide", ""),
            flip("changes", check::MESSAGES_PER_CYCLE, "m21", "m11"),
            flip("appears", check::SELF_CHANGE, "e", ""),
        ]
    );
    assert_eq!(diff(&new, &old).len(), 3);
    assert_eq!(diff(&[], &new).len(), new.len());
}

/// Breaches of few checks, subjects and events.
fn some_breaches() -> impl Strategy<Value = Vec<Breach>> {
    let one = (0..3usize, 0..3u8, 0..4u8, any::<bool>()).prop_map(|(kind, subject, event, grave)| Breach {
        check: check::ALL[kind],
        severity: if grave { Severity::Critical } else { Severity::Notice },
        event_id: format!("e{event}"),
        subject: format!("s{subject}"),
        related: Vec::new(),
        detail: "d".into(),
        policy_version: "v".into(),
    });
    proptest::collection::vec(one, 0..24)
}

proptest! {
    #[test]
    fn flips_lead_from_one_side_to_the_other(old in some_breaches(), new in some_breaches()) {
        let mut changed = old.clone();
        for flip in diff(&old, &new) {
            let (gone, come) = match flip {
                Flip::Appears { breach } => (None, Some(breach)),
                Flip::Disappears { breach } => (Some(breach), None),
                Flip::Changes { from, to } => {
                    prop_assert_eq!((from.check, &from.subject), (to.check, &to.subject));
                    (Some(from), Some(to))
                }
            };
            if let Some(gone) = gone {
                let at = changed.iter().position(|breach| *breach == gone).expect("it was there");
                changed.remove(at);
            }
            changed.extend(come);
        }
        let sorted = |mut all: Vec<Breach>| {
            all.sort_by_key(|b| (b.check, b.subject.clone(), b.event_id.clone(), b.severity));
            all
        };
        prop_assert_eq!(sorted(changed), sorted(new));
        prop_assert_eq!(diff(&old, &old), vec![]);
    }
}
