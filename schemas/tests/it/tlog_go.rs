//! Agreement with Go's `golang.org/x/mod/sumdb`, the implementation that most auditors have at hand.
//!
//! The Go program stands in `tests/oracles/go`. Without a Go compiler these tests say so and pass, except in CI.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use schemas::tlog::{Hash, LeafReader, TileReader, consistency_proof, inclusion_proof, verify_consistency};

use crate::tlog::{entry, leaves, root, tiles};
use crate::tlog_note::signer;
use crate::tlog_proof_file::{ORIGIN, key, proof, write};

const SIZES: [usize; 11] = [0, 1, 2, 3, 7, 8, 255, 256, 257, 1000, 70_000];

/// Builds the Go program once; `None` when there is no Go on the machine and this is not CI.
fn oracle() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(build).as_deref()
}

fn build() -> Option<PathBuf> {
    if Command::new("go").arg("version").output().is_err() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "go not found, but CI must not skip the Go oracle");
        eprintln!("SKIPPED: go not found");
        return None;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/oracles/go");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tlog-oracle");
    let built = Command::new("go").arg("build").arg("-o").arg(&program).arg(".").current_dir(source).output().unwrap();
    assert!(built.status.success(), "go build: {}", String::from_utf8_lossy(&built.stderr));
    Some(program)
}

/// Runs the program on the first `size` entries: whether it accepted, and what it printed.
fn ask(program: &Path, arguments: &[&str], size: usize) -> (bool, String) {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let input: String = (0..size).map(|i| hex::encode(entry(i)) + "\n").collect();
    // A program that needs no entries may have ended; its answer is what counts.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

fn printed(hashes: &[Hash]) -> (bool, String) {
    (true, hashes.iter().map(|h| h.to_base64() + "\n").collect())
}

#[test]
fn go_computes_the_same_roots() {
    let Some(go) = oracle() else { return };
    for size in SIZES {
        assert_eq!(ask(go, &["root"], size), printed(&[root(&leaves(size))]), "size {size}");
    }
}

#[test]
fn go_makes_the_same_inclusion_proofs() {
    let Some(go) = oracle() else { return };
    for size in SIZES.into_iter().filter(|s| *s > 0) {
        let all = leaves(size);
        let tiles = tiles(&all);
        let reader = TileReader::new(size as u64, |tile| tiles.get(&tile).ok_or(()));
        for index in [0, size / 2, size - 1] {
            let path = inclusion_proof(index as u64, size as u64, &reader).unwrap();
            assert_eq!(ask(go, &["prove", &index.to_string()], size), printed(&path), "{index} of {size}");
        }
    }
}

#[test]
fn go_makes_the_same_consistency_proofs() {
    let Some(go) = oracle() else { return };
    for pair in SIZES[1..].windows(2) {
        let (old, new) = (pair[0], pair[1]);
        let all = leaves(new);
        let proof = consistency_proof(old as u64, new as u64, &LeafReader(&all)).unwrap();
        let arguments = ["consistency", &old.to_string(), &new.to_string()];
        assert_eq!(ask(go, &arguments, new), printed(&proof), "{old} to {new}");
        verify_consistency(old as u64, root(&all[..old]), new as u64, root(&all), &proof).unwrap();
    }
}

#[test]
fn go_verifies_our_notes_and_rejects_a_flipped_bit() {
    let Some(go) = oracle() else { return };
    let note = proof(0, 1).checkpoint().to_bytes();
    let vkey = key().verifier().to_vkey();
    let file = write("go-note.txt", &note);
    let check = |vkey: &str, file: &Path| ask(go, &["verify-note", vkey, file.to_str().unwrap()], 0);
    let (accepted, answer) = check(&vkey, &file);
    assert!(accepted && answer.starts_with("ok 1 signature"), "{answer}");
    assert!(!check(&signer(ORIGIN, 12).verifier().to_vkey(), &file).0);
    for place in [0, note.len() / 2, note.len() - 6] {
        let mut bad = note.clone();
        bad[place] ^= 1;
        assert!(!check(&vkey, &write("go-note-bad.txt", &bad)).0, "byte {place}");
    }
}

#[test]
fn go_verifies_our_proof_files_and_rejects_a_flipped_bit() {
    let Some(go) = oracle() else { return };
    let vkey = key().verifier().to_vkey();
    for (index, size) in [(0, 1), (2, 3), (255, 257), (999, 1000), (69_999, 70_000)] {
        let good = proof(index, size).with_extra(b"ignored".to_vec()).unwrap().to_bytes();
        let check = |bytes: &[u8], entry: [u8; 32]| {
            let file = write("go-proof.tlog-proof", bytes);
            ask(go, &["verify-proof", &vkey, file.to_str().unwrap(), &hex::encode(entry)], 0)
        };
        assert_eq!(check(&good, entry(index)), (true, format!("ok entry {index} of {size}\n")));
        assert!(!check(&good, entry(index + 1)).0);
        let text = String::from_utf8(good.clone()).unwrap();
        let after = |mark: &str| text.find(mark).unwrap() + mark.len();
        for place in [after("index "), after("\n\n"), after(&format!("{ORIGIN}\n")), after("— "), good.len() - 6] {
            let mut bad = good.clone();
            bad[place] ^= 1;
            assert!(!check(&bad, entry(index)).0, "byte {place} of proof for {index} of {size}");
        }
        if size > 1 {
            let mut bad = good.clone();
            bad[after(&format!("index {index}\n")) + 3] ^= 1;
            assert!(!check(&bad, entry(index)).0, "path of proof for {index} of {size}");
        }
    }
}
