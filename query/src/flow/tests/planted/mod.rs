//! Poison planted in generated corpora: every event that it influenced is found, by grade; precision is stated.
//!
//! Figures of all seeds with `--show-output`; `tests/it/planted.rs` asks the whole program the same.

mod corpus;
mod score;

use crate::flow::stored::{Stored, StoredContent};
use crate::flow::{FlowEvent, Grade, Loaded, down};
use corpus::{Body, Event};
use score::Score;

/// Seeds that are tried.
const SEEDS: u64 = 1_000;
/// Least precision of what is found, in tenths of a percent: carried, received.
const PRECISION_MIN: (usize, usize) = (980, 900);

fn flow_event(event: &Event) -> FlowEvent {
    let text = |body: &Body| match body {
        Body::Text(text) => text.clone(),
        Body::Json(value) => value.to_string(),
    };
    let media_type = |body: &Body| if matches!(body, Body::Text(_)) { "text/plain" } else { "application/json" };
    let texts: Vec<_> = event.contents.iter().map(|(name, body)| (*name, media_type(body), text(body))).collect();
    let content = |(name, media_type, text)| StoredContent { name, media_type, text };
    let contents: Vec<_> = texts.iter().map(|(name, media, text)| content((*name, *media, text.as_str()))).collect();
    let causes: Vec<_> = event.causes.iter().map(|(id, how)| (id.clone(), (*how).to_owned())).collect();
    let (id, session, agent, kind) = (&event.id, &event.session, &event.agent, event.kind);
    let (attributes, order) = (&event.attributes, u64::from(event.second) + 1);
    Stored { id, session, agent, kind, attributes, contents: &contents, causes: &causes, order }.flow_event()
}

#[test]
fn planted_poison_is_found() {
    let mut score = Score::default();
    for seed in 0..SEEDS {
        let corpus = corpus::corpus(seed);
        let links = Loaded::new(corpus.events.iter().map(flow_event));
        let answer = down(&links, &corpus.origin, corpus.text.as_deref()).unwrap();
        assert_eq!(answer.bounds, [], "seed {seed}");
        let grade = |grade| match grade {
            Grade::Carried => "carried",
            Grade::Received => "received",
            Grade::Reachable => "reachable",
        };
        let effects = answer.effects.iter().map(|effect| (effect.event.as_str(), grade(effect.grade)));
        let corrections = answer.corrections.iter().map(|correction| correction.event.as_str());
        score.add(&corpus, effects, corrections, None);
        let held = &answer.containment;
        let keys = held.keys.iter().cloned().collect();
        let secrets_used = held.credentials.iter().map(|credential| credential.event.clone()).collect();
        score.held(&corpus, &keys, &secrets_used);
    }
    println!("{score}");
    score.assert(PRECISION_MIN);
}

#[test]
fn a_corpus_depends_on_its_seed_alone() {
    assert_eq!(corpus::corpus(7), corpus::corpus(7));
    assert_ne!(corpus::corpus(7), corpus::corpus(12));
}
