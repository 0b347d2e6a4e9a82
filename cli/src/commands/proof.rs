//! `hansard proof`: files by which a third party checks, offline, that an event is in the record.
//!
//! Guarantee: what is written was verified before. Next to the proof lie the bytes that it is about, and the answer names
//! the commands that check them with tools that are not this program: `b3sum`, `hansard-verify`, Go's `x/mod`.

use super::Context;
use crate::args::ProofArgs;
use crate::failure::{Doing, Failure, Result};
use crate::opened;
use schemas::digest::HEADER_CONTEXT;
use serde_json::json;
use std::path::{Path, PathBuf};
use store::proof::{EventProof, Located, inclusion, locate};

/// Runs the command.
///
/// # Errors
/// Exit code 1 when there is no such event; 2 when it is not published yet or the files cannot be written.
pub async fn run(context: Context<'_>, args: &ProofArgs) -> Result<()> {
    let engine = opened::engine(context.settings, context.env).await?;
    let id = engine.resolve(&args.event).await?;
    let found = locate(engine.snapshot(), &id).await?;
    let located = chosen(&id, found)?;
    let proof = inclusion(engine.snapshot(), located.partition, located.leaf).await?;
    let files = write(&args.out, &located, &proof)?;
    let checks = checks(&args.out, &proof);
    let document =
        json!({ "event": located, "proof": proof, "files": files, "checks": checks, "coverage": engine.coverage() });
    context.console.answer(&document, || {
        let written: Vec<String> = files.iter().map(|file| format!("  {}", file.display())).collect();
        let late = if proof.root_proof.is_none() {
            "\nThe root log does not hold this state yet; ask again later for the proof of it."
        } else {
            ""
        };
        format!(
            "event {id} is leaf {} of partition {}\n{}\nCheck it without us:\n  {}{late}",
            located.leaf,
            located.partition,
            written.join("\n"),
            checks.join("\n  ")
        )
    })
}

/// The row that answers for the id: the event itself, before duplicates of it.
fn chosen(id: &str, mut found: Vec<Located>) -> Result<Located> {
    let events = found.iter().filter(|row| row.class == "event").count();
    if events > 1 {
        return Err(Failure::new(format!("{events} events carry the id {id}: an id conflict"))
            .hint("`hansard sql` on `events` shows both; ask by --json which leaves they are"));
    }
    found.sort_by_key(|row| (row.class != "event", row.partition, row.leaf));
    found.into_iter().next().ok_or_else(|| Failure::no(format!("no row of the table holds event {id}")))
}

fn beside(out: &Path, suffix: &str) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn write(out: &Path, located: &Located, proof: &EventProof) -> Result<Vec<PathBuf>> {
    let mut files = vec![(out.to_owned(), proof.proof.as_bytes()), (beside(out, ".header"), located.header.as_slice())];
    if let Some(root) = &proof.root_proof {
        files.push((beside(out, ".root"), root.as_bytes()));
        files.push((beside(out, ".checkpoint"), proof.checkpoint.as_bytes()));
    }
    for (path, bytes) in &files {
        std::fs::write(path, bytes).doing(format!("writing {}", path.display()))?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

fn checks(out: &Path, proof: &EventProof) -> Vec<String> {
    let file = |suffix: &str| beside(out, suffix).display().to_string();
    let mut checks = vec![
        format!("b3sum --derive-key '{HEADER_CONTEXT}' {}   # prints {}", file(".header"), proof.digest),
        format!("hansard-verify --vkey '{}' --proof {} --entry-hex {}", proof.vkey, out.display(), proof.digest),
    ];
    if proof.root_proof.is_some() {
        checks.push(format!(
            "hansard-verify --vkey '{}' --proof {} --entry {}",
            proof.root_vkey,
            file(".root"),
            file(".checkpoint")
        ));
    }
    checks
}
