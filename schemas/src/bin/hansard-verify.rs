//! Offline verifier of proof files. It links no storage, query or server code, only the formats.
//!
//! Guarantees that exit status 0 means: the key signed the checkpoint, the checkpoint is of the expected log, and the
//! entry stands at the stated index in the tree of that checkpoint. Status 1 means that this is not proven, status 2
//! that it could not be tried (wrong usage, unreadable file).

use std::fs::File;
use std::io::Read as _;
use std::process::ExitCode;

use schemas::tlog::proof_file::PROOF_FILE_BYTES_MAX;
use schemas::tlog::{Hash, NoteVerifier, TlogProof, leaf_hash};

const USAGE: &str = "\
usage: hansard-verify --vkey VKEY --proof FILE.tlog-proof (--entry-hex HEX | --entry FILE) [--origin NAME]

  --vkey VKEY       public key of the log, name+id+base64
  --proof FILE      the proof (c2sp.org/tlog-proof@v1)
  --entry-hex HEX   the log entry, in hexadecimal
  --entry FILE      the log entry, as the bytes of a file
  --origin NAME     name of the log, when it is not the name of the key

exit status: 0 proven, 1 not proven, 2 not tried";

/// The largest entry that is read: C2SP tlog-tiles counts an entry's bytes in 16 bits.
const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// What was asked for on the command line, as text.
#[derive(Default)]
struct Arguments {
    vkey: Option<String>,
    proof: Option<String>,
    entry_hex: Option<String>,
    entry: Option<String>,
    origin: Option<String>,
}

/// What is to be verified.
struct Plan {
    verifier: NoteVerifier,
    origin: String,
    file: Vec<u8>,
    entry: Vec<u8>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let plan = match parse(arguments).and_then(plan) {
        Ok(plan) => plan,
        Err(reason) => {
            eprintln!("hansard-verify: {reason}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match verify(&plan) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("NOT PROVEN: {reason}");
            ExitCode::from(1)
        }
    }
}

fn parse(arguments: Vec<String>) -> Result<Arguments, String> {
    let mut parsed = Arguments::default();
    let mut rest = arguments.into_iter();
    while let Some(name) = rest.next() {
        let place = match name.as_str() {
            "--vkey" => &mut parsed.vkey,
            "--proof" => &mut parsed.proof,
            "--entry-hex" => &mut parsed.entry_hex,
            "--entry" => &mut parsed.entry,
            "--origin" => &mut parsed.origin,
            _ => return Err(format!("unknown argument {name:?}")),
        };
        let value = rest.next().ok_or(format!("{name} needs a value"))?;
        if place.replace(value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    Ok(parsed)
}

fn plan(arguments: Arguments) -> Result<Plan, String> {
    let vkey = arguments.vkey.ok_or("--vkey is missing")?;
    let proof = arguments.proof.ok_or("--proof is missing")?;
    let verifier = NoteVerifier::from_vkey(&vkey).map_err(|e| format!("--vkey: {e}"))?;
    let entry = match (arguments.entry_hex, arguments.entry) {
        (Some(text), None) => hex::decode(&text).map_err(|e| format!("--entry-hex: {e}"))?,
        (None, Some(path)) => read(&path, ENTRY_BYTES_MAX)?,
        _ => return Err("give exactly one of --entry-hex and --entry".to_owned()),
    };
    Ok(Plan {
        origin: arguments.origin.unwrap_or(verifier.name().to_owned()),
        verifier,
        file: read(&proof, PROOF_FILE_BYTES_MAX)?,
        entry,
    })
}

/// Reads a file of at most `max` bytes.
fn read(path: &str, max: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(max as u64 + 1).read_to_end(&mut bytes))
        .map_err(|e| format!("{path}: {e}"))?;
    if bytes.len() > max {
        return Err(format!("{path}: longer than {max} bytes"));
    }
    Ok(bytes)
}

fn verify(plan: &Plan) -> Result<String, String> {
    let leaf = leaf_hash(&plan.entry);
    let proof = TlogProof::parse(&plan.file).map_err(|e| chain(&e))?;
    let checkpoint = proof.verify(leaf, &plan.verifier, &plan.origin).map_err(|e| chain(&e))?;
    Ok(report(plan, &proof, leaf, checkpoint.size, checkpoint.root))
}

fn report(plan: &Plan, proof: &TlogProof, leaf: Hash, size: u64, root: Hash) -> String {
    let key = &plan.verifier;
    format!(
        "PROVEN: the log holds this entry\n\
         log        {:?}\n\
         signed by  {:?} (key {:08x})\n\
         tree size  {size}\n\
         tree root  {}\n\
         index      {}\n\
         leaf hash  {}\n\
         Not proven: when the entry was made, that its content is true, or that no other tree was signed.",
        plan.origin,
        key.name(),
        key.key_id(),
        root.to_base64(),
        proof.index(),
        leaf.to_base64(),
    )
}

/// Joins an error and its causes into one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
