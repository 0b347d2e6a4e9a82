//! A case: about a hundred events over several sessions and agents that end in a decision.
//!
//! Guarantee: every act of the plot is upstream of the decision, and so are the sessions that wrote what it reads, so that
//! the number of events that explain it is known: those acts and five for each writer.

use super::AGENTS;
use super::plot::{Act, From, Plot, Purpose, Seat, attributes, memory_attributes};
use super::pool::Pool;
use super::stream::Spoken;
use crate::rng::Rng;
use schemas::kind;

/// Acts of a writer's session.
pub(super) const WRITER_ACTS: u64 = 5;
/// Writers that a case reads from.
pub(super) const READS: usize = 6;
/// Rounds of answer, call and result: fewest and one more than most.
const ROUNDS: (usize, usize) = (14, 21);
/// Agents that a case hands work to.
const HELPERS: usize = 2;
/// Bytes of a content of a case, about.
const BYTES: usize = 200;

/// Something that a writer left in shared memory.
#[derive(Debug, Clone)]
pub(super) struct Shelved {
    pub(super) write: Spoken,
    pub(super) key: String,
}

/// A short session that ends in a write to shared memory.
pub(super) fn writer(rng: &mut Rng, pool: &Pool, world: usize, key: String) -> Plot {
    let mut plot = Plot::new(Purpose::Writer { key: key.clone() });
    let agent = rng.below(AGENTS);
    plot.seats.push(Seat::new(rng, pool, agent));
    let asked = plot.message(0, BYTES, None);
    let answer = plot.answer(0, BYTES, asked);
    let (_, result) = plot.tool(rng, 0, BYTES, answer);
    write(&mut plot, world, &key, result);
    plot
}

/// Adds the write of a key that follows `last`.
pub(super) fn write(plot: &mut Plot, world: usize, key: &str, last: usize) -> usize {
    plot.act(Act {
        seat: 0,
        kind: kind::MEMORY_WRITE,
        causes: vec![(From::Act(last), "derived_from")],
        attributes: memory_attributes(world, key),
        bytes: Some(BYTES),
        subject: None,
    })
}

/// Adds the read of a key that follows `last`; every other one does not say what it read, so that only the key links it.
pub(super) fn read(plot: &mut Plot, rng: &mut Rng, world: usize, from: &Shelved, last: usize) -> usize {
    let mut causes = vec![(From::Act(last), "responds_to")];
    if rng.chance(0.5) {
        causes.push((From::Known(from.write.clone()), "read"));
    }
    let attributes = memory_attributes(world, &from.key);
    plot.act(Act { seat: 0, kind: kind::MEMORY_READ, causes, attributes, bytes: Some(BYTES), subject: None })
}

/// A case that reads what `shelved` names (different writers).
pub(super) fn case(rng: &mut Rng, pool: &Pool, world: usize, number: u64, shelved: &[Shelved]) -> Plot {
    let subject = format!("loan/{world}-{number}");
    let mut plot = Plot::new(Purpose::Case { subject: subject.clone(), nodes: 0 });
    for _ in 0..=HELPERS {
        let agent = rng.below(AGENTS);
        plot.seats.push(Seat::new(rng, pool, agent));
    }
    let credential = issue(&mut plot, &format!("cred-{world}-{number}"));
    let mut last = plot.message(0, BYTES, None);
    let rounds = rng.range(ROUNDS.0, ROUNDS.1);
    for round in 0..rounds {
        let answer = plot.answer(0, BYTES, last);
        last = match round {
            r if r % 2 == 0 && r / 2 < shelved.len() => read(&mut plot, rng, world, &shelved[r / 2], answer),
            r if r == 3 || r == 7 => helper(&mut plot, rng, 1 + r / 4, answer),
            _ => plot.tool(rng, 0, BYTES, answer).1,
        };
        if round + 2 == rounds {
            last = use_credential(&mut plot, &format!("cred-{world}-{number}"), last, credential);
        }
    }
    let decision = decide(&mut plot, world, number, last, &subject);
    let nodes = decision as u64 + 1 + WRITER_ACTS * shelved.len().min(rounds.div_ceil(2)) as u64;
    plot.purpose = Purpose::Case { subject, nodes };
    plot
}

/// Work is handed to another agent, which uses a tool and answers; gives the answer as it arrives.
fn helper(plot: &mut Plot, rng: &mut Rng, seat: usize, answer: usize) -> usize {
    let asked = plot.message(0, BYTES, Some((answer, "responds_to")));
    let mut last = plot.message(seat, BYTES, Some((asked, "delegated_by")));
    for _ in 0..2 {
        let answer = plot.answer(seat, BYTES, last);
        last = plot.tool(rng, seat, BYTES, answer).1;
    }
    let told = plot.answer(seat, BYTES, last);
    plot.message(0, BYTES, Some((told, "responds_to")))
}

fn issue(plot: &mut Plot, credential: &str) -> usize {
    let attributes = attributes([
        ("hansard.credential.id", credential.into()),
        ("hansard.credential.scope", "accounts:read".into()),
    ]);
    plot.act(Act { kind: kind::CREDENTIAL_ISSUED, attributes, ..Act::default() })
}

fn use_credential(plot: &mut Plot, credential: &str, last: usize, issued: usize) -> usize {
    let causes = vec![(From::Act(last), "responds_to"), (From::Act(issued), "used")];
    let attributes = attributes([("hansard.credential.id", credential.into())]);
    plot.act(Act { kind: kind::CREDENTIAL_USED, causes, attributes, ..Act::default() })
}

/// Answer, verdict, approval and decision; gives the decision, the last act.
fn decide(plot: &mut Plot, world: usize, number: u64, last: usize, subject: &str) -> usize {
    let answer = plot.answer(0, BYTES, last);
    let verdict = attributes([("hansard.policy.verdict", "allow".into()), ("hansard.policy.version", "7".into())]);
    let verdict = Act { kind: kind::POLICY_VERDICT, attributes: verdict, ..Act::default() };
    let verdict = plot.act(Act { causes: vec![(From::Act(answer), "responds_to")], ..verdict });
    let digest = attributes([("hansard.approval.digest", format!("digest-{world}-{number}").into())]);
    let asked = Act { kind: kind::APPROVAL_REQUESTED, attributes: digest.clone(), ..Act::default() };
    let asked = plot.act(Act {
        causes: vec![(From::Act(answer), "responds_to")],
        subject: Some(subject.to_owned()),
        bytes: Some(BYTES),
        ..asked
    });
    let granted = Act { kind: kind::APPROVAL_GRANTED, attributes: digest, ..Act::default() };
    let granted =
        plot.act(Act { causes: vec![(From::Act(asked), "responds_to")], subject: Some(subject.to_owned()), ..granted });
    plot.act(Act {
        kind: kind::DECISION,
        causes: vec![
            (From::Act(answer), "responds_to"),
            (From::Act(granted), "approved_by"),
            (From::Act(verdict), "authorised_by"),
        ],
        bytes: Some(BYTES),
        subject: Some(subject.to_owned()),
        ..Act::default()
    })
}
