//! What a corpus says of itself is true: counted again from its records, by nothing that made it.

use benches::corpus::{self, CorpusPlan, Manifest};
use schemas::check::check_batch;
use schemas::header::{Header, all_attributes};
use schemas::record::{Body, LogRecord};
use std::collections::{HashMap, HashSet};

const SMALL: CorpusPlan = CorpusPlan { seed: 3, events: 24_000, batch: 256, lean: false };

#[derive(Default)]
struct Read {
    ids: HashSet<String>,
    causes: HashMap<String, Vec<String>>,
    effects: HashMap<String, Vec<String>>,
    sessions: HashMap<String, u64>,
    texts: Vec<String>,
}

/// Reads every record of a plan, checks it, and links events by what they state and by the keys that they read.
fn read(plan: CorpusPlan) -> (Read, Manifest) {
    let (mut read, mut writers, mut readers) = (Read::default(), HashMap::new(), Vec::new());
    let (made, manifest) = corpus::run(plan, |record| {
        let Ok(Body::Batch(batch)) = LogRecord::parse(&record.value) else { unreachable!("a batch was encoded") };
        let key = schemas::check::signer_key(&batch).expect("the signer is a key");
        let good = check_batch(&batch, &key).expect("the batch passes");
        assert!(good.events.iter().all(|event| event.parsed.is_ok()));
        for event in &batch.events {
            let header = Header::parse(&event.header).expect("the header parses");
            assert!(read.ids.insert(header.id.clone()), "an id of its own");
            for cause in &header.data.causes {
                read.link(&header.id, &cause.id);
            }
            *read.sessions.entry(header.data.session.clone().unwrap_or_default()).or_default() += 1;
            let attributes = all_attributes(&event.header);
            let key = attributes.get("hansard.memory.key").map(ToString::to_string);
            match (header.kind(), key) {
                ("memory.write", Some(key)) => {
                    assert!(writers.insert(key, header.id.clone()).is_none(), "one write per key")
                }
                ("memory.read", Some(key)) => readers.push((header.id.clone(), key)),
                _ => {}
            }
            read.texts.extend(event.contents.iter().map(|c| String::from_utf8_lossy(&c.data).into_owned()));
        }
        Ok(())
    })
    .expect("the corpus is made");
    for (reader, key) in readers {
        read.link(&reader, &writers[&key]);
    }
    assert_eq!((made.events, manifest.events), (plan.events, plan.events));
    (read, manifest)
}

impl Read {
    fn link(&mut self, effect: &str, cause: &str) {
        self.causes.entry(effect.to_owned()).or_default().push(cause.to_owned());
        self.effects.entry(cause.to_owned()).or_default().push(effect.to_owned());
    }
}

fn reached(start: &str, links: &HashMap<String, Vec<String>>) -> u64 {
    let (mut seen, mut next) = (HashSet::from([start]), vec![start]);
    while let Some(at) = next.pop() {
        for far in links.get(at).into_iter().flatten() {
            if seen.insert(far) {
                next.push(far);
            }
        }
    }
    seen.len() as u64
}

#[test]
fn what_the_manifest_says_is_what_the_records_hold() {
    for plan in [SMALL, CorpusPlan { lean: true, ..SMALL }] {
        let (read, manifest) = read(plan);
        assert!(manifest.decisions.len() > 8 && manifest.hubs.len() == corpus::WORLDS);
        for decision in &manifest.decisions {
            assert_eq!(reached(&decision.id, &read.causes), decision.nodes, "{decision:?}");
            assert!((80..=120).contains(&decision.nodes));
        }
        for hub in &manifest.hubs {
            assert_eq!(reached(&hub.id, &read.effects), hub.nodes, "{hub:?}");
        }
        for word in &manifest.words {
            let documents = read.texts.iter().filter(|text| text.contains(&word.text)).count() as u64;
            assert_eq!(documents, word.documents, "{word:?}");
        }
        assert_eq!(read.sessions[&manifest.long.session], manifest.long.events);
        assert_eq!(read.sessions.len() as u64, manifest.sessions);
        assert!(manifest.ids.iter().all(|id| read.ids.contains(id)));
    }
}

#[test]
fn a_corpus_is_the_same_each_time() {
    let digest = || corpus::run(SMALL, |_| Ok(())).expect("the corpus is made").0.digest;
    assert_eq!(digest(), digest());
}
