//! `hansard policy`: the boundaries in force, and what another policy would say of the past.
//!
//! Guarantee: nothing is written. Exit code 1 when something flips, so that a change of policy can be gated. The same
//! evaluation runs over events as they are committed, where `policy` is set; see docs/policy.md.

use super::Context;
use crate::args::{PolicyCheckArgs, PolicyCommand};
use crate::console::counted;
use crate::failure::{Failure, Result};
use crate::opened;
use crate::settings::policy_of;
use query::policy::PolicyCheck;
use std::collections::BTreeSet;
use store::policy::{Breach, Flip, Policy};

/// Flips that are shown to people.
const FLIPS_SHOWN: usize = 50;

/// Runs the command.
///
/// # Errors
/// When a policy file or the record cannot be read; exit code 1 when something flips.
pub async fn run(context: Context<'_>, command: &PolicyCommand) -> Result<()> {
    match command {
        PolicyCommand::Check(args) => check(context, args).await,
        PolicyCommand::Show => {
            let policy = context.settings.policy()?.unwrap_or_default();
            let document: serde_json::Value = serde_json::from_str(&policy.canonical())
                .map_err(|e| Failure::because("the policy in force cannot be shown", e))?;
            context.console.answer(&document, || format!("{document:#}"))
        }
    }
}

async fn check(context: Context<'_>, args: &PolicyCheckArgs) -> Result<()> {
    let new = policy_of(&args.new)?;
    let old = match &args.against {
        Some(text) => policy_of(text)?,
        None => context.settings.policy()?.unwrap_or_default(),
    };
    let engine = opened::engine(context.settings, context.env).await?;
    let found = engine.policy_check(&old, &new).await?;
    context.console.answer(&found, || text(&found, &old, &new))?;
    if found.flips.is_empty() {
        return Ok(());
    }
    Err(Failure::no(format!("{} between the policies", counted(found.flips.len() as u64, "difference", "differences")))
        .told())
}

fn text(found: &PolicyCheck, old: &Policy, new: &Policy) -> String {
    let mut lines = vec![format!(
        "{} under policy {} and policy {}, table version {}",
        counted(found.events, "event", "events"),
        old.version,
        new.version,
        found.coverage.table_version
    )];
    let checks: BTreeSet<&str> = found.old.keys().chain(found.new.keys()).copied().collect();
    for check in checks {
        let count = |side: &std::collections::BTreeMap<&'static str, u64>| side.get(check).copied().unwrap_or_default();
        lines.push(format!("  {check:32} {:>8} -> {}", count(&found.old), count(&found.new)));
    }
    lines.extend(found.flips.iter().take(FLIPS_SHOWN).map(flip));
    if found.flips.len() > FLIPS_SHOWN {
        lines.push(format!("{} more; --json lists them", found.flips.len() - FLIPS_SHOWN));
    }
    if found.flips.is_empty() {
        lines.extend(found.found.iter().take(FLIPS_SHOWN).map(breach));
        lines.push("nothing flips".to_owned());
    }
    lines.extend(found.cut.clone());
    lines.join("\n")
}

fn breach(b: &Breach) -> String {
    format!("{:8} {} {} at event {}: {}", b.severity.as_str(), b.check, b.subject, b.event_id, b.detail)
}

fn flip(flip: &Flip) -> String {
    let one =
        |word: &str, b: &Breach| format!("{word:10} {} {} at event {}: {}", b.check, b.subject, b.event_id, b.detail);
    match flip {
        Flip::Appears { breach } => one("appears", breach),
        Flip::Disappears { breach } => one("disappears", breach),
        Flip::Changes { from, to } => format!("{} (before: {})", one("changes", to), from.detail),
    }
}
