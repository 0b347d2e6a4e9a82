//! Records the story through the real path: a producer for each agent with a key of its own, the gateway for the rest.
//!
//! Guarantee: every key is registered and in force before its first event; each event is acknowledged by the log before
//! the next one is made, so that its effects carry its digest and the links are evidence themselves. Events that an
//! earlier, interrupted run has sent are not sent again.

use super::cast::{Actor, CAST};
use super::scene::{Act, Story};
use crate::commands::Context;
use crate::commands::init::{GATEWAY_KEY, Record, own_key};
use crate::commands::registry;
use crate::commands::settle::settle;
use crate::failure::{Failure, Result};
use ingest::producer::{Config, Outcome, Producer, Repeats, StreamSpec};
use schemas::registry::{Registration, Role};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// How long the log may take to acknowledge one event.
const ACK_MAX: Duration = Duration::from_secs(30);
/// How long a producer that is closed may still send.
const FLUSH_MAX: Duration = Duration::from_secs(10);

/// Producers by the name of their key.
type Producers = BTreeMap<String, Producer>;

/// Records `story`; says how many events are new.
///
/// # Errors
/// When a key, the log or the store fails; run it again then.
pub(super) async fn record(context: Context<'_>, record: &Record, story: &Story) -> Result<u64> {
    register(context, record).await?;
    let producers = open(context, record).await?;
    let sent = send(&producers, story).await;
    for producer in producers.values() {
        producer.close(FLUSH_MAX).await;
    }
    let sent = sent?;
    settle(context, record, None).await?;
    Ok(sent)
}

/// Name of the key with which an actor's events are signed.
fn key_name(actor: &Actor) -> String {
    if actor.own_key { format!("demo-{}", actor.id) } else { GATEWAY_KEY.to_owned() }
}

async fn register(context: Context<'_>, record: &Record) -> Result<()> {
    let mut wanted = Vec::new();
    for actor in CAST.iter().filter(|actor| actor.own_key) {
        let name = key_name(actor);
        let public = hex::encode(own_key(context, &name)?.verifying_key().as_bytes());
        wanted.push(Registration { public, name, role: Role::Own, sources: vec![actor.source.to_owned()] });
    }
    if registry::ensure(context, record, wanted).await? > 0 {
        settle(context, record, None).await?;
    }
    Ok(())
}

async fn open(context: Context<'_>, record: &Record) -> Result<Producers> {
    let mut producers = Producers::new();
    for actor in CAST {
        let name = key_name(actor);
        if producers.contains_key(&name) {
            continue;
        }
        // A state file of its own: the server may hold the gateway's.
        let state = if actor.own_key { name.clone() } else { "demo-gateway".to_owned() };
        let config = Config::new(context.settings.home.state(&state), record.identity.tenant.clone());
        let key = own_key(context, &name)?;
        let producer = Producer::open(config, key, Arc::clone(&record.log), context.env.clone()).await?;
        producers.insert(name, producer);
    }
    Ok(producers)
}

async fn send(producers: &Producers, story: &Story) -> Result<u64> {
    let mut digests: HashMap<String, [u8; 32]> = HashMap::new();
    let mut sent = 0;
    for act in story.acts() {
        let producer = producers
            .get(&key_name(&act.actor))
            .ok_or_else(|| Failure::new(format!("{} has no producer", act.actor.id)))?;
        if let Some(digest) = send_one(producer, act, &digests).await? {
            digests.insert(act.draft.id.clone(), digest);
            sent += 1;
        }
    }
    Ok(sent)
}

/// Sends one act; gives the digest of its header, or `None` when it was sent before.
async fn send_one(producer: &Producer, act: &Act, digests: &HashMap<String, [u8; 32]>) -> Result<Option<[u8; 32]>> {
    let mut draft = act.draft.clone();
    for cause in &mut draft.causes {
        cause.leaf = digests.get(&cause.id).copied();
    }
    let session = draft.session.clone().unwrap_or_default();
    let name = producer.stream_name(&format!("demo/{}/{session}", act.actor.id));
    let stream = StreamSpec { partition_key: name.clone(), name };
    let staged = producer.stage(Arc::new(vec![(stream, vec![draft])]), Repeats::Skip).await?;
    let outcomes =
        tokio::time::timeout(ACK_MAX, staged.wait()).await.unwrap_or_else(|_| Err(producer.unconfirmed(ACK_MAX)))?;
    match outcomes.into_iter().flatten().next() {
        Some(Outcome::Acknowledged(receipt)) => Ok(Some(receipt.header_digest)),
        Some(Outcome::Refused(error)) => Err(Failure::because(format!("the act {} was refused", act.label), error)),
        Some(Outcome::AlreadySent { .. }) | None => Ok(None),
    }
}
