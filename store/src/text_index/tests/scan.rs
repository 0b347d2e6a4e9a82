//! A search finds exactly what reading every text finds, with any split into runs, documents and bounds.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::support::{ask, block, leaves, packed, searcher, small};
use crate::text_index::{TextLimits, TextScope};

const WORDS: [&str; 8] = ["red", "green", "blue", "cat", "dog", "loan", "deny", "grant"];

#[derive(Clone, Debug)]
enum Ask {
    Word(usize),
    Phrase(usize, usize),
    Prefix(usize),
    Both(Box<Ask>, Box<Ask>),
    Either(Box<Ask>, Box<Ask>),
    Without(Box<Ask>, Box<Ask>),
}

impl Ask {
    fn query(&self) -> String {
        match self {
            Self::Word(word) => WORDS[*word].to_owned(),
            Self::Phrase(a, b) => format!("\"{} {}\"", WORDS[*a], WORDS[*b]),
            Self::Prefix(word) => format!("{}*", &WORDS[*word][..2]),
            Self::Both(a, b) => format!("({} AND {})", a.query(), b.query()),
            Self::Either(a, b) => format!("({} OR {})", a.query(), b.query()),
            Self::Without(a, b) => format!("(+{} -{})", a.query(), b.query()),
        }
    }

    fn holds(&self, words: &[&str]) -> bool {
        match self {
            Self::Word(word) => words.contains(&WORDS[*word]),
            Self::Phrase(a, b) => words.windows(2).any(|two| two[0] == WORDS[*a] && two[1] == WORDS[*b]),
            Self::Prefix(word) => words.iter().any(|found| found.starts_with(&WORDS[*word][..2])),
            Self::Both(a, b) => a.holds(words) && b.holds(words),
            Self::Either(a, b) => a.holds(words) || b.holds(words),
            Self::Without(a, b) => a.holds(words) && !b.holds(words),
        }
    }
}

fn asks() -> impl Strategy<Value = Ask> {
    let leaf = prop_oneof![
        (0..8_usize).prop_map(Ask::Word),
        (0..8_usize, 0..8_usize).prop_map(|(a, b)| Ask::Phrase(a, b)),
        (0..8_usize).prop_map(Ask::Prefix),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let two = (inner.clone(), inner).prop_map(|(a, b)| (Box::new(a), Box::new(b)));
        prop_oneof![
            two.clone().prop_map(|(a, b)| Ask::Both(a, b)),
            two.clone().prop_map(|(a, b)| Ask::Either(a, b)),
            two.prop_map(|(a, b)| Ask::Without(a, b)),
        ]
    })
}

fn texts(most: usize) -> impl Strategy<Value = Vec<String>> {
    let text = prop::collection::vec(0..8_usize, 0..12)
        .prop_map(|words| words.iter().map(|word| WORDS[*word]).collect::<Vec<_>>().join(" "));
    prop::collection::vec(text, 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn finds_what_a_scan_finds(
        texts in texts(40), ask_for in asks(), cut in 0.0..1.0_f64,
        bound in 0..45_u64, from in 0..45_i64, k in 1..50_usize,
    ) {
        let cut = (texts.len() as f64 * cut) as usize;
        let runs = [(0, &texts[..cut]), (cut as u64, &texts[cut..])];
        let runs: Vec<Vec<u8>> = runs.into_iter().filter(|(_, texts)| !texts.is_empty())
            .map(|(from, texts)| packed(from, texts, small())).collect();
        let expected: Vec<u64> = (0..).zip(&texts)
            .filter(|(leaf, text)| *leaf < bound && *leaf as i64 >= from
                && ask_for.holds(&text.split(' ').collect::<Vec<_>>()))
            .map(|(leaf, _)| leaf).collect();
        block(async {
            let searcher = searcher(&runs).await;
            let mut search = ask(&ask_for.query());
            search.scope = TextScope {
                leaf_bounds: Some(BTreeMap::from([(3, bound)])), from_us: Some(from * 10), to_us: None,
            };
            let answer = searcher.search(&search).await.unwrap();
            assert_eq!(leaves(&answer), expected, "{}", search.query);
            assert_eq!(answer.total, Some(expected.len() as u64));
            search.k = k;
            let best = searcher.search(&search).await.unwrap();
            assert_eq!(best.hits.as_slice(), &answer.hits[..k.min(answer.hits.len())]);
            search.scope.leaf_bounds = Some(BTreeMap::from([(4, u64::MAX)]));
            assert!(searcher.search(&search).await.unwrap().hits.is_empty());
        });
    }

    #[test]
    fn split_texts_count_once(words in prop::collection::vec(0..8_usize, 100..400), a in 0..8_usize, b in 0..8_usize) {
        let words: Vec<&str> = words.iter().map(|word| WORDS[*word]).collect();
        let texts = [words.join(" "), "red green".to_owned(), words.join(" ")];
        let limits = TextLimits { doc_bytes: 256, ..small() };
        block(async {
            let searcher = searcher(&[packed(0, &texts, limits)]).await;
            for ask_for in [Ask::Word(a), Ask::Phrase(a, b)] {
                let answer = searcher.search(&ask(&ask_for.query())).await.unwrap();
                let expected: Vec<u64> = (0..).zip(&texts)
                    .filter(|(_, text)| ask_for.holds(&text.split(' ').collect::<Vec<_>>()))
                    .map(|(leaf, _)| leaf).collect();
                assert_eq!(leaves(&answer), expected);
                assert_eq!(answer.total, Some(expected.len() as u64));
            }
        });
    }
}

#[test]
fn a_time_limit_of_nothing_is_said() {
    let texts = vec!["red green".to_owned(); 50_000];
    block(async {
        let searcher = searcher(&[packed(0, &texts, small())]).await;
        let mut search = ask("red OR green");
        search.time_limit = std::time::Duration::ZERO;
        let answer = searcher.search(&search).await.unwrap();
        assert!(!answer.complete || answer.total == Some(50_000));
        search.time_limit = std::time::Duration::from_secs(30);
        assert_eq!(searcher.search(&search).await.unwrap().total, Some(50_000));
    });
}
