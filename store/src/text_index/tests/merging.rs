//! Merging keeps what rebuilding gives, spilled parts change nothing, erased contents are gone.

use std::sync::Arc;

use proptest::prelude::*;

use super::support::{ask, block, bytes_of, leaves, open, packed, searcher, small};
use crate::text_index::limits::BUILD_MEMORY_MIN_BYTES;
use crate::text_index::{RunSpan, TextBody, TextBuilder, TextLimits, merge};

fn texts(seed: u64, count: usize) -> Vec<String> {
    let mut state = seed;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("w{}", (state >> 33) % 5_000)
    };
    (0..count).map(|_| (0..40).map(|_| word()).collect::<Vec<_>>().join(" ")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn merging_is_rebuilding(seed in any::<u64>(), first in 1..60_usize, second in 1..60_usize, third in 1..60_usize) {
        let all = texts(seed, first + second + third);
        let whole = packed(0, &all, small());
        let parts = [
            packed(0, &all[..first], small()),
            packed(first as u64, &all[first..first + second], small()),
            packed((first + second) as u64, &all[first + second..], small()),
        ];
        block(async {
            let merged = merge(open(&parts).await, None, None).await.unwrap();
            let facts = merged.facts.clone();
            let (merged, rebuilt) = (searcher(&[bytes_of(merged.body)]).await, searcher(&[whole]).await);
            let apart = searcher(&parts).await;
            assert_eq!((facts.leaf_from, facts.leaf_to), (0, all.len() as u64));
            assert_eq!((facts.contents, facts.docs as usize), (all.len() as u64, all.len()));
            for query in ["w1 OR w2 OR w3", "w10*", &all[0], &format!("\"{}\"", &all[first])] {
                let mut search = ask(query);
                search.every_word = false;
                let (a, b) = (merged.search(&search).await.unwrap(), rebuilt.search(&search).await.unwrap());
                assert_eq!((&a.hits, a.total), (&b.hits, b.total));
                assert_eq!(leaves(&apart.search(&search).await.unwrap()), leaves(&a));
            }
        });
    }
}

#[test]
fn several_runs_score_like_one() {
    let all = texts(7, 100);
    let parts = [packed(0, &all[..30], small()), packed(30, &all[30..], small())];
    block(async {
        let (apart, one) = (searcher(&parts).await, searcher(&[packed(0, &all, small())]).await);
        let mut search = ask(&all[50]);
        search.every_word = false;
        search.k = 5;
        let (a, b) = (apart.search(&search).await.unwrap(), one.search(&search).await.unwrap());
        assert_eq!(a.hits, b.hits);
        assert_eq!(a.hits[0].leaf, 50);
    });
}

#[test]
fn erased_contents_leave_no_word_behind() {
    let mut all = texts(9, 50);
    all[20] = "the secretword of leaf twenty".to_owned();
    let object = packed(0, &all, small());
    assert!(find(&object, b"secretword"));
    block(async {
        let erased = merge(open(&[object]).await, None, Some(Arc::new(|leaf, _| leaf == 20))).await.unwrap();
        assert_eq!((erased.facts.contents, erased.facts.docs), (49, 49));
        let bytes = bytes_of(erased.body);
        assert!(!find(&bytes, b"secretword") && !find(&bytes, b"secret"));
        let searcher = searcher(&[bytes]).await;
        assert!(searcher.search(&ask("secretword")).await.unwrap().hits.is_empty());
        assert!(leaves(&searcher.search(&ask(&format!("\"{}\"", &all[21]))).await.unwrap()).contains(&21));
    });
}

#[test]
fn everything_may_be_erased() {
    let object = packed(5, &texts(3, 4), small());
    block(async {
        let erased = merge(open(&[object]).await, None, Some(Arc::new(|_, _| true))).await.unwrap();
        assert_eq!((erased.facts.contents, erased.facts.docs), (0, 0));
        let searcher = searcher(&[bytes_of(erased.body)]).await;
        assert_eq!(searcher.search(&ask("w1*")).await.unwrap().total, Some(0));
    });
}

#[test]
fn a_builder_that_spills_gives_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    let all = texts(11, 60_000);
    let limits = TextLimits { memory_bytes: BUILD_MEMORY_MIN_BYTES, scratch: Some(folder.path().into()), ..small() };
    let span = RunSpan { partition: 3, leaf_from: 0, leaf_to: all.len() as u64 };
    let mut builder = TextBuilder::new(&span, limits).unwrap();
    for (leaf, text) in (0..).zip(&all) {
        builder.add(leaf, 1, leaf as i64 * 10, text).unwrap();
    }
    let built = builder.finish().unwrap();
    let TextBody::File { path, bytes } = &built.body else { panic!("expected a file") };
    assert_eq!(std::fs::metadata(path).unwrap().len(), *bytes);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, std::slice::from_ref(path));
    block(async {
        let spilled = searcher(&[bytes_of(built.body)]).await;
        let plain = searcher(&[packed(0, &all, small())]).await;
        for query in ["w1 OR w2", "w123*", &all[17]] {
            let mut search = ask(query);
            search.every_word = false;
            let (a, b) = (spilled.search(&search).await.unwrap(), plain.search(&search).await.unwrap());
            assert_eq!((a.hits, a.total), (b.hits, b.total));
        }
    });
}

#[test]
fn leaves_outside_the_run_and_runs_out_of_order_are_refused() {
    let span = RunSpan { partition: 0, leaf_from: 5, leaf_to: 6 };
    let mut builder = TextBuilder::new(&span, small()).unwrap();
    assert!(builder.add(6, 0, 0, "x").unwrap_err().to_string().contains("leaf 6 is outside"));
    block(async {
        let late = packed(5, &texts(1, 2), small());
        let runs = open(&[late, packed(0, &texts(1, 2), small())]).await;
        assert!(merge(runs, None, None).await.unwrap_err().to_string().contains("does not follow"));
    });
}

fn find(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
