//! Tampering with tiles, checkpoints and the log. Each is found, with its place.

use crate::support::World;
use crate::verify_support::{SOURCE, Tampered, assert_found, commit, flip, has, rich, simple, store_report};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use ingest::log::Entry;
use schemas::tlog::{Checkpoint, NoteSigner};
use std::sync::Arc;
use store::verify::{Kind, Report, Silent, verify};

#[tokio::test(flavor = "multi_thread")]
async fn tiles_that_are_changed_cut_or_gone() {
    let (world, _) = simple(700).await;
    // 701 leaves: two full tiles and one of 189 at level 0, one of 2 at level 1.
    for tile in ["tile/0/000", "tile/0/001", "tile/0/002.p/189", "tile/1/000.p/2"] {
        let path = world.dir.path().join("tlog/p0").join(tile);
        let before = std::fs::read(&path).unwrap();
        flip(&path, 40);
        assert_found(&store_report(&world).await, Kind::Tile, tile, "hash 1 is not that of");
        std::fs::write(&path, &before[..before.len() - 1]).unwrap();
        assert_found(&store_report(&world).await, Kind::Tile, tile, "bytes, expected");
        std::fs::remove_file(&path).unwrap();
        assert_found(&store_report(&world).await, Kind::Tile, tile, "missing");
        std::fs::write(&path, &before).unwrap();
    }
    assert!(store_report(&world).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_bundle() {
    let (world, _) = simple(700).await;
    let folder = world.dir.path().join("tlog/root/tile/entries/000.p");
    let bundle = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .max_by_key(|p| p.metadata().unwrap().len())
        .unwrap();
    flip(&bundle, 30);
    let found = store_report(&world).await;
    assert_found(&found, Kind::Tile, "tlog/root/tile/entries/000.p/", "entries are not");
    assert_found(&found, Kind::RootLog, "entry 0 of the root log", "make it");
    std::fs::remove_file(&bundle).unwrap();
    assert_found(&store_report(&world).await, Kind::Tile, "tlog/root/tile/entries/000.p/", "missing");
}

fn sign(world: &World, key: &SigningKey, origin: &str, size: u64, root: schemas::tlog::Hash, folder: &str) {
    let signer = NoteSigner::new(origin, key.clone()).unwrap();
    let note = Checkpoint::new(origin, size, root).unwrap().sign(&signer).unwrap();
    std::fs::write(world.dir.path().join(folder).join("checkpoint"), note.to_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_that_are_changed_replaced_or_gone() {
    let (world, mut a) = simple(100).await;
    let path = world.dir.path().join("tlog/p0/checkpoint");
    let older = std::fs::read(&path).unwrap();
    let older_root = std::fs::read(world.dir.path().join("tlog/root/checkpoint")).unwrap();
    world.append(vec![a.batch(&crate::support::drafts(SOURCE, "more", 50))]).await;
    commit(&world).await;
    let newest = std::fs::read(&path).unwrap();
    let head = world.snapshot().await.heads[&0].clone();
    let place = "tlog/p0/checkpoint";
    flip(&path, 45);
    assert_found(&store_report(&world).await, Kind::Checkpoint, place, "not a note of the store's log key");
    sign(
        &world,
        &SigningKey::from_bytes(&[66; 32]),
        "hansard.test/store/p0",
        head.tree.size(),
        head.tree.root(),
        "tlog/p0",
    );
    assert_found(&store_report(&world).await, Kind::Checkpoint, place, "not a note of the store's log key");
    sign(&world, &world.log_key, "hansard.test/store/p0", head.tree.size(), [5; 32].into(), "tlog/p0");
    assert_found(&store_report(&world).await, Kind::Checkpoint, place, "headers in the table lead to");
    sign(&world, &world.log_key, "hansard.test/store/p0", head.tree.size() + 1, [5; 32].into(), "tlog/p0");
    assert_found(&store_report(&world).await, Kind::Checkpoint, place, "the table was set back");
    std::fs::write(&path, &older).unwrap();
    assert_found(&store_report(&world).await, Kind::Checkpoint, place, "it was set back");
    std::fs::remove_file(&path).unwrap();
    assert_found(&store_report(&world).await, Kind::Checkpoint, place, "gone");
    std::fs::write(&path, newest).unwrap();
    assert!(store_report(&world).await.is_ok());
    let root = world.dir.path().join("tlog/root/checkpoint");
    std::fs::write(&root, older_root).unwrap();
    assert_found(&store_report(&world).await, Kind::Checkpoint, "tlog/root/checkpoint", "it was set back");
    sign(&world, &world.log_key, "hansard.test/store/root", 2, [5; 32].into(), "tlog/root");
    assert_found(&store_report(&world).await, Kind::Checkpoint, "tlog/root/checkpoint", "they lead to");
    std::fs::remove_file(&root).unwrap();
    assert_found(&store_report(&world).await, Kind::Checkpoint, "tlog/root/checkpoint", "gone");
}

async fn with_log(
    world: &World,
    cut: u64,
    edit: impl Fn(u32, Vec<Entry>) -> Vec<Entry> + Send + Sync + 'static,
) -> Report {
    let log = Tampered { inner: Arc::clone(&world.log), edit: Box::new(edit), cut };
    verify(&world.storage, Some(&log), &Silent).await.unwrap()
}

fn flipped(entry: Entry, at: usize) -> Entry {
    let mut bytes = entry.value.to_vec();
    let at = at % bytes.len();
    bytes[at] ^= 0x10;
    Entry { value: Bytes::from(bytes), ..entry }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_any_log_record() {
    let world = rich().await;
    assert!(with_log(&world, 0, |_, e| e).await.is_ok());
    for partition in 0..3 {
        let held = world.log.offsets(partition).await.unwrap();
        for offset in held.first..held.next {
            for at in [3, 200, 333, 71] {
                let edit = move |p: u32, all: Vec<Entry>| {
                    all.into_iter()
                        .map(|e| if (p, e.offset) == (partition, offset) { flipped(e, at) } else { e })
                        .collect()
                };
                let found = with_log(&world, 0, edit).await;
                let place = format!("offset {offset}");
                let told = has(&found, Kind::Log, &format!("partition {partition}"), "");
                assert!(told, "partition {partition} {place} byte {at}: {:?}", found.problems);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_taken_out_and_a_log_cut_off() {
    let (world, mut a) = simple(700).await;
    world.append(vec![a.batch(&crate::support::drafts(SOURCE, "more", 50))]).await;
    commit(&world).await;
    let found = with_log(&world, 0, |_, all| all.into_iter().filter(|e| e.offset != 2).collect()).await;
    assert_found(&found, Kind::Log, "partition 0", "records 2 to 2 are gone");
    let found = with_log(&world, 2, |_, all| all).await;
    assert_found(&found, Kind::Log, "offset 3", "it was cut off");
    let swap = |_, mut all: Vec<Entry>| {
        let (one, two) = (all[1].value.clone(), all[2].value.clone());
        (all[1].value, all[2].value) = (two, one);
        all
    };
    let found = with_log(&world, 0, swap).await;
    assert_found(&found, Kind::Log, "offset 1", "is told to come from offset 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_log() {
    let (world, _) = simple(10).await;
    let other = World::new(2).await;
    let found = verify(&world.storage, Some(other.log.as_ref()), &Silent).await.unwrap();
    assert_found(&found, Kind::Log, "log memory:", "is fed from");
}
