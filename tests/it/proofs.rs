//! Proofs of events as a stranger checks them: `hansard-verify`, Go's `x/mod/sumdb` and `b3sum`, with the log's public key
//! and what lies in the store.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tests::{Hansard, b3sum, go_oracle, program, python};

const HEADER_CONTEXT: &str = "hansard 2026-11 event header v1";

/// The demo's record, and the proof of one of its events.
struct Proven {
    /// What `hansard proof --json` printed.
    told: Value,
    /// The file that it wrote; others lie beside it.
    file: PathBuf,
}

impl Proven {
    fn new(hansard: &Hansard, dir: &Path, event: &str) -> Self {
        let file = dir.join(format!("{event}.tlog-proof"));
        let told = hansard.json(&["proof", event, "--out", &file.display().to_string()]);
        assert_eq!(told["event"]["id"], event);
        assert!(told["proof"]["root_proof"].is_string(), "the root log holds the state of a record at rest: {told}");
        Self { told, file }
    }

    fn beside(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.file.display())
    }

    fn said(&self, name: &str) -> &str {
        self.told["proof"][name].as_str().expect("text")
    }
}

fn demo() -> (tempfile::TempDir, Hansard) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hansard = Hansard::new(&dir.path().join("data"));
    let _ = hansard.ok(&["demo"]);
    (dir, hansard)
}

/// One event of each partition that holds any.
fn some_events(hansard: &Hansard) -> Vec<String> {
    let rows = hansard.rows("select min(id) as id from events where session is not null group by log_partition");
    let ids: Vec<String> = rows.iter().filter_map(|row| row["id"].as_str().map(str::to_owned)).collect();
    assert!(!ids.is_empty());
    ids
}

fn run(program: &Path, args: &[&str]) -> Output {
    Command::new(program).args(args).output().expect("the program runs")
}

/// It exits with `code`; gives what it said.
fn ended(output: &Output, code: i32) -> String {
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// A copy of `file` in which one bit of the byte `at` is another.
fn flipped(file: &str, at: impl FnOnce(&[u8]) -> usize) -> PathBuf {
    let mut bytes = std::fs::read(file).expect("the file is there");
    let at = at(&bytes);
    bytes[at] ^= 1;
    let copy = PathBuf::from(format!("{file}.flipped"));
    std::fs::write(&copy, bytes).expect("written");
    copy
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn hansard_verify_proves_an_event_and_not_an_altered_one() {
    let Some(python) = python() else { return };
    let (dir, hansard) = demo();
    let verifier = program("hansard-verify");
    for event in some_events(&hansard) {
        let proven = Proven::new(&hansard, dir.path(), &event);
        let proof = proven.file.display().to_string();
        let check =
            |vkey: &str, digest: &str| run(&verifier, &["--vkey", vkey, "--proof", &proof, "--entry-hex", digest]);
        // The digest is made from the header's bytes by other people's code.
        let digest = b3sum(&python, HEADER_CONTEXT, Path::new(&proven.beside(".header")));
        assert_eq!(digest, proven.said("digest"));
        assert!(ended(&check(proven.said("vkey"), &digest), 0).starts_with("PROVEN"));
        let (root, checkpoint) = (proven.beside(".root"), proven.beside(".checkpoint"));
        let args = ["--vkey", proven.said("root_vkey"), "--proof", &root, "--entry", &checkpoint];
        assert!(ended(&run(&verifier, &args), 0).starts_with("PROVEN"));
        // One bit of the header.
        let altered = flipped(&proven.beside(".header"), |bytes| bytes.len() / 2);
        let digest = b3sum(&python, HEADER_CONTEXT, &altered);
        assert!(ended(&check(proven.said("vkey"), &digest), 1).contains("NOT PROVEN"));
        // Another log's key.
        let _ = ended(&check(proven.said("root_vkey"), proven.said("digest")), 1);
    }
}

#[test]
fn go_proves_an_event_by_the_stored_checkpoint_and_not_an_altered_one() {
    let (dir, hansard) = demo();
    let (Some(python), Some(go)) = (python(), go_oracle(dir.path())) else { return };
    let identity = hansard.json(&["status"])["record"]["identity"].clone();
    let (origin, log_key) =
        (identity["origin"].as_str().expect("an origin"), identity["log_key"].as_str().expect("a key"));
    let vkey = |name: &str| ended(&run(&go, &["vkey", name, log_key]), 0).trim().to_owned();
    let tlog = hansard.data.join("store/tlog");
    let stored = |tree: &str| tlog.join(tree).join("checkpoint").display().to_string();
    for event in some_events(&hansard) {
        let proven = Proven::new(&hansard, dir.path(), &event);
        let tree = format!("p{}", proven.told["proof"]["partition"]);
        // The key that the proof names is the one that the record is pinned to.
        let (key, root_key) = (vkey(&format!("{origin}/{tree}")), vkey(&format!("{origin}/root")));
        assert_eq!((key.as_str(), root_key.as_str()), (proven.said("vkey"), proven.said("root_vkey")));
        let (file, checkpoint) = (proven.file.display().to_string(), stored(&tree));
        let digest = b3sum(&python, HEADER_CONTEXT, Path::new(&proven.beside(".header")));
        let _ = ended(&run(&go, &["verify-note", &key, &checkpoint]), 0);
        let leaf = proven.told["proof"]["leaf"].to_string();
        for args in [&["verify-proof", &key, &file, &digest][..], &["verify-stored", &key, &file, &checkpoint, &digest]]
        {
            let said = ended(&run(&go, args), 0);
            assert!(said.starts_with(&format!("ok entry {leaf} of ")), "{said}");
        }
        // The root log holds the very checkpoint that lies in the store.
        let entry = std::fs::read_to_string(proven.beside(".checkpoint")).expect("the entry of the root log");
        let note = std::fs::read_to_string(&checkpoint).expect("a note");
        assert!(note.starts_with(&format!("{entry}\n")), "{note}");
        let args = ["verify-stored", &root_key, &proven.beside(".root"), &stored("root"), &hex(&entry)];
        let _ = ended(&run(&go, &args), 0);
        // One bit of the header; one bit of the root in the stored checkpoint.
        let altered = flipped(&proven.beside(".header"), |bytes| bytes.len() / 2);
        let wrong = b3sum(&python, HEADER_CONTEXT, &altered);
        let _ = ended(&run(&go, &["verify-proof", &key, &file, &wrong]), 1);
        let _ = ended(&run(&go, &["verify-stored", &key, &file, &checkpoint, &wrong]), 1);
        let copy = dir.path().join("checkpoint").display().to_string();
        std::fs::copy(&checkpoint, &copy).expect("copied");
        let third_line =
            |bytes: &[u8]| bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1).map_or(0, |(at, _)| at + 1);
        let altered = flipped(&copy, third_line).display().to_string();
        let _ = ended(&run(&go, &["verify-stored", &key, &file, &altered, &digest]), 1);
    }
}
