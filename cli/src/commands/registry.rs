//! Who may speak: reading the registry from the record, and adding to it.
//!
//! Guarantee: registrations that are already in force are not sent again. What is sent is durable in the log on return;
//! it is in force when the compactor has committed it. Only a machine with the registry key can send.

use super::Context;
use super::init::{REGISTRY_KEY, Record};
use super::settle::settle;
use crate::failure::{Failure, Result};
use crate::opened;
use crate::real_env::now_text;
use arrow::array::{Array, AsArray};
use ed25519_dalek::SigningKey;
use ingest::producer::{Config, Outcome, Producer, StreamSpec, key_file};
use schemas::registry::{Registration, Registry};
use std::time::Duration;
use store::keys::{REGISTRY_SOURCE, registry_stream};

/// How long a producer that is closed may still send.
const FLUSH_MAX: Duration = Duration::from_secs(10);

/// The registrations in force at the newest table version.
///
/// # Errors
/// When the record cannot be read.
pub async fn read(context: Context<'_>) -> Result<Registry> {
    let engine = opened::engine(context.settings, context.env).await?;
    let identity = &engine.snapshot().identity;
    let stream = registry_stream(&identity.registry_key);
    let sql = format!(
        "SELECT kind, header FROM events WHERE stream = '{stream}' AND signer = '{}' ORDER BY stream_index",
        identity.registry_key
    );
    let answer = engine.sql(&sql).await?;
    let mut registry = Registry::new();
    for batch in &answer.batches {
        let (kinds, headers) = (batch.column(0).as_string_opt::<i32>(), batch.column(1).as_binary_opt::<i32>());
        let (Some(kinds), Some(headers)) = (kinds, headers) else {
            return Err(Failure::new("the registry's events have other column types than expected; please report it"));
        };
        for row in 0..kinds.len() {
            // One that cannot be read has no effect in the compactor either.
            let _ = registry.apply(kinds.value(row), headers.value(row));
        }
    }
    Ok(registry)
}

/// Whether exactly this registration is in force.
#[must_use]
pub fn holds(registry: &Registry, wanted: &Registration) -> bool {
    registry.iter().any(|held| held == wanted)
}

/// Sends those of `wanted` that are not in force; says how many were sent.
///
/// # Errors
/// When this machine does not hold the registry key, or the log refuses.
pub async fn ensure(context: Context<'_>, record: &Record, wanted: Vec<Registration>) -> Result<usize> {
    // What is in the log already may be just these.
    settle(context, record, None).await?;
    let known = read(context).await?;
    let missing: Vec<Registration> = wanted.into_iter().filter(|r| !holds(&known, r)).collect();
    if missing.is_empty() {
        return Ok(0);
    }
    send(context, record, &missing).await?;
    Ok(missing.len())
}

/// Sends registrations; they are durable in the log on return.
///
/// # Errors
/// As [`ensure`].
pub async fn send(context: Context<'_>, record: &Record, registrations: &[Registration]) -> Result<()> {
    let key = registry_key(context, record)?;
    let config = Config::new(context.settings.home.state(REGISTRY_KEY), record.identity.tenant.clone());
    let producer = Producer::open(config, key, std::sync::Arc::clone(&record.log), context.env.clone()).await?;
    let stream = registry_stream(&record.identity.registry_key);
    let spec = StreamSpec { name: stream.clone(), partition_key: stream };
    let time = now_text(context.env);
    let drafts =
        registrations.iter().map(|r| r.to_draft(context.env.live_id(), REGISTRY_SOURCE, Some(time.clone()))).collect();
    let sent = producer.submit(vec![(spec, drafts)]).await;
    producer.close(FLUSH_MAX).await;
    for outcome in sent?.into_iter().flatten() {
        if let Outcome::Refused(error) = outcome {
            return Err(Failure::because("a registration was refused", error));
        }
    }
    Ok(())
}

fn registry_key(context: Context<'_>, record: &Record) -> Result<SigningKey> {
    let path = context.settings.home.key(REGISTRY_KEY);
    let key = key_file::read(&path).map_err(|e| {
        Failure::from(e).hint("only the machine with the registry key registers others; run this there")
    })?;
    let public = hex::encode(key.verifying_key().as_bytes());
    if public == record.identity.registry_key {
        return Ok(key);
    }
    let expected = &record.identity.registry_key;
    Err(Failure::new(format!("{} is the key {public}, the record's registry key is {expected}", path.display()))
        .hint("check --home and --data"))
}
