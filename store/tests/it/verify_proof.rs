//! Proofs of single events: our verifier and Go's accept them.

use crate::support::drafts;
use crate::verify_support::{SOURCE, commit, flip, rich, simple};
use schemas::tlog::{NoteVerifier, TlogProof, leaf_hash};
use std::path::{Path, PathBuf};
use std::process::Command;
use store::error::StoreError;
use store::proof::{EventProof, inclusion, locate};

fn assert_proven(proof: &EventProof) {
    let check = |file: &str, vkey: &str, entry: &[u8]| {
        let verifier = NoteVerifier::from_vkey(vkey).unwrap();
        TlogProof::parse(file.as_bytes()).unwrap().verify(leaf_hash(entry), &verifier, verifier.name()).unwrap();
    };
    check(&proof.proof, &proof.vkey, &hex::decode(&proof.digest).unwrap());
    check(proof.root_proof.as_ref().unwrap(), &proof.root_vkey, proof.checkpoint.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_leaf_is_proven() {
    let world = rich().await;
    let snapshot = world.snapshot().await;
    for (partition, head) in &snapshot.heads {
        for leaf in (0..head.tree.size()).step_by(7).chain([head.tree.size() - 1]) {
            assert_proven(&inclusion(&snapshot, *partition, leaf).await.unwrap());
        }
        let past = inclusion(&snapshot, *partition, head.tree.size()).await.unwrap_err();
        assert!(matches!(past, StoreError::NotFound { .. }), "{past}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_found_by_its_id() {
    let (world, mut a) = simple(600).await;
    world.append(vec![a.batch(&drafts(SOURCE, "later", 5))]).await;
    commit(&world).await;
    let snapshot = world.snapshot().await;
    for id in ["e0-0", "e0-255", "e512-80", "later-4"] {
        let found = locate(&snapshot, id).await.unwrap();
        assert_eq!(found.len(), 1, "{id}");
        assert_eq!(found[0].id.as_deref(), Some(id));
        assert_eq!((found[0].class, found[0].source.as_deref()), ("event", Some(SOURCE)));
        let proof = inclusion(&snapshot, found[0].partition, found[0].leaf).await.unwrap();
        assert_eq!(proof.digest, hex::encode(schemas::digest::header_digest(&found[0].header)));
    }
    assert!(locate(&snapshot, "e0-99999").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_tile_gives_no_proof() {
    let (world, _) = simple(600).await;
    flip(&world.dir.path().join("tlog/p0/tile/0/000"), 32 * 9);
    let error = inclusion(&world.snapshot().await, 0, 8).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

/// Builds the Go program; `None` when there is no Go on the machine and this is not CI.
fn oracle() -> Option<PathBuf> {
    if Command::new("go").arg("version").output().is_err() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "go not found, but CI must not skip the Go oracle");
        eprintln!("SKIPPED: go not found");
        return None;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/oracles/go");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store-oracle");
    let built = Command::new("go").arg("build").arg("-o").arg(&program).arg(".").current_dir(source).output().unwrap();
    assert!(built.status.success(), "go build: {}", String::from_utf8_lossy(&built.stderr));
    Some(program)
}

#[tokio::test(flavor = "multi_thread")]
async fn go_verifies_the_proofs() {
    let Some(go) = oracle() else { return };
    let world = rich().await;
    let snapshot = world.snapshot().await;
    let file = world.dir.path().join("event.tlog-proof");
    let ask = |vkey: &str, proof: &str, entry: &[u8]| {
        std::fs::write(&file, proof).unwrap();
        let told = Command::new(&go)
            .args(["verify-proof", vkey, file.to_str().unwrap(), &hex::encode(entry)])
            .output()
            .unwrap();
        (told.status.success(), String::from_utf8_lossy(&told.stdout).into_owned())
    };
    for (partition, head) in &snapshot.heads {
        let proof = inclusion(&snapshot, *partition, head.tree.size() / 2).await.unwrap();
        let digest = hex::decode(&proof.digest).unwrap();
        let (accepted, answer) = ask(&proof.vkey, &proof.proof, &digest);
        assert!(accepted, "{answer}");
        let (accepted, answer) = ask(&proof.root_vkey, proof.root_proof.as_ref().unwrap(), proof.checkpoint.as_bytes());
        assert!(accepted, "{answer}");
        assert!(!ask(&proof.vkey, &proof.proof, &[0; 32]).0, "another entry must not be accepted");
    }
}
