//! Damage is an error that names the object, never a panic and never another answer.

use std::sync::{Arc, OnceLock};

use object_store::path::Path;
use proptest::prelude::*;

use super::support::{CACHE_BYTES, ask, block, packed, put, small};
use crate::error::StoreError;
use crate::text_index::{BlockCache, TextAnswer, TextIndex, TextSearcher};

fn sound() -> Vec<u8> {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    SOUND.get_or_init(build).clone()
}

fn build() -> Vec<u8> {
    let texts: Vec<String> =
        (0..300).map(|n| format!("event {n} says loan{} and more words{}", n % 7, n * 31)).collect();
    packed(0, &texts, small())
}

async fn answer(object: Vec<u8>) -> Result<TextAnswer, StoreError> {
    let store = put(&[object]).await;
    let run = TextIndex::open(store, Path::from("run-0"), BlockCache::new(CACHE_BYTES)).await?;
    let searcher = TextSearcher::open(vec![run]).await?;
    searcher.search(&ask("loan3 OR \"and more\" OR words9*")).await
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn an_altered_byte_is_reported_or_not_read(at in 0.0..1.0_f64, bit in 0..8_u8) {
        let mut object = sound();
        let at = ((object.len() - 1) as f64 * at) as usize;
        object[at] ^= 1 << bit;
        block(async {
            match answer(object).await {
                Ok(found) => assert_eq!(found.hits, answer(sound()).await.unwrap().hits),
                Err(error) => {
                    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
                    assert!(error.to_string().contains("run-0"), "{error}");
                }
            }
        });
    }

    #[test]
    fn a_shortened_object_is_reported(keep in 0.0..1.0_f64) {
        let mut object = sound();
        object.truncate((object.len() as f64 * keep) as usize);
        block(async {
            let error = answer(object).await.unwrap_err();
            assert!(matches!(error, StoreError::Corrupt { .. } | StoreError::Unavailable { .. }), "{error}");
        });
    }
}

#[test]
fn other_bytes_and_missing_objects_are_told_apart() {
    block(async {
        assert!(matches!(answer(b"not an index".to_vec()).await, Err(StoreError::Corrupt { .. })));
        assert!(matches!(answer(vec![0x50; 1 << 20]).await, Err(StoreError::Corrupt { .. })));
        let store = put(&[]).await;
        let missing = TextIndex::open(store, Path::from("none"), BlockCache::new(CACHE_BYTES)).await;
        assert!(matches!(missing, Err(StoreError::Corrupt { .. })));
    });
}

#[test]
fn damage_behind_an_opened_run_is_reported() {
    let texts: Vec<String> = (0..40_000).map(|n| format!("event {n} word{} tail{}", n * 7_919, n % 50)).collect();
    let mut object = packed(0, &texts, small());
    block(async {
        let end = object.len() / 4;
        object[1_000..end].fill(0);
        let store = put(&[object]).await;
        let run = TextIndex::open(store, Path::from("run-0"), BlockCache::new(CACHE_BYTES)).await;
        let searcher = match run {
            Ok(run) => TextSearcher::open(vec![run]).await,
            Err(error) => Err(error),
        };
        let error = match searcher {
            Ok(searcher) => searcher.search(&ask("\"event 5\"")).await.unwrap_err(),
            Err(error) => error,
        };
        assert!(error.to_string().contains("altered"), "{error}");
    });
}

#[test]
fn a_cache_smaller_than_the_run_changes_nothing() {
    let texts: Vec<String> = (0..20_000).map(|n| format!("event {n} word{} tail{}", n * 7_919, n % 50)).collect();
    let object = packed(0, &texts, small());
    block(async {
        let store = put(&[object]).await;
        let cache = BlockCache::new(0);
        let run = TextIndex::open(store, Path::from("run-0"), Arc::clone(&cache)).await.unwrap();
        let searcher = TextSearcher::open(vec![run]).await.unwrap();
        assert_eq!(searcher.search(&ask("tail7 AND event")).await.unwrap().total, Some(400));
        assert_eq!(cache.held_bytes(), 0);
    });
}
