//! Memory, credentials, rights, approvals, changes to oneself.

use crate::policy_support::{Says, at, breaches, event, expect};
use serde_json::json;
use store::policy::{Policy, PolicyEvent, check};

fn memory(id: &str, second: i64, agent: &str, what: &str, partition: &str) -> PolicyEvent {
    event(id, second, agent, what).with("gen_ai.memory.store.id", partition)
}

fn grant(id: &str, by: &str, reader: &str) -> PolicyEvent {
    memory(id, 2, by, "memory.grant", "notes").with("hansard.grant.reader", reader)
}

#[test]
fn memory_of_another_partition_needs_a_grant() {
    let write = || memory("w", 1, "owner", "memory.write", "notes");
    let read = |second: i64| memory("r", second, "reader", "memory.read", "notes");
    let breach = vec![(check::MEMORY_GRANT, "r")];
    let expiring = grant("g", "owner", "reader").with("hansard.grant.expires", at(10));
    let taken_back =
        PolicyEvent { id: "b".into(), ..grant("b", "owner", "reader").with("hansard.grant.revoked", true) };
    for (events, wanted) in [
        (vec![write(), read(5)], breach.clone()),
        (vec![read(5)], breach.clone()),
        (vec![write(), memory("r", 5, "owner", "memory.read", "notes")], vec![]),
        (vec![write(), grant("g", "owner", "reader"), read(5)], vec![]),
        (vec![write(), grant("g", "owner", "read*"), read(5)], vec![]),
        (vec![write(), grant("g", "owner", "other"), read(5)], breach.clone()),
        (vec![write(), grant("g", "reader", "reader"), read(5)], breach.clone()),
        (vec![write(), grant("g", "accomplice", "reader"), read(5)], breach.clone()),
        (vec![write(), grant("g", "admin", "reader").seen_by("gateway"), read(5)], vec![]),
        (vec![write(), expiring.clone(), read(10)], vec![]),
        (vec![write(), expiring, read(11)], breach.clone()),
        (vec![write(), grant("g", "owner", "reader"), taken_back, read(5)], breach.clone()),
        (vec![write(), grant("g", "owner", "reader"), read(1)], breach),
        (vec![event("r", 5, "reader", "memory.read")], vec![]),
    ] {
        expect(&events, &wanted);
    }
    for (partition, open) in [
        ("shared/prices", true),
        ("reader", true),
        ("agent/reader", true),
        ("agent/reader/drafts", true),
        ("agent/reader2", false),
        ("reader/drafts", false),
        ("agent/owner", false),
    ] {
        let wanted: &[_] = if open { &[] } else { &[(check::MEMORY_GRANT, "r")] };
        expect(&[memory("r", 5, "reader", "memory.read", partition)], wanted);
    }
}

fn issued() -> PolicyEvent {
    event("i", 0, "vault", "credential.issued")
        .with("hansard.credential.id", "c1")
        .with("hansard.credential.scope", "crm:read applicant/20931")
        .with("hansard.credential.expires", at(100))
}

fn used(id: &str, second: i64, agent: &str) -> PolicyEvent {
    event(id, second, agent, "credential.used").with("hansard.credential.id", "c1")
}

fn revoked(second: i64) -> PolicyEvent {
    event("v", second, "vault", "credential.revoked").with("hansard.credential.id", "c1")
}

#[test]
fn credentials() {
    let scoped = |scope: &str| used("u", 5, "a").with("hansard.credential.scope", scope);
    let for_a = || issued().with("hansard.credential.holder", "a");
    let by_tool = event("t", 5, "a", "tool.call")
        .with("hansard.credential.id", "c1")
        .with("hansard.credential.scope", "crm:delete");
    let elsewhere = PolicyEvent { task: Some("task-2".into()), ..used("u", 5, "a") };
    for (events, wanted) in [
        (vec![issued(), scoped("crm:read applicant/20931")], vec![]),
        (vec![issued(), scoped("crm:read")], vec![]),
        (vec![issued(), scoped("crm:read applicant/20944")], vec![(check::CREDENTIAL_SCOPE, "u")]),
        (vec![issued(), by_tool], vec![(check::CREDENTIAL_SCOPE, "t")]),
        (vec![scoped("crm:read")], vec![]),
        (vec![issued(), used("u", 100, "a")], vec![]),
        (vec![issued(), used("u", 101, "a")], vec![(check::CREDENTIAL_EXPIRED, "u")]),
        (vec![issued(), revoked(10), used("u", 10, "a")], vec![]),
        (vec![issued(), revoked(10), used("u", 11, "a")], vec![(check::CREDENTIAL_REVOKED, "u")]),
        (vec![issued(), used("u", 11, "a"), revoked(10)], vec![(check::CREDENTIAL_REVOKED, "u")]),
        (vec![issued(), used("u", 5, "a"), used("w", 6, "a")], vec![]),
        (
            vec![issued(), used("u", 5, "a"), used("w", 6, "b"), used("x", 7, "b")],
            vec![(check::CREDENTIAL_SHARED, "w")],
        ),
        (vec![for_a(), used("u", 5, "a")], vec![]),
        (vec![for_a(), used("u", 5, "b")], vec![(check::CREDENTIAL_SHARED, "u")]),
        (vec![issued(), elsewhere], vec![(check::CREDENTIAL_ACCUMULATED, "u")]),
    ] {
        expect(&events, &wanted);
    }
}

#[test]
fn credentials_of_many_tasks_pile_up() {
    let of_task = |n: i64, expires: i64| {
        let (id, credential, task) = (format!("i{n}"), format!("c{n}"), format!("task-{n}"));
        let issue = event(&id, n, "vault", "credential.issued")
            .with("hansard.credential.id", credential)
            .with("hansard.credential.holder", "a")
            .with("hansard.credential.expires", at(expires));
        PolicyEvent { task: Some(task), ..issue }
    };
    expect(&(1..=3).map(|n| of_task(n, 1_000)).collect::<Vec<_>>(), &[]);
    expect(&(1..=4).map(|n| of_task(n, 1_000)).collect::<Vec<_>>(), &[(check::CREDENTIAL_ACCUMULATED, "i4")]);
    expect(&(1..=9).map(|n| of_task(n, n + 1)).collect::<Vec<_>>(), &[]);
    let mut given_back: Vec<_> = (1..=3).map(|n| of_task(n, 1_000)).collect();
    given_back.push(event("v", 3, "vault", "credential.revoked").with("hansard.credential.id", "c1"));
    given_back.push(of_task(4, 1_000));
    expect(&given_back, &[]);
}

#[test]
fn an_agent_may_not_do_more_than_its_principal() {
    let of = |event: PolicyEvent| PolicyEvent { principal: Some("user-7".into()), ..event };
    let stated = |id: &str, by: &str, rights: &str| {
        of(event(id, 0, by, "session.start").with("hansard.principal.rights", json!([rights])))
    };
    let act = |rights: &str| of(event("t", 5, "a", "tool.call").with("hansard.rights", rights));
    let scoped = |scope: &str| of(event("t", 5, "a", "credential.used").with("hansard.credential.scope", scope));
    let breach = vec![(check::RIGHTS_EXCEEDED, "t")];
    for (events, wanted) in [
        (vec![stated("s", "vault", "crm:*"), act("crm:read")], vec![]),
        (vec![stated("s", "vault", "crm:*"), act("bank:pay")], breach.clone()),
        (vec![stated("s", "vault", "crm:*"), scoped("crm:read")], vec![]),
        (vec![stated("s", "vault", "crm:*"), scoped("bank:pay")], breach.clone()),
        (vec![act("bank:pay")], vec![]),
        (vec![stated("s", "a", "crm:*"), act("bank:pay")], vec![]),
        (vec![stated("s", "vault", "crm:*"), stated("s2", "a", "bank:*"), act("bank:pay")], breach.clone()),
        (vec![stated("s", "vault", "crm:*"), stated("s2", "vault", "bank:*"), act("bank:pay")], vec![]),
    ] {
        expect(&events, &wanted);
    }
    let other = PolicyEvent { principal: Some("user-8".into()), ..act("bank:pay") };
    expect(&[stated("s", "vault", "crm:*"), other], &[]);
}

fn request() -> PolicyEvent {
    event("q", 0, "a", "approval.requested").with("hansard.approval.digest", "blake3:AA")
}

fn approval(by: &str, digest: &str) -> PolicyEvent {
    event("g", 5, by, "approval.granted").with("hansard.approval.digest", digest).because("responds_to", "q")
}

#[test]
fn approvals() {
    let same_key = PolicyEvent { signer: Some("key-of-a".into()), ..approval("alias", "blake3:aa") };
    let for_a = approval("proxy", "blake3:aa").with("hansard.approval.approver", "a");
    let refused = PolicyEvent { kind: "approval.denied".into(), ..approval("a", "blake3:aa") };
    let blind = event("g", 5, "r", "approval.granted").because("responds_to", "q");
    let act = |by: &str| event("d", 9, by, "decision").because("approved_by", "g");
    let (own, other) = ((check::APPROVAL_SELF, "g"), (check::APPROVAL_DIGEST, "g"));
    for (events, wanted) in [
        (vec![request(), approval("r", "blake3:aa")], vec![]),
        (vec![request(), approval("a", "blake3:aa")], vec![own]),
        (vec![request(), same_key], vec![own]),
        (vec![request(), for_a], vec![own]),
        (vec![request(), refused], vec![]),
        (vec![request().seen_by("gateway"), approval("r", "blake3:aa").seen_by("gateway")], vec![]),
        (vec![request(), approval("r", "blake3:bb")], vec![other]),
        (vec![request(), blind], vec![other]),
        (vec![request(), approval("a", "blake3:bb")], vec![own, other]),
        (vec![approval("a", "blake3:aa"), act("a")], vec![(check::APPROVAL_SELF, "d")]),
        (vec![request(), approval("a", "blake3:aa"), act("a")], vec![own]),
        (vec![request(), approval("r", "blake3:aa"), act("a")], vec![]),
        (
            vec![request(), approval("r", "blake3:aa"), act("a").with("hansard.approval.digest", "blake3:cc")],
            vec![(check::APPROVAL_DIGEST, "d")],
        ),
    ] {
        expect(&events, &wanted);
    }
}

#[test]
fn a_second_event_of_the_same_id_does_not_change_what_was_shown() {
    let forged =
        PolicyEvent { source: "urn:agent:forger".into(), ..request().with("hansard.approval.digest", "blake3:bb") };
    expect(&[request(), forged, approval("r", "blake3:bb")], &[(check::APPROVAL_DIGEST, "g")]);
}

#[test]
fn an_agent_may_not_change_what_bounds_it() {
    let change = |by: &str, name: &str| event("e", 0, by, "config.changed").with("hansard.config.name", name);
    let breach = vec![(check::SELF_CHANGE, "e")];
    for (event, wanted) in [
        (change("a", "prompt/a"), breach.clone()),
        (change("a", "policy/a"), breach.clone()),
        (change("a", "tools/a"), breach.clone()),
        (change("a", "budget/a"), breach.clone()),
        (change("a", "prompt/b"), vec![]),
        (change("a", "theme/a"), vec![]),
        (change("a", "prompt").with("hansard.config.target", "a"), breach.clone()),
        (change("a", "prompt").with("hansard.config.target", "b"), vec![]),
        (change("a", "prompt").with("hansard.config.target", "urn:agent:a"), breach.clone()),
        (change("a", "prompt"), breach),
        (change("a", "prompt").seen_by("gateway"), vec![]),
        (change("author", "prompt/a").seen_by("gateway"), vec![]),
    ] {
        expect(&[event], &wanted);
    }
}

#[test]
fn a_check_that_is_switched_off_finds_nothing_and_severity_is_a_setting() {
    let off = Policy::from_yaml("version: '2'\nchecks: {self_change: {enabled: false}}").unwrap();
    let mild = Policy::from_yaml("version: '3'\nchecks: {self_change: {severity: notice}}").unwrap();
    let events = [event("e", 0, "a", "config.changed").with("hansard.config.name", "prompt/a")];
    assert_eq!(breaches(&off, &events), []);
    assert_eq!(breaches(&mild, &events)[0].severity, store::policy::Severity::Notice);
}
