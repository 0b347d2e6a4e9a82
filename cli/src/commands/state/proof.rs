//! Proofs of what a state holds under a key of memory.
//!
//! Guarantee: a proof is checked before it is handed out. `verify` trusts a root that the caller names, or the one that the
//! events of this record lead to, and nothing in the proof's file.

use super::super::Context;
use super::head;
use super::point::Past;
use crate::args::{AtArgs, StateArgs};
use crate::failure::{Doing, Failure, Result};
use replay::state::key::Key;
use replay::state::proof::Proof;
use replay::state::{StateRoot, StateTree};
use schemas::tlog::Hash;
use serde_json::json;
use std::path::Path;

/// Makes a proof.
pub(super) async fn make(context: Context<'_>, args: &StateArgs) -> Result<()> {
    let Some([store, key]) = args.proof.as_deref() else { return Err(Failure::new("--proof takes STORE and KEY")) };
    let past = Past::open(context).await?;
    let asked = past.point(&args.at).await?;
    let reached = past.source.reach(asked.point).await?;
    let tree = StateTree::new(&reached.state);
    let proof = Proof::new(&reached.state, &tree, &Key::memory(&past.source.snapshot().identity.tenant, store, key));
    let found = proof.verify(tree.root())?;
    let at_us = asked.at_us.or_else(|| reached.state.last_us()).unwrap_or_default();
    let said = if found.is_some() { "holds a value" } else { "holds none" };
    let words = format!("the state {} {said} of {store} {key}", tree.root());
    match &args.out {
        Some(file) => {
            std::fs::write(file, serde_json::to_vec_pretty(&proof)?).doing(format!("writing {}", file.display()))?;
            let document =
                json!({ "state": head(&reached, asked.root_log_size, at_us), "holds": found.is_some(), "file": file });
            let check = format!("Check it: hansard state verify {} --root {}", file.display(), tree.root());
            context.console.answer(&document, || format!("{words}\n{check}"))
        }
        None => {
            context.console.note(words);
            context.console.document(&proof)
        }
    }
}

/// Checks a proof.
pub(super) async fn verify(context: Context<'_>, file: &Path, root: Option<&str>, at: &AtArgs) -> Result<()> {
    let bytes = std::fs::read(file).doing(format!("reading {}", file.display()))?;
    let proof = Proof::parse(&bytes).map_err(no)?;
    let trusted = match root {
        Some(text) => parse(text)?,
        None => {
            let past = Past::open(context).await?;
            let asked = past.point(at).await?;
            past.source.reach(asked.point).await?.state.root()
        }
    };
    let found = proof.verify(trusted).map_err(no)?;
    let key = proof.key().map_err(no)?;
    let parts = key.parts().unwrap_or_default();
    let document = json!({
        "root": trusted.to_string(), "key": parts, "holds": found.is_some(),
        "cell": found.as_ref().map(|(_, cell)| serde_json::to_value(cell)).transpose()?,
    });
    context.console.answer(&document, || {
        let said = if found.is_some() { "holds" } else { "holds no cell" };
        let cell = if document["cell"].is_object() { format!("\n{}", document["cell"]) } else { String::new() };
        format!("proven: the state {trusted} {said} {}{cell}", parts.join(" "))
    })
}

/// A proof that proves nothing is an answer, and it is no.
fn no(error: replay::state::proof::StateProofError) -> Failure {
    let failure = Failure::from(error);
    Failure { kind: crate::failure::Kind::No, ..failure }
}

fn parse(text: &str) -> Result<StateRoot> {
    let root = text
        .split_once(':')
        .and_then(|(cells, hash)| Some(StateRoot { cells: cells.parse().ok()?, root: Hash::from_hex(hash).ok()? }));
    root.ok_or_else(|| {
        Failure::new(format!("{text:?} is no root of a state")).hint("write CELLS:HASH as `hansard state` shows it")
    })
}
