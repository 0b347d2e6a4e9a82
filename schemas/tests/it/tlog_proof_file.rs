//! Proof files, and the program `hansard-verify` that checks them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use proptest::prelude::*;
use schemas::tlog::proof_file::EXTRA_BYTES_MAX;
use schemas::tlog::{Checkpoint, Hash, LeafReader, NoteSigner, ProofFileError, TlogProof, inclusion_proof, leaf_hash};

use crate::tlog::{entry, leaves, root};
use crate::tlog_note::signer;

pub(crate) const ORIGIN: &str = "example.com/stream";

pub(crate) fn key() -> NoteSigner {
    signer(ORIGIN, 11)
}

/// The proof that a log of `size` entries holds the one at `index`.
pub(crate) fn proof(index: usize, size: usize) -> TlogProof {
    let all = leaves(size);
    let path = inclusion_proof(index as u64, size as u64, &LeafReader(&all)).unwrap();
    let checkpoint = Checkpoint::new(ORIGIN, size as u64, root(&all)).unwrap();
    TlogProof::new(index as u64, path, checkpoint.sign(&key()).unwrap()).unwrap()
}

/// Writes a file for other programs to read; its name must be used by one test only.
pub(crate) fn write(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_proof_is_one_text() {
    let proof = proof(2, 3).with_extra(b"hint".to_vec()).unwrap();
    let text = proof.to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra aGludA==\nindex 2\n"));
    assert!(text.contains(&format!("\n\n{ORIGIN}\n3\n")));
    assert_eq!(TlogProof::parse(text.as_bytes()).unwrap(), proof);
    let checkpoint = proof.verify(leaf_hash(&entry(2)), &key().verifier(), ORIGIN).unwrap();
    assert_eq!(checkpoint.size, 3);
}

#[test]
fn every_flipped_bit_of_a_proof_is_rejected() {
    let good = proof(5, 13).to_bytes();
    let verifier = key().verifier();
    let leaf = leaf_hash(&entry(5));
    let check = |file: &[u8], leaf| TlogProof::parse(file).and_then(|p| p.verify(leaf, &verifier, ORIGIN));
    check(&good, leaf).unwrap();
    for bit in 0..8 * good.len() {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(check(&bad, leaf).is_err(), "bit {bit}");
    }
    assert!((0..good.len()).all(|end| check(&good[..end], leaf).is_err()));
    assert!(check(&good, leaf_hash(&entry(6))).is_err());
    assert!(proof(5, 13).verify(leaf, &signer(ORIGIN, 12).verifier(), ORIGIN).is_err());
    assert!(proof(5, 13).verify(leaf, &verifier, "another").is_err());
}

#[test]
fn malformed_proofs_are_named() {
    let good = proof(0, 2).to_string();
    let parse = |text: String| TlogProof::parse(text.as_bytes());
    assert_eq!(parse(String::new()), Err(ProofFileError::Header));
    assert_eq!(parse(good.replace("@v1", "@v2")), Err(ProofFileError::Header));
    assert_eq!(parse(good.replace("index 0", "index 00")), Err(ProofFileError::Index));
    assert_eq!(parse(good.replace("index 0", "index +0")), Err(ProofFileError::Index));
    assert_eq!(parse(good.replace("index 0\n", "")), Err(ProofFileError::Index));
    assert_eq!(parse(good.replace("index 0", "extra A\nindex 0")), Err(ProofFileError::Extra));
    assert_eq!(
        parse(good.replace("index 0", "index 0\nAAAA").to_string()).unwrap_err().to_string(),
        "hash 0 of the inclusion path is malformed"
    );
    assert_eq!(parse("c2sp.org/tlog-proof@v1\nindex 0\n".to_owned()), Err(ProofFileError::NoCheckpoint));
    assert!(matches!(parse("c2sp.org/tlog-proof@v1\nindex 0\n\n".to_owned()), Err(ProofFileError::Note(_))));
    let hash = leaf_hash(b"").to_base64() + "\n";
    let long = good.replace("index 0\n", &format!("index 0\n{}", hash.repeat(64)));
    assert_eq!(parse(long), Err(ProofFileError::PathTooLong { found: 65 }));
    assert!(matches!(TlogProof::parse(&vec![b'x'; 4 << 20]), Err(ProofFileError::TooLong { .. })));
    assert_eq!(proof(0, 1).with_extra(vec![0; EXTRA_BYTES_MAX + 1]), Err(ProofFileError::Extra));
    let largest = proof(0, 1).with_extra(vec![0; EXTRA_BYTES_MAX]).unwrap();
    assert_eq!(TlogProof::parse(&largest.to_bytes()).unwrap(), largest);
    let checkpoint = proof(0, 1).checkpoint().clone();
    let path = vec![leaf_hash(b""); 65];
    assert_eq!(TlogProof::new(0, path, checkpoint), Err(ProofFileError::PathTooLong { found: 65 }));
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hansard-verify")).args(arguments).output().unwrap()
}

#[test]
fn the_verifier_proves_and_refuses() {
    let good = proof(40, 300).to_bytes();
    let file = write("verifier-good.tlog-proof", &good);
    let raw = write("verifier-entry.bin", &entry(40));
    let (file, raw) = (file.to_str().unwrap(), raw.to_str().unwrap());
    let vkey = key().verifier().to_vkey();
    let (hex, other) = (hex::encode(entry(40)), hex::encode(entry(41)));
    let proven = run(&["--vkey", &vkey, "--proof", file, "--entry-hex", &hex]);
    assert_eq!(proven.status.code(), Some(0));
    let report = String::from_utf8(proven.stdout).unwrap();
    assert!(report.contains("PROVEN") && report.contains("index      40") && report.contains("tree size  300"));
    let code = |arguments: &[&str]| run(arguments).status.code();
    assert_eq!(code(&["--vkey", &vkey, "--proof", file, "--entry", raw]), Some(0));
    assert_eq!(code(&["--vkey", &vkey, "--proof", file, "--entry-hex", &other]), Some(1));
    let elsewhere = ["--vkey", &vkey, "--proof", file, "--entry", raw, "--origin", "another"];
    assert_eq!(code(&elsewhere), Some(1));
    let stranger = signer(ORIGIN, 12).verifier().to_vkey();
    assert_eq!(code(&["--vkey", &stranger, "--proof", file, "--entry", raw]), Some(1));
    let mut bad = good;
    bad[60] ^= 1;
    let bad = write("verifier-bad.tlog-proof", &bad);
    assert_eq!(code(&["--vkey", &vkey, "--proof", bad.to_str().unwrap(), "--entry", raw]), Some(1));
    assert_eq!(code(&["--vkey", &vkey, "--proof", "no such file", "--entry", raw]), Some(2));
    assert_eq!(code(&["--vkey", &vkey, "--proof", file]), Some(2));
    assert_eq!(code(&["--vkey", "x", "--proof", file, "--entry", raw]), Some(2));
    assert_eq!(code(&["--vkey", &vkey, "--vkey", &vkey]), Some(2));
    assert_eq!(code(&["--frobnicate"]), Some(2));
    assert_eq!(code(&["--help"]), Some(0));
}

proptest! {
    #[test]
    fn proof_file_round_trip(
        index: u64, path in prop::collection::vec(any::<[u8; 32]>(), 0..=64),
        extra in prop::option::of(prop::collection::vec(any::<u8>(), 0..100)),
    ) {
        let path = path.into_iter().map(Hash::from_bytes).collect();
        let mut file = TlogProof::new(index, path, proof(0, 1).checkpoint().clone()).unwrap();
        if let Some(extra) = extra {
            file = file.with_extra(extra).unwrap();
        }
        prop_assert_eq!(TlogProof::parse(&file.to_bytes()).unwrap(), file);
    }

    #[test]
    fn damaged_files_never_panic(cut in 0usize..400, from in 0usize..400, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let good = proof(1, 4).to_bytes();
        let (cut, from) = (cut.min(good.len()), from.min(good.len()));
        let file = [&good[..cut], &bytes, &good[from..]].concat();
        if let Ok(parsed) = TlogProof::parse(&file) {
            prop_assert_eq!(parsed.to_bytes(), file);
        }
        let _ = TlogProof::parse(&bytes);
    }
}
